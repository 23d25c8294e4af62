"""How long to wait after tries in a row that failed."""

from __future__ import annotations

import datetime as dt

# Seconds between the tries of a lote that is known not to have been sent, and, by how many calls in a row were lost,
# before an account sends its next lote: a provider that is down must not turn a whole queue uncertain.
PAUSES = (60, 300, 900, 3600)


def pause_after(tries: int) -> dt.timedelta:
    """Return the pause after so many tries, at least one; the longest one stands for all that follow."""
    return dt.timedelta(seconds=PAUSES[min(tries, len(PAUSES)) - 1])
