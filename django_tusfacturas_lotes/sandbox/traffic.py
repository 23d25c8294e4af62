"""How many calls of one account were open at once, and how close did they follow each other?

The provider takes one call at a time of an account, at least 100 ms after the one before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

UNKNOWN = "unknown"
"""In the place of an apikey: a call with credentials that the sandbox does not know."""
TOO_CLOSE = "Demasiadas llamadas: una a la vez por cuenta, con 100 ms entre una y otra."


@dataclass(eq=False)
class Visit:
    """One call from its start to its end. ``within_limits`` is what the provider would say of its moment."""

    apikey: str
    within_limits: bool
    ended: bool = False


class Traffic:
    """Not thread-safe: the sandbox holds its lock around it. ``monotonic`` gives seconds."""

    def __init__(self, monotonic: Callable[[], float], min_gap: float) -> None:
        self._monotonic = monotonic
        self._min_gap = min_gap
        self._open: Counter[str] = Counter()
        self._most_open: dict[str, int] = {}
        self._ended_at: dict[str, float] = {}
        self._shortest: dict[str, float | None] = {}

    def start(self, apikey: str) -> Visit:
        """A call begins, of any of the provider's endpoints. Each must be given to :meth:`end`."""
        gap: float | None = None
        if self._open[apikey]:
            gap = 0.0
        elif apikey in self._ended_at:
            gap = max(0.0, self._monotonic() - self._ended_at[apikey])
        shortest = self._shortest.get(apikey)
        self._shortest[apikey] = gap if shortest is None else shortest if gap is None else min(gap, shortest)
        within = apikey == UNKNOWN or not (self._open[apikey] or (gap is not None and gap < self._min_gap))
        self._open[apikey] += 1
        self._most_open[apikey] = max(self._open[apikey], self._most_open.get(apikey, 0))
        return Visit(apikey, within)

    def end(self, visit: Visit) -> None:
        """It is about to be answered. Not later: what its caller does next must never count as beside it."""
        if not visit.ended:
            visit.ended = True
            self._open[visit.apikey] -= 1
            self._ended_at[visit.apikey] = self._monotonic()

    @property
    def most_open(self) -> dict[str, int]:
        return dict(self._most_open)

    @property
    def shortest_gap_ms(self) -> dict[str, float | None]:
        """In milliseconds; None with fewer than two calls, 0 where two were open at once."""
        return {apikey: None if gap is None else round(gap * 1000, 3) for apikey, gap in self._shortest.items()}
