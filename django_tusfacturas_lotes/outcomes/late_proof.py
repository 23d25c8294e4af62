"""What was given up, refused or deleted turns out to be at the provider after all: its invoice waits for it again.

Each function runs in the caller's transaction, with the lote locked. A newer try that waits, and is known not to have
been sent, stays behind. What its invoice can't wait for, because it has or waits for another one, is looked up, and
deleted there once it is found; if it is issued before that, `duplicate_issued` tells of it.
"""

from __future__ import annotations

from django.db.models import Exists, OuterRef
from django.utils import timezone

from ..models import FailureStage, Invoice, Lote, LoteItem, LoteItemStatus, LoteStatus
from ..models.issue_dates import day_waited_for, issue_date_of, when_due
from ..models.lote_item import LoteItemQuerySet
from ..queueing.building import searchable_columns
from . import operation_requests
from .calls import add_discrepancy, mark_received


def lote_received(lote: Lote, item: LoteItem, what: str) -> None:
    """Act on the proof that a lote was received, whatever was made of its answer.

    `what` is the proof, for a person; `item` is what it is about. What becomes of `item` itself is the caller's.
    """
    if lote.status == LoteStatus.UNCERTAIN:
        mark_received(lote.pk)
    elif lote.status == LoteStatus.READY and lote.tries:
        mark_received(lote.pk)
        add_discrepancy(lote.pk, f"the answer said that it was not taken ({lote.error}), {what} that it was")
    elif lote.status == LoteStatus.CANCELLED and lote.tries:
        reopen_lote(lote, LoteItem.objects.filter(lote=lote).exclude(pk=item.pk), what)


def reopen_try(
    lote: Lote, item: LoteItem, *, certain: bool = False, queued: bool = False, looked_up: bool = False
) -> bool:
    """Have an invoice wait for this try again, not for another one. Both are locked by `tries.lock_try`.

    One that was deleted from the provider's queue only if that is `certain`, by a look-up or the word that it was
    issued: other notifications about it are old ones. An invoice that failed since waits for it only if it is known to
    be `queued`. Whatever becomes of the invoice, the try is looked up, unless it just was. Returns whether the invoice
    waits for it now.
    """
    withdrawn = item.status == LoteItemStatus.WITHDRAWN
    given_up = withdrawn and lote.tries > 0 and lote.status in (LoteStatus.CANCELLED, LoteStatus.READY)
    deleted = withdrawn and lote.status == LoteStatus.ACCEPTED
    if not given_up and not (deleted and certain) and item.status != LoteItemStatus.REFUSED:
        return False
    now = timezone.now()
    held_back = _hold_back([item.invoice_id])
    invoice = Invoice.objects.filter(pk=item.invoice_id)
    newer = LoteItem.objects.filter(invoice_id=item.invoice_id, pk__gt=item.pk).undecided()
    reopened = not newer.exists() and bool(invoice.reopen(issue_date_of(lote), claimed=bool(held_back), queued=queued))
    row = LoteItem.objects.filter(pk=item.pk)
    if reopened:
        row.reopen(now, now)
        _give_back_what_was_sent(item)
        operation_requests.cancel_other_tries(item)
    elif not looked_up:
        row.look_up_soon(now)
    if reopened or not looked_up:
        Lote.objects.filter(pk=lote.pk).look_up_by(now)
    text = f"{item} was taken for {item.get_status_display()}, and TusFacturas has it after all"
    if text not in lote.discrepancies:
        add_discrepancy(lote.pk, text)
    return reopened


def _give_back_what_was_sent(item: LoteItem) -> None:
    """What could not be built, or is not valid, is not what its invoice is about while it waits for this try."""
    if item.comprobante is None or item.invoice.failure_stage not in (FailureStage.BUILD, FailureStage.VALIDATION):
        return
    copies = searchable_columns(item.comprobante)
    if copies["fecha"] is None:
        del copies["fecha"]  # it bears the day that its lote was sent on
    Invoice.objects.filter(pk=item.invoice_id).update(comprobante=item.comprobante, **copies)
    LoteItem.objects.filter(pk=item.pk).update(comprobante=None)


def reopen_lote(lote: Lote, items: LoteItemQuerySet, what: str) -> None:
    """Have the invoices of a lote that was given up wait for it again; `items` are those that it is about.

    Like `reopen_try`, for up to 500 at once: what was taken out of the lote before it was sent is left alone. `what`
    proves that it was received. Once a lote is reopened, it is `accepted`, and this is not done again.
    """
    if not Lote.objects.filter(pk=lote.pk).reopen():
        return
    add_discrepancy(lote.pk, f"it was given up, and {what} proves that TusFacturas has it")
    given_up = items.filter(lote=lote, status=LoteItemStatus.WITHDRAWN, due_at__isnull=False)
    rows = list(given_up.select_related("lote", "invoice"))
    if not rows:
        return
    now = timezone.now()
    held_back = _hold_back([item.invoice_id for item in rows])
    newer = LoteItem.objects.filter(invoice=OuterRef("pk"), lote_id__gt=lote.pk)
    waiting = Invoice.objects.filter(pk__in=[item.invoice_id for item in rows]).exclude(Exists(newer.undecided()))
    reopenable = waiting.reopenable(claimed=bool(held_back)).select_for_update()
    reopened = set(reopenable.values_list("pk", flat=True))
    again = [item for item in rows if item.invoice_id in reopened]
    when = when_due(
        ((item.pk, day_waited_for(item.lote, item.invoice.fecha or issue_date_of(lote))) for item in again), now
    )
    # The others may come beside a try that was sent since.
    given_up.exclude(invoice_id__in=reopened).look_up_soon(now)
    LoteItem.objects.filter(pk__in=[item.pk for item in again]).reopen(when.at(), when.at(when.patience))
    Invoice.objects.filter(pk__in=reopened).reopen(issue_date_of(lote), claimed=True)
    Lote.objects.filter(pk=lote.pk).look_up_by(when.first_look_up if len(again) == len(rows) else now)


def _hold_back(invoice_ids: list[int]) -> list[int]:
    """Take the newer tries of these invoices out of lotes that are known not to have been sent. Returns whose."""
    sent_too = LoteItem.objects.filter(invoice=OuterRef("invoice")).undecided().exclude(status=LoteItemStatus.CLAIMED)
    waiting = LoteItem.objects.filter(
        ~Exists(sent_too), invoice_id__in=invoice_ids, status=LoteItemStatus.CLAIMED, lote__status=LoteStatus.READY
    )
    lotes = set(waiting.values_list("lote_id", flat=True))
    if not lotes:
        return []
    locked = Lote.objects.lock().filter(pk__in=lotes).order_by("pk")
    still = [lote.pk for lote in locked if lote.status == LoteStatus.READY]
    held_back = list(waiting.filter(lote_id__in=still).values_list("pk", "invoice_id"))
    LoteItem.objects.filter(pk__in=[pk for pk, _ in held_back]).withdraw()
    return [invoice_id for _, invoice_id in held_back]
