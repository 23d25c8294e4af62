"""A person says that what asks for attention has been seen to; it goes on saying so, and needs nobody any more."""

from __future__ import annotations

from django.utils import timezone

from ..exceptions import NotPossibleError
from ..models import (
    Attention,
    Invoice,
    Lote,
    LoteItem,
    QueueOperation,
    WebhookEvent,
    WebhookEventStatus,
)
from ..transactions import atomic


def mark_seen(lote: Lote) -> Lote:
    """Say of a lote's discrepancies, as `lote` was read with them, that a person has seen them.

    Raises `NotPossibleError` where there are none, or others by now.
    """
    with atomic():
        now = Lote.objects.lock().get(pk=lote.pk)
        if not now.discrepancies:
            raise NotPossibleError(f"{lote} has no discrepancies")
        if now.discrepancies != lote.discrepancies:
            raise NotPossibleError(f"{lote} has others by now: look again")
        Lote.objects.filter(pk=lote.pk).update(seen_at=timezone.now())
        return Lote.objects.get(pk=lote.pk)


def mark_invoice_seen(invoice: Invoice, *, credited_elsewhere: bool = False) -> Invoice:
    """Say of what asks for attention on an invoice, as it was read, that a person has seen to it.

    Raises `NotPossibleError`, also where something else asks for attention by now.

    It goes on saying so; it only needs nobody any more. One that was issued twice needs a nota de crédito:
    `credit_duplicate`, or `credited_elsewhere` where it was made in TusFacturas.
    """
    if invoice.attention == Attention.DUPLICATE and not credited_elsewhere:
        raise NotPossibleError(f"invoice {invoice.public_id} was issued twice: queue the nota de crédito")
    if not invoice.attention:
        raise NotPossibleError(f"invoice {invoice.public_id} does not ask for attention")
    if not Invoice.objects.filter(pk=invoice.pk, attention=invoice.attention).update(seen_at=timezone.now()):
        raise NotPossibleError(f"invoice {invoice.public_id} asks for attention to something else by now: look again")
    return Invoice.objects.get(pk=invoice.pk)


def mark_event_seen(event: WebhookEvent) -> WebhookEvent:
    """Say of a notification that is about nothing of ours, or that can't be acted on, that a person has seen it.

    It is `ignored` then. Raises `NotPossibleError` for any other, and for one about a try of ours that is unmatched:
    that one is to be processed again.
    """
    row = WebhookEvent.objects.get(pk=event.pk)
    if row.status not in (WebhookEventStatus.UNMATCHED, WebhookEventStatus.ERROR):
        raise NotPossibleError(f"notification {row.pk} is {row.status}: nobody is asked to see it")
    if row.status == WebhookEventStatus.UNMATCHED and LoteItem.objects.filter(reference=row.reference).exists():
        raise NotPossibleError(f"notification {row.pk} is about {row.reference}, which is ours: process it again")
    seen = f"a person has seen it: {row.error}"
    WebhookEvent.objects.filter(pk=row.pk, status=row.status).close(WebhookEventStatus.IGNORED, error=seen)
    return WebhookEvent.objects.get(pk=row.pk)


def mark_operation_seen(operation: QueueOperation) -> QueueOperation:
    """Say of an operation that was refused that a person has seen it."""
    QueueOperation.objects.filter(pk=operation.pk).update(seen_at=timezone.now())
    return QueueOperation.objects.get(pk=operation.pk)
