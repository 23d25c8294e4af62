"""Signals: one that the host sends to us, and those that we send to the host.

`order_paid`
    In. `order_paid.send(sender=Order, order=order)`, optionally with `account=`, `send_on=` (a date from which to
    issue) and `kind=` (default "factura"). Queues what the order is owed, in the caller's transaction. Sent twice for
    one order, it makes one invoice. It does not raise for what a builder or a comprobante got wrong: that is an
    invoice in `failed`, with the reasons.

`order_refunded`
    In. `order_refunded.send(sender=Order, order=order, refund=refund)`, where `refund` is what your shop keeps of it (a
    saved model instance; without one, the order's only refund), optionally with `lines=` for a part of the invoice
    (`{row: cantidad}`). Queues the nota de crédito. It does not raise for an invoice that can't be credited: that is a
    nota in `failed`, with the reason.

`invoice_issued`, `invoice_failed`
    Out, after commit, by `send_robust`, once for each real transition. Sender: `Invoice`; argument: `invoice`.

`lote_uncertain`
    Out. A call was lost and may have been taken: a person, a webhook or a look-up must tell. Sender: `Lote`;
    argument: `lote`.

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
    """Send a signal to the host once what it tells of is committed; a receiver's error is logged by Django."""
    on_commit(lambda: signal.send_robust(sender=sender, **named))
