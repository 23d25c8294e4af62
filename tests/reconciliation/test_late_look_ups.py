"""What is asked about again, when, and for how long."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from django_tusfacturas_lotes import operations
from django_tusfacturas_lotes.models import Attention, Invoice, InvoiceStatus, Lote, LoteItem, LoteStatus, WebhookEvent
from django_tusfacturas_lotes.outcomes import calls as settling
from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoices
from django_tusfacturas_lotes.reconciliation import look_up, look_ups
from django_tusfacturas_lotes.submission import flush, leases
from django_tusfacturas_lotes.wire.dates import argentine_day
from tests.support.builders import documento
from tests.support.encola import later, queue, statuses, told
from tests.support.provider import Provider
from tests.support.rows import make_item, make_lote
from tests.support.tries import item_statuses, lost, tell_of, work

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_is_to_be_looked_up_stays_so_when_its_call_is_lost(provider: Provider) -> None:
    before = timezone.now() - dt.timedelta(minutes=1)
    lote = make_lote(LoteStatus.SENDING, look_up_at=before)
    item = make_item(lote=lote, look_up_at=before)
    assert settling.mark_answer_lost(lote.pk, lote.tries, {"error": "lost"})
    lote.refresh_from_db()
    assert lote.look_up_at == item.look_up_at == before


def test_one_lote_that_somebody_holds_keeps_no_other_from_being_found(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    old = timezone.now() - dt.timedelta(hours=1)
    lotes = [make_lote(LoteStatus.SENDING, account=alias, sent_at=old, answered_at=None) for alias in ("a", "b")]
    real = leases.mark_answer_lost

    def held(lote_id: int, *arguments: Any) -> bool:
        if lote_id == lotes[0].pk:
            raise OperationalError(1205, "Lock wait timeout exceeded")
        return real(lote_id, *arguments)

    monkeypatch.setattr(leases, "mark_answer_lost", held)
    assert leases.expire_leases() == 1
    assert list(Lote.objects.order_by("pk").values_list("status", flat=True)) == ["sending", "uncertain"]
    assert f"lote {lotes[0].pk} could not be expired" in caplog.text


def test_what_was_to_be_issued_on_a_later_day_is_asked_about_after_that_day(provider: Provider) -> None:
    """`lotes` shows only what is issued: before that day it can say nothing."""
    day = argentine_day() + dt.timedelta(days=5)
    queue_invoices([ToInvoice(documento(), "erp-1", send_on=day)])
    provider.sandbox.fault("answer=none", "webhook=never")
    flush()
    operations.confirm_not_received(Lote.objects.get())
    with later(minutes=2):
        flush()
    with later(days=6, hours=12):
        provider.sandbox.advance_days(6)
        provider.settle()
        look_up("default")
    assert sum(provider.issued().values()) == 2
    invoice = Invoice.objects.get()
    assert (invoice.status, invoice.attention) == (InvoiceStatus.ISSUED, Attention.DUPLICATE)


def test_what_was_given_up_does_not_keep_what_was_told_from_being_looked_up(provider: Provider) -> None:
    operations.confirm_not_received(lost(provider, 60, "lotes"))
    for invoice in Invoice.objects.all():
        operations.cancel(invoice)
    with later(days=1, minutes=1):
        assert look_up("default").asked == settling.PROBES


def test_look_ups_by_another_apikey_end_too(provider: Provider) -> None:
    provider.use("nuevo_encola")
    queue(1)
    provider.fault("reject=none")
    flush()
    operations.confirm_not_received(Lote.objects.get())
    operations.cancel(Invoice.objects.get())
    Lote.objects.update(sent_as="another")
    work(provider, *range(24 * 60, 24 * 60 * 30, 12 * 60))
    assert provider.sandbox.ledger()["lookups"]["total"] == 2


def test_a_lote_that_was_taken_up_is_looked_up_like_any_other(provider: Provider) -> None:
    lote = lost(provider, 2)
    operations.confirm_not_received(lote)
    told(provider, "encolado", LoteItem.objects.first().reference)
    assert Lote.objects.get().status == LoteStatus.ACCEPTED
    with later(hours=10):
        assert look_ups.expedite("default") == 1
    assert operations.look_up_lote(lote) == 2


def test_a_lote_is_taken_up_once(provider: Provider) -> None:
    """What was deleted since is not revived by the next word about another one."""
    operations.confirm_not_received(lost(provider, 2))
    first, second = LoteItem.objects.order_by("pk")
    told(provider, "encolado", first.reference)
    operations.cancel(second.invoice)
    work(provider, 0, 2, 4, 8, 10, 15, 80)
    operations.retry(second.invoice)
    operations.look_up_now(first.invoice)
    look_up("default", most=1)
    assert (statuses(), item_statuses()) == (["submitted", "pending"], ["submitted", "withdrawn"])


@pytest.mark.parametrize("word", [{"error": "X"}, {"error": "N", "cae": ["?"], "comprobante_nro": {}}])
def test_a_word_that_can_not_be_read_takes_up_what_it_is_about_too(provider: Provider, word: dict[str, Any]) -> None:
    operations.confirm_not_received(lost(provider, 2, "lotes"))
    tell_of(LoteItem.objects.first(), provider, **word)
    assert WebhookEvent.objects.get().status == "error"
    assert statuses() == [InvoiceStatus.SUBMITTED] * 2


def test_what_was_tried_and_dissolved_is_taken_up_whole_too(provider: Provider) -> None:
    provider.use("lotes_encola")
    queue(2)
    provider.fault("reject=401")
    flush()
    provider.use("lotes")
    provider.fault("reject=401*9")
    with later(minutes=2):
        flush()
    provider.sandbox.clear_faults()
    first = LoteItem.objects.first()
    assert first.lote.status == LoteStatus.CANCELLED
    tell_of(first, provider, error="S", errores=["no"], cae="", comprobante_nro="")
    assert statuses() == [InvoiceStatus.FAILED, InvoiceStatus.SUBMITTED]


def test_those_that_are_asked_about_once_more_are_of_those_that_were_sent(provider: Provider) -> None:
    provider.use("lotes_encola")
    provider.sandbox.pause()
    queue(settling.PROBES + 1)
    provider.fault("reject=401")
    flush()
    for invoice in Invoice.objects.order_by("pk")[: settling.PROBES]:
        operations.cancel(invoice)
    operations.send_now(Lote.objects.get())
    provider.sandbox.fault("answer=none", "webhook=never*always")
    flush()
    operations.confirm_not_received(Lote.objects.get())
    operations.cancel(Invoice.objects.last())
    provider.sandbox.resume()
    provider.settle()
    with later(days=1, minutes=10):
        assert look_up("default").settled == 1
    assert Invoice.objects.last().attention == Attention.CANCELLED


@pytest.mark.parametrize("invoice_is", ["issued by it", "issued by another try", "cancelled"])
def test_a_late_notice_that_it_waits_has_only_what_is_not_wanted_looked_up(provider: Provider, invoice_is: str) -> None:
    provider.use("lotes_encola")
    queue(1)
    flush()
    provider.settle()
    if invoice_is == "issued by it":
        look_up("default")
        assert statuses() == [InvoiceStatus.ISSUED]
    else:
        LoteItem.objects.update(told="", look_up_at=None)
        status = InvoiceStatus.CANCELLED if invoice_is == "cancelled" else InvoiceStatus.ISSUED
        Invoice.objects.update(status=status)
    told(provider, "encolado", LoteItem.objects.get().reference)
    item = LoteItem.objects.get()
    assert (item.look_up_at is None) == (invoice_is == "issued by it")
    assert item.look_up_at is None or item.lote.look_up_at <= item.look_up_at
