"""What a person does with an invoice in the provider's queue: send again, delete, change the day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from django.db import connection
from django.utils import timezone

from django_tusfacturas_lotes import operations
from django_tusfacturas_lotes.models import (
    Invoice,
    InvoiceStatus,
    LoteItem,
    LoteItemStatus,
    OperationKind,
    OperationStatus,
    QueueOperation,
    WebhookEvent,
)
from django_tusfacturas_lotes.operations import NotPossibleError
from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoice, queue_invoices
from django_tusfacturas_lotes.reconciliation import look_up
from django_tusfacturas_lotes.submission import expire_leases, flush, queue_operations
from django_tusfacturas_lotes.wire.dates import argentine_day, format_day
from tests.support.builders import documento, order
from tests.support.encola import ENCOLA, done, go_on, in_error, later, queue, statuses, waiting
from tests.support.provider import PATIENCE, Provider

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("modality", ENCOLA)
def test_one_in_error_is_sent_again_with_the_same_reference(provider: Provider, modality: str) -> None:
    invoice = in_error(provider, modality)
    operations.resend(invoice)
    go_on(provider)
    assert statuses() == [InvoiceStatus.ISSUED]
    assert LoteItem.objects.count() == 1
    assert done() == [OperationStatus.DONE]
    assert len(provider.sandbox.calls) == 1
    provider.assert_the_promise()


@pytest.mark.parametrize("modality", ENCOLA)
def test_a_retry_deletes_there_first_and_then_sends_anew_with_a_new_reference(
    provider: Provider, modality: str
) -> None:
    invoice = in_error(provider, modality)
    assert operations.retry(invoice).status == InvoiceStatus.FAILED, "not before it is deleted there"
    flush()
    assert len(provider.sandbox.calls) == 1
    go_on(provider)
    assert statuses() == [InvoiceStatus.ISSUED]
    assert sorted(provider.issued().values()) == [0, 1]
    assert list(LoteItem.objects.order_by("pk").values_list("status", flat=True)) == [
        LoteItemStatus.WITHDRAWN, LoteItemStatus.ISSUED,
    ]  # fmt: skip
    assert done() == [OperationStatus.DONE]
    provider.assert_the_promise()


@pytest.mark.parametrize("modality", ENCOLA)
def test_a_queued_one_that_is_cancelled_is_deleted_there_and_cancelled_once_that_is_shown(
    provider: Provider, modality: str
) -> None:
    invoice = waiting(provider, modality)
    assert operations.cancel(invoice).status == InvoiceStatus.SUBMITTED
    go_on(provider)
    provider.sandbox.resume()
    provider.settle()
    assert statuses() == [InvoiceStatus.CANCELLED]
    assert set(provider.issued().values()) == {0}


def test_one_in_error_that_is_cancelled_is_deleted_there_too(provider: Provider) -> None:
    operations.cancel(in_error(provider, "nuevo_encola"))
    go_on(provider)
    assert statuses() == [InvoiceStatus.CANCELLED]
    (entry,) = provider.sandbox.ledger()["references"].values()
    assert entry["status"] == "deleted"


def test_what_is_issued_before_it_could_be_deleted_is_issued(provider: Provider) -> None:
    invoice = waiting(provider, "nuevo_encola")
    operations.cancel(invoice)
    provider.sandbox.resume()
    provider.settle()
    go_on(provider)
    assert statuses() == [InvoiceStatus.ISSUED]
    assert done() == [OperationStatus.REFUSED]
    assert QueueOperation.objects.get().error
    provider.assert_the_promise()


def test_the_day_of_a_queued_one_is_changed(provider: Provider) -> None:
    invoice = waiting(provider, "nuevo_encola")
    provider.sandbox.resume()
    provider.sandbox.pause()
    day = argentine_day() + dt.timedelta(days=3)
    operations.redate(invoice, day, day + dt.timedelta(days=10))
    go_on(provider)
    assert done() == [OperationStatus.DONE]
    invoice.refresh_from_db()
    assert (invoice.status, invoice.fecha) == (InvoiceStatus.SUBMITTED, day)
    due_at = LoteItem.objects.get().due_at
    assert due_at is not None
    assert argentine_day(due_at) == day
    provider.sandbox.resume()
    provider.sandbox.advance_days(3)
    provider.settle()
    with later(days=3):
        look_up("default")
    assert statuses() == [InvoiceStatus.ISSUED]


@pytest.mark.parametrize(
    ("due_in", "expected_in"), [(None, None), (1, 3), (10, 10)], ids=["none", "before the new day", "after it"]
)
def test_the_due_date_goes_along_where_it_must(provider: Provider, due_in: int | None, expected_in: int | None) -> None:
    def day(ahead: int | None) -> dt.date | None:
        return None if ahead is None else argentine_day() + dt.timedelta(days=ahead)

    provider.use("nuevo_encola")
    provider.sandbox.pause()
    due = day(due_in)
    invoice = queue_invoice(comprobante=documento(vencimiento=due and format_day(due)), key="due")
    flush()
    operations.redate(invoice, argentine_day() + dt.timedelta(days=3))
    assert QueueOperation.objects.get().vencimiento == day(expected_in)
    go_on(provider)
    assert done() == [OperationStatus.DONE]


def test_a_due_date_before_the_day_itself_is_refused(provider: Provider) -> None:
    invoice = waiting(provider, "nuevo_encola")
    day = argentine_day() + dt.timedelta(days=3)
    with pytest.raises(NotPossibleError, match="before its day"):
        operations.redate(invoice, day, day - dt.timedelta(days=1))


FAULTS = ["500", "524", "none", "html", "half", "cut", "reject:500", "reject:401", "reject:none", "reject:429"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", ["resend", "retry", "cancel"])
def test_an_operation_whose_answer_is_lost_is_settled_by_looking_and_done_once_more_if_need_be(
    provider: Provider, kind: str, fault: str
) -> None:
    invoice = in_error(provider, "nuevo_encola")
    provider.fault(f"operation={fault}")
    getattr(operations, kind)(invoice)
    go_on(provider)
    if kind == "resend" and statuses() == [InvoiceStatus.FAILED]:
        # It is not known whether it was sent again: a person sees it in error, and asks again.
        assert done() == [OperationStatus.REFUSED]
        operations.resend(invoice)
        go_on(provider)
    expected = InvoiceStatus.CANCELLED if kind == "cancel" else InvoiceStatus.ISSUED
    assert statuses() == [expected]
    assert sum(provider.issued().values()) == (0 if kind == "cancel" else 1)
    provider.assert_the_promise()


def test_what_the_provider_refuses_is_shown_with_its_words(provider: Provider) -> None:
    invoice = in_error(provider, "nuevo_encola")
    provider.fault("operation=reject:S")
    operations.resend(invoice)
    go_on(provider)
    assert done() == [OperationStatus.REFUSED]
    operation = QueueOperation.objects.get()
    assert operation.error
    assert operation in QueueOperation.objects.needing_a_person()
    operations.mark_operation_seen(operation)
    assert not QueueOperation.objects.needing_a_person().exists()


def test_one_operation_at_a_time_for_an_invoice(provider: Provider) -> None:
    invoice = in_error(provider, "nuevo_encola")
    operations.resend(invoice)
    with pytest.raises(NotPossibleError, match="another operation"):
        operations.retry(invoice)
    assert QueueOperation.objects.count() == 1


@pytest.mark.parametrize("operation", ["resend", "redate"])
def test_lotes_has_no_queue_to_operate_on(provider: Provider, operation: str) -> None:
    (invoice,) = queue(1)
    provider.fault("fail_rows=0")
    flush()
    provider.settle()
    arguments: list[Any] = [argentine_day()] if operation == "redate" else []
    with pytest.raises(NotPossibleError, match="not in a queue"):
        getattr(operations, operation)(invoice, *arguments)


def test_only_one_in_error_is_sent_again_and_only_a_queued_one_gets_another_day(provider: Provider) -> None:
    invoice = waiting(provider, "nuevo_encola")
    with pytest.raises(NotPossibleError, match="not failed"):
        operations.resend(invoice)
    provider.fault("fail_rows=0")
    LoteItem.objects.update(status=LoteItemStatus.FAILED)
    Invoice.objects.update(status=InvoiceStatus.FAILED, failure_stage="emission")
    with pytest.raises(NotPossibleError, match="not submitted"):
        operations.redate(invoice, argentine_day())


def test_an_operation_whose_worker_was_killed_is_looked_up_and_made_up_for(provider: Provider) -> None:
    invoice = in_error(provider, "nuevo_encola")
    operation = operations.resend(invoice)
    QueueOperation.objects.filter(pk=operation.pk).start_sending(timezone.now())
    with later(seconds=400):
        expire_leases()
        assert done() == [OperationStatus.UNCERTAIN]
        look_up("default")
    assert done() == [OperationStatus.REQUESTED], "it is in error still: it may be asked for again"
    go_on(provider)
    assert done() == [OperationStatus.DONE]
    assert statuses() == [InvoiceStatus.ISSUED]


def test_what_somebody_deleted_at_the_provider_fails_with_that_reason(provider: Provider) -> None:
    waiting(provider, "nuevo_encola")
    item = LoteItem.objects.get()
    from django_tusfacturas_lotes.conf import conf
    from django_tusfacturas_lotes.provider.client import Client
    from django_tusfacturas_lotes.wire.answers.operations import DELETE, operation_body, read_operation

    account = conf.account("default")
    with Client(connect_timeout=5, read_timeout=5) as client:
        body = operation_body(account.credentials, item.reference, argentine_day())
        client.send(account.url_at(DELETE), body, lambda answer: read_operation(answer, item.reference))
    provider.sandbox.resume()
    provider.settle()
    look_up("default")
    assert statuses() == [InvoiceStatus.SUBMITTED], "never by one look-up alone"
    with later(minutes=3):
        look_up("default")
    invoice = Invoice.objects.get()
    assert invoice.status == InvoiceStatus.FAILED
    assert "deleted" in str(invoice.errors)
    operations.retry(invoice)
    flush()
    provider.settle()
    look_up("default")
    assert statuses() == [InvoiceStatus.ISSUED]


def test_a_retry_with_mended_data_sends_the_mended_data(provider: Provider) -> None:
    invoice = in_error(provider, "lotes_encola")
    operations.retry(invoice, today=True)
    operation = QueueOperation.objects.get()
    assert (operation.kind, operation.purpose, operation.options) == (
        OperationKind.DELETE, "retry", {"today": True, "rebuild": False},
    )  # fmt: skip
    go_on(provider)
    assert statuses() == [InvoiceStatus.ISSUED]


def test_a_notice_that_comes_before_the_operations_answer_is_not_put_off_by_it(provider: Provider) -> None:
    invoice = waiting(provider, "nuevo_encola")
    operations.cancel(invoice)
    provider.fault("operation=hold")

    def work() -> None:
        try:
            queue_operations.send_requested("default")
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        performing = pool.submit(work)
        provider.wait_held()
        provider.sandbox._wait(lambda: WebhookEvent.objects.filter(kind="deleted").exists(), PATIENCE, "told nothing")
        asked_for = LoteItem.objects.get().look_up_at
        provider.sandbox.release()
        performing.result()
    item = LoteItem.objects.get()
    assert (item.told, item.look_up_at) == ("deleted", asked_for)


def a_flush(provider: Provider) -> None:
    queue_invoices([ToInvoice(documento(), "one-more")])
    flush()


def a_look_up(provider: Provider) -> None:
    operations.look_up_now(Invoice.objects.get())
    look_up("default")


def an_operation(provider: Provider) -> None:
    operations.cancel(Invoice.objects.get())
    queue_operations.send_requested("default")


@pytest.mark.parametrize(("fault", "work"), [("answer", a_flush), ("lookup", a_look_up), ("operation", an_operation)])
def test_a_notice_is_answered_in_the_five_seconds_that_the_provider_waits_while_a_call_takes_its_time(
    provider: Provider, fault: str, work: Callable[[Provider], None]
) -> None:
    waiting(provider, "nuevo_encola")
    item = LoteItem.objects.get()
    provider.fault(f"{fault}=hold")
    token = provider.sandbox.settings_for("nuevo_encola")["WEBHOOK_TOKEN"]
    notice = {
        "recurso": "facturacion", "evento": "cambio_fecha", "external_reference": item.reference, "intento": 1,
        "msg": [], "hook_id": "in-between",
    }  # fmt: skip

    def run() -> None:
        try:
            work(provider)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(run)
        try:
            provider.wait_held()
            url, headers = provider.webhook_url, {"TF-WebhookToken": token}
            # What waited for the call would wait until it is let go, and not for a busy machine.
            assert requests.post(url, json=notice, headers=headers, timeout=25).status_code == 200
            assert WebhookEvent.objects.get(payload__hook_id="in-between").status == "processed"
        finally:
            provider.sandbox.release()
        working.result()


def test_a_retry_that_waits_for_its_deletion_sends_what_was_mended_meanwhile(provider: Provider) -> None:
    provider.use("nuevo_encola")
    mended = order(comentario="mal")
    queue_invoices([mended])
    provider.fault("fail_rows=0")
    flush()
    provider.settle()
    invoice = Invoice.objects.get()
    operations.retry(invoice, rebuild=True)
    mended.documento["comprobante"]["comentario"] = "bien"
    mended.save()
    go_on(provider)
    assert statuses() == [InvoiceStatus.ISSUED]
    assert [call.body["comprobante"]["comentario"] for call in provider.sandbox.calls] == ["mal", "bien"]
