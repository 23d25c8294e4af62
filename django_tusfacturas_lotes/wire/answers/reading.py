"""Reads single values of the provider's JSON.

A text may come as a number and a number as a text; either may be blank or missing
(docs/provider.md, Values in answers).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# As long as these may be, of everything that tells of an issued document; what is longer is not one of them.
MAX_TEXT = {"cae": 40, "comprobante_tipo": 60, "tipo": 60}


class Unreadable(ValueError):
    """An answer or a notification is not of the documented form; the text says what is missing."""


def text(value: object) -> str:
    """Return a text or a whole number as stripped text; "" for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value).strip()


def texts(value: object) -> tuple[str, ...]:
    """Return one text or a list of them as texts; what is neither is shown as it came, never dropped."""
    members = value if isinstance(value, list) else [] if value in (None, "", {}) else [value]
    return tuple(one for member in members if (one := member.strip() if isinstance(member, str) else str(member)))


def details(value: object) -> tuple[str, ...]:
    """Return `error_details` as texts, each with its code; what is no detail is shown as it came."""
    members = value if isinstance(value, list) else [] if value in (None, "", {}) else [value]
    return tuple(one for member in members if (one := _detail(member)))


def _detail(member: object) -> str:
    if not isinstance(member, Mapping):
        return str(member).strip()
    return f"{text(member.get('code'))} {text(member.get('text'))}".strip()


def number(value: object) -> int | None:
    """Return a whole number of up to eight digits, also from a text; None for anything else."""
    digits = text(value)
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 8 else None


def check_texts(mapping: Mapping[str, Any], keys: Iterable[str]) -> None:
    """Raise `Unreadable` where the value of a key is not a text or a whole number (or missing), or is too long."""
    for key in keys:
        value = mapping.get(key, "")
        if isinstance(value, bool) or not isinstance(value, str | int | None.__class__):
            raise Unreadable(f"{key} is not a text")
        most = MAX_TEXT.get(key, 100_000)
        if len(text(value)) > most:
            raise Unreadable(f"{key} is longer than {most} characters")
