"""The operators' desk for look-ups, the provider's queue, duplicates and PDFs: each action, over HTTP."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client as HttpClient

from django_tusfacturas_lotes.models import Attention, Invoice, InvoiceStatus, LoteStatus, QueueOperation
from django_tusfacturas_lotes.reconciliation import look_up
from django_tusfacturas_lotes.submission import flush, queue_operations
from django_tusfacturas_lotes.wire.dates import argentine_day
from tests.support.admin import APP, act, uncertain_lote
from tests.support.encola import in_error, later, queue, statuses, waiting
from tests.support.issued import issued_twice
from tests.support.provider import Provider

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_in_error_is_sent_again(admin_client: Any, provider: Provider) -> None:
    invoice = in_error(provider, "nuevo_encola")
    assert "1 was asked for" in act(admin_client, "invoice", "resend", [invoice])
    assert "another operation" in act(admin_client, "invoice", "resend", [invoice])
    queue_operations.send_requested("default")
    page = str(admin_client.get(f"{APP}/queueoperation/{QueueOperation.objects.get().pk}/change/").content.decode())
    assert "accepted" in page


def test_another_day_is_asked_for_first(admin_client: Any, provider: Provider) -> None:
    invoice = waiting(provider, "nuevo_encola")
    page = act(admin_client, "invoice", "redate", [invoice])
    assert 'name="fecha"' in page
    assert not QueueOperation.objects.exists()
    page = act(admin_client, "invoice", "redate", [invoice], confirmed="yes", fecha="no day")
    assert "Enter a valid date" in page
    day = argentine_day() + dt.timedelta(days=2)
    page = act(admin_client, "invoice", "redate", [invoice], confirmed="yes", fecha=day.isoformat())
    assert "1 was asked for" in page
    assert QueueOperation.objects.get().fecha == day


def test_a_retry_of_one_in_error_there_deletes_it_there_first(admin_client: Any, provider: Provider) -> None:
    invoice = in_error(provider, "nuevo_encola")
    act(admin_client, "invoice", "retry_selected", [invoice])
    operation = QueueOperation.objects.get()
    assert (operation.kind, operation.purpose) == ("delete", "retry")
    page = str(admin_client.get(f"{APP}/invoice/{invoice.pk}/change/").content.decode())
    assert "under way" in page


def test_an_overdue_one_is_confirmed_not_to_be_there_after_asking(admin_client: Any, provider: Provider) -> None:
    (invoice,) = queue(1)
    provider.sandbox.pause()
    flush()
    with later(hours=4):
        look_up("default")
    page = act(admin_client, "invoice", "confirm_not_issued", [invoice])
    assert "a retry issues it twice" in page
    assert statuses() == [InvoiceStatus.SUBMITTED]
    assert "1 invoice failed." in act(admin_client, "invoice", "confirm_not_issued", [invoice], confirmed="yes")
    assert statuses() == [InvoiceStatus.FAILED]


def test_a_duplicate_is_credited_with_one_click(admin_client: Any, provider: Provider) -> None:
    invoice = issued_twice(provider)
    assert "issued twice" in str(admin_client.get(f"{APP}/invoice/?needs=me").content.decode())
    assert "1 duplicate was credited." in act(admin_client, "invoice", "credit_duplicate", [invoice])
    nota = Invoice.objects.latest("pk")
    assert nota.tipo == "NOTA DE CREDITO B"
    assert invoice not in Invoice.objects.needing_a_person()


def test_a_look_up_is_asked_for_of_an_invoice_and_of_a_lote(admin_client: Any, provider: Provider) -> None:
    lote = uncertain_lote(provider)
    assert "1 lote is looked up." in act(admin_client, "lote", "look_up", [lote])
    assert look_up("default").asked == 1
    assert "1 was asked for" in act(admin_client, "invoice", "look_up", [Invoice.objects.get()])
    assert look_up("default").asked == 1
    page = str(admin_client.get(f"{APP}/lote/{lote.pk}/change/").content.decode())
    assert "Heard of by notification: 0 of 1." in page
    assert "not found" in page
    assert lote.status == LoteStatus.UNCERTAIN


def test_what_is_issued_without_a_pdf_is_listed_and_fetched(
    admin_client: Any, provider: Provider, tmp_path: Any, settings: Any
) -> None:
    from django_tusfacturas_lotes import pdfs

    settings.MEDIA_ROOT = tmp_path
    (invoice,) = queue(1)
    flush()
    provider.settle()
    assert f"/invoice/{invoice.pk}/change/" in str(admin_client.get(f"{APP}/invoice/?pdf=none").content.decode())
    assert "1 was asked for" in act(admin_client, "invoice", "fetch_pdf", [invoice])
    assert pdfs.keep_due() == 1
    invoice.refresh_from_db()
    with invoice.pdf.open("rb") as pdf:
        assert pdf.read(5) == b"%PDF-"
    assert f"/invoice/{invoice.pk}/change/" not in str(admin_client.get(f"{APP}/invoice/?pdf=none").content.decode())
    assert invoice.pdf.name in str(admin_client.get(f"{APP}/invoice/{invoice.pk}/change/").content.decode())


@pytest.mark.parametrize(
    ("model", "action", "permission"),
    [
        ("invoice", "resend", "retry_invoice"),
        ("invoice", "redate", "retry_invoice"),
        ("invoice", "look_up", "retry_invoice"),
        ("invoice", "credit_duplicate", "retry_invoice"),
        ("invoice", "confirm_not_issued", "confirm_lote"),
        ("invoice", "fetch_pdf", "retry_invoice"),
        ("invoice", "credited_elsewhere", "retry_invoice"),
        ("lote", "look_up", "send_lote"),
        ("queueoperation", "mark_seen", "retry_invoice"),
    ],
)
def test_each_action_needs_its_permission(model: str, action: str, permission: str) -> None:
    user = User.objects.create_user("ana", password="x", is_staff=True)
    view = Permission.objects.get(codename=f"view_{model}")
    client = HttpClient()
    client.force_login(user)
    user.user_permissions.add(view)
    assert f'value="{action}"' not in str(client.get(f"{APP}/{model}/").content.decode())
    user.user_permissions.add(view, Permission.objects.get(codename=permission))
    offered = client.get(f"{APP}/{model}/")
    assert offered.status_code == 200
    actions = offered.context["cl"].model_admin.get_actions(offered.wsgi_request)
    assert action in actions


def test_a_refused_operation_needs_a_person_until_it_is_seen(admin_client: Any, provider: Provider) -> None:
    invoice = in_error(provider, "nuevo_encola")
    provider.fault("operation=reject:S")
    act(admin_client, "invoice", "resend", [invoice])
    queue_operations.send_requested("default")
    operation = QueueOperation.objects.get()
    listed = str(admin_client.get(f"{APP}/queueoperation/?needs=me").content.decode())
    assert f"/queueoperation/{operation.pk}/change/" in listed
    assert "1 operation was seen to." in act(admin_client, "queueoperation", "mark_seen", [operation])
    assert f"/queueoperation/{operation.pk}/change/" not in str(
        admin_client.get(f"{APP}/queueoperation/?needs=me").content.decode()
    )


def test_a_cancellation_that_waits_for_the_provider_is_not_called_done(admin_client: Any, provider: Provider) -> None:
    invoice = in_error(provider, "nuevo_encola")
    assert "1 was asked for" in act(admin_client, "invoice", "cancel_selected", [invoice], confirmed="yes")
    assert statuses() == [InvoiceStatus.FAILED]


def test_what_was_issued_twice_asks_until_it_is_credited_here_or_elsewhere(
    admin_client: Any, provider: Provider
) -> None:
    provider.use("nuevo_encola")
    (invoice,) = queue(1)
    Invoice.objects.update(status=InvoiceStatus.ISSUED, attention=Attention.DUPLICATE)
    assert "queue the nota de crédito" in act(admin_client, "invoice", "mark_seen", [invoice])
    assert "A second legal invoice counts" in act(admin_client, "invoice", "credited_elsewhere", [invoice])
    assert Invoice.objects.needing_a_person().exists()
    act(admin_client, "invoice", "credited_elsewhere", [invoice], confirmed="yes")
    assert not Invoice.objects.needing_a_person().exists()
