"""The operators' desk: each list and each page, and what they say, over HTTP."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client as HttpClient
from django.utils import timezone

from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote, LoteItem, LoteStatus, Turn, WebhookEvent
from django_tusfacturas_lotes.queueing import queue_invoice
from django_tusfacturas_lotes.signals import order_paid
from django_tusfacturas_lotes.submission import flush
from django_tusfacturas_lotes.wire.dates import argentine_day
from tests.support.admin import APP, MODELS, act, invoice_in, uncertain_lote
from tests.support.builders import documento, order
from tests.support.provider import Provider
from tests.support.rows import make_operation
from tests.support.webhook import failure, item_in, post, success
from tests.testshop.models import Order

pytestmark = pytest.mark.django_db(transaction=True)


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
