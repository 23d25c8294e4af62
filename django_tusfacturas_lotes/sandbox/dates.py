"""How are the provider's dates (dd/mm/aaaa) read and written?"""

from __future__ import annotations

import re
from datetime import date

_DATE = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})")


def read_date(value: object) -> date | None:
    """The date, or None where it is not one."""
    match = _DATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return None
    day, month, year = (int(part) for part in match.groups())
    try:
        return date(year, month, day)
    except ValueError:
        return None


def write_date(day: date) -> str:
    return f"{day.day:02}/{day.month:02}/{day.year:04}"
