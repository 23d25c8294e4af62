"""The operators' desk: each action and each permission, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote, LoteItem, LoteStatus, WebhookEvent
from django_tusfacturas_lotes.signals import order_paid
from django_tusfacturas_lotes.submission import flush
from tests.support.admin import act, invoice_in, uncertain_lote
from tests.support.builders import day, documento, order
from tests.support.provider import Provider
from tests.support.webhook import item_in, post, success
from tests.testshop.models import Order

pytestmark = pytest.mark.django_db(transaction=True)


def test_retry_selected_counts_what_changed_and_what_was_skipped_and_why(admin_client: Any) -> None:
    invoices = [invoice_in(InvoiceStatus.FAILED), invoice_in(InvoiceStatus.FAILED), invoice_in(InvoiceStatus.ISSUED)]
    page = act(admin_client, "invoice", "retry_selected", invoices)
    assert "2 invoices were tried again." in page
    assert f"1 was skipped: invoice {invoices[2].public_id} is issued, not failed." in page
    assert list(Invoice.objects.order_by("pk").values_list("status", flat=True)) == ["pending", "pending", "issued"]


def test_retry_with_todays_date(admin_client: Any) -> None:
    invoice = invoice_in(InvoiceStatus.FAILED, fecha=day(-2))
    assert "1 invoice was tried again." in act(admin_client, "invoice", "retry_with_todays_date", [invoice])
    assert "fecha" not in Invoice.objects.get().comprobante["comprobante"]


def test_retry_rebuilt(admin_client: Any) -> None:
    paid = order(cliente={"razon_social": "Antes"})
    order_paid.send(sender=Order, order=paid)
    Invoice.objects.update(status=InvoiceStatus.FAILED, failure_stage="emission")
    Order.objects.update(documento=documento(cliente={"razon_social": "Después"}))
    act(admin_client, "invoice", "retry_rebuilt", [Invoice.objects.get()])
    assert Invoice.objects.get().razon_social == "Después"


def test_a_retry_that_fails_again_at_once_says_so(admin_client: Any, settings: Any) -> None:
    made = order(mishap="raise")
    order_paid.send(sender=Order, order=made)
    page = act(admin_client, "invoice", "retry_selected", [Invoice.objects.get()])
    assert "failed again" in page
    assert "1 was skipped" in page
    assert "tried again." not in page


def test_cancel_selected(admin_client: Any) -> None:
    invoices = [invoice_in(InvoiceStatus.PENDING), invoice_in(InvoiceStatus.SUBMITTED)]
    assert "Those in TusFacturas" in act(admin_client, "invoice", "cancel_selected", invoices)
    assert Invoice.objects.get(pk=invoices[0].pk).status == InvoiceStatus.PENDING, "it asks first"
    page = act(admin_client, "invoice", "cancel_selected", invoices, confirmed="yes")
    assert "1 invoice was cancelled." in page
    assert "1 was skipped" in page
    assert Invoice.objects.get(pk=invoices[0].pk).status == InvoiceStatus.CANCELLED


def test_send_now_ends_the_pause_and_wakes_the_cluster(admin_client: Any, provider: Provider) -> None:
    lote = uncertain_lote(provider, "reject=401")
    assert lote.next_try_at is not None
    page = act(admin_client, "lote", "send_now", [lote])
    assert "1 lote goes as soon as the cluster, or flush_lotes, takes it." in page
    assert Lote.objects.get().next_try_at is None
    assert flush().accepted == 1
    assert "1 was skipped" in act(admin_client, "lote", "send_now", [lote])


def test_confirm_received(admin_client: Any, provider: Provider) -> None:
    lote = uncertain_lote(provider)
    page = act(admin_client, "lote", "confirm_received", [lote])
    assert "1 item of account default" in page
    assert Lote.objects.get().status == LoteStatus.UNCERTAIN
    assert "1 lote was settled." in act(admin_client, "lote", "confirm_received", [lote], confirmed="yes")
    assert Lote.objects.get().status == LoteStatus.ACCEPTED


def test_confirm_not_received_asks_first_and_shows_what_is_known(admin_client: Any, provider: Provider) -> None:
    lote = uncertain_lote(provider)
    page = act(admin_client, "lote", "confirm_not_received", [lote])
    assert "issued twice" in page
    assert "1 item of account default" in page
    assert "HTTP 500" in page
    assert Lote.objects.get().status == LoteStatus.UNCERTAIN
    page = act(admin_client, "lote", "confirm_not_received", [lote], confirmed="yes")
    assert "1 lote was settled." in page
    assert Lote.objects.get().status == LoteStatus.CANCELLED
    assert Invoice.objects.get().status == InvoiceStatus.PENDING


def test_process_again(admin_client: Any) -> None:
    item = item_in()
    LoteItem.objects.update(reference="later-1")
    post(success(item))
    event = WebhookEvent.objects.get()
    page = act(admin_client, "webhookevent", "process_again", [event])
    assert f"event {event.pk} is still unmatched" in page
    LoteItem.objects.update(reference=item.reference)
    assert "1 event was processed." in act(admin_client, "webhookevent", "process_again", [event])
    assert Invoice.objects.get().status == InvoiceStatus.ISSUED
    assert "is processed already" in act(admin_client, "webhookevent", "process_again", [event])
