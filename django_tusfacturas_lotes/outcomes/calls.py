"""Record what becomes known of a call: its answer is lost, its lote was received after all, or never taken.

Rows are locked lote first, then items, then invoices, here as everywhere (law 14).
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import Exists
from django.utils import timezone

from ..models import Invoice, Lote, LoteItem, LoteStatus
from ..models.issue_dates import day_waited_for, issue_date_of, when_due
from ..signals import lote_uncertain, send_after_commit
from ..transactions import again_on_deadlock, atomic
from ..wire.dates import argentine_midnight

logger = logging.getLogger(__name__)

# How long after a call was lost it is looked up for the first time; a notification before that saves the look-up.
FIRST_LOOK_UP = dt.timedelta(minutes=5)
# How long after a try was given up, or deleted, it is looked up once more: if TusFacturas has it after all, and its
# notification never came, nothing else would find it.
_LAST_LOOK_UP = dt.timedelta(days=1)
# Items of a lote that are looked up where finding one of them settles it.
PROBES = 5

_DAYS = ("lote__send_on", "lote__modality", "invoice__fecha")


@again_on_deadlock
def mark_answer_lost(
    lote_id: int, tries: int, said: Mapping[str, Any], invoice_ids: Collection[int] | None = None
) -> bool:
    """Record that the answer to a try was lost: sending → uncertain, or accepted if a notification proves receipt.

    `said` are the columns of `Lote` that tell what came back; `invoice_ids` the lote's invoices, if the caller has
    them. Returns whether the lote was `sending` in that try.
    """
    look_up_at = timezone.now() + FIRST_LOOK_UP
    with atomic():
        lote = Lote.objects.filter(pk=lote_id, tries=tries)
        if not lote.mark_uncertain(look_up_by=look_up_at, **said):
            return False
        pks = _live_invoices(lote_id) if invoice_ids is None else invoice_ids
        LoteItem.objects.filter(lote_id=lote_id).mark_uncertain(look_up_at)
        # Asked only now that the lote is locked: a notification may just have been acted on.
        notified = LoteItem.objects.filter(lote_id=lote_id).notified()
        uncertain = Invoice.objects.filter(~Exists(notified), pk__in=pks).latest_in(lote_id).mark_uncertain()
        if not uncertain and notified.exists():
            return mark_received(lote_id)  # what a notification has proven is not uncertain
        if lote_uncertain.has_listeners(Lote):
            send_after_commit(lote_uncertain, Lote, lote=lote.get())
    logger.warning("lote %s is uncertain: %s", lote_id, said["error"])
    return True


def mark_received(lote_id: int) -> bool:
    """Settle a lote that was tried as received: its items wait for their notifications, and it is never sent again.

    For an uncertain lote, and for one that waits to be sent again because the answer said not taken, while a
    notification proves that it was. Returns whether it was one of these.
    """
    with atomic():
        tried = Lote.objects.filter(pk=lote_id, tries__gt=0, status__in=[LoteStatus.UNCERTAIN, LoteStatus.READY])
        if not tried.accept(look_up_by=when_due([]).first_look_up):
            return False
        live = list(LoteItem.objects.filter(lote_id=lote_id).live().select_related("lote", "invoice").only(*_DAYS))
        when = when_due((item.pk, day_waited_for(item.lote, item.invoice.fecha)) for item in live)
        LoteItem.objects.filter(lote_id=lote_id).answer({}, when)
        Invoice.objects.filter(pk__in=[item.invoice_id for item in live]).latest_in(lote_id).answer({})
    return True


def mark_not_received(lote_id: int, why: str) -> int | None:
    """Settle an uncertain lote as never taken: its invoices go back into the queue, for a new try each.

    Returns how many went back; None if the lote is not uncertain. An invoice with an older try that is known to be in
    the provider's queue waits for that one. If a try that was given up succeeds later, the invoice is issued all the
    same, and `duplicate_issued` tells if that makes two documents.
    """
    with atomic():
        # By its key alone: MariaDB may lock another index first where the status is asked for too.
        Lote.objects.lock().filter(pk=lote_id).first()
        if not Lote.objects.filter(pk=lote_id).give_up(error=why):
            return None
        return _give_up_all(lote_id)


def give_up_try(item: LoteItem) -> bool:
    """Give up a try that was sent, in the caller's transaction, its lote locked. Returns whether it was open."""
    again_at = _last_look_up(Lote.objects.get(pk=item.lote_id))
    if not LoteItem.objects.filter(pk=item.pk).mark_gone(again_at):
        return False
    Lote.objects.filter(pk=item.lote_id).look_up_by(again_at)
    return True


@again_on_deadlock
def requeue_unsent(lote_id: int, why: str) -> int | None:
    """Put the invoices of a lote that is known not to have been sent back into the queue, for another lote.

    Returns how many; None if the lote is not ready any more.
    """
    with atomic():
        if not Lote.objects.filter(pk=lote_id, status=LoteStatus.READY).close_empty(error=why):
            return None
        return _give_up_all(lote_id)


def add_discrepancy(lote_id: int, text: str) -> None:
    """Record on a lote what contradicts what was decided about it, for a person to see."""
    with atomic():
        lote = Lote.objects.lock().get(pk=lote_id)
        Lote.objects.filter(pk=lote_id).update(discrepancies=[*lote.discrepancies, text], seen_at=None)
    logger.error("%s: %s", lote, text)


def _give_up_all(lote_id: int) -> int:
    """Put a lote's open invoices back into the queue; if it was sent, look some up once more. Returns how many."""
    lote = Lote.objects.get(pk=lote_id)
    pks = _live_invoices(lote_id)
    items = LoteItem.objects.filter(lote_id=lote_id)
    if lote.tries:
        again_at = _last_look_up(lote)
        items.give_up(again_at, items.live().order_by("position").values_list("pk", flat=True)[:PROBES])
        Lote.objects.filter(pk=lote_id).look_up_by(again_at)
    else:
        items.withdraw()
    requeued = Invoice.objects.filter(pk__in=pks).latest_in(lote_id).requeue()
    return requeued - _wait_for_older_tries(pks)


def _last_look_up(lote: Lote) -> dt.datetime:
    """Return when a given-up try is looked up once more: a while after it would have been issued."""
    now = timezone.now()
    return (max(now, argentine_midnight(lote.send_on)) if lote.send_on else now) + _LAST_LOOK_UP


def _wait_for_older_tries(invoice_ids: Collection[int]) -> int:
    """Have pending invoices wait for an older try that a look-up found in the provider's queue. Returns how many."""
    in_queue = LoteItem.objects.filter(invoice_id__in=invoice_ids).found_in_queue().select_related("lote")
    newest = {item.invoice_id: item for item in in_queue.order_by("pk")}
    now = timezone.now()
    waiting = 0
    for lote in {item.lote for item in newest.values()}:
        of_it = {pk: item.pk for pk, item in newest.items() if item.lote_id == lote.pk}
        pending = list(Invoice.objects.filter(pk__in=list(of_it)).reopenable().values_list("pk", flat=True))
        waiting += Invoice.objects.filter(pk__in=pending).reopen(issue_date_of(lote))
        LoteItem.objects.filter(pk__in=[of_it[pk] for pk in pending]).reopen(now, now)
        Lote.objects.filter(pk=lote.pk).look_up_by(now)
    return waiting


def _live_invoices(lote_id: int) -> list[int]:
    """Return the invoices that a lote can still move: not those that were taken out of it, or are settled."""
    return list(LoteItem.objects.filter(lote_id=lote_id).live().values_list("invoice_id", flat=True))
