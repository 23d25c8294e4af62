"""Calls whose answer was lost: found by time, and resolved by proof or by a person, never by sending again.

Rows are locked lote first, then items, then invoices, here as everywhere (law 14).
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Collection, Mapping
from typing import Any

from django.utils import timezone

from .conf import conf
from .models import Invoice, Lote, LoteItem, LoteStatus
from .signals import lote_uncertain, send_after_commit
from .transactions import atomic

logger = logging.getLogger(__name__)


def expire_leases(now: dt.datetime | None = None) -> int:
    """Find the lotes whose worker died while it was sending, and return how many there were.

    They are `uncertain` from then on, unless a webhook already proved them received. `now` is aware.
    """
    now = now or timezone.now()
    started_before = now - dt.timedelta(seconds=conf.sending_lease)
    stale = Lote.objects.filter(status=LoteStatus.SENDING, sent_at__lt=started_before).values_list("pk", "tries")
    text = "the process that was sending it stopped before it recorded an answer"
    # `answered_at` stays empty: if that process is only slow, its answer still counts.
    return sum(record_lost(pk, tries, {"error": text}) for pk, tries in list(stale))


def record_lost(lote_id: int, tries: int, said: Mapping[str, Any], invoice_ids: Collection[int] | None = None) -> bool:
    """Record that the answer to a try was lost: sending → uncertain, or accepted if a notification proves receipt.

    `said` are the columns of `Lote` that tell what came back; `invoice_ids` the lote's invoices, where they are at
    hand. Returns whether there was such a try.
    """
    with atomic():
        lote = Lote.objects.filter(pk=lote_id, tries=tries)
        if not lote.mark_uncertain(**said):
            return False
        if LoteItem.objects.filter(lote_id=lote_id).heard_of().exists():
            received(lote_id)
            return True
        pks = _live_invoices(lote_id) if invoice_ids is None else invoice_ids
        LoteItem.objects.filter(lote_id=lote_id).mark_uncertain()
        Invoice.objects.filter(pk__in=pks).latest_in(lote_id).mark_uncertain()
        if lote_uncertain.has_listeners(Lote):
            send_after_commit(lote_uncertain, Lote, lote=lote.get())
    logger.warning("lote %s is uncertain: %s", lote_id, said["error"])
    return True


def received(lote_id: int, **said: Any) -> bool:
    """Settle a lote that was tried as received: its items wait for their notifications, and it is never sent again.

    For an uncertain one; for one that waits to be sent again because it was said not to have been taken, while a
    notification proves that it was. `said` are columns of `Lote`. Returns whether it was one of these.
    """
    with atomic():
        tried = Lote.objects.filter(pk=lote_id, tries__gt=0, status__in=[LoteStatus.UNCERTAIN, LoteStatus.READY])
        if not tried.accept(**said):
            return False
        pks = _live_invoices(lote_id)
        LoteItem.objects.filter(lote_id=lote_id).answer({})
        Invoice.objects.filter(pk__in=pks).latest_in(lote_id).answer({})
    return True


def not_received(lote_id: int, why: str) -> int | None:
    """Settle an uncertain lote as never taken: its invoices go back into the queue, for a new try each.

    Returns how many went back; None if the lote is not uncertain. A late success of a try that was given up is still
    believed: the invoice is issued, and if it was issued again, that is told.
    """
    with atomic():
        if not Lote.objects.filter(pk=lote_id).give_up(error=why):
            return None
        pks = _live_invoices(lote_id)
        LoteItem.objects.filter(lote_id=lote_id).withdraw()
        return Invoice.objects.filter(pk__in=pks).latest_in(lote_id).requeue()


def contradict(lote_id: int, text: str) -> None:
    """Keep on a lote what speaks against what was decided about it, for a person to see."""
    with atomic():
        lote = Lote.objects.lock().get(pk=lote_id)
        Lote.objects.filter(pk=lote_id).update(discrepancies=[*lote.discrepancies, text], seen_at=None)
    logger.error("%s: %s", lote, text)


def _live_invoices(lote_id: int) -> list[int]:
    """The invoices of a lote that it can still move: not those that were taken out of it, or are settled."""
    return list(LoteItem.objects.filter(lote_id=lote_id).live().values_list("invoice_id", flat=True))
