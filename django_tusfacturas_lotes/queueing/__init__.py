"""A paid order becomes an invoice that waits to be sent, a refund a nota de crédito."""

from .crediting import on_order_refunded, queue_credit_note
from .paid_orders import QueueReport, ToInvoice, on_order_paid, queue_invoice, queue_invoices

__all__ = [
    "QueueReport",
    "ToInvoice",
    "on_order_paid",
    "on_order_refunded",
    "queue_credit_note",
    "queue_invoice",
    "queue_invoices",
]
