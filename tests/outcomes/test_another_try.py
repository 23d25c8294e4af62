"""Another try of an issued invoice is deleted from the provider's queue, and only that one."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from django_tusfacturas_lotes import operations
from django_tusfacturas_lotes.models import (
    Attention,
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    OperationKind,
    OperationStatus,
    QueueOperation,
)
from django_tusfacturas_lotes.operations import NotPossibleError
from django_tusfacturas_lotes.outcomes import operation_requests
from django_tusfacturas_lotes.queueing import queue_invoice, retrying
from django_tusfacturas_lotes.reconciliation import look_up, look_ups
from django_tusfacturas_lotes.submission import flush, queue_operations
from django_tusfacturas_lotes.wire.answers.lookup import Found, Standing
from django_tusfacturas_lotes.wire.dates import argentine_day, format_day
from tests.support.builders import day, documento
from tests.support.encola import done, go_on, in_error, later, statuses, told, waiting
from tests.support.provider import Provider
from tests.support.tries import A_DAY_LATER, given_up, item_statuses, sent_beside, tell_of, turned_away, work

pytestmark = pytest.mark.django_db(transaction=True)


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


def test_an_older_try_is_deleted_by_the_day_that_it_was_sent_with(provider: Provider) -> None:
    provider.use("nuevo_encola")
    provider.configure(DATE_POLICY="today")
    provider.sandbox.pause()
    queue_invoice(comprobante=documento(fecha=day()), key="x")
    provider.sandbox.fault("answer=none", "webhook=never*always")
    with later(days=1):
        flush()
        operations.confirm_not_received(Lote.objects.get())
    with later(days=2):
        flush()
    first = LoteItem.objects.select_related("invoice", "lote").order_by("pk")[0]
    sent = [call.body["comprobante"]["fecha"] for call in provider.sandbox.calls]
    assert sent[0] != sent[1]
    assert format_day(queue_operations._day_of(first)) == sent[0]
