"""Settle an operation by what is known of its item: it is done, is sent again, or is refused.

Each function runs in the transaction of a notification or a look-up, with the item locked.
"""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from ..conf import conf
from ..conf.pauses import pause_after
from ..exceptions import NotPossibleError
from ..models import (
    Invoice,
    InvoiceStatus,
    LoteItem,
    LoteItemStatus,
    OperationKind,
    OperationPurpose,
    OperationStatus,
    QueueOperation,
    Told,
)
from ..queueing import retrying
from ..signals import invoice_failed, send_after_commit
from ..transactions import atomic
from . import operation_requests
from .calls import give_up_try


def _waiting_for_proof(item: LoteItem) -> QueueOperation | None:
    """Return the operation on an item of which a look-up must show whether it was done."""
    proof_due = (OperationStatus.ACCEPTED, OperationStatus.UNCERTAIN)
    return QueueOperation.objects.filter(open_for=item.pk, status__in=proof_due).first()


def settle_issued(item: LoteItem) -> None:
    """Settle the operations on an issued item: they did their work, or came too late."""
    operations = QueueOperation.objects.filter(open_for=item.pk)
    asked = operations.filter(kind__in=[OperationKind.RESEND, OperationKind.REDATE])
    asked.filter(status=OperationStatus.ACCEPTED).close(OperationStatus.DONE)
    operations.filter(kind=OperationKind.RESEND).close(OperationStatus.DONE)
    operations.close(OperationStatus.REFUSED, error="it was issued before that")


def settle_in_error(item: LoteItem) -> bool:
    """Settle the operation on an item found in error. Returns whether nothing more is to be done about the error."""
    operation = _waiting_for_proof(item)
    if operation is None:
        return False
    row = QueueOperation.objects.filter(pk=operation.pk)
    if operation.kind == OperationKind.RESEND and operation.status == OperationStatus.ACCEPTED:
        row.close(OperationStatus.DONE, error="it was sent again, and is in error again")
    elif operation.kind in (OperationKind.DELETE, OperationKind.RESEND):
        _ask_again(operation, "it is in TusFacturas' queue still, in error")
        return item.status == LoteItemStatus.FAILED
    else:
        row.close(OperationStatus.REFUSED, error="TusFacturas lists it in error")
    return False


def settle_queued(item: LoteItem, issue_on: dt.date | None) -> None:
    """Settle the operation on an item found waiting in the queue, to be issued on `issue_on`, if that is shown."""
    operation = _waiting_for_proof(item)
    if operation is None:
        return
    # If the queue does not show the day, the provider's word that it changes it is taken for proof.
    on_that_day = issue_on == operation.fecha or (issue_on is None and operation.status == OperationStatus.ACCEPTED)
    if operation.kind == OperationKind.RESEND or (operation.kind == OperationKind.REDATE and on_that_day):
        QueueOperation.objects.filter(pk=operation.pk).close(OperationStatus.DONE)
    else:
        _ask_again(operation, "TusFacturas' queue shows no change")


def settle_absent(item: LoteItem) -> bool:
    """Settle the operation on an item that look-ups don't find.

    Returns whether an operation explains that: it is done, or is still to be proven.
    """
    operation = _waiting_for_proof(item)
    if operation is None or item.told == Told.ISSUED:
        return False  # what was told issued may be a legal document, whatever look-ups say
    row = QueueOperation.objects.filter(pk=operation.pk)
    if operation.kind != OperationKind.DELETE:
        row.close(OperationStatus.REFUSED, error="TusFacturas does not find it")
        return False
    # It counts as deleted by the provider's word for it, or long after a call that was refused or not answered.
    its_word = operation.status == OperationStatus.ACCEPTED or item.told == Told.DELETED
    sent_at = operation.sent_at or operation.requested_at
    if not its_word and timezone.now() < sent_at + dt.timedelta(seconds=conf.not_found_after):
        return True
    is_awaited = item.is_awaited
    give_up_try(item)
    if not is_awaited and operation.purpose == OperationPurpose.CANCEL and (reason := _cancel_awaited_try(item)):
        row.close(OperationStatus.REFUSED, error=reason)
        return True
    row.close(OperationStatus.DONE)
    if is_awaited:
        _go_on(operation, item)
    return True


def settle_unknown(item: LoteItem) -> None:
    """Refuse an operation without proof on an item that is looked up no more: it would block others for ever."""
    operation = _waiting_for_proof(item)
    if operation is not None:
        text = "TusFacturas' queue did not show whether it was done, and is asked no more"
        QueueOperation.objects.filter(pk=operation.pk).close(OperationStatus.REFUSED, error=text)


def _go_on(operation: QueueOperation, item: LoteItem) -> None:
    """Do with the invoice what its item was deleted for."""
    invoice = Invoice.objects.filter(pk=item.invoice_id)
    if operation.purpose == OperationPurpose.CANCEL:
        invoice.cancel_deleted()
        operation_requests.cancel_other_tries(item)
        return
    waited = invoice.fail([{"code": "", "text": "deleted from TusFacturas' queue, to be sent anew", "hint": ""}])
    if operation.purpose == OperationPurpose.UNNEEDED and not waited:
        return
    try:
        with atomic():
            retrying.requeue(invoice.get(), **operation.options)
    except NotPossibleError as exc:
        QueueOperation.objects.filter(pk=operation.pk).update(error=str(exc))
        why = {"code": "", "text": f"deleted from TusFacturas' queue, and not sent anew: {exc}", "hint": "Retry it."}
        invoice.filter(status=InvoiceStatus.FAILED).update(errors=[why])
        if waited and invoice_failed.has_listeners(Invoice):
            send_after_commit(invoice_failed, Invoice, invoice=invoice.get())


def _cancel_awaited_try(item: LoteItem) -> str:
    """Have the other try deleted that a cancelled invoice waits for by now; return why that can't be done, or ""."""
    invoice = Invoice.objects.get(pk=item.invoice_id)
    if invoice.status in (InvoiceStatus.ISSUED, InvoiceStatus.CANCELLED):
        return ""
    try:
        operation_requests.request_operation(invoice, OperationKind.DELETE, purpose=OperationPurpose.CANCEL)
    except NotPossibleError as exc:
        return f"{item} is gone, and the invoice waits for another try: {exc}"
    return ""


def _ask_again(operation: QueueOperation, why: str) -> None:
    row = QueueOperation.objects.filter(pk=operation.pk)
    if operation.tries >= operation_requests.MOST_TRIES:
        row.close(OperationStatus.REFUSED, error=f"asked for {operation.tries} times in vain: {why}")
        return
    row.hold(timezone.now() + pause_after(operation.tries), error=why)
