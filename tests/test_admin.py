"""The operators' desk: each list, each page, each action, each permission, over HTTP."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client as HttpClient
from django.utils import timezone

from django_tusfacturas_lotes.models import (
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteStatus,
    QueueOperation,
    Turn,
    WebhookEvent,
)
from django_tusfacturas_lotes.queueing import queue_invoice
from django_tusfacturas_lotes.signals import order_paid
from django_tusfacturas_lotes.submission import flush
from django_tusfacturas_lotes.wire.dates import argentine_day
from tests.builders import day, documento, order
from tests.provider import Provider
from tests.rows import make_operation
from tests.test_reception import failure, item_in, post, success
from tests.testshop.models import Order

pytestmark = pytest.mark.django_db(transaction=True)

APP = "/admin/django_tusfacturas_lotes"


def act(client: Any, model: str, action: str, objects: list[Any], **data: str) -> str:
    """Post an admin action on these objects and return the page that follows, with its messages."""
    response = client.post(
        f"{APP}/{model}/", {"action": action, "_selected_action": [str(one.pk) for one in objects], **data}, follow=True
    )
    assert response.status_code == 200
    return str(response.content.decode())


def invoice_in(status: InvoiceStatus, **changes: Any) -> Invoice:
    invoice = queue_invoice(comprobante=documento(**changes), key=f"k{Invoice.objects.count()}")
    assert invoice is not None
    Invoice.objects.filter(pk=invoice.pk).update(status=status)
    invoice.refresh_from_db()
    return invoice


def uncertain_lote(provider: Provider, fault: str = "reject=500") -> Lote:
    invoice_in(InvoiceStatus.PENDING)
    provider.fault(fault)
    flush()
    return Lote.objects.latest("pk")


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
    assert "What lies in TusFacturas" in act(admin_client, "invoice", "cancel_selected", invoices)
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


@pytest.mark.parametrize(
    ("model", "action", "permission"),
    [
        ("invoice", "retry_selected", "retry_invoice"),
        ("invoice", "retry_with_todays_date", "retry_invoice"),
        ("invoice", "retry_rebuilt", "retry_invoice"),
        ("invoice", "cancel_selected", "cancel_invoice"),
        ("lote", "send_now", "send_lote"),
        ("lote", "confirm_received", "confirm_lote"),
        ("lote", "confirm_not_received", "confirm_lote"),
        ("webhookevent", "process_again", "process_webhookevent"),
        ("invoice", "mark_seen", "retry_invoice"),
        ("invoice", "look_up", "retry_invoice"),
        ("invoice", "resend", "retry_invoice"),
        ("invoice", "redate", "retry_invoice"),
        ("invoice", "confirm_not_issued", "confirm_lote"),
        ("invoice", "credit_duplicate", "retry_invoice"),
        ("invoice", "credited_elsewhere", "retry_invoice"),
        ("invoice", "fetch_pdf", "retry_invoice"),
        ("lote", "look_up", "send_lote"),
        ("lote", "mark_seen", "confirm_lote"),
        ("queueoperation", "mark_seen", "retry_invoice"),
    ],
)
def test_each_action_needs_its_permission(model: str, action: str, permission: str) -> None:
    make_operation(item_in())
    post(success("nobody-1"))
    clerk = User.objects.create_user("clerk", password="x", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename=f"view_{model}"))
    client = HttpClient()
    client.force_login(clerk)
    assert f'value="{action}"' not in client.get(f"{APP}/{model}/").content.decode()
    clerk.user_permissions.add(Permission.objects.get(codename=permission))
    assert f'value="{action}"' in client.get(f"{APP}/{model}/").content.decode()


MODELS: dict[str, Any] = {
    "invoice": Invoice, "lote": Lote, "loteitem": LoteItem, "webhookevent": WebhookEvent,
    "queueoperation": QueueOperation,
}  # fmt: skip


@pytest.mark.parametrize("model", MODELS)
def test_nothing_is_added_changed_or_deleted_by_hand(admin_client: Any, model: str) -> None:
    item = item_in()
    make_operation(item)
    post(success(item))
    pk = MODELS[model].objects.get().pk
    assert admin_client.get(f"{APP}/{model}/add/").status_code == 403
    assert admin_client.post(f"{APP}/{model}/{pk}/delete/", {"post": "yes"}).status_code == 403
    page = admin_client.get(f"{APP}/{model}/{pk}/change/").content.decode()
    assert 'name="_save"' not in page
    assert admin_client.post(f"{APP}/{model}/{pk}/change/", {"status": "cancelled"}).status_code == 403
    assert "delete_selected" not in admin_client.get(f"{APP}/{model}/").content.decode()


@pytest.mark.parametrize(
    "term",
    ["erp-7", "7-1", "00003-00000007", "3-7", "71234567890123", "Pérez", "27111222", "PUBLIC_ID", "REFERENCE", "7"],
)
def test_an_invoice_is_found_by_whatever_a_person_has_at_hand(admin_client: Any, term: str) -> None:
    item = item_in()
    post(success(item))
    Invoice.objects.update(key="erp-7" if term != "7-1" else "7-1")
    queue_invoice(comprobante=documento(cliente={"razon_social": "Otra", "documento_nro": "11222333"}), key="other")
    term = {"PUBLIC_ID": item.invoice.public_id, "REFERENCE": item.reference}.get(term, term)
    page = admin_client.get(f"{APP}/invoice/", {"q": term}).content.decode()
    assert "1 result" in page or "1 invoice" in page
    assert "Ana Pérez" in page
    assert "Otra" not in page


def test_an_invoice_is_found_by_its_order(admin_client: Any) -> None:
    paid = order()
    order_paid.send(sender=Order, order=paid)
    page = admin_client.get(f"{APP}/invoice/", {"q": str(paid.pk)}).content.decode()
    assert f"order {paid.pk}" in page


def test_the_lists_answer_what_needs_me(admin_client: Any, provider: Provider) -> None:
    uncertain_lote(provider)
    failed = queue_invoice(comprobante=documento(total=1), key="wrong-total")
    assert failed is not None
    post({**failure("nobody-1"), **provider.credentials})
    page = admin_client.get(f"{APP}/invoice/", {"needs": "me"}).content.decode()
    assert "uncertain" in page
    assert "comprobante.total" in page
    assert "HTTP 500" in admin_client.get(f"{APP}/lote/", {"needs": "me"}).content.decode()
    assert "nobody-1" in admin_client.get(f"{APP}/webhookevent/", {"needs": "me"}).content.decode()


def test_what_waits_in_the_queue_says_why(admin_client: Any, provider: Provider) -> None:
    provider.configure(MAX_ITEMS=1)
    invoice_in(InvoiceStatus.PENDING)
    waiting = invoice_in(InvoiceStatus.PENDING)
    provider.fault("reject=401")
    flush()
    page = admin_client.get(f"{APP}/invoice/{waiting.pk}/change/").content.decode()
    assert "did not accept the credentials" in page


def unconfigured(provider: Provider) -> None:
    invoice_in(InvoiceStatus.PENDING)
    provider.configure(ACCOUNTS={"default": {**provider.sandbox.account, "APITOKEN": ""}})


def resting_after_a_lost_call(provider: Provider) -> None:
    invoice_in(InvoiceStatus.PENDING)
    provider.fault("reject=none")
    flush()
    invoice_in(InvoiceStatus.PENDING)


def asked_to_pause(provider: Provider) -> None:
    invoice_in(InvoiceStatus.PENDING)
    in_half_a_minute = timezone.now() + dt.timedelta(seconds=30)
    Turn.objects.create(account="default", free_from=in_half_a_minute)


def of_a_later_day(provider: Provider) -> None:
    invoice_in(InvoiceStatus.PENDING)
    Invoice.objects.update(send_on=argentine_day() + dt.timedelta(days=3))


@pytest.mark.parametrize(
    ("waits", "why"),
    [
        (unconfigured, "APITOKEN"),
        (resting_after_a_lost_call, "is uncertain: the connection broke"),
        (asked_to_pause, "TusFacturas asks for a pause (HTTP 429) (until "),
        (of_a_later_day, "to be issued on "),
    ],
)
def test_what_is_pending_says_why_it_is_not_sent(
    admin_client: Any, provider: Provider, waits: Callable[[Provider], None], why: str
) -> None:
    waits(provider)
    pending = Invoice.objects.get(status=InvoiceStatus.PENDING)
    assert why in admin_client.get(f"{APP}/invoice/{pending.pk}/change/").content.decode()
    assert why in admin_client.get(f"{APP}/invoice/?status__exact=pending").content.decode()


def test_invoice_lote_event_and_order_are_linked(admin_client: Any) -> None:
    item = item_in()
    post(success(item))
    event = WebhookEvent.objects.get()
    invoice_page = admin_client.get(f"{APP}/invoice/{item.invoice_id}/change/").content.decode()
    assert f"/lote/{item.lote_id}/change/" in invoice_page
    assert f"webhookevent/?item__id__exact={item.pk}" in invoice_page
    assert admin_client.get(f"{APP}/webhookevent/?item__id__exact={item.pk}").status_code == 200
    lote_page = admin_client.get(f"{APP}/lote/{item.lote_id}/change/").content.decode()
    assert f"loteitem/?lote__id__exact={item.lote_id}" in lote_page
    items = admin_client.get(f"{APP}/loteitem/?lote__id__exact={item.lote_id}").content.decode()
    assert f"/invoice/{item.invoice_id}/change/" in items
    event_page = admin_client.get(f"{APP}/webhookevent/{event.pk}/change/").content.decode()
    assert f"/invoice/{item.invoice_id}/change/" in event_page
    assert "71234567890123" in event_page


def test_texts_from_outside_stay_texts(admin_client: Any) -> None:
    script = "<script>alert(1)</script>"
    item = item_in()
    Invoice.objects.update(razon_social=script, pdf_url="javascript:alert(1)")
    post(failure(item, script))
    post(success("nobody-1", rta=script, facturacion_lote_id_referencia=script))
    Lote.objects.update(error=script, discrepancies=[script], response={"x": script}, status=LoteStatus.UNCERTAIN)
    for model, rows in (("invoice", Invoice), ("lote", Lote), ("loteitem", LoteItem), ("webhookevent", WebhookEvent)):
        pages = [f"{APP}/{model}/", *(f"{APP}/{model}/{row.pk}/change/" for row in rows.objects.all())]
        for page in pages:
            content = admin_client.get(page).content.decode()
            assert script not in content, page
            assert 'href="javascript:' not in content, page
    assert script not in act(admin_client, "lote", "confirm_not_received", [Lote.objects.get()])
    assert script not in act(admin_client, "webhookevent", "process_again", list(WebhookEvent.objects.all()))
