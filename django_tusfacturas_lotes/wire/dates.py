"""Days in Argentina, whatever the server's zone, and how the provider writes them."""

from __future__ import annotations

import datetime as dt
import re
from zoneinfo import ZoneInfo

ARGENTINA = ZoneInfo("America/Argentina/Buenos_Aires")

# Where the provider has no date to give, it sends this one (docs/provider.md, Values in answers).
_NO_DATE = dt.date(2000, 1, 1)
_DAY = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")


def argentine_day(moment: dt.datetime | None = None) -> dt.date:
    """Return the day that it is in Argentina at an aware `moment`, by default now."""
    return (moment or dt.datetime.now(dt.timezone.utc)).astimezone(ARGENTINA).date()


def argentine_midnight(day: dt.date) -> dt.datetime:
    """Return the moment at which `day` begins in Argentina."""
    return dt.datetime.combine(day, dt.time(), ARGENTINA)


def format_day(day: dt.date) -> str:
    """Return `day` as the provider writes it, dd/mm/aaaa."""
    return f"{day.day:02}/{day.month:02}/{day.year:04}"


def read_day(text: object) -> dt.date | None:
    """Read dd/mm/aaaa; None for anything else, and for the provider's stand-in 01/01/2000."""
    match = _DAY.fullmatch(text.strip()) if isinstance(text, str) else None
    if not match:
        return None
    try:
        day = dt.date(int(match[3]), int(match[2]), int(match[1]))
    except ValueError:
        return None
    return None if day == _NO_DATE else day
