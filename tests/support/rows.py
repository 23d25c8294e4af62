"""Rows in the states that a test wants, without the way there."""

from __future__ import annotations

import itertools
from typing import Any

from django.utils import timezone

from django_tusfacturas_lotes.models import (
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    LoteStatus,
    QueueOperation,
    WebhookEvent,
    WebhookEventStatus,
)
from django_tusfacturas_lotes.queueing import queue_invoice
from tests.support.builders import documento

_numbers = itertools.count()


def make_invoice(status: InvoiceStatus = InvoiceStatus.PENDING, **columns: Any) -> Invoice:
    invoice = queue_invoice(comprobante=documento(), key=f"row-{next(_numbers)}")
    assert invoice is not None
    Invoice.objects.filter(pk=invoice.pk).update(status=status, **{"tries": 1, **columns})
    return Invoice.objects.get(pk=invoice.pk)


def make_lote(status: LoteStatus = LoteStatus.ACCEPTED, **columns: Any) -> Lote:
    account = columns.pop("account", "default")
    in_flight = account if status in (LoteStatus.READY, LoteStatus.SENDING) else None
    now = timezone.now()
    given = {"modality": "lotes", "tries": 1, "sent_at": now, "answered_at": now, "response": {"error": "N"}, **columns}
    return Lote.objects.create(account=account, status=status, in_flight_for=in_flight, **given)


def make_item(
    status: LoteItemStatus = LoteItemStatus.ISSUED,
    invoice_status: InvoiceStatus = InvoiceStatus.ISSUED,
    lote: Lote | None = None,
    **columns: Any,
) -> LoteItem:
    """An item of a lote (by default one of its own), with an invoice of its own."""
    invoice = make_invoice(invoice_status)
    lote = lote or make_lote()
    return LoteItem.objects.create(
        lote=lote,
        invoice=invoice,
        position=lote.items.count(),
        reference=f"{invoice.public_id}-1",
        status=status,
        **columns,
    )


def make_event(
    item: LoteItem | None, status: WebhookEventStatus = WebhookEventStatus.PROCESSED, **columns: Any
) -> WebhookEvent:
    number = next(_numbers)
    given = {
        "payload": {"cliente": {"razon_social": "Ana Pérez"}},
        "digest": f"digest-{number}",
        "reference": item.reference if item else f"unknown-{number}",
        **columns,
    }
    return WebhookEvent.objects.create(account="default", item=item, kind="issued", status=status, **given)


def make_operation(item: LoteItem, **columns: Any) -> QueueOperation:
    return QueueOperation.objects.create(
        item=item, account="default", kind="delete", **{"response": {"error": "N"}, **columns}
    )
