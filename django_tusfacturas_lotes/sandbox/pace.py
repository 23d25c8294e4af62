"""How fast does the sandbox work, and what day is it there?"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

ARGENTINA = timezone(timedelta(hours=-3))  # no summer time since 2009


@dataclass(frozen=True)
class Pace:
    """Every pause of the sandbox, in seconds. The defaults are as fast as it can."""

    emission: float = 0.0
    """What issuing one comprobante takes."""
    emission_retry: float = 0.05
    """Between two tries to issue one that fails."""
    webhook_retry: float = 0.05
    """Between two tries to deliver a notification."""
    webhook_timeout: float = 10.0
    """How long the receiver of a notification may take."""
    early_limit: float = 30.0
    """How long ``webhook=early`` keeps the answer back for the notifications to be delivered."""


FAST = Pace()
REAL = Pace(emission=1.0, emission_retry=300.0, webhook_retry=300.0, webhook_timeout=20.0)
SPEEDS = {"fast": FAST, "real": REAL}


class Clock:
    """The sandbox's day, in Argentina, which can be moved; and a monotonic clock for its pauses, which can't."""

    def __init__(
        self,
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now = now
        self.monotonic = monotonic
        self._shift = timedelta()

    def now(self) -> datetime:
        """The sandbox's time in Argentina."""
        return self._now().astimezone(ARGENTINA) + self._shift

    def today(self) -> date:
        return self.now().date()

    def advance(self, days: int) -> None:
        self._shift += timedelta(days=days)

    def set_date(self, day: date) -> None:
        self._shift += day - self.today()

    def reset(self) -> None:
        self._shift = timedelta()
