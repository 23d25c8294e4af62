"""Reads and writes the values in the provider's JSON: texts and dates (dd/mm/aaaa)."""

from __future__ import annotations

import re
from datetime import date

_DATE = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})")


def as_text(value: object) -> str:
    """A string without outer blanks, or a number as a string; ``""`` for anything else."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    return str(value).strip()


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
    """A date in the provider's form, ``28/03/2018``."""
    return f"{day.day:02}/{day.month:02}/{day.year:04}"
