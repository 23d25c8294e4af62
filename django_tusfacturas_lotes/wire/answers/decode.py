"""Decodes the bytes of an answer or a notification to a JSON object that any database can hold, or says why not."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

MAX_DEPTH = 31
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# PostgreSQL's jsonb refuses NUL and lone surrogates, and text columns of every database refuse one of them.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class NotAnObject(ValueError):
    """The bytes are not one JSON object; the text says why."""


def decode_object(raw: bytes) -> dict[str, Any]:
    """Read UTF-8 JSON strictly: one object, at most `MAX_DEPTH` deep, no NaN, no number out of range.

    NUL and lone surrogates in texts become U+FFFD, so that the result can be stored anywhere.
    Raises `NotAnObject`.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise NotAnObject(f"not UTF-8 (byte {exc.start})") from None
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError:
        raise NotAnObject("nested too deeply") from None
    except ValueError as exc:
        raise NotAnObject(f"not JSON ({exc})") from None
    if not isinstance(value, dict):
        raise NotAnObject("JSON, but not an object")
    cleaned: dict[str, Any] = _clean(value, MAX_DEPTH)
    return cleaned


def storable(value: Any) -> Any:
    """Return a copy of any Python value as JSON that any database can hold; what JSON does not know becomes text."""
    try:
        return _clean(json.loads(json.dumps(value, default=str, allow_nan=False)), MAX_DEPTH)
    except (TypeError, ValueError, RecursionError):
        return clean_text(str(value))[:2000]


def clean_text(text: str) -> str:
    """Return `text` with what no database stores (NUL, lone surrogates) replaced."""
    return _UNSTORABLE.sub(_REPLACEMENT, text)


def _clean(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict | list) and depth <= 0:
        raise NotAnObject("nested too deeply")
    if isinstance(value, dict):
        return {clean_text(key): _clean(member, depth - 1) for key, member in value.items()}
    if isinstance(value, list):
        return [_clean(member, depth - 1) for member in value]
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is out of range")
    return number
