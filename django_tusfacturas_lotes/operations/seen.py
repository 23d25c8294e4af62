"""Mark what asks for attention as seen to: it is still shown, but no longer needs a person."""

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
    """Mark a lote's discrepancies as seen by a person.

    Raises `NotPossibleError` if there are none, or others than when `lote` was read.
    """
    with atomic():
        now = Lote.objects.lock().get(pk=lote.pk)
        if not now.discrepancies:
            raise NotPossibleError(f"{lote} has no discrepancies")
        if now.discrepancies != lote.discrepancies:
            raise NotPossibleError(f"{lote} has other discrepancies by now: look again")
        Lote.objects.filter(pk=lote.pk).update(seen_at=timezone.now())
        return Lote.objects.get(pk=lote.pk)


def mark_invoice_seen(invoice: Invoice, *, credited_elsewhere: bool = False) -> Invoice:
    """Mark what asks for attention on an invoice as seen to by a person.

    One that was issued twice needs a nota de crédito: `credit_duplicate`, or `credited_elsewhere` if it was made in
    TusFacturas. Raises `NotPossibleError`, also if something else asks for attention than when `invoice` was read.
    """
    if invoice.attention == Attention.DUPLICATE and not credited_elsewhere:
        raise NotPossibleError(f"invoice {invoice.public_id} was issued twice: queue the nota de crédito")
    if not invoice.attention:
        raise NotPossibleError(f"invoice {invoice.public_id} does not ask for attention")
    if not Invoice.objects.filter(pk=invoice.pk, attention=invoice.attention).update(seen_at=timezone.now()):
        raise NotPossibleError(f"invoice {invoice.public_id} asks for attention to something else by now: look again")
    return Invoice.objects.get(pk=invoice.pk)


def mark_event_seen(event: WebhookEvent) -> WebhookEvent:
    """Mark a notification that is about nothing of ours, or can't be acted on, as seen by a person.

    It is `ignored` then. Raises `NotPossibleError` for any other, and for an unmatched one about a try of ours, which
    is to be processed again.
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
    """Mark a refused operation as seen by a person."""
    QueueOperation.objects.filter(pk=operation.pk).update(seen_at=timezone.now())
    return QueueOperation.objects.get(pk=operation.pk)
