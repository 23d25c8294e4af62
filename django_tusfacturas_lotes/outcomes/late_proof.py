"""Reopen what was given up, refused or deleted, once it is proven to be at the provider after all.

Each function runs in the caller's transaction, with the lote locked. The invoice waits for the proven try again; a
newer one that is known not to have been sent is withdrawn. If the invoice is settled, or waits for another try that was
sent, the proven one is looked up instead, and deleted at TusFacturas once it is found; if it is issued before that,
`duplicate_issued` tells of it.
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
    """Act on the proof that a lote was received, whatever its state is.

    `what` names the proof, for a person; `item` is the item that it is about, whose own state the caller changes.
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
    """Have an invoice wait for this try again, instead of another one. Both are locked by `tries.lock_try`.

    A try that was deleted from the provider's queue is reopened only if it is `certain` to be there, by a look-up or
    the news that it was issued: other notifications about it are old ones. An invoice that has failed since waits for
    it only if it is known to be `queued`. Whatever becomes of the invoice, the try is looked up, unless it just was
    (`looked_up`). Returns whether the invoice waits for it now.
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
        _restore_sent_comprobante(item)
        operation_requests.cancel_other_tries(item)
    elif not looked_up:
        row.look_up_soon(now)
    if reopened or not looked_up:
        Lote.objects.filter(pk=lote.pk).look_up_by(now)
    text = f"{item} was taken for {item.get_status_display()}, and TusFacturas has it after all"
    if text not in lote.discrepancies:
        add_discrepancy(lote.pk, text)
    return reopened


def _restore_sent_comprobante(item: LoteItem) -> None:
    """Give an invoice the comprobante that its try was sent with, if a later one failed in builder or validation."""
    if item.comprobante is None or item.invoice.failure_stage not in (FailureStage.BUILD, FailureStage.VALIDATION):
        return
    copies = searchable_columns(item.comprobante)
    if copies["fecha"] is None:
        del copies["fecha"]  # it bears the day that its lote was sent on
    Invoice.objects.filter(pk=item.invoice_id).update(comprobante=item.comprobante, **copies)
    LoteItem.objects.filter(pk=item.pk).update(comprobante=None)


def reopen_lote(lote: Lote, items: LoteItemQuerySet, what: str) -> None:
    """Have the invoices of a given-up lote wait for it again; `items` are those that the proof is about.

    As `reopen_try`, for up to 500 at once; what was withdrawn before the lote was sent is left alone. `what` names the
    proof that it was received. The lote is `accepted` then, and is not reopened a second time.
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
    reopened_items = [item for item in rows if item.invoice_id in reopened]
    when = when_due(
        ((item.pk, day_waited_for(item.lote, item.invoice.fecha or issue_date_of(lote))) for item in reopened_items),
        now,
    )
    # The others may be issued beside a try that was sent since.
    given_up.exclude(invoice_id__in=reopened).look_up_soon(now)
    LoteItem.objects.filter(pk__in=[item.pk for item in reopened_items]).reopen(when.at(), when.at(when.patience))
    Invoice.objects.filter(pk__in=reopened).reopen(issue_date_of(lote), claimed=True)
    Lote.objects.filter(pk=lote.pk).look_up_by(when.first_look_up if len(reopened_items) == len(rows) else now)


def _hold_back(invoice_ids: list[int]) -> list[int]:
    """Withdraw these invoices' newer tries from lotes known not to have been sent. Returns the invoices' ids."""
    sent_too = LoteItem.objects.filter(invoice=OuterRef("invoice")).undecided().exclude(status=LoteItemStatus.CLAIMED)
    waiting = LoteItem.objects.filter(
        ~Exists(sent_too), invoice_id__in=invoice_ids, status=LoteItemStatus.CLAIMED, lote__status=LoteStatus.READY
    )
    lotes = set(waiting.values_list("lote_id", flat=True))
    if not lotes:
        return []
    locked = Lote.objects.lock().filter(pk__in=lotes).order_by("pk")
    ready = [lote.pk for lote in locked if lote.status == LoteStatus.READY]
    held_back = list(waiting.filter(lote_id__in=ready).values_list("pk", "invoice_id"))
    LoteItem.objects.filter(pk__in=[pk for pk, _ in held_back]).withdraw()
    return [invoice_id for _, invoice_id in held_back]
