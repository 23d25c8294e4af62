"""What a person may decide about an invoice, a lote, or what asks for attention.

The admin and the commands call these; so may the host. Each raises `NotPossibleError`, with the reason, where the row
is not in a state for it.

- `retry`, `cancel`, `redate`, `resend`, `delete`, `look_up_now`, `confirm_not_issued`, `credit_duplicate`: an invoice.
- `send_now`, `look_up_lote`, `confirm_received`, `confirm_not_received`: a lote.
- `mark_invoice_seen`, `mark_seen` (a lote), `mark_event_seen`, `mark_operation_seen`: a person has seen to it.

Beside them, for whoever shows or cleans up: `evidence` (what is known of a lote), `waiting` (why an account waits) and
`pruning` (old payloads are deleted).
"""

from ..exceptions import NotPossibleError
from .invoices import (
    cancel,
    confirm_not_issued,
    credit_duplicate,
    delete,
    look_up_now,
    redate,
    resend,
    retry,
)
from .lotes import confirm_not_received, confirm_received, look_up_lote, send_now
from .seen import mark_event_seen, mark_invoice_seen, mark_operation_seen, mark_seen

__all__ = [
    "NotPossibleError",
    "cancel",
    "confirm_not_issued",
    "confirm_not_received",
    "confirm_received",
    "credit_duplicate",
    "delete",
    "look_up_lote",
    "look_up_now",
    "mark_event_seen",
    "mark_invoice_seen",
    "mark_operation_seen",
    "mark_seen",
    "redate",
    "resend",
    "retry",
    "send_now",
]
