"""Queue the invoice of a paid order, or the nota de crédito of a refund, in the host's own transaction.

- `queue_invoice` and `queue_invoices` queue what was paid; `ToInvoice` is for callers without a model.
- `queue_credit_note` queues the nota de crédito of an issued invoice.
- `on_order_paid` and `on_order_refunded` are the receivers of the signals.
"""

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
