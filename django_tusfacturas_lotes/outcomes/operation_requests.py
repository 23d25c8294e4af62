"""Ask for operations on the provider's queue: resend, delete or redate a try. Asking makes no call.

A person asks, for the try that an invoice waits for, or the app itself, for a try that must not be issued.
"""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError
from django.utils import timezone

from ..conf import conf
from ..exceptions import NotPossibleError
from ..models import (
    Finding,
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    LoteStatus,
    OperationKind,
    OperationPurpose,
    OperationStatus,
    QueueOperation,
    Told,
)
from ..transactions import atomic
from ..wire.modalities import modalities, showing_their_queue
from ..wire.orders.redate import due_day_of

logger = logging.getLogger(__name__)

# After so many calls in vain, over a day, a person must see to it.
MOST_TRIES = 24
_STATES = {
    OperationKind.RESEND: (LoteItemStatus.FAILED,),
    OperationKind.DELETE: (LoteItemStatus.SUBMITTED, LoteItemStatus.FAILED),
    OperationKind.REDATE: (LoteItemStatus.SUBMITTED,),
}


def try_in_queue(invoice: Invoice) -> LoteItem | None:
    """Return the try that an invoice waits for, if it is in a queue that can be operated on: waiting, or in error."""
    item = LoteItem.objects.select_related("lote", "invoice").awaited_by(invoice)
    if item is None or not modalities()[item.lote.modality].shows_its_queue:
        return None
    return item if item.status in (LoteItemStatus.SUBMITTED, LoteItemStatus.FAILED) else None


def request_operation(
    invoice: Invoice, kind: OperationKind, *, fecha: dt.date | None = None, vencimiento: dt.date | None = None,
    purpose: OperationPurpose | None = None, options: dict[str, Any] | None = None,
) -> QueueOperation:  # fmt: skip
    """Ask for an operation on the try that an invoice waits for; a task or a command sends it.

    Raises `NotPossibleError` where it is not in such a queue, not in a state for it, or another one is under way.
    """
    item = try_in_queue(invoice)
    if item is None:
        status = Invoice.objects.get(pk=invoice.pk).status
        raise NotPossibleError(
            f"invoice {invoice.public_id} is {status}, and not in a queue of TusFacturas' that can be operated on"
        )
    if reason := why_not_possible(item, kind):
        raise NotPossibleError(reason)
    try:
        conf.account(item.lote.account)
    except ImproperlyConfigured as exc:
        raise NotPossibleError(f"nothing can be asked of TusFacturas for account {item.lote.account}: {exc}") from exc
    if fecha is not None and vencimiento is None:
        due = due_day_of(item.comprobante or item.invoice.comprobante)
        vencimiento = None if due is None else max(due, fecha)
    return _ask_for(item, kind, fecha=fecha, vencimiento=vencimiento, purpose=purpose or "", options=options or {})


def why_not_possible(item: LoteItem, kind: str, purpose: str = "") -> str:
    """Return why an operation can't be sent for an item as it is now; "" if it can."""
    if purpose == OperationPurpose.UNNEEDED:
        return "" if is_unneeded(item) else f"the invoice of {item} waits for it"
    states = _STATES[OperationKind(kind)]
    if item.status not in states:
        return f"the try {item} is {item.status}, not {' or '.join(state.value for state in states)}"
    if kind != OperationKind.DELETE and item.invoice.status in (InvoiceStatus.ISSUED, InvoiceStatus.CANCELLED):
        return f"invoice {item.invoice.public_id} is {item.invoice.status}: {item} is not to be issued"
    return ""


def is_unneeded(item: LoteItem) -> bool:
    """Whether a try in the provider's queue is not to be issued: its invoice is settled, or waits for another one.

    The item must be locked.
    """
    if item.status == LoteItemStatus.ISSUED:
        return False
    invoice = Invoice.objects.get(pk=item.invoice_id)
    if invoice.status in (InvoiceStatus.ISSUED, InvoiceStatus.CANCELLED):
        return True
    awaited = LoteItem.objects.select_related("lote").awaited_by(invoice)
    if awaited is None or awaited == item:
        # A nota that failed because it does not fit any more waits for no try.
        return invoice.status == InvoiceStatus.FAILED and item.status == LoteItemStatus.WITHDRAWN
    # A try that look-ups do not find does not take the place of one that they find.
    missed = awaited.finding == Finding.ABSENT and awaited.lote.modality in showing_their_queue()
    return awaited.status in (LoteItemStatus.SUBMITTED, LoteItemStatus.FAILED) and not missed


def delete_unneeded(item: LoteItem) -> None:
    """Have a try deleted from the provider's queue because it is not to be issued, in the caller's transaction."""
    in_vain = QueueOperation.objects.filter(item=item, purpose=OperationPurpose.UNNEEDED, tries__gte=MOST_TRIES)
    if in_vain.filter(status=OperationStatus.REFUSED).exists():
        return  # a person has been shown that it failed
    unsent = QueueOperation.objects.filter(open_for=item.pk, status=OperationStatus.REQUESTED)
    reason = "its invoice is settled, or waits for another try"
    unsent.exclude(kind=OperationKind.DELETE).close(OperationStatus.REFUSED, error=reason)
    if QueueOperation.objects.filter(open_for=item.pk, kind=OperationKind.DELETE).exists():
        return
    try:
        _ask_for(item, OperationKind.DELETE, purpose=OperationPurpose.UNNEEDED)
    except NotPossibleError as exc:
        # It is asked for again once a look-up shows what became of the operation under way.
        logger.warning("%s is to be deleted from TusFacturas' queue: %s", item, exc)


def cancel_other_tries(item: LoteItem) -> None:
    """Have an invoice's other tries deleted from the provider's queue: it was issued by this one, or waits for it."""
    if item.invoice.tries < 2:
        return
    others = LoteItem.objects.filter(invoice_id=item.invoice_id).exclude(pk=item.pk)
    in_queue = others.filter(status__in=_STATES[OperationKind.DELETE], lote__modality__in=showing_their_queue())
    for other in (in_queue | others.found_in_queue()).select_related("lote", "invoice"):
        delete_unneeded(other)
    # What is being sent at this moment is looked up as soon as it is answered.
    sending = others.filter(status=LoteItemStatus.CLAIMED, lote__status=LoteStatus.SENDING)
    now = timezone.now()
    for other in sending.filter(lote__modality__in=showing_their_queue()):
        LoteItem.objects.filter(pk=other.pk).mark_told(Told.CHANGED, now)
        Lote.objects.filter(pk=other.lote_id).look_up_by(now)


def _ask_for(item: LoteItem, kind: OperationKind, **columns: Any) -> QueueOperation:
    try:
        with atomic():
            return QueueOperation.objects.create(
                item=item, account=item.lote.account, kind=kind, open_for=item.pk, **columns
            )
    except IntegrityError:
        raise NotPossibleError(f"another operation on invoice {item.invoice.public_id} is under way") from None
