"""What each account has to send, and why it waits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Count, Min, OuterRef, Q, Subquery
from django.utils import timezone

from ..conf import conf
from ..conf.pauses import pause_after
from ..models import Invoice, InvoiceStatus, Lote, LoteItem, LoteStatus, Turn
from ..wire.dates import argentine_day, argentine_midnight

# Uncertain lotes that are described one by one; the rest is only counted.
MOST_TOLD = 20


@dataclass(frozen=True)
class Queue:
    """What an account has to send: `pending` now since `oldest`, and `later` on a day to come."""

    account: str
    pending: int
    later: int
    oldest: dt.datetime | None
    last_sent: dt.datetime | None


@dataclass(frozen=True)
class WaitingAccount:
    """An account with something to send that waits for a reason, until a moment where that is known."""

    account: str
    reason: str
    since: dt.datetime | None
    until: dt.datetime | None = None
    lote_id: int | None = None
    needs_person: bool = False
    not_configured: bool = False


@dataclass(frozen=True)
class InFlight:
    """A lote that goes next (`ready`, and could go from `since` on), or is being sent (`sending`, since then)."""

    lote_id: int
    account: str
    status: str
    since: dt.datetime


@dataclass(frozen=True)
class UncertainLote:
    """A lote whose answer was lost at `since`. `heard_of` are those of its items that a notification was about."""

    lote_id: int
    account: str
    since: dt.datetime
    error: str
    items: int
    heard_of: int


@dataclass(frozen=True)
class Sending:
    """How far the sending is, of every account that has something to send."""

    pending: int
    oldest_pending: dt.datetime | None
    queues: tuple[Queue, ...]
    waiting: tuple[WaitingAccount, ...]
    in_flight: tuple[InFlight, ...]
    uncertain_count: int
    uncertain: tuple[UncertainLote, ...]
    """The oldest of them, at most `MOST_TOLD`."""
    last_sent: dt.datetime | None
    """The last call with a lote, of any account."""


def look_at_sending(now: dt.datetime, turns: Mapping[str, Turn]) -> Sending:
    """Return what waits to be sent at `now` (aware), and why; at most 5 queries. `turns` are those of the accounts."""
    groups = _pending_groups()
    # A range, which each database looks for on the index; SQLite does not for "is not null".
    held = list(Lote.objects.filter(in_flight_for__gt="").defer("response"))
    aliases = sorted({*(alias for alias, *_ in groups), *(lote.account for lote in held)})
    last_sent = _last_sent({*aliases, *conf.aliases})
    queues = tuple(_queue(alias, groups, last_sent.get(alias), now) for alias in aliases)
    lost = _uncertain()
    return Sending(
        pending=sum(queue.pending for queue in queues),
        oldest_pending=min((queue.oldest for queue in queues if queue.oldest), default=None),
        queues=queues,
        waiting=tuple(_waiting(queues, held, lost, turns, now)),
        in_flight=tuple(_in_flight(held)),
        uncertain_count=len(lost),
        uncertain=tuple(_describe_uncertain(lost[:MOST_TOLD])),
        last_sent=max(last_sent.values(), default=None),
    )


def why_accounts_wait(now: dt.datetime) -> dict[str, str]:
    """Return, in words, why each account that has something to send can't send it at `now`; at most 6 queries."""
    turns = {turn.account: turn for turn in Turn.objects.all()}
    return {
        one.account: one.reason + (f" (until {timezone.localtime(one.until):%d/%m %H:%M})" if one.until else "")
        for one in look_at_sending(now, turns).waiting
    }


def not_configured(alias: str) -> str:
    """Return why no call can be made for an account; "" if one can. Never shows a credential."""
    try:
        account = conf.account(alias)
        if not account.modality.webhook_at_provider:
            _ = conf.webhook_url
    except ImproperlyConfigured as exc:
        return str(exc)
    return ""


def _pending_groups() -> list[tuple[str, dt.date | None, int, dt.datetime]]:
    """Return what is pending by account and day: how many, and since when the first waits (retried ones anew)."""
    pending = Invoice.objects.filter(status=InvoiceStatus.PENDING).order_by()
    return list(
        pending.values("account", "send_on")
        .annotate(n=Count("pk"), since=Min("updated_at"))
        .values_list("account", "send_on", "n", "since")
    )


def _queue(
    alias: str,
    groups: Iterable[tuple[str, dt.date | None, int, dt.datetime]],
    last_sent: dt.datetime | None,
    now: dt.datetime,
) -> Queue:
    pending = later = 0
    waits_by_itself = _waits_by_itself(alias)
    oldest: list[dt.datetime] = []
    for account, send_on, count, since in groups:
        if account != alias:
            continue
        if send_on is None or waits_by_itself:
            pending += count
            oldest.append(since)
        elif send_on <= argentine_day(now):
            pending += count
            oldest.append(max(since, argentine_midnight(send_on)))
        else:
            later += count
    return Queue(alias, pending, later, min(oldest, default=None), last_sent)


def _waits_by_itself(alias: str) -> bool:
    """Whether invoices for a later day are sent at once to an account's modality."""
    try:
        return conf.account(alias).modality.waits_by_itself
    except ImproperlyConfigured:
        return True


def _last_sent(aliases: Collection[str]) -> dict[str, dt.datetime]:
    """Return when the newest lote of each account was sent, each found on the index of lotes by account."""
    if not aliases:
        return {}
    newest = Q()
    for alias in aliases:
        sent = Lote.objects.filter(account=alias, sent_at__isnull=False).order_by("-pk")
        newest |= Q(pk=Subquery(sent.values("pk")[:1]))
    found = Lote.objects.filter(newest).values_list("account", "sent_at")
    return {alias: sent_at for alias, sent_at in found if sent_at}


def _in_flight(lotes: Iterable[Lote]) -> Iterable[InFlight]:
    for lote in lotes:
        if lote.status == LoteStatus.SENDING:
            since = lote.sent_at or lote.created_at
        else:
            since = max(lote.next_try_at or lote.created_at, lote.created_at)
        yield InFlight(lote.pk, lote.account, lote.status, since)


def _uncertain() -> list[Any]:
    """Return the uncertain lotes, oldest first, each with its account's newest one that is not (`settled`)."""
    others = Lote.objects.filter(account=OuterRef("account")).exclude(status=LoteStatus.UNCERTAIN).order_by("-pk")
    return list(
        Lote.objects.filter(status=LoteStatus.UNCERTAIN)
        .annotate(settled=Subquery(others.values("pk")[:1]))
        .defer("response", "discrepancies")
        .order_by("pk")
    )


def _describe_uncertain(lotes: Collection[Any]) -> Iterable[UncertainLote]:
    if not lotes:
        return
    heard = Q(pk__in=LoteItem.objects.filter(lote__in=lotes).notified().values("pk"))
    counted = (
        LoteItem.objects.filter(lote__in=lotes)
        .values("lote_id")
        .annotate(n=Count("pk"), heard=Count("pk", filter=heard))
    )
    counts = {row["lote_id"]: (row["n"], row["heard"]) for row in counted}
    for lote in lotes:
        yield UncertainLote(lote.pk, lote.account, _lost_at(lote), lote.error, *counts.get(lote.pk, (0, 0)))


def _lost_at(lote: Lote) -> dt.datetime:
    return lote.answered_at or lote.sent_at or lote.created_at


def _waiting(
    queues: Iterable[Queue],
    in_flight: Iterable[Lote],
    lost: Collection[Any],
    turns: Mapping[str, Turn],
    now: dt.datetime,
) -> Iterable[WaitingAccount]:
    """Yield why each account with work waits, as `submission` decides it; nothing for one that could send now."""
    held = {lote.account: lote for lote in in_flight}
    for queue in queues:
        alias, lote = queue.account, held.get(queue.account)
        if reason := not_configured(alias):
            since = lote.created_at if lote else queue.oldest
            yield WaitingAccount(alias, reason, since, needs_person=True, not_configured=True)
        elif lote is not None and lote.status == LoteStatus.SENDING:
            continue
        elif lote is not None and (lote.waits_for_a_person or (lote.next_try_at or now) > now):
            needs_person = lote.waits_for_a_person
            yield WaitingAccount(alias, lote.error, lote.created_at, lote.next_try_at, lote.pk, needs_person)
        elif lote is None and queue.pending and (pause := _pause_after_lost_calls(alias, lost, now)):
            yield pause
        elif (queue.pending or lote is not None) and (asked := _pause_of_the_provider(turns.get(alias), now)):
            yield asked


def _pause_of_the_provider(turn: Turn | None, now: dt.datetime) -> WaitingAccount | None:
    if turn is None or turn.free_from is None or turn.free_from <= now:
        return None
    reason = "TusFacturas asks for a pause (HTTP 429)"
    return WaitingAccount(turn.account, reason, turn.last_call_at, turn.free_from)


def _pause_after_lost_calls(alias: str, lost: Iterable[Any], now: dt.datetime) -> WaitingAccount | None:
    """Return the pause that `submission` makes for an account whose newest lotes are uncertain; None if it is over."""
    in_a_row = [lote for lote in lost if lote.account == alias and (lote.settled is None or lote.pk > lote.settled)]
    if not in_a_row:
        return None
    newest = in_a_row[-1]
    until = _lost_at(newest) + pause_after(len(in_a_row))
    if until <= now:
        return None
    return WaitingAccount(alias, f"{newest} is uncertain: {newest.error}", _lost_at(newest), until, newest.pk, True)
