"""One call at a time for an account, and not too fast, across processes: the provider's rule (HTTP 429 otherwise).

A turn is a row, held for as long as a call may take: a process that is killed in its turn only delays the next one.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

from django.db import IntegrityError
from django.db.models import Q
from django.utils import timezone

from ..conf import conf
from ..models import Turn
from ..transactions import atomic
from .client import Outcome, Reply

# Seconds that a call may take beyond its time-outs, for what comes before and after it.
_MARGIN = 15
# Seconds between two attempts at a turn that another process has, and how long to wait for it: longer than most calls
# take, so that a lote is sent between two of another process's look-ups.
_POLL = 0.02
_PATIENCE = 3.0
_SKEW = dt.timedelta(seconds=5)
_USUAL_PAUSE = 60.0

T = TypeVar("T")
# When this process ended its last call of each account, by `time.monotonic`.
_ended: dict[str, float] = {}


@dataclass
class Lease:
    """A turn that was taken. `pause`: the seconds until any next call that the provider asked for.

    `looks_up`: it was for a look-up.
    """

    account: str
    until: dt.datetime
    pause: float | None = None
    looks_up: bool = False

    def heed(self, answer: Outcome | Reply[Any]) -> None:
        """Keep the pause that the provider asks for by HTTP 429; a minute, if it names no time."""
        if answer.http_status == HTTPStatus.TOO_MANY_REQUESTS:
            self.pause = _USUAL_PAUSE if answer.retry_after is None else answer.retry_after


@dataclass(frozen=True)
class Busy:
    """A turn that can't be had: for how many seconds, as far as that is known, and why."""

    seconds: float
    reason: str


def take(alias: str) -> Lease | Busy:
    """Take the account's turn, in the caller's transaction if there is one; never waits."""
    now = timezone.now()
    longest = dt.timedelta(seconds=conf.connect_timeout + conf.read_timeout + _MARGIN)
    gap = dt.timedelta(seconds=conf.call_gap)
    turn = Turn.objects.filter(pk=alias)
    # A time further ahead than it can have been set comes from a clock that has been put back since.
    # Another machine's clock, or a wait for the row, may be a little ahead of ours.
    not_busy = Q(busy_until=None) | Q(busy_until__lte=now) | Q(busy_until__gt=now + longest + _SKEW)
    rested = Q(last_call_at=None) | Q(last_call_at__lte=now - gap) | Q(last_call_at__gt=now + _SKEW)
    allowed = Q(free_from=None) | Q(free_from__lte=now) | Q(free_from__gt=now + dt.timedelta(days=1) + _SKEW)
    if turn.filter(not_busy, rested, allowed).update(busy_until=now + longest):
        return Lease(alias, now + longest)
    row = turn.first()
    if row is None:
        try:
            with atomic():
                Turn.objects.create(account=alias, busy_until=now + longest)
            return Lease(alias, now + longest)
        except IntegrityError:
            return Busy(_POLL, "another process is calling TusFacturas")
    if row.free_from is not None and row.free_from > now:
        return Busy((row.free_from - now).total_seconds(), "TusFacturas asks for a pause (HTTP 429)")
    if row.busy_until is not None and row.busy_until > now:
        return Busy(_POLL, "another process is calling TusFacturas")
    rest = gap - (now - row.last_call_at) if row.last_call_at is not None else gap
    return Busy(max(rest.total_seconds(), 0.001), "TusFacturas wants a pause between two calls")


def give_back(lease: Lease) -> None:
    """End a turn, if it is still one's own. `lease.pause` keeps everybody from calling for so long."""
    now = timezone.now()
    _ended[lease.account] = time.monotonic()
    more = {} if lease.pause is None else {"free_from": now + dt.timedelta(seconds=lease.pause)}
    if lease.looks_up:
        more["last_look_up_at"] = now
    Turn.objects.filter(pk=lease.account, busy_until=lease.until).update(busy_until=None, last_call_at=now, **more)


def when_free(alias: str, attempt: Callable[[], T | Busy]) -> T | Busy:
    """Repeat `attempt` for a few seconds until it gets the turn; return `Busy` if not. Not inside a transaction."""
    if alias in _ended:
        # This process made the last call, as far as it knows: don't ask the database before the pause is over.
        time.sleep(max(0.0, _ended[alias] + conf.call_gap - time.monotonic()))
    deadline = time.monotonic() + max(_PATIENCE, 2 * conf.call_gap)
    while isinstance(taken := attempt(), Busy):
        if time.monotonic() + taken.seconds > deadline:
            return taken
        time.sleep(taken.seconds)
    return taken


@contextmanager
def turn(alias: str) -> Iterator[Lease | Busy]:
    """Take the account's turn, waiting a little for it, and give it back at the end. Not inside a transaction."""
    taken = when_free(alias, lambda: take(alias))
    if isinstance(taken, Busy):
        yield taken
        return
    try:
        yield taken
    finally:
        give_back(taken)
