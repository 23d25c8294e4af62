"""How long the sandbox takes for things, and its clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

ARGENTINA = timezone(timedelta(hours=-3))  # no summer time since 2009


@dataclass(frozen=True)
class Pace:
    """Every pause of the sandbox, in seconds. The defaults make it as fast as it can be."""

    emission: float = 0.0
    """What issuing one comprobante takes."""
    emission_retry: float = 0.05
    """Between two tries to issue a comprobante that fails."""
    webhook_retry: float = 0.05
    """Between two tries to deliver a notification."""
    webhook_timeout: float = 10.0
    """How long the receiver of a notification may take."""
    max_tries: int = 10
    """How often the encola modalities try to issue a comprobante before it is in error. ``lotes``: always 10."""
    notice_retries: tuple[float, ...] = (0.05,) * 5
    """The encola modalities' pauses before the second, third, … try to deliver a notice. Then it is given up."""
    notice_timeout: float = 20.0
    """How long the receiver of such a notice may take at the first try."""
    notice_retry_timeout: float = 5.0
    """How long it may take at the later tries."""
    min_gap: float = 0.0
    """Between the end of one call of an account and the start of its next."""
    enforce_limits: bool = False
    """Whether a call that comes sooner than ``min_gap``, or while another is open, is answered 429."""
    early_limit: float = 30.0
    """How long the fault ``webhook=early`` keeps an answer back for its notifications to be delivered."""


FAST = Pace()
REAL = Pace(
    emission=1.0,
    emission_retry=300.0,
    webhook_retry=300.0,
    webhook_timeout=20.0,
    max_tries=100,
    notice_retries=(300.0, 1_800.0, 10_800.0, 21_600.0, 43_200.0),
    min_gap=0.1,
    enforce_limits=True,
)
SPEEDS = {"fast": FAST, "real": REAL}


class Clock:
    """The sandbox's time in Argentina, whose day can be moved, and a monotonic clock for its pauses, in seconds."""

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
