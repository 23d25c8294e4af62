"""What was given up, refused or deleted is at the provider after all: one document, and whoever must know is told."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.db import OperationalError
from django.utils import timezone

from django_tusfacturas_lotes import operations
from django_tusfacturas_lotes.conf import conf
from django_tusfacturas_lotes.models import (
    Attention,
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    LoteStatus,
    OperationKind,
    OperationStatus,
    QueueOperation,
    Told,
    WebhookEvent,
)
from django_tusfacturas_lotes.operations import NotPossibleError
from django_tusfacturas_lotes.outcomes import calls as settling
from django_tusfacturas_lotes.outcomes import operation_requests
from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoices, retrying
from django_tusfacturas_lotes.queueing.paid_orders import queue_credit_note
from django_tusfacturas_lotes.reception import Authenticated, receive
from django_tusfacturas_lotes.reconciliation import look_up, look_ups
from django_tusfacturas_lotes.submission import flush, leases, queue_operations, sending
from django_tusfacturas_lotes.wire.answers.lookup import Found, Standing
from django_tusfacturas_lotes.wire.dates import argentine_day
from django_tusfacturas_lotes.wire.modalities import Result, modalities
from tests import seed
from tests.builders import documento, order
from tests.provider import Provider
from tests.rows import make_item, make_lote
from tests.test_budgets import Queries
from tests.test_credit_notes import issued
from tests.test_found_by_a_second_review import given_up, told
from tests.test_queue_operations import done, go_on, in_error, waiting
from tests.test_reconciliation import later, queue, statuses
from tests.testshop.models import Order

pytestmark = pytest.mark.django_db(transaction=True)


def item_statuses() -> list[str]:
    return list(LoteItem.objects.order_by("pk").values_list("status", flat=True))


def turned_away(provider: Provider) -> None:
    """Have the next lote wait, known not to have been taken."""
    provider.fault("reject=401")
    with later(minutes=201):
        flush()
    assert Lote.objects.last().status == LoteStatus.READY


def lost(provider: Provider, count: int, modality: str = "lotes_encola") -> Lote:
    """Return a lote of which the answer was lost, and whose items the provider has, and waits to issue."""
    provider.use(modality)
    provider.sandbox.pause()
    queue(count)
    provider.sandbox.fault("answer=none", "webhook=never*always")
    flush()
    provider.sandbox.clear_faults()
    lote = Lote.objects.get()
    assert lote.status == LoteStatus.UNCERTAIN
    return lote


def tell_of(item: LoteItem, provider: Provider, **changes: Any) -> None:
    """A notification as `lotes` makes it."""
    payload = {**seed.webhook(), **provider.credentials, "facturacion_lote_id_referencia": item.reference, **changes}
    receive(payload, Authenticated((conf.account("default"),), modalities()["lotes"]))


# One try of an invoice


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


# Another try of an issued invoice


def test_what_is_issued_has_its_other_try_deleted_from_the_queue(provider: Provider) -> None:
    given_up(provider)
    provider.fault("fail_rows=0")
    with later(minutes=201):
        flush()
        provider.sandbox.resume()
        provider.settle()
        invoice = Invoice.objects.get()
        newer = LoteItem.objects.last()
        assert newer.status == LoteItemStatus.FAILED
        operations.resend(invoice)
        look_up("default")
    with later(days=1, hours=5):
        look_up("default")
    invoice.refresh_from_db()
    assert (invoice.status, invoice.attention) == (InvoiceStatus.ISSUED, Attention.OLDER_TRY)
    resend, delete = QueueOperation.objects.order_by("pk")
    assert (resend.status, delete.kind, delete.item) == (OperationStatus.REFUSED, OperationKind.DELETE, newer)
    with pytest.raises(NotPossibleError, match="is issued"):
        operation_requests.request_operation(invoice, OperationKind.RESEND)
    with later(days=1, hours=6):
        go_on(provider)
    delete.refresh_from_db()
    assert delete.status == OperationStatus.DONE
    assert item_statuses() == [LoteItemStatus.ISSUED, LoteItemStatus.WITHDRAWN]
    assert sorted(provider.issued().values()) == [0, 1]


def test_an_operation_that_waits_is_not_sent_once_its_invoice_is_issued_by_another_try(provider: Provider) -> None:
    operations.resend(in_error(provider, "nuevo_encola"))
    Invoice.objects.update(status=InvoiceStatus.ISSUED)
    assert queue_operations.send_requested("default") == 0
    assert "is not to be issued" in QueueOperation.objects.get().error


def test_what_lies_in_error_beside_an_issued_one_does_not_fail_the_invoice(
    provider: Provider, heard: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting(provider, "nuevo_encola")
    provider.fault("webhook=never*always")
    provider.sandbox.resume()
    provider.settle()
    real = look_ups.read_lookup
    in_error_too = Found(Standing.IN_ERROR, errors=("no",))
    monkeypatch.setattr(look_ups, "read_lookup", lambda *read: (in_error_too, *real(*read)))
    with later(hours=4):
        look_up("default")
    assert statuses() == [InvoiceStatus.ISSUED]
    assert [name for name, _ in heard] == ["invoice_issued"]


def sent_beside(provider: Provider, *faults: str) -> tuple[LoteItem, LoteItem]:
    """Return a try that was given up although TusFacturas has it, and the next one, sent under these faults."""
    given_up(provider)
    provider.sandbox.fault(*faults)
    with later(minutes=201):
        flush()
    # Its own notice is not to come after what the test tells.
    backend = provider.sandbox._backend
    provider.sandbox._wait(lambda: not backend._dispatcher.pending, 30, "has notices to send")
    provider.sandbox.clear_faults()
    older, newer = LoteItem.objects.order_by("pk")
    return older, newer


def work(provider: Provider, *minutes: int, most: int = 20) -> None:
    """Do at these moments what the schedule does, and hold it to the promise each time."""
    now = timezone.now()
    for after in minutes:
        with time_machine.travel(now + dt.timedelta(minutes=after)):
            queue_operations.send_requested("default")
            look_up("default", most=most)
            flush()
        assert sum(provider.issued().values()) <= Invoice.objects.count()


A_DAY_LATER = (24 * 60 + 400, 24 * 60 + 402, 24 * 60 + 410, 24 * 60 + 430, 24 * 60 + 500, 24 * 60 + 700)


def test_what_its_invoice_can_not_wait_for_is_deleted_there_and_looked_up_no_oftener_than_else(
    provider: Provider,
) -> None:
    older, newer = sent_beside(provider)
    work(provider, 24 * 60 + 300, most=50)
    assert QueueOperation.objects.get().item == older
    asked = provider.sandbox.ledger()["lookups"]["references"]
    before = asked[older.reference]
    work(provider, *A_DAY_LATER)
    assert asked[older.reference] - before < 10
    assert [entry["status"] for entry in provider.sandbox.ledger()["references"].values()] == ["deleted", "queued"]
    assert QueueOperation.objects.get().status == OperationStatus.DONE
    provider.sandbox.resume()
    provider.settle()
    work(provider, 24 * 60 + 720)
    assert statuses() == [InvoiceStatus.ISSUED]
    assert LoteItem.objects.get(status=LoteItemStatus.ISSUED) == newer
    provider.assert_the_promise()


def test_what_failed_waits_for_an_older_try_that_is_found_and_the_failed_one_is_deleted(provider: Provider) -> None:
    older, newer = sent_beside(provider, "fail_rows=0")
    told(provider, "error", newer.reference)
    assert statuses() == [InvoiceStatus.FAILED]
    work(provider, 24 * 60 + 300)
    assert statuses() == [InvoiceStatus.SUBMITTED]
    operation = QueueOperation.objects.get()
    assert (operation.item, operation.kind, operation.purpose) == (newer, "delete", "spare")
    with pytest.raises(NotPossibleError, match="is submitted, not failed"):
        retrying.requeue(Invoice.objects.get())
    provider.sandbox.resume()
    work(provider, *A_DAY_LATER)
    provider.settle()
    work(provider, 24 * 60 + 720, 24 * 60 + 760, 24 * 60 + 800)
    assert (statuses(), item_statuses()) == ([InvoiceStatus.ISSUED], ["issued", "withdrawn"])
    assert older.reference in provider.issued()
    provider.assert_the_promise()


def test_what_a_person_said_is_not_there_is_waited_for_once_it_is_found(provider: Provider) -> None:
    waiting(provider, "nuevo_encola")
    Invoice.objects.update(attention=Attention.OVERDUE)
    operations.confirm_not_issued(Invoice.objects.get())
    work(provider, 24 * 60 + 10)
    assert statuses() == [InvoiceStatus.SUBMITTED]
    with pytest.raises(NotPossibleError, match="is submitted"):
        operations.retry(Invoice.objects.get())


def test_nothing_is_retried_while_another_try_lies_in_the_queue(provider: Provider) -> None:
    invoice = in_error(provider, "nuevo_encola")
    LoteItem.objects.update(status=LoteItemStatus.WITHDRAWN, finding="queued")
    with pytest.raises(NotPossibleError, match="may still be issued"):
        operations.retry(invoice)


@pytest.mark.parametrize("newer_is", ["issued", "lost", "resent"])
def test_a_try_of_an_issued_invoice_is_deleted_from_the_queue_also_if_it_is_found_later(
    provider: Provider, newer_is: str
) -> None:
    older, newer = sent_beside(provider, *(["answer=none", "webhook=never*2"] if newer_is == "lost" else []))
    issued, left = (newer, older) if newer_is == "issued" else (older, newer)
    if newer_is == "resent":
        told(provider, "error", newer.reference)
        operation = operations.resend(Invoice.objects.get())
        QueueOperation.objects.filter(pk=operation.pk).start_sending(timezone.now())
        QueueOperation.objects.filter(pk=operation.pk).accept()
        operations.look_up_now(Invoice.objects.get())
    tell_of(issued, provider)
    assert statuses() == [InvoiceStatus.ISSUED]
    work(provider, 210, *A_DAY_LATER)
    deleting = QueueOperation.objects.filter(item=left, kind=OperationKind.DELETE)
    assert [operation.status for operation in deleting] == [OperationStatus.DONE]
    assert provider.sandbox.ledger()["references"][left.reference]["status"] == "deleted"


def test_a_cancelled_one_that_is_found_in_the_queue_is_deleted_there(provider: Provider) -> None:
    given_up(provider)
    operations.cancel(Invoice.objects.get())
    work(provider, 24 * 60 + 300, *A_DAY_LATER)
    assert statuses() == [InvoiceStatus.CANCELLED]
    assert [entry["status"] for entry in provider.sandbox.ledger()["references"].values()] == ["deleted"]
    assert done() == [OperationStatus.DONE]


def test_what_was_not_taken_gives_way_to_an_older_try_that_is_known_to_be_there(provider: Provider) -> None:
    older, newer = sent_beside(provider, "reject=none")
    told(provider, "encolado", older.reference)
    with later(minutes=202):
        look_up("default", most=1)
    older.refresh_from_db()
    assert (older.status, older.finding) == (LoteItemStatus.WITHDRAWN, "queued")
    QueueOperation.objects.all().delete()
    LoteItem.objects.filter(pk=older.pk).update(look_up_at=None)
    work(provider, 210, 290, 300, 310, 330)
    newer.refresh_from_db()
    assert newer.status == LoteItemStatus.WITHDRAWN
    assert (statuses(), item_statuses()) == ([InvoiceStatus.SUBMITTED], ["submitted", "withdrawn"])
    with later(minutes=340):
        flush()
    assert LoteItem.objects.count() == 2


@pytest.mark.parametrize("operation", [operations.retry, operations.cancel])
def test_the_last_word_was_about_the_older_try_so_that_is_deleted_first(provider: Provider, operation: Any) -> None:
    older, _ = sent_beside(provider, "refuse_rows=0")
    told(provider, "error", older.reference)
    assert (statuses(), item_statuses()) == ([InvoiceStatus.FAILED], ["failed", "refused"])
    assert operation(Invoice.objects.get()).status == InvoiceStatus.FAILED
    asked_for = QueueOperation.objects.get()
    assert (asked_for.item, asked_for.kind) == (older, OperationKind.DELETE)


def test_it_bears_the_day_that_it_was_sent_with(provider: Provider) -> None:
    item = given_up(provider)
    sent_on = argentine_day(Lote.objects.get().sent_at)
    provider.fault("reject=401")
    with later(days=1):
        flush()
    assert Invoice.objects.get().fecha == sent_on + dt.timedelta(days=1)
    told(provider, "encolado", item.reference)
    assert Invoice.objects.get().fecha == sent_on


def test_what_is_issued_by_an_older_try_bears_the_day_of_that_one(provider: Provider) -> None:
    given_up(provider)
    sent_on = argentine_day(Lote.objects.get().sent_at)
    operations.cancel(Invoice.objects.get())
    assert Invoice.objects.get().fecha is None
    with later(days=1, hours=5):
        provider.sandbox.resume()
        provider.settle()
        look_up("default")
    assert (Invoice.objects.get().status, Invoice.objects.get().fecha) == (InvoiceStatus.ISSUED, sent_on)


def test_a_word_about_one_that_was_kept_back_and_yet_was_taken_has_it_looked_up(provider: Provider) -> None:
    item = given_up(provider)
    turned_away(provider)
    told(provider, "encolado", item.reference)
    newer = LoteItem.objects.last()
    assert newer.status == LoteItemStatus.WITHDRAWN
    tell_of(newer, provider, error="S", errores=["no"], cae="", comprobante_nro="")
    newer.refresh_from_db()
    assert newer.look_up_at is not None


# Two tries at the provider at once: one document comes of it, whichever is gone first


def failed_beside(provider: Provider) -> tuple[LoteItem, LoteItem]:
    """Return a try that was given up although it waits in the queue, and the next one, which lies there in error."""
    older, newer = sent_beside(provider, "fail_rows=0")
    told(provider, "error", newer.reference)
    assert statuses() == [InvoiceStatus.FAILED]
    return older, newer


def look_up_at(minutes: float) -> None:
    with later(minutes=minutes):
        look_up("default")


def says(monkeypatch: pytest.MonkeyPatch, **answers: str) -> None:
    """Have look-ups of the try with a number (`_1`, `_2`) answered so, whatever the provider has."""
    real = look_ups.read_lookup
    found: dict[str, tuple[Found, ...]] = {
        "absent": (), "queued": (Found(Standing.QUEUED),), "in_error": (Found(Standing.IN_ERROR, errors=("no",)),),
    }  # fmt: skip

    def read(answer: Any, reference: str) -> Any:
        said = answers.get(f"_{reference.rpartition('-')[2]}")
        return real(answer, reference) if said is None else found[said]

    monkeypatch.setattr(look_ups, "read_lookup", read)


DAY = 24 * 60
REST_OF_THE_DAY = (DAY + 302, DAY + 304, DAY + 310, DAY + 330, DAY + 400, DAY + 500, DAY + 700)


def go_to_the_end(provider: Provider) -> None:
    provider.sandbox.resume()
    provider.settle()
    work(provider, 2 * DAY, 2 * DAY + 10, 2 * DAY + 300, 3 * DAY)


def test_what_was_deleted_is_not_sent_anew_while_its_invoice_waits_for_another_try(provider: Provider) -> None:
    failed_beside(provider)
    work(provider, DAY + 300, *REST_OF_THE_DAY)
    assert (statuses(), item_statuses()) == (["submitted"], ["submitted", "withdrawn"])
    go_to_the_end(provider)
    assert (statuses(), sorted(provider.issued().values())) == (["issued"], [0, 1])


def test_a_retry_whose_deletion_is_proven_once_another_try_is_found_sends_nothing(provider: Provider) -> None:
    failed_beside(provider)
    with later(minutes=DAY + 299):
        operations.retry(Invoice.objects.get())
    look_up_at(DAY + 299)
    assert statuses() == [InvoiceStatus.SUBMITTED]
    work(provider, *REST_OF_THE_DAY)
    go_to_the_end(provider)
    assert (statuses(), sorted(provider.issued().values())) == (["issued"], [0, 1])


def test_a_cancellation_holds_whichever_try_is_deleted_first(provider: Provider) -> None:
    failed_beside(provider)
    look_up_at(DAY + 299)
    with later(minutes=DAY + 299):
        operations.cancel(Invoice.objects.get())
    work(provider, *REST_OF_THE_DAY)
    go_to_the_end(provider)
    assert (statuses(), set(provider.issued().values())) == (["cancelled"], {0})


def test_a_cancellation_goes_on_with_the_try_that_is_found_meanwhile(provider: Provider) -> None:
    failed_beside(provider)
    with later(minutes=DAY + 299):
        operations.cancel(Invoice.objects.get())
    look_up_at(DAY + 299)
    assert statuses() == [InvoiceStatus.SUBMITTED]
    work(provider, *REST_OF_THE_DAY)
    go_to_the_end(provider)
    assert (statuses(), set(provider.issued().values())) == (["cancelled"], {0})


def test_a_cancellation_that_can_not_go_on_is_shown(provider: Provider) -> None:
    _, newer = failed_beside(provider)
    with later(minutes=DAY + 299):
        operations.cancel(Invoice.objects.get())
    look_up_at(DAY + 299)
    with later(minutes=DAY + 299):
        redating = operations.redate(Invoice.objects.get(), argentine_day())
        QueueOperation.objects.filter(pk=redating.pk).start_sending(timezone.now())  # and its process is slow
    work(provider, *REST_OF_THE_DAY[:4])
    cancelling = QueueOperation.objects.get(item=newer)
    assert cancelling.status == OperationStatus.REFUSED
    assert "waits for another try" in cancelling.error
    assert cancelling in QueueOperation.objects.needing_a_person()


def test_what_gave_way_and_is_found_a_day_later_is_deleted_and_nothing_sent_anew(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, _ = sent_beside(provider, "answer=none", "webhook=never*always")
    with monkeypatch.context() as lying:
        says(lying, _2="absent")
        told(provider, "encolado", older.reference)
        work(provider, 202, 210, 290, 300, 310, 330)
    assert (statuses(), item_statuses()) == (["submitted"], ["submitted", "withdrawn"])
    work(provider, DAY + 330, DAY + 332, DAY + 334, DAY + 340, DAY + 350, DAY + 400)
    assert item_statuses() == ["submitted", "withdrawn"]
    go_to_the_end(provider)
    assert (statuses(), sorted(provider.issued().values())) == (["issued"], [0, 1])


def test_one_stale_look_up_does_not_have_both_deleted(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    failed_beside(provider)
    look_up_at(DAY + 300)
    with later(minutes=DAY + 302):
        assert queue_operations.send_requested("default") == 1
    with monkeypatch.context() as stale:
        says(stale, _2="queued")
        look_up_at(DAY + 304)
    work(provider, *REST_OF_THE_DAY)
    go_to_the_end(provider)
    assert (statuses(), sorted(provider.issued().values())) == (["issued"], [0, 1])


def test_the_try_that_is_there_is_not_deleted_for_one_that_look_ups_miss(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, _ = sent_beside(provider)
    says(monkeypatch, _2="absent")
    work(provider, 202, 390, 400, 500, 700, 900, 1200, DAY + 300, DAY + 400)
    assert not QueueOperation.objects.exists()
    older.refresh_from_db()
    assert older.finding == "queued"


def test_one_that_is_being_sent_as_an_older_one_is_issued_is_deleted_as_soon_as_it_is_there(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = given_up(provider)
    real = sending.record_answer

    def record(account: Any, call: Any, outcome: Any) -> Any:
        tell_of(older, provider)
        return real(account, call, outcome)

    monkeypatch.setattr(sending, "record_answer", record)
    with later(minutes=201):
        flush()
    assert statuses() == [InvoiceStatus.ISSUED]
    look_up_at(202)
    assert QueueOperation.objects.get().item == LoteItem.objects.last()


@pytest.mark.parametrize("evento", ["encolado", "cambio_fecha"])
def test_a_notification_does_not_put_off_the_look_up_that_is_due(provider: Provider, evento: str) -> None:
    provider.use("nuevo_encola")
    provider.sandbox.pause()
    queue(1)
    flush()
    Invoice.objects.update(status=InvoiceStatus.CANCELLED)  # what tells that it is there asks for a look-up
    item = LoteItem.objects.get()
    due = timezone.now() - dt.timedelta(seconds=5)
    LoteItem.objects.update(told=Told.CHANGED, look_up_at=due)
    Lote.objects.update(look_up_at=due)
    told(provider, evento, item.reference)
    item.refresh_from_db()
    assert item.look_up_at == due, "a look-up that begins just now would not find it"
    look_up("default")
    assert QueueOperation.objects.get().item == item


def test_one_that_waits_again_beside_the_one_that_is_waited_for_is_deleted(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, newer = failed_beside(provider)
    with later(minutes=DAY + 290):
        operation = operations.resend(Invoice.objects.get())
        QueueOperation.objects.filter(pk=operation.pk).start_sending(timezone.now())
        QueueOperation.objects.filter(pk=operation.pk).accept()
    look_up_at(DAY + 300)
    assert statuses() == [InvoiceStatus.SUBMITTED]
    says(monkeypatch, _2="queued")
    LoteItem.objects.filter(pk=newer.pk).look_up_soon(timezone.now())
    Lote.objects.filter(pk=newer.lote_id).look_up_by(timezone.now())
    look_up_at(DAY + 301)
    deleting = QueueOperation.objects.get(kind=OperationKind.DELETE)
    assert (deleting.item, item_statuses()) == (newer, ["submitted", "failed"])


def test_what_somebody_deleted_there_does_not_fail_an_invoice_that_waits_for_another_try(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, heard: list[tuple[str, Any]]
) -> None:
    _, newer = failed_beside(provider)
    look_up_at(DAY + 299)
    heard.clear()
    says(monkeypatch, _2="absent")
    told(provider, "eliminado", newer.reference)
    for minutes in (DAY + 300, DAY + 302, DAY + 304):
        look_up_at(minutes)
    assert (statuses(), item_statuses(), heard) == (["submitted"], ["submitted", "withdrawn"], [])


def test_what_is_known_to_be_there_stays_so_until_look_ups_in_a_row_miss_it(provider: Provider) -> None:
    item = given_up(provider)
    operations.cancel(Invoice.objects.get())
    look_up_at(DAY + 205)
    for number, fault in enumerate(["lookup=500", "lookup=absent"]):
        provider.fault(fault)
        look_up_at(DAY + 230 + 60 * number)
        with pytest.raises(NotPossibleError, match="may still be issued"):
            operations.retry(Invoice.objects.get())
    item.refresh_from_db()
    assert (item.finding, item.absences) == ("queued", 1)


def test_several_under_one_reference_are_one_state_and_end(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, heard: list[tuple[str, Any]]
) -> None:
    waiting(provider, "nuevo_encola")
    found = (Found(Standing.IN_ERROR, errors=("no",)), Found(Standing.QUEUED))
    monkeypatch.setattr(look_ups, "read_lookup", lambda *_: found)
    now = timezone.now()
    asked = 0
    for minutes in range(4 * 60, 4 * 60 + 3 * DAY, 20):
        with time_machine.travel(now + dt.timedelta(minutes=minutes)):
            asked += look_up("default").asked
    assert (statuses(), heard) == (["submitted"], [])
    assert asked < 20
    assert "lists 2 comprobantes" in Lote.objects.get().discrepancies[0]


def test_a_deletion_that_tusfacturas_refuses_ends_in_front_of_a_person(provider: Provider) -> None:
    sent_beside(provider)
    provider.sandbox.fault("operation=reject:S*always")
    calls = 0
    now = timezone.now()
    for minutes in range(DAY + 300, 8 * DAY, 30):
        with time_machine.travel(now + dt.timedelta(minutes=minutes)):
            calls += queue_operations.send_requested("default")
            look_up("default")
    operation = QueueOperation.objects.get()
    assert (operation.status, calls) == (OperationStatus.REFUSED, operation_requests.MOST_TRIES)
    assert operation in QueueOperation.objects.needing_a_person()


def test_after_a_change_of_the_apikey_a_person_may_say_what_look_ups_can_not(provider: Provider) -> None:
    invoice = in_error(provider, "nuevo_encola")
    with pytest.raises(NotPossibleError, match="not overdue"):
        operations.confirm_not_issued(invoice)
    Lote.objects.update(sent_as="another")
    assert operations.confirm_not_issued(invoice).status == InvoiceStatus.FAILED
    assert operations.retry(invoice).status == InvoiceStatus.PENDING


def test_a_nota_that_does_not_fit_any_more_is_not_waited_for(provider: Provider) -> None:
    invoice = issued(provider)
    provider.use("nuevo_encola")
    provider.sandbox.pause()
    first = queue_credit_note(invoice, key="first")
    provider.sandbox.fault("answer=none", "webhook=never*always", "lookup=absent*9")
    flush()
    for minutes in (6, 70, 130, 200):
        look_up_at(minutes)
    provider.sandbox.clear_faults()
    operations.cancel(first)
    queue_credit_note(invoice, key="second")
    assert operations.retry(first).failure_stage == "validation"
    work(provider, 210, DAY + 210, DAY + 215, DAY + 220, DAY + 230, DAY + 300)
    first.refresh_from_db()
    assert (first.status, first.failure_stage) == (InvoiceStatus.FAILED, "validation")
    statuses_there = [entry["status"] for entry in provider.sandbox.ledger()["references"].values()]
    assert statuses_there == ["issued", "deleted", "queued"]


def test_giving_way_costs_the_same_however_many_do(provider: Provider) -> None:
    counts = []
    for count in (2, 20):
        old = make_lote(LoteStatus.ACCEPTED, modality="nuevo_encola")
        new = make_lote(LoteStatus.UNCERTAIN, modality="lotes_encola")
        for position in range(count):
            item = make_item(LoteItemStatus.WITHDRAWN, lote=old, finding="queued", due_at=timezone.now())
            Invoice.objects.filter(pk=item.invoice_id).update(status="uncertain", tries=2)
            LoteItem.objects.create(
                lote=new, invoice=item.invoice, position=position, reference=f"{item.invoice.public_id}-2",
                status="uncertain",
            )  # fmt: skip
        with Queries() as queries:
            assert settling.mark_not_received(new.pk, "said so") == 0
        counts.append(len(queries.statements))
        assert set(Invoice.objects.values_list("status", flat=True)) == {InvoiceStatus.SUBMITTED}
    assert counts[0] == counts[1] <= 14, queries.statements


# A whole lote


def test_one_word_about_a_lote_that_was_given_up_takes_up_all_of_it(provider: Provider) -> None:
    lote = lost(provider, 3)
    operations.confirm_not_received(lote)
    assert statuses() == [InvoiceStatus.PENDING] * 3
    told(provider, "encolado", LoteItem.objects.first().reference)
    assert statuses() == [InvoiceStatus.SUBMITTED] * 3
    assert "given up, and a notification proves" in Lote.objects.get().discrepancies[0]
    flush()
    assert len(provider.sandbox.calls) == 1
    provider.sandbox.resume()
    go_on(provider)
    assert statuses() == [InvoiceStatus.ISSUED] * 3
    assert set(provider.issued().values()) == {1}


def test_a_look_up_that_finds_one_takes_up_all_of_it_out_of_a_lote_that_waits(provider: Provider) -> None:
    operations.confirm_not_received(lost(provider, 3))
    turned_away(provider)
    assert statuses() == [InvoiceStatus.CLAIMED] * 3
    with later(days=1, minutes=5):
        assert look_up("default", most=1).asked == 1
        assert statuses() == [InvoiceStatus.SUBMITTED] * 3
        assert item_statuses() == [LoteItemStatus.SUBMITTED] * 3 + [LoteItemStatus.WITHDRAWN] * 3
        flush()
    assert len(provider.sandbox.calls) == 2, "the lost one, and the one that was turned away"
    assert not Invoice.objects.exclude(status=InvoiceStatus.SUBMITTED).exists()


def test_what_was_taken_out_of_a_lote_before_it_was_sent_is_not_taken_up_with_it(provider: Provider) -> None:
    provider.use("lotes_encola")
    provider.sandbox.pause()
    queue(2)
    provider.fault("reject=401")
    flush()
    operations.cancel(Invoice.objects.first())
    operations.send_now(Lote.objects.get())
    provider.sandbox.fault("answer=none", "webhook=never*always")
    flush()
    provider.sandbox.clear_faults()
    operations.confirm_not_received(Lote.objects.get())
    operations.retry(Invoice.objects.first())
    assert statuses() == [InvoiceStatus.PENDING] * 2
    told(provider, "encolado", LoteItem.objects.last().reference)
    assert statuses() == [InvoiceStatus.PENDING, InvoiceStatus.SUBMITTED]


def test_what_was_sent_again_since_is_looked_up_at_once(provider: Provider) -> None:
    operations.confirm_not_received(lost(provider, 2))
    with later(minutes=2):
        flush()
    assert statuses() == [InvoiceStatus.SUBMITTED] * 2
    older = LoteItem.objects.order_by("pk")[:2]
    tell_of(older[0], provider, error="S", errores=["no"], cae="", comprobante_nro="")
    assert item_statuses() == [LoteItemStatus.WITHDRAWN] * 2 + [LoteItemStatus.SUBMITTED] * 2
    assert all(item.look_up_at <= timezone.now() for item in older)
    assert Lote.objects.first() in Lote.objects.needing_a_person()


@pytest.mark.parametrize("waits", [False, True])
def test_taking_up_a_lote_costs_the_same_however_many_it_has(provider: Provider, waits: bool) -> None:
    counts = []
    for count in (2, 60):
        operations.confirm_not_received(lost(provider, count))
        if waits:
            turned_away(provider)
        item = LoteItem.objects.select_related("lote", "invoice").first()
        with Queries() as queries:
            tell_of(item, provider, error="S", errores=["no"], cae="", comprobante_nro="")
        assert set(statuses()[1:]) == {InvoiceStatus.SUBMITTED}
        counts.append(len(queries.statements))
        for model in (WebhookEvent, LoteItem, Lote, Invoice):
            model.objects.all().delete()
        provider.sandbox.reset()
    assert counts[0] == counts[1] <= (35 if waits else 26), queries.statements


# By time


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
    """What was deleted since is not reopened by the next word about another one."""
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


# Data, settings and words that are not what they were


@pytest.mark.parametrize("mishap", ["raise", "invalid"])
def test_what_it_was_sent_with_comes_back_with_the_try_that_is_waited_for(provider: Provider, mishap: str) -> None:
    provider.use("nuevo_encola")
    provider.sandbox.pause()
    bought = order()
    queue_invoices([bought])
    flush()
    before = Invoice.objects.values("comprobante", "total", "fecha", "razon_social").get()
    Invoice.objects.update(attention=Attention.OVERDUE)
    operations.confirm_not_issued(Invoice.objects.get())
    Order.objects.update(**({"mishap": "raise"} if mishap == "raise" else {"documento": documento(total=1)}))
    assert operations.retry(Invoice.objects.get(), rebuild=True).failure_stage in ("build", "validation")
    look_up_at(DAY + 10)
    assert statuses() == [InvoiceStatus.SUBMITTED]
    assert Invoice.objects.values("comprobante", "total", "fecha", "razon_social").get() == before
    told(provider, "error", LoteItem.objects.get().reference)
    operations.retry(Invoice.objects.get())
    work(provider, *REST_OF_THE_DAY)
    provider.sandbox.resume()
    work(provider, 2 * DAY)
    assert [call.body["comprobante"]["total"] for call in provider.sandbox.calls] == [139, 139]


def test_one_that_can_not_be_sent_holds_no_other(provider: Provider) -> None:
    provider.sandbox.pause()
    queue(2)
    Invoice.objects.filter(key="erp-0").update(comprobante={})
    assert [sent.items for sent in flush().sent] == [1]
    bad, good = Invoice.objects.order_by("key")
    assert (bad.status, bad.failure_stage, good.status) == (InvoiceStatus.FAILED, "validation", InvoiceStatus.SUBMITTED)
    assert "no comprobante" in bad.reasons[0]


@pytest.mark.parametrize("modality", ["lotes", "nuevo_encola"])
def test_a_person_has_a_way_out_where_the_account_is_gone(provider: Provider, modality: str) -> None:
    invoice = waiting(provider, "nuevo_encola") if modality == "nuevo_encola" else queue(1)[0]
    if modality == "lotes":
        provider.sandbox.pause()
        flush()
    Invoice.objects.update(attention=Attention.OVERDUE)
    provider.configure(ACCOUNTS={"another": provider.sandbox.account})
    with pytest.raises(NotPossibleError, match=r"default|be cancelled"):
        operations.cancel(invoice)
    assert not QueueOperation.objects.exists()
    assert operations.confirm_not_issued(invoice).status == InvoiceStatus.FAILED
    assert operations.cancel(invoice).status == InvoiceStatus.CANCELLED


def test_what_is_told_without_a_cae_is_shown_once_and_can_be_given_up(provider: Provider) -> None:
    provider.use("nuevo_encola")
    provider.sandbox.pause()
    (invoice,) = queue(1)
    flush()
    found = Found(Standing.ISSUED, result=Result(cae="", tipo="FACTURA B", numero=7))
    with pytest.MonkeyPatch.context() as trial:
        trial.setattr(look_ups, "read_lookup", lambda *_: (found,))
        told(provider, "emitido", LoteItem.objects.get().reference)
        look_up("default")
        invoice.refresh_from_db()
        assert invoice.attention == Attention.NO_CAE
        operations.mark_invoice_seen(invoice)
        look_up_at(10)
    assert not Invoice.objects.needing_a_person().exists()
    assert operations.confirm_not_issued(invoice).status == InvoiceStatus.FAILED


def test_a_look_up_by_hand_is_of_what_keeps_it_from_a_retry_too(provider: Provider) -> None:
    older, newer = sent_beside(provider)
    LoteItem.objects.filter(pk=older.pk).update(finding="queued", look_up_at=None)
    LoteItem.objects.filter(pk=newer.pk).update(status="withdrawn")
    Invoice.objects.update(status=InvoiceStatus.CANCELLED)
    with pytest.raises(NotPossibleError, match="look it up"):
        operations.retry(Invoice.objects.get())
    operations.look_up_now(Invoice.objects.get())
    provider.fault("lookup=absent*9")
    work(provider, 0, 10, 30)
    assert operations.retry(Invoice.objects.get()).status == InvoiceStatus.PENDING


def test_a_cancellation_takes_every_try_out_of_the_queue(provider: Provider) -> None:
    older, _ = failed_beside(provider)
    look_up_at(DAY + 299)
    told(provider, "error", older.reference)
    look_up_at(DAY + 300)
    LoteItem.objects.filter(pk=older.pk).update(status=LoteItemStatus.FAILED)
    Invoice.objects.update(status=InvoiceStatus.FAILED, failure_stage="emission")
    QueueOperation.objects.all().delete()
    with later(minutes=DAY + 300):
        operations.cancel(Invoice.objects.get())
    work(provider, *REST_OF_THE_DAY, DAY + 900, DAY + 1000)
    assert statuses() == [InvoiceStatus.CANCELLED]
    assert [entry["status"] for entry in provider.sandbox.ledger()["references"].values()] == ["deleted"] * 2


@pytest.mark.parametrize("evento", ["error", "cambio_fecha"])
def test_a_late_word_about_a_deleted_try_alarms_nobody(provider: Provider, evento: str) -> None:
    operations.cancel(in_error(provider, "nuevo_encola"))
    go_on(provider)
    assert statuses() == [InvoiceStatus.CANCELLED]
    told(provider, evento, LoteItem.objects.get().reference)
    work(provider, 2 * DAY, 2 * DAY + 10, 2 * DAY + 30, 2 * DAY + 100)
    assert LoteItem.objects.get().look_up_at is None
    assert not Lote.objects.needing_a_person().exists()


def test_an_operation_is_looked_up_also_once_a_word_came_to_nothing(provider: Provider) -> None:
    operations.retry(in_error(provider, "nuevo_encola"))
    assert queue_operations.send_requested("default") == 1
    told(provider, "emitido", LoteItem.objects.get().reference)
    work(provider, *range(0, 2 * DAY, 30))
    assert done() == [OperationStatus.DONE]
