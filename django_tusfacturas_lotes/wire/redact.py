"""Credentials out of anything that is stored, logged or shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

CREDENTIAL_KEYS = frozenset({"apikey", "apitoken", "usertoken"})
MASK = "***"

# An `apikey` is a short number, which may also be part of an amount or of a CAE: short secrets are masked only where
# they stand alone, long ones wherever they occur.
_LONG_ENOUGH_TO_BE_UNMISTAKABLE = 8


def redact(value: Any, secrets: Iterable[str] = ()) -> Any:
    """Return a copy of a JSON-like value without credential keys, and with every secret in its texts masked.

    `secrets` are the credentials themselves; they are also found in the middle of an error's text. Keys named as
    credentials go whatever they hold.
    """
    return _redact(value, _pattern(secrets))


def redact_text(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text` with every secret in it masked."""
    pattern = _pattern(secrets)
    return pattern.sub(MASK, text) if pattern else text


def _pattern(secrets: Iterable[str]) -> re.Pattern[str] | None:
    alternatives = [
        re.escape(secret)
        if len(secret) >= _LONG_ENOUGH_TO_BE_UNMISTAKABLE
        else rf"(?<![\w.-]){re.escape(secret)}(?![\w-]|\.\d)"
        for secret in sorted(set(secrets), key=len, reverse=True)
        if secret
    ]
    return re.compile("|".join(alternatives)) if alternatives else None


def _redact(value: Any, pattern: re.Pattern[str] | None) -> Any:
    if isinstance(value, str):
        return pattern.sub(MASK, value) if pattern else value
    if isinstance(value, Mapping):
        return {
            _redact(key, pattern): _redact(member, pattern)
            for key, member in value.items()
            if str(key).lower() not in CREDENTIAL_KEYS
        }
    if isinstance(value, list | tuple):
        return [_redact(member, pattern) for member in value]
    if isinstance(value, int | float) and not isinstance(value, bool) and pattern and pattern.fullmatch(str(value)):
        return MASK
    return value
