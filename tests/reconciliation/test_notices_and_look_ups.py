"""A notice is a hint, and the look-up the truth."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from django_tusfacturas_lotes.models import Attention, Invoice, InvoiceStatus, LoteItem, WebhookEvent
from django_tusfacturas_lotes.reconciliation import look_up
from django_tusfacturas_lotes.submission import flush
from tests.support.encola import ENCOLA, later, queue, statuses
from tests.support.provider import Provider

pytestmark = pytest.mark.django_db(transaction=True)


def test_told_issued_is_a_hint_and_the_look_up_the_truth(provider: Provider, heard: list[tuple[str, Any]]) -> None:
    provider.use("nuevo_encola")
    queue(1)
    flush()
    provider.settle()
    assert statuses() == [InvoiceStatus.SUBMITTED]
    assert set(WebhookEvent.objects.values_list("kind", flat=True)) == {"queued", "told_issued"}
    provider.fault("lookup=500")
    look_up("default")
    assert statuses() == [InvoiceStatus.SUBMITTED]
    with later(minutes=2):
        look_up("default")
    invoice = Invoice.objects.get()
    assert invoice.status == InvoiceStatus.ISSUED
    assert invoice.cae == invoice.cae.strip() != ""
    assert (invoice.numero, invoice.punto_venta) == (1, 3)
    assert heard == [("invoice_issued", invoice)]


def test_an_error_after_told_issued_ends_in_what_the_look_up_says(provider: Provider) -> None:
    provider.use("nuevo_encola")
    queue(1)
    flush()
    provider.settle()
    reference = LoteItem.objects.get().reference
    provider.sandbox.notify(reference, "error", msg=["Contradicho"])
    provider.settle()
    assert statuses() == [InvoiceStatus.SUBMITTED]
    look_up("default")
    assert statuses() == [InvoiceStatus.ISSUED]


def test_told_issued_after_an_error_ends_in_what_the_look_up_says(provider: Provider) -> None:
    provider.use("nuevo_encola")
    queue(1)
    provider.fault("fail_rows=0")
    flush()
    provider.settle()
    assert statuses() == [InvoiceStatus.FAILED]
    provider.sandbox.notify(LoteItem.objects.get().reference, "emitido")
    provider.settle()
    look_up("default")
    assert statuses() == [InvoiceStatus.FAILED]
    assert LoteItem.objects.get().look_up_at is None


def test_an_unknown_notice_is_kept_and_harms_nothing(provider: Provider) -> None:
    provider.use("lotes_encola")
    provider.sandbox.pause()
    queue(1)
    flush()
    provider.sandbox.notify(LoteItem.objects.get().reference, "inventado")
    provider.sandbox.send_test_notice()
    provider.sandbox.resume()
    provider.settle()
    assert WebhookEvent.objects.filter(kind="unknown", status="ignored").count() == 1
    assert WebhookEvent.objects.filter(kind="test", status="ignored").count() == 1
    look_up("default")
    assert statuses() == [InvoiceStatus.ISSUED]


def test_a_notice_with_the_same_hook_id_is_one_event(provider: Provider) -> None:
    provider.use("nuevo_encola")
    provider.fault("webhook=twice")
    queue(1)
    flush()
    provider.settle()
    assert WebhookEvent.objects.count() == 2
    assert set(WebhookEvent.objects.values_list("deliveries", flat=True)) == {2}


@pytest.mark.parametrize("modality", ENCOLA)
def test_a_notice_with_a_wrong_token_changes_nothing(provider: Provider, modality: str) -> None:
    provider.use(modality)
    provider.fault("webhook=wrong_token")
    queue(1)
    flush()
    provider.settle()
    assert not WebhookEvent.objects.exists()
    with later(hours=4):
        look_up("default")
    assert statuses() == [InvoiceStatus.ISSUED]


def test_a_trial_account_is_issued_without_a_cae_and_another_one_is_not(provider: Provider) -> None:
    provider.use("nuevo_encola")
    queue(2)
    flush()
    provider.settle()
    account = provider.sandbox.settings_for("nuevo_encola")
    LoteItem.objects.update(look_up_at=timezone.now())
    item = LoteItem.objects.order_by("pk")[0]
    job = provider.sandbox._backend.ledger.jobs(item.reference)[0]
    job.cae = ""
    look_up("default")
    assert statuses() == [InvoiceStatus.SUBMITTED, InvoiceStatus.ISSUED]
    assert Invoice.objects.order_by("pk")[0].attention == Attention.NO_CAE
    provider.configure(ACCOUNTS={"default": {**account, "TRIAL": True}})
    with later(hours=1):
        look_up("default")
    assert statuses() == [InvoiceStatus.ISSUED] * 2
