"""What a person may decide, and what the state does not allow."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from django_tusfacturas_lotes import operations
from django_tusfacturas_lotes.models import (
    Attention,
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    LoteStatus,
)
from django_tusfacturas_lotes.operations import NotPossibleError
from django_tusfacturas_lotes.queueing import queue_invoice
from django_tusfacturas_lotes.reconciliation import look_up
from django_tusfacturas_lotes.signals import order_paid
from django_tusfacturas_lotes.submission import flush, send_next
from django_tusfacturas_lotes.wire.dates import argentine_day, format_day
from tests.support.builders import day, documento, order
from tests.support.encola import later, queue, statuses
from tests.support.provider import Provider
from tests.support.rows import make_event, make_item, make_lote
from tests.testshop.models import Order

pytestmark = pytest.mark.django_db(transaction=True)


def invoice_in(status: InvoiceStatus, **changes: Any) -> Invoice:
    invoice = queue_invoice(comprobante=documento(**changes), key=f"k{Invoice.objects.count()}")
    assert invoice is not None
    Invoice.objects.filter(pk=invoice.pk).update(status=status)
    invoice.refresh_from_db()
    return invoice


@pytest.mark.parametrize("status", [InvoiceStatus.FAILED, InvoiceStatus.CANCELLED])
def test_a_retry_puts_a_failed_or_cancelled_invoice_back(status: InvoiceStatus) -> None:
    assert operations.retry(invoice_in(status)).status == InvoiceStatus.PENDING


@pytest.mark.parametrize(
    "status", [one for one in InvoiceStatus if one not in (InvoiceStatus.FAILED, InvoiceStatus.CANCELLED)]
)
def test_nothing_else_can_be_retried(status: InvoiceStatus) -> None:
    invoice = invoice_in(status)
    with pytest.raises(NotPossibleError, match=invoice.public_id):
        operations.retry(invoice)
    assert Invoice.objects.get().status == status


@pytest.mark.parametrize("status", [InvoiceStatus.PENDING, InvoiceStatus.FAILED])
def test_what_was_not_sent_can_be_cancelled(status: InvoiceStatus) -> None:
    assert operations.cancel(invoice_in(status)).status == InvoiceStatus.CANCELLED


@pytest.mark.parametrize(
    "status", [one for one in InvoiceStatus if one not in (InvoiceStatus.PENDING, InvoiceStatus.FAILED)]
)
def test_what_may_have_reached_the_provider_can_not_be_cancelled(status: InvoiceStatus) -> None:
    with pytest.raises(NotPossibleError):
        operations.cancel(invoice_in(status))
    assert Invoice.objects.get().status == status


def test_a_new_try_has_a_new_reference_and_the_old_one_stays(provider: Provider) -> None:
    invoice = invoice_in(InvoiceStatus.PENDING)
    provider.fault("fail_rows=0")
    flush()
    provider.settle()
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.FAILED
    assert invoice.reasons
    operations.retry(invoice)
    flush()
    provider.settle()
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.ISSUED
    assert list(LoteItem.objects.order_by("pk").values_list("reference", "status")) == [
        (f"{invoice.public_id}-1", LoteItemStatus.FAILED),
        (f"{invoice.public_id}-2", LoteItemStatus.ISSUED),
    ]
    provider.assert_the_promise()


def test_a_retry_with_todays_date_leaves_the_day_open_and_drops_a_due_date_that_has_passed() -> None:
    invoice = invoice_in(InvoiceStatus.FAILED, fecha=day(-3), vencimiento=day(-1))
    comprobante = operations.retry(invoice, today=True).comprobante["comprobante"]
    assert "fecha" not in comprobante
    assert "vencimiento" not in comprobante
    invoice = invoice_in(InvoiceStatus.FAILED, fecha=day(-3), vencimiento=day(9))
    assert operations.retry(invoice, today=True).comprobante["comprobante"]["vencimiento"] == day(9)


def test_a_retry_with_todays_date_gets_an_old_invoice_issued(provider: Provider) -> None:
    invoice_in(InvoiceStatus.PENDING)
    flush()
    provider.settle()
    late = invoice_in(InvoiceStatus.PENDING, fecha=day(-2))
    flush()
    provider.settle()
    late.refresh_from_db()
    assert late.status == InvoiceStatus.FAILED
    assert "10016" in late.reasons[0]
    operations.retry(late, today=True)
    flush()
    provider.settle()
    late.refresh_from_db()
    assert (late.status, late.fecha) == (InvoiceStatus.ISSUED, argentine_day())


def test_what_the_builder_got_wrong_is_built_anew() -> None:
    paid = order("raise")
    order_paid.send(sender=Order, order=paid)
    invoice = Invoice.objects.get()
    again = operations.retry(invoice)
    assert (again.status, again.failure_stage) == (InvoiceStatus.FAILED, "build")
    Order.objects.update(mishap="", documento=documento(total=1))
    again = operations.retry(again)
    assert (again.status, again.failure_stage) == (InvoiceStatus.FAILED, "validation")
    Order.objects.update(documento=documento())
    again = operations.retry(again)
    assert (again.status, again.errors, str(again.total)) == (InvoiceStatus.PENDING, [], "139.00")


def test_what_was_refused_by_the_provider_is_sent_as_it_was_unless_it_is_to_be_rebuilt() -> None:
    paid = order()
    order_paid.send(sender=Order, order=paid)
    Invoice.objects.update(status=InvoiceStatus.FAILED, failure_stage="emission")
    Order.objects.update(documento=documento(cliente={"razon_social": "Otra"}))
    assert operations.retry(Invoice.objects.get()).razon_social == "Ana Pérez"
    Invoice.objects.update(status=InvoiceStatus.FAILED, failure_stage="emission")
    assert operations.retry(Invoice.objects.get(), rebuild=True).razon_social == "Otra"


def test_a_rebuild_that_finds_nothing_to_invoice_says_so() -> None:
    paid = order("raise")
    order_paid.send(sender=Order, order=paid)
    Order.objects.update(mishap="", documento=None)
    with pytest.raises(NotPossibleError, match="nothing to invoice"):
        operations.retry(Invoice.objects.get())


def test_an_invoice_in_a_waiting_lote_can_be_cancelled_and_the_rest_goes_on(provider: Provider) -> None:
    invoices = [invoice_in(InvoiceStatus.PENDING) for _ in range(3)]
    provider.fault("reject=400")
    flush()
    operations.cancel(invoices[1])
    operations.send_now(Lote.objects.get())
    assert flush().accepted == 2
    provider.settle()
    assert list(Invoice.objects.order_by("pk").values_list("status", flat=True)) == [
        InvoiceStatus.ISSUED, InvoiceStatus.CANCELLED, InvoiceStatus.ISSUED,
    ]  # fmt: skip
    sent = [item["comprobante"]["external_reference"] for item in provider.sandbox.calls[-1].body["requests"]]
    assert sent == [f"{invoices[0].public_id}-1", f"{invoices[2].public_id}-1"]


def test_a_lote_of_which_all_was_cancelled_is_closed_without_a_call(provider: Provider) -> None:
    invoice = invoice_in(InvoiceStatus.PENDING)
    provider.fault("reject=400")
    flush()
    operations.cancel(invoice)
    operations.send_now(Lote.objects.get())
    invoice_in(InvoiceStatus.PENDING)
    send_next("default")
    assert [lote.status for lote in Lote.objects.order_by("pk")] == [LoteStatus.CANCELLED, LoteStatus.ACCEPTED]
    assert len(provider.sandbox.calls) == 2


def test_confirm_received_leaves_the_invoices_to_their_webhooks(provider: Provider) -> None:
    invoice_in(InvoiceStatus.PENDING)
    provider.sandbox.pause()
    provider.fault("answer=none")
    flush()
    assert operations.confirm_received(Lote.objects.get()).status == LoteStatus.ACCEPTED
    assert Invoice.objects.get().status == InvoiceStatus.SUBMITTED
    provider.sandbox.resume()
    provider.settle()
    assert Invoice.objects.get().status == InvoiceStatus.ISSUED


def test_confirm_not_received_sends_anew_with_new_references(provider: Provider) -> None:
    invoice_in(InvoiceStatus.PENDING)
    provider.fault("reject=500")
    flush()
    assert operations.confirm_not_received(Lote.objects.get()) == 1
    assert Invoice.objects.get().status == InvoiceStatus.PENDING
    flush()
    provider.settle()
    assert Invoice.objects.get().status == InvoiceStatus.ISSUED
    assert [reference[-2:] for reference, times in provider.issued().items() if times] == ["-2"]


def test_a_person_who_was_wrong_is_told_of_the_duplicate(provider: Provider, heard: list[Any]) -> None:
    invoice_in(InvoiceStatus.PENDING)
    provider.sandbox.pause()
    provider.fault("answer=none")
    flush()
    operations.confirm_not_received(Lote.objects.get())
    flush()
    provider.sandbox.resume()
    provider.settle()
    assert Invoice.objects.get().attention == "duplicate"
    assert [name for name, _ in heard] == ["lote_uncertain", "invoice_issued", "duplicate_issued"]


@pytest.mark.parametrize("status", [one for one in LoteStatus if one != LoteStatus.UNCERTAIN])
def test_only_an_uncertain_lote_can_be_confirmed(status: LoteStatus) -> None:
    lote = Lote.objects.create(account="default", modality="lotes", status=status)
    with pytest.raises(NotPossibleError, match="not uncertain"):
        operations.confirm_received(lote)
    with pytest.raises(NotPossibleError, match="not uncertain"):
        operations.confirm_not_received(lote)
    assert Lote.objects.get().status == status


@pytest.mark.parametrize("status", [one for one in LoteStatus if one != LoteStatus.READY])
def test_only_a_waiting_lote_can_be_sent_now(status: LoteStatus) -> None:
    with pytest.raises(NotPossibleError, match="not ready"):
        operations.send_now(Lote.objects.create(account="default", modality="lotes", status=status))


def test_dates_are_the_providers() -> None:
    assert format_day(dt.date(2026, 1, 2)) == "02/01/2026"


def test_what_was_told_issued_without_a_cae_can_be_given_up_by_a_person(provider: Provider) -> None:
    queue(1)
    provider.sandbox.pause()
    flush()
    Invoice.objects.update(attention=Attention.NO_CAE)
    assert operations.confirm_not_issued(Invoice.objects.get()).status == InvoiceStatus.FAILED


def test_a_lote_that_was_heard_of_is_not_confirmed_as_not_received(provider: Provider) -> None:
    lote = make_lote(LoteStatus.UNCERTAIN)
    make_event(make_item(LoteItemStatus.UNCERTAIN, InvoiceStatus.UNCERTAIN, lote))
    with pytest.raises(NotPossibleError, match="so TusFacturas has it"):
        operations.confirm_not_received(lote)
    assert statuses() == [InvoiceStatus.UNCERTAIN]


def test_who_confirms_that_it_is_not_there_has_the_host_told(provider: Provider, heard: list[Any]) -> None:
    (invoice,) = queue(1)
    provider.sandbox.pause()
    flush()
    with later(hours=5):
        look_up("default")
        operations.confirm_not_issued(invoice)
    assert [name for name, _ in heard] == ["invoice_failed"]
