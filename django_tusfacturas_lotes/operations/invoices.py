"""What a person may decide about one invoice.

Each function is one transaction that begins anew after a deadlock, safe against a notification or another person at the
same instant. None of them makes a call: what is asked of TusFacturas is sent by the next task or command.
"""

from __future__ import annotations

import datetime as dt

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Q
from django.utils import timezone

from ..conf import conf
from ..exceptions import NotPossibleError
from ..models import (
    Attention,
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
from ..outcomes import calls, operation_requests
from ..queueing import crediting, retrying
from ..signals import invoice_failed, send_after_commit
from ..transactions import again_on_deadlock, atomic
from ..wire.orders.credit_note import NotCreditableError


@again_on_deadlock
def retry(invoice: Invoice, *, today: bool = False, rebuild: bool = False) -> Invoice:
    """Put a failed or cancelled invoice back into the queue, for a new try with a new reference.

    `today`: date it on the day that it is sent, instead of its own date. `rebuild`: make its comprobante anew from the
    order, as it was corrected there; if the builder or the validation failed, this is always done. If it is in error in
    TusFacturas' queue, it is deleted there first, and queued anew once a look-up shows that. Returns the invoice as it
    is afterwards: `pending`, or `failed`, still or again. Raises `NotPossibleError`.
    """
    with atomic():
        _lock_lotes(invoice)
        in_queue = operation_requests.try_in_queue(invoice)
        if in_queue is not None and in_queue.status == LoteItemStatus.FAILED:
            options = {"today": today, "rebuild": rebuild}
            operation_requests.request_operation(
                invoice, OperationKind.DELETE, purpose=OperationPurpose.RETRY, options=options
            )
            return Invoice.objects.get(pk=invoice.pk)
        return retrying.requeue(invoice, today=today, rebuild=rebuild)


@again_on_deadlock
def cancel(invoice: Invoice) -> Invoice:
    """Decide that an invoice is not to be issued: one that is pending, failed, or in a lote known not to be sent.

    One in TusFacturas' queue, if its modality shows that, is deleted there, and is `cancelled` once a look-up shows
    that it is gone; if it is issued before that, it stays issued. Returns the invoice as it is afterwards. Raises
    `NotPossibleError` for others that may have reached the provider: only a nota de crédito undoes what is issued.
    """
    with atomic():
        _lock_lotes(invoice)
        in_queue = operation_requests.try_in_queue(invoice)
        if in_queue is not None and in_queue.invoice.status in (InvoiceStatus.SUBMITTED, InvoiceStatus.FAILED):
            operation_requests.request_operation(invoice, OperationKind.DELETE, purpose=OperationPurpose.CANCEL)
            return Invoice.objects.get(pk=invoice.pk)
        # One that was made just now is not locked yet. Once it is, it can't begin to be sent.
        waiting = LoteItem.objects.filter(invoice=invoice, status=LoteItemStatus.CLAIMED).values("lote_id")
        lotes = Lote.objects.lock().filter(pk__in=list(waiting.values_list("lote_id", flat=True)))
        ready = [lote.pk for lote in lotes if lote.status == LoteStatus.READY]
        row = Invoice.objects.select_for_update().get(pk=invoice.pk)
        if row.status == InvoiceStatus.CLAIMED and not ready:
            raise NotPossibleError(f"invoice {row.public_id} is in a lote that is being sent")
        LoteItem.objects.filter(invoice=invoice, lote_id__in=ready).withdraw()
        if not Invoice.objects.filter(pk=invoice.pk).cancel():
            raise NotPossibleError(f"invoice {row.public_id} is {row.status}: it can't be cancelled")
        return Invoice.objects.get(pk=invoice.pk)


@again_on_deadlock
def confirm_not_issued(invoice: Invoice) -> Invoice:
    """Confirm that TusFacturas does not have an overdue invoice and won't issue it: it fails, and can be retried.

    Also for one that was told issued without a CAE, or that is in error in a queue that can't be asked any more because
    it was sent with another apikey. If that is wrong, a retry issues it twice: look in TusFacturas first. Raises
    `NotPossibleError` for one that is not overdue, or that a look-up found in TusFacturas' queue.
    """
    with atomic():
        _lock_lotes(invoice)
        item = LoteItem.objects.awaited_by(invoice)
        if item is not None:
            item = LoteItem.objects.select_related("lote").select_for_update().get(pk=item.pk)
        row = Invoice.objects.select_for_update().get(pk=invoice.pk)
        in_doubt = row.status == InvoiceStatus.SUBMITTED and row.attention in (Attention.OVERDUE, Attention.NO_CAE)
        blind = item is not None and _is_blind(item)
        if item is None or not (in_doubt or (blind and item.status == LoteItemStatus.FAILED)):
            raise NotPossibleError(f"invoice {row.public_id} is {row.status}, and not overdue")
        told_issued = item.told == Told.ISSUED and row.attention != Attention.NO_CAE
        if (item.finding == Finding.QUEUED and not blind) or told_issued:
            raise NotPossibleError(
                f"invoice {row.public_id} is in TusFacturas' queue: delete it there, by cancelling it"
            )
        calls.give_up_try(item)
        LoteItem.objects.filter(pk=item.pk).update(finding="")
        text = "A person confirmed that TusFacturas does not have it."
        # No look-up would settle an operation under way any more; the person who confirms this has seen it.
        under_way = QueueOperation.objects.filter(open_for=item.pk)
        under_way.close(OperationStatus.REFUSED, error=text, seen_at=timezone.now())
        errors = [{"code": "", "text": text, "hint": "Retry it, or cancel it."}]
        failed = Invoice.objects.filter(pk=row.pk).fail(errors)
        after = Invoice.objects.get(pk=row.pk)
        if failed:
            send_after_commit(invoice_failed, Invoice, invoice=after)
        return after


@again_on_deadlock
def delete(invoice: Invoice) -> QueueOperation:
    """Have TusFacturas delete an invoice in its queue, which is `cancelled` once a look-up shows that it is gone.

    As `cancel`, but never for an invoice that waits here. Raises `NotPossibleError`.
    """
    with atomic():
        _lock_lotes(invoice)
        return operation_requests.request_operation(invoice, OperationKind.DELETE, purpose=OperationPurpose.CANCEL)


@again_on_deadlock
def resend(invoice: Invoice) -> QueueOperation:
    """Have TusFacturas retry an invoice in error in its queue, with the same reference: for ARCA's outages.

    Wrong data stays wrong: for that, `retry`. Raises `NotPossibleError`.
    """
    with atomic():
        _lock_lotes(invoice)
        return operation_requests.request_operation(invoice, OperationKind.RESEND)


@again_on_deadlock
def redate(invoice: Invoice, fecha: dt.date, vencimiento: dt.date | None = None) -> QueueOperation:
    """Have TusFacturas issue an invoice that waits in its queue on another day.

    Without a `vencimiento` it keeps the due date that it was sent with, or is due on its new day where that comes later
    (ARCA 10036). Raises `NotPossibleError`, also for a `vencimiento` before `fecha`.
    """
    if vencimiento is not None and vencimiento < fecha:
        raise NotPossibleError(f"invoice {invoice.public_id} can't be due on {vencimiento}, before its day, {fecha}")
    with atomic():
        _lock_lotes(invoice)
        return operation_requests.request_operation(invoice, OperationKind.REDATE, fecha=fecha, vencimiento=vencimiento)


@again_on_deadlock
def look_up_now(invoice: Invoice) -> LoteItem:
    """Have an invoice's try looked up by the next task or command. Raises `NotPossibleError` if it was never sent."""
    with atomic():
        _lock_lotes(invoice)
        never_sent = Q(status=LoteItemStatus.WITHDRAWN, due_at=None)
        item = LoteItem.objects.filter(lote__tries__gt=0).exclude(never_sent).awaited_by(invoice)
        if item is None:
            raise NotPossibleError(f"invoice {invoice.public_id} was never sent")
        now = timezone.now()
        Lote.objects.filter(pk=item.lote_id).look_up_by(now)
        LoteItem.objects.filter(pk=item.pk).update(look_up_at=now, lookups=0)
        # Also the tries that keep it from being retried.
        others = LoteItem.objects.filter(invoice=invoice).under_way().exclude(pk=item.pk)
        for other in others:
            Lote.objects.filter(pk=other.lote_id).look_up_by(now)
            LoteItem.objects.filter(pk=other.pk).update(look_up_at=now, lookups=0)
        return LoteItem.objects.get(pk=item.pk)


@again_on_deadlock
def credit_duplicate(invoice: Invoice) -> list[Invoice]:
    """Queue the nota de crédito of the second document of an invoice issued twice, and mark the duplicate as seen to.

    Returns the notas, one for each document too many: the existing ones if it was done before, queued again if they
    were cancelled. Raises `NotPossibleError`.
    """
    with atomic():
        _lock_lotes(invoice)
        try:
            notas = crediting.credit_duplicate(invoice)
        except NotCreditableError as exc:
            raise NotPossibleError(str(exc)) from exc
        notas = [retrying.requeue(nota) if nota.status == InvoiceStatus.CANCELLED else nota for nota in notas]
        asking = Invoice.objects.filter(pk=invoice.pk, attention=Attention.DUPLICATE, seen_at=None)
        asking.update(seen_at=timezone.now())
        return notas


def _lock_lotes(invoice: Invoice) -> None:
    """Law 14: the lotes first, so that no answer, notification or look-up changes what is decided here."""
    LoteItem.objects.filter(invoice=invoice).lock_lotes()


def _is_blind(item: LoteItem) -> bool:
    """Whether no look-up proves anything of a try any more: its account has another apikey by now, or is gone."""
    try:
        return item.lote.sent_as not in conf.account(item.lote.account).sent_as
    except ImproperlyConfigured:
        return True
