"""Signals: one that the host sends to us, and those that we send to the host.

`order_paid`
    In. `order_paid.send(sender=Order, order=order)`, optionally with `account=`, `send_on=` (a date from which to
    issue) and `kind=` (default "factura"). Queues the order's invoice, in the caller's transaction. Sent twice for one
    order, it queues one invoice. It does not raise where the builder fails or the comprobante is not valid: the invoice
    is `failed` then, with the reasons.

`order_refunded`
    In. `order_refunded.send(sender=Order, order=order, refund=refund)`, where `refund` is your shop's record of it (a
    saved model instance; without one, it is the order's only refund), optionally with `lines=` for a part of the
    invoice (`{row: cantidad}`). Queues the nota de crédito. It does not raise where the invoice can't be credited: the
    nota is `failed` then, with the reason.

`invoice_issued`, `invoice_failed`
    Out, after commit, by `send_robust`, once for each real transition. Sender: `Invoice`; argument: `invoice`.

`lote_uncertain`
    Out. The answer to a call was lost, so TusFacturas may have the lote: a notification, a look-up or a person must
    tell. Sender: `Lote`; argument: `lote`.

`duplicate_issued`
    Out. One invoice was issued twice, and one of the two needs a nota de crédito. Sender: `Invoice`; arguments:
    `invoice`, and `item`, the `LoteItem` of the second one.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.dispatch import Signal

from .transactions import on_commit

order_paid = Signal()
order_refunded = Signal()

invoice_issued = Signal()
invoice_failed = Signal()
lote_uncertain = Signal()
duplicate_issued = Signal()


def send_after_commit(signal: Signal, sender: type[models.Model], **named: Any) -> None:
    """Send a signal to the host after the commit; Django logs a receiver's error."""
    on_commit(lambda: signal.send_robust(sender=sender, **named))
