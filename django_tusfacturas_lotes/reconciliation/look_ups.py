"""Look up at the provider what is uncertain or overdue, and settle it by what is found.

Nothing is ever sent again. A look-up that finds an item proves that its lote was received. One that finds nothing
proves something only where look-ups show the provider's queue, and only a while after the call (`NOT_FOUND_AFTER`);
elsewhere a person decides. Each look-up is counted, and the next one put off, before the provider is asked.
"""

from __future__ import annotations

import datetime as dt
import logging
import math
import time
from dataclasses import dataclass

from django.core.exceptions import ImproperlyConfigured
from django.db.models import F, Min, Q
from django.utils import timezone

from ..conf import Account, conf
from ..models import Invoice, Lote, LoteItem, LoteItemStatus, LoteStatus
from ..provider.client import Client, Reply
from ..provider.pace import Busy, turn
from ..transactions import again_on_deadlock, atomic
from ..wire.answers.lookup import PATH, Found, lookup_body, read_lookup
from ..wire.answers.redact import redact_text
from .findings import apply_lookup_result, overdue_after, pause_before_next

logger = logging.getLogger(__name__)

# So many answers in a row that can't be read are not about single items: TusFacturas is down, and a page says so.
_MANY_UNREADABLE = 10
# Look-ups of an account in one run.
MOST = 50


@dataclass
class LookUpReport:
    """What a run of look-ups did: calls made, items that they settled, and why it stopped before the end, if it did."""

    account: str
    asked: int = 0
    settled: int = 0
    unanswered: int = 0
    stopped: str = ""


def accounts_with_look_ups(now: dt.datetime | None = None) -> list[str]:
    """Return the accounts that have something to look up now."""
    waiting = Lote.objects.filter(look_up_at__lte=now or timezone.now())
    return sorted(set(waiting.order_by().values_list("account", flat=True).distinct()))


@again_on_deadlock
def expedite(alias: str | None = None) -> int:
    """Have all that is uncertain or overdue, of one account or of all, looked up now, whatever its pause.

    Returns of how many lotes something is looked up.
    """
    now = timezone.now()
    overdue = Q(status=LoteItemStatus.SUBMITTED, due_at__lte=now - overdue_after())
    items = LoteItem.objects.filter(
        Q(status=LoteItemStatus.UNCERTAIN) | overdue | ~Q(told=""),
        lote__status__in=[LoteStatus.UNCERTAIN, LoteStatus.ACCEPTED],
    )  # fmt: skip
    if alias is not None:
        items = items.filter(lote__account=alias)
    lotes = sorted(set(items.values_list("lote_id", flat=True)))
    for lote_id in lotes:
        with atomic():
            Lote.objects.lock().get(pk=lote_id)
            items.filter(lote_id=lote_id).update(look_up_at=now)
            Lote.objects.filter(pk=lote_id).look_up_by(now)
    return len(lotes)


def look_up(alias: str, most: int = MOST, *, until: float = math.inf) -> LookUpReport:
    """Look up what is due of an account, at most `most` calls, one at a time, and apply what is found.

    From `until` on (of `time.monotonic`) no call is begun, but for the first one.

    Makes outbound calls: never call it inside a transaction.
    """
    report = LookUpReport(alias)
    try:
        account = conf.account(alias)
    except ImproperlyConfigured as exc:
        report.stopped = str(exc)
        _show_what_cannot_be_asked(alias)
        return report
    unreadable = 0
    while report.asked < most and (not report.asked or time.monotonic() < until):
        item = _next(alias)
        if item is None:
            break
        with turn(alias) as lease:
            if isinstance(lease, Busy):
                report.stopped = lease.reason
                break
            if not _count(item):
                continue
            reply = _ask(account, item.reference)
            lease.heed(reply)
            lease.looks_up = True
        report.asked += 1
        report.unanswered += reply.value is None
        report.settled += apply_lookup_result(account, item.reference, reply)
        unreadable = unreadable + 1 if reply.value is None else 0
        if unreadable >= _MANY_UNREADABLE or (reply.value is None and not 200 <= (reply.http_status or 0) < 300):
            # A provider that did not answer won't answer the next call either; what can't be read is about this item.
            report.stopped = redact_text(reply.text, account.secrets)
            break
    return report


@again_on_deadlock
def _next(alias: str) -> LoteItem | None:
    """Return the item that is to be asked about next, of the lote that has waited longest."""
    now = timezone.now()
    while (lote := Lote.objects.filter(account=alias, look_up_at__lte=now).order_by("look_up_at").first()) is not None:
        items = LoteItem.objects.filter(lote=lote, look_up_at__lte=now)
        item = items.order_by(F("looked_up_at").asc(nulls_first=True), "position").first()
        if item is not None:
            return item
        with atomic():
            # A notification may ask for a look-up at this moment: it locks the lote first, too.
            Lote.objects.lock().get(pk=lote.pk)
            earliest = LoteItem.objects.filter(lote=lote).aggregate(earliest=Min("look_up_at"))["earliest"]
            Lote.objects.filter(pk=lote.pk).update(look_up_at=earliest)
    return None


def _show_what_cannot_be_asked(alias: str) -> None:
    """Show a person what is overdue of an account that is not configured any more."""
    overdue = LoteItem.objects.filter(
        lote__account=alias, status=LoteItemStatus.SUBMITTED, due_at__lte=timezone.now() - overdue_after()
    )
    Invoice.objects.filter(pk__in=list(overdue.values_list("invoice_id", flat=True)[:MOST])).show_overdue()


def _count(item: LoteItem) -> bool:
    """Count a look-up and put off the next one; False if another process was faster."""
    again_at = timezone.now() + pause_before_next(item)
    return bool(
        LoteItem.objects.filter(pk=item.pk, look_up_at=item.look_up_at, lookups=item.lookups).update(
            lookups=F("lookups") + 1, look_up_at=again_at
        )
    )


def _ask(account: Account, reference: str) -> Reply[tuple[Found, ...]]:
    body = lookup_body(account.credentials, reference)
    with Client(connect_timeout=conf.connect_timeout, read_timeout=conf.read_timeout) as client:
        return client.ask(account.url_at(PATH), body, lambda answer: read_lookup(answer, reference))
