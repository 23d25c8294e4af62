"""Send pending invoices: they become a lote, the lote a call, and its answer is recorded.

- `flush` sends all that is pending; `send_next` the next lote of one account, and `accounts_with_work` says of which.
  Their results are `Sent`, `Waiting` and `Idle`, for a flush in a `FlushReport`.
- `expire_leases` finds what a killed worker was sending.
- `queue_operations` sends what was asked for of the provider's own queue.
"""

from .leases import expire_leases
from .recording import Sent
from .report import FlushReport, Idle, Step, Waiting
from .sending import accounts_with_work, flush, send_next

__all__ = [
    "FlushReport",
    "Idle",
    "Sent",
    "Step",
    "Waiting",
    "accounts_with_work",
    "expire_leases",
    "flush",
    "send_next",
]
