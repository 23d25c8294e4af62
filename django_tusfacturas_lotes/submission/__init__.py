"""Invoices become a lote, a lote a call, and its answer is recorded."""

from .leases import expire_leases
from .sending import FlushReport, Idle, Sent, Step, Waiting, accounts_with_work, flush, send_next

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
