"""What is known of every invoice, every call and every notification."""

from .invoice import Attention, FailureStage, Invoice, InvoiceStatus
from .lote import Lote, LoteItem, LoteItemStatus, LoteStatus
from .webhook import WebhookEvent, WebhookEventStatus

__all__ = [
    "Attention",
    "FailureStage",
    "Invoice",
    "InvoiceStatus",
    "Lote",
    "LoteItem",
    "LoteItemStatus",
    "LoteStatus",
    "WebhookEvent",
    "WebhookEventStatus",
]
