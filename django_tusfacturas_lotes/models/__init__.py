"""The models: every invoice, every call and its items, every notification and every operation on the queue."""

from .invoice import Attention, FailureStage, Invoice, InvoiceQuerySet, InvoiceStatus
from .lote import Lote, LoteStatus
from .lote_item import Due, Finding, LoteItem, LoteItemStatus, Told
from .operation import OperationKind, OperationPurpose, OperationStatus, QueueOperation
from .turn import Turn
from .webhook import WebhookEvent, WebhookEventStatus

__all__ = [
    "Attention",
    "Due",
    "FailureStage",
    "Finding",
    "Invoice",
    "InvoiceQuerySet",
    "InvoiceStatus",
    "Lote",
    "LoteItem",
    "LoteItemStatus",
    "LoteStatus",
    "OperationKind",
    "OperationPurpose",
    "OperationStatus",
    "QueueOperation",
    "Told",
    "Turn",
    "WebhookEvent",
    "WebhookEventStatus",
]
