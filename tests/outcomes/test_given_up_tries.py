"""A try that was given up is at the provider after all: it is taken up again, and nothing is sent anew."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from django_tusfacturas_lotes import operations
from django_tusfacturas_lotes.models import (
    Attention,
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    LoteStatus,
    OperationStatus,
    QueueOperation,
)
from django_tusfacturas_lotes.reconciliation import look_up
from django_tusfacturas_lotes.submission import flush, leases, queue_operations, sending
from tests.support.encola import go_on, in_error, later, queue, rounds, statuses, told
from tests.support.provider import Provider
from tests.support.tries import given_up, item_statuses, lost, tell_of, turned_away

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_is_taken_up_also_past_a_try_that_was_refused(provider: Provider) -> None:
    item = given_up(provider)
    provider.fault("refuse_rows=0")
    with later(minutes=201):
        flush()
    assert statuses() == [InvoiceStatus.FAILED]
    operations.retry(Invoice.objects.get())
    turned_away(provider)
    told(provider, "encolado", item.reference)
    assert statuses() == [InvoiceStatus.SUBMITTED]
    assert item_statuses() == [LoteItemStatus.SUBMITTED, LoteItemStatus.REFUSED, LoteItemStatus.WITHDRAWN]
    provider.sandbox.resume()
    go_on(provider)
    assert statuses() == [InvoiceStatus.ISSUED]
    provider.assert_the_promise()


def test_it_is_taken_up_also_past_a_try_that_failed_for_good(provider: Provider) -> None:
    lost(provider, 1)
    operations.confirm_not_received(Lote.objects.get())
    item = LoteItem.objects.get()
    provider.use("lotes")
    with later(minutes=2):
        flush()
    tell_of(LoteItem.objects.last(), provider, error="S", errores=["no"], cae="", comprobante_nro="")
    assert statuses() == [InvoiceStatus.FAILED]
    operations.retry(Invoice.objects.get())
    turned_away(provider)
    told(provider, "encolado", item.reference)
    assert statuses() == [InvoiceStatus.SUBMITTED]
    assert item_statuses() == [LoteItemStatus.SUBMITTED, LoteItemStatus.FAILED, LoteItemStatus.WITHDRAWN]
    assert LoteItem.objects.awaited_by(Invoice.objects.get()) == item
    tell_of(item, provider, error="S", errores=["no"], cae="", comprobante_nro="")
    assert statuses() == [InvoiceStatus.FAILED], "the word about the try that it waits for"


def test_what_a_person_decides_then_is_about_the_try_that_is_there(provider: Provider) -> None:
    item = given_up(provider)
    turned_away(provider)
    told(provider, "encolado", item.reference)
    invoice = Invoice.objects.get()
    assert item_statuses() == [LoteItemStatus.SUBMITTED, LoteItemStatus.WITHDRAWN]
    assert operations.look_up_now(invoice) == item
    operations.redate(invoice, timezone.localdate() + dt.timedelta(days=3))
    assert QueueOperation.objects.get().item == item
    QueueOperation.objects.all().close(OperationStatus.REFUSED)
    assert operations.cancel(invoice).status == InvoiceStatus.SUBMITTED
    assert QueueOperation.objects.last().item == item
    go_on(provider)
    assert statuses() == [InvoiceStatus.CANCELLED]
    assert set(provider.issued().values()) == {0}


def test_a_person_may_say_of_the_try_that_is_there_that_it_is_not_issued(provider: Provider) -> None:
    item = given_up(provider)
    turned_away(provider)
    told(provider, "encolado", item.reference)
    Invoice.objects.update(attention=Attention.OVERDUE)
    LoteItem.objects.update(finding="")
    assert operations.confirm_not_issued(Invoice.objects.get()).status == InvoiceStatus.FAILED
    assert item_statuses() == [LoteItemStatus.WITHDRAWN] * 2


def test_what_is_issued_although_it_was_cancelled_here_is_found_and_shown(
    provider: Provider, heard: list[tuple[str, Any]]
) -> None:
    given_up(provider)
    operations.cancel(Invoice.objects.get())
    provider.fault("webhook=never*always")
    provider.sandbox.resume()
    with later(days=1, hours=5):
        provider.sandbox.advance_days(0)
        provider.settle()
        look_up("default")
    invoice = Invoice.objects.get()
    assert (invoice.status, invoice.attention) == (InvoiceStatus.ISSUED, Attention.CANCELLED)
    assert invoice in Invoice.objects.needing_a_person()
    assert [name for name, _ in heard].count("invoice_issued") == 1


@pytest.mark.parametrize("modality", ["lotes", "lotes_encola", "nuevo_encola"])
def test_what_a_person_was_wrong_about_is_found_a_day_later(provider: Provider, modality: str) -> None:
    lost(provider, 2, modality)
    for lote in Lote.objects.filter(status=LoteStatus.UNCERTAIN):
        operations.confirm_not_received(lote)
    for invoice in Invoice.objects.filter(status=InvoiceStatus.PENDING):
        operations.cancel(invoice)
    provider.fault("webhook=never*always")
    provider.sandbox.resume()
    known = LoteItem.objects.count()
    with later(days=1, hours=5):
        provider.sandbox.advance_days(0)
        provider.settle()
        assert look_up("default").settled == known
    assert set(statuses()[:known]) == {InvoiceStatus.ISSUED}


@pytest.mark.parametrize("modality", ["lotes", "nuevo_encola"])
def test_what_is_not_there_a_day_later_either_is_asked_about_no_more(provider: Provider, modality: str) -> None:
    provider.use(modality)
    queue(1)
    provider.fault("reject=none")
    flush()
    operations.confirm_not_received(Lote.objects.get())
    operations.cancel(Invoice.objects.get())
    now = timezone.now()
    asked = 0
    for hours in range(24, 24 * 20, 12):
        with time_machine.travel(now + dt.timedelta(hours=hours, minutes=1)):
            asked += look_up("default").asked
    assert asked == 2
    assert LoteItem.objects.get().look_up_at is None


def test_what_was_told_issued_is_not_sent_anew_although_look_ups_miss_it(provider: Provider) -> None:
    invoice = in_error(provider, "nuevo_encola")
    operations.retry(invoice)
    told(provider, "emitido", LoteItem.objects.get().reference)
    provider.fault("operation=reject:S")
    queue_operations.send_requested("default")
    provider.fault("lookup=absent*9")
    rounds(range(1, 120, 3))
    assert statuses() == [InvoiceStatus.FAILED]
    assert LoteItem.objects.count() == 1


@pytest.mark.parametrize("evento", ["encolado", "error"])
def test_a_given_up_try_that_is_there_after_all_keeps_back_the_next_one_that_waits(
    provider: Provider, evento: str
) -> None:
    item = given_up(provider)
    provider.fault("reject=401")
    with later(minutes=201):
        flush()
    assert (statuses(), Lote.objects.last().status) == ([InvoiceStatus.CLAIMED], LoteStatus.READY)
    told(provider, evento, item.reference)
    assert statuses() == [InvoiceStatus.SUBMITTED if evento == "encolado" else InvoiceStatus.FAILED]
    with later(minutes=400):
        flush()
    assert len(provider.sandbox.ledger()["references"]) == 1 or len(provider.sandbox.calls) == 2
    assert Lote.objects.last().status in (LoteStatus.READY, LoteStatus.CANCELLED)
    if evento == "encolado":
        provider.sandbox.resume()
        provider.settle()
        look_up("default")
        assert statuses() == [InvoiceStatus.ISSUED]
    provider.assert_the_promise()


def test_a_given_up_try_whose_error_is_told_lies_in_the_queue_and_is_shown(provider: Provider) -> None:
    item = given_up(provider)
    told(provider, "error", item.reference)
    assert statuses() == [InvoiceStatus.FAILED]
    assert Lote.objects.get().discrepancies


def test_what_was_deleted_and_is_told_issued_is_waited_for_and_shown_if_nothing_comes_of_it(provider: Provider) -> None:
    operations.retry(in_error(provider, "nuevo_encola"))
    item = LoteItem.objects.get()
    queue_operations.send_requested("default")
    rounds(range(2, 30, 4))
    assert statuses() == [InvoiceStatus.PENDING]
    told(provider, "emitido", item.reference)
    assert statuses() == [InvoiceStatus.SUBMITTED]
    flush()
    assert len(provider.sandbox.calls) == 1
    rounds(range(1, 60 * 24, 20))
    item.refresh_from_db()
    assert item.told == ""
    assert "a notification told of" in Lote.objects.get().discrepancies[-1]
    assert Lote.objects.get() in Lote.objects.needing_a_person()


def test_a_late_answer_takes_up_what_was_given_up(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    provider.sandbox.pause()
    queue(1)
    real = sending.record_answer

    def slow(account: Any, call: Any, outcome: Any) -> Any:
        with later(minutes=10):
            leases.expire_leases()
        operations.confirm_not_received(Lote.objects.get())
        assert statuses() == [InvoiceStatus.PENDING]
        return real(account, call, outcome)

    monkeypatch.setattr(sending, "record_answer", slow)
    sending.send_next("default")
    assert statuses() == [InvoiceStatus.SUBMITTED]
    flush()
    provider.sandbox.resume()
    provider.settle()
    assert list(provider.issued().values()) == [1]
    assert statuses() == [InvoiceStatus.ISSUED]
