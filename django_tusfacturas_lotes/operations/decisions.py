"""What a person may decide about an invoice or a lote.

Each function is one transaction, safe against a webhook or another person at the same instant, and tells by its
return value whether it changed anything. None of them makes a call.
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
    WebhookEvent,
    WebhookEventStatus,
)
from ..outcomes import calls, operation_requests
from ..queueing import crediting, retrying
from ..signals import invoice_failed, send_after_commit
from ..transactions import again_on_deadlock, atomic
from ..wire.orders.credit_note import NotCreditableError
from .evidence import Evidence, lote_evidence

__all__ = [
    "NotPossibleError", "cancel", "confirm_not_issued", "confirm_not_received", "confirm_received", "credit_duplicate",
    "delete", "look_up_lote", "look_up_now", "mark_event_seen", "mark_invoice_seen", "mark_operation_seen", "mark_seen",
    "redate", "resend", "retry", "send_now",
]  # fmt: skip


@again_on_deadlock
def retry(invoice: Invoice, *, today: bool = False, rebuild: bool = False) -> Invoice:
    """Put a failed or cancelled invoice back into the queue, for a new try with a new reference.

    `today`: date it on the day that it is sent, instead of the day that it bears. `rebuild`: make its comprobante
    anew from the order, with what was mended there; where the builder or the validation failed, it always is.
    Where it lies in TusFacturas' queue, in error, it is deleted there first, and queued anew once a look-up shows that.
    Returns the invoice as it is afterwards: `pending`, or `failed`, still or again. Raises `NotPossibleError`.
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


def _lock_lotes(invoice: Invoice) -> None:
    """Law 14: the lotes first, so that no answer, notification or look-up changes what is decided here."""
    LoteItem.objects.filter(invoice=invoice).lock_lotes()


@again_on_deadlock
def cancel(invoice: Invoice) -> Invoice:
    """Decide that an invoice is not to be issued: one that is pending, failed, or in a lote known not to be sent.

    One that lies in TusFacturas' queue, where its modality shows that, is deleted there, and is `cancelled` once a
    look-up shows that it is gone; if it is issued before that, it is issued. Returns the invoice as it is afterwards.
    Raises `NotPossibleError` for others that may have reached the provider: what is issued is undone only by a nota de
    crédito.
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
def send_now(lote: Lote) -> Lote:
    """End the pause of a lote that waits: it goes at the next occasion. Raises `NotPossibleError`."""
    if not Lote.objects.filter(pk=lote.pk).stop_waiting():
        raise NotPossibleError(f"{lote} is {Lote.objects.get(pk=lote.pk).status}, not ready")
    return Lote.objects.get(pk=lote.pk)


@again_on_deadlock
def confirm_received(lote: Lote) -> Lote:
    """Say of an uncertain lote that TusFacturas has it: its invoices wait for their results. Never sends anything.

    Raises `NotPossibleError` if the lote is not uncertain.
    """
    with atomic():
        locked = Lote.objects.lock().filter(pk=lote.pk).first()
        settled = locked is not None and locked.status == LoteStatus.UNCERTAIN and calls.mark_received(lote.pk)
    if not settled:
        raise NotPossibleError(f"{lote} is {Lote.objects.get(pk=lote.pk).status}, not uncertain")
    return Lote.objects.get(pk=lote.pk)


@again_on_deadlock
def confirm_not_received(lote: Lote) -> int:
    """Say of an uncertain lote that TusFacturas never got it: its invoices go out again, with new references.

    If that is wrong, they are issued twice: look in TusFacturas first. Returns how many went back into the queue.
    Raises `NotPossibleError` if the lote is not uncertain, or if it is proven that TusFacturas has it.
    """
    with atomic():
        locked = Lote.objects.lock().filter(pk=lote.pk).first()
        if locked is not None and locked.status == LoteStatus.UNCERTAIN:
            refuse_if_received(lote_evidence(locked))
        requeued = calls.mark_not_received(lote.pk, "a person confirmed that TusFacturas did not receive it")
    if requeued is None:
        raise NotPossibleError(f"{lote} is {Lote.objects.get(pk=lote.pk).status}, not uncertain")
    return requeued


def refuse_if_received(known: Evidence) -> None:
    """Raise `NotPossibleError` where a notification or a look-up proves that TusFacturas has the lote."""
    if known.proves_receipt:
        raise NotPossibleError(
            f"TusFacturas spoke of items of {known.lote}, or a look-up found them, so it has it: confirm that it was "
            "received"
        )


def mark_seen(lote: Lote) -> Lote:
    """Say of a lote's discrepancies, as `lote` was read with them, that a person has seen them.

    Raises `NotPossibleError` where there are none, or others by now.
    """
    with atomic():
        now = Lote.objects.lock().get(pk=lote.pk)
        if not now.discrepancies:
            raise NotPossibleError(f"{lote} has no discrepancies")
        if now.discrepancies != lote.discrepancies:
            raise NotPossibleError(f"{lote} has others by now: look again")
        Lote.objects.filter(pk=lote.pk).update(seen_at=timezone.now())
        return Lote.objects.get(pk=lote.pk)


def mark_invoice_seen(invoice: Invoice, *, credited_elsewhere: bool = False) -> Invoice:
    """Say of what asks for attention on an invoice, as it was read, that a person has seen to it.

    Raises `NotPossibleError`, also where something else asks for attention by now.

    It goes on saying so; it only needs nobody any more. One that was issued twice needs a nota de crédito:
    `credit_duplicate`, or `credited_elsewhere` where it was made in TusFacturas.
    """
    if invoice.attention == Attention.DUPLICATE and not credited_elsewhere:
        raise NotPossibleError(f"invoice {invoice.public_id} was issued twice: queue the nota de crédito")
    if not invoice.attention:
        raise NotPossibleError(f"invoice {invoice.public_id} does not ask for attention")
    if not Invoice.objects.filter(pk=invoice.pk, attention=invoice.attention).update(seen_at=timezone.now()):
        raise NotPossibleError(f"invoice {invoice.public_id} asks for attention to something else by now: look again")
    return Invoice.objects.get(pk=invoice.pk)


@again_on_deadlock
def confirm_not_issued(invoice: Invoice) -> Invoice:
    """Say of an overdue invoice that TusFacturas does not have it, and won't issue it: it fails, and can be retried.

    Also of one that was told issued without a CAE, or that lies in error in a queue that can't be asked any more, since
    it was sent with another apikey.
    If that is wrong, a retry issues it twice: look in TusFacturas first. Raises `NotPossibleError` for one that is not
    overdue, or that a look-up found in TusFacturas' queue.
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
        # No look-up would settle any more what was under way; who says this has seen it.
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
    """Have TusFacturas delete what lies in its queue; the invoice is `cancelled` once a look-up shows that it is gone.

    As `cancel`, but never for what waits here. Raises `NotPossibleError`.
    """
    with atomic():
        _lock_lotes(invoice)
        return operation_requests.request_operation(invoice, OperationKind.DELETE, purpose=OperationPurpose.CANCEL)


def _is_blind(item: LoteItem) -> bool:
    """Whether no look-up proves anything of a try any more: its account has another apikey by now, or is gone."""
    try:
        return item.lote.sent_as not in conf.account(item.lote.account).sent_as
    except ImproperlyConfigured:
        return True


@again_on_deadlock
def resend(invoice: Invoice) -> QueueOperation:
    """Have TusFacturas try again what lies in its queue in error, with the same reference: for ARCA's outages.

    What is wrong with the data stays wrong: for that, `retry`. Raises `NotPossibleError`.
    """
    with atomic():
        _lock_lotes(invoice)
        return operation_requests.request_operation(invoice, OperationKind.RESEND)


@again_on_deadlock
def redate(invoice: Invoice, fecha: dt.date, vencimiento: dt.date | None = None) -> QueueOperation:
    """Have TusFacturas issue on another day what waits in its queue.

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
    """Have the invoice's latest try looked up at the next occasion. Raises `NotPossibleError` if it was never sent."""
    with atomic():
        _lock_lotes(invoice)
        never_sent = Q(status=LoteItemStatus.WITHDRAWN, due_at=None)
        item = LoteItem.objects.filter(lote__tries__gt=0).exclude(never_sent).awaited_by(invoice)
        if item is None:
            raise NotPossibleError(f"invoice {invoice.public_id} was never sent")
        now = timezone.now()
        Lote.objects.filter(pk=item.lote_id).look_up_by(now)
        LoteItem.objects.filter(pk=item.pk).update(look_up_at=now, lookups=0)
        # So is what keeps it from being retried.
        others = LoteItem.objects.filter(invoice=invoice).under_way().exclude(pk=item.pk)
        for other in others:
            Lote.objects.filter(pk=other.lote_id).look_up_by(now)
            LoteItem.objects.filter(pk=other.pk).update(look_up_at=now, lookups=0)
        return LoteItem.objects.get(pk=item.pk)


@again_on_deadlock
def look_up_lote(lote: Lote) -> int:
    """Have what is open in a lote looked up at the next occasion. Returns how many items; raises `NotPossibleError`."""
    now = timezone.now()
    with atomic():
        lote = Lote.objects.lock().get(pk=lote.pk)
        open_items = LoteItem.objects.filter(lote=lote).live()
        count = open_items.update(look_up_at=now, lookups=0)
        if lote.status not in (LoteStatus.ACCEPTED, LoteStatus.UNCERTAIN) or not count:
            raise NotPossibleError(f"{lote} is {lote.status}, with nothing open in it that could be looked up")
        Lote.objects.filter(pk=lote.pk).look_up_by(now)
        return count


@again_on_deadlock
def credit_duplicate(invoice: Invoice) -> list[Invoice]:
    """Queue the nota de crédito of the second document of an invoice that was issued twice; then nobody is asked.

    Returns the notas, one for each document too many; those that are there already, if it was asked for before, queued
    again if they were cancelled. Raises `NotPossibleError`.
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


def mark_event_seen(event: WebhookEvent) -> WebhookEvent:
    """Say of a notification that is about nothing of ours, or that can't be acted on, that a person has seen it.

    It is `ignored` then. Raises `NotPossibleError` for any other, and for one about a try of ours that is unmatched:
    that one is to be processed again.
    """
    row = WebhookEvent.objects.get(pk=event.pk)
    if row.status not in (WebhookEventStatus.UNMATCHED, WebhookEventStatus.ERROR):
        raise NotPossibleError(f"notification {row.pk} is {row.status}: nobody is asked to see it")
    if row.status == WebhookEventStatus.UNMATCHED and LoteItem.objects.filter(reference=row.reference).exists():
        raise NotPossibleError(f"notification {row.pk} is about {row.reference}, which is ours: process it again")
    seen = f"a person has seen it: {row.error}"
    WebhookEvent.objects.filter(pk=row.pk, status=row.status).close(WebhookEventStatus.IGNORED, error=seen)
    return WebhookEvent.objects.get(pk=row.pk)


def mark_operation_seen(operation: QueueOperation) -> QueueOperation:
    """Say of an operation that was refused that a person has seen it."""
    QueueOperation.objects.filter(pk=operation.pk).update(seen_at=timezone.now())
    return QueueOperation.objects.get(pk=operation.pk)
