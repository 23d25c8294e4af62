"""The pauses after failed tries in a row."""

from __future__ import annotations

import datetime as dt

# Seconds until the next try of a lote that is known not to have been sent, and until an account's next lote after so
# many lost calls in a row: a provider that is down must not turn a whole queue uncertain.
PAUSES = (60, 300, 900, 3600)


def pause_after(tries: int) -> dt.timedelta:
    """Return the pause after so many tries, at least one; it grows no more after the last one listed."""
    return dt.timedelta(seconds=PAUSES[min(tries, len(PAUSES)) - 1])
