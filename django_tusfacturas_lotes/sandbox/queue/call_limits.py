"""Watches the limits of calls: one at a time of one account, and not too soon after the one before.

The provider's pause between two calls is 100 ms.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

UNKNOWN = "unknown"
"""In the place of an apikey: a call with credentials that the sandbox does not know."""
TOO_CLOSE = "Demasiadas llamadas: una a la vez por cuenta, con 100 ms entre una y otra."


@dataclass(eq=False)
class OpenCall:
    """One call from its start to its end. ``within_limits`` says whether the provider would take it at this time."""

    apikey: str
    within_limits: bool
    ended: bool = False


class CallLimits:
    """How many calls of an account were open at once, and how close they followed each other.

    Not thread-safe: the sandbox holds its lock around it. ``monotonic`` gives seconds; ``min_gap`` is in seconds.
    """

    def __init__(self, monotonic: Callable[[], float], min_gap: float) -> None:
        self._monotonic = monotonic
        self._min_gap = min_gap
        self._open: Counter[str] = Counter()
        self._most_open: dict[str, int] = {}
        self._ended_at: dict[str, float] = {}
        self._shortest: dict[str, float | None] = {}

    def start(self, apikey: str) -> OpenCall:
        """A call begins, of any of the provider's endpoints. What is returned must be given to :meth:`end`."""
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
        return OpenCall(apikey, within)

    def end(self, open_call: OpenCall) -> None:
        """A call ends. To be called before it is answered, or its caller's next call might count as open beside it."""
        if not open_call.ended:
            open_call.ended = True
            self._open[open_call.apikey] -= 1
            self._ended_at[open_call.apikey] = self._monotonic()

    @property
    def most_open(self) -> dict[str, int]:
        return dict(self._most_open)

    @property
    def shortest_gap_ms(self) -> dict[str, float | None]:
        """In milliseconds; None with fewer than two calls, 0 where two were open at once."""
        return {apikey: None if gap is None else round(gap * 1000, 3) for apikey, gap in self._shortest.items()}
