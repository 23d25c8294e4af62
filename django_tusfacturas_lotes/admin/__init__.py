"""The admin, for operators: the state of everything, what needs a person, and what that person may do."""

from .event import WebhookEventAdmin
from .invoice import InvoiceAdmin
from .lote import LoteAdmin, LoteItemAdmin
from .operation import QueueOperationAdmin

__all__ = ["InvoiceAdmin", "LoteAdmin", "LoteItemAdmin", "QueueOperationAdmin", "WebhookEventAdmin"]
