"""Takes credentials out of anything that is stored, logged or shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..credentials import CREDENTIAL_KEYS

MASK = "***"

# An `apikey` is a number, which may also be part of an amount, a reference or a CAE: such secrets are masked only where
# they stand alone in prose, or are the whole of a text; the others wherever they occur.
_LONG_ENOUGH_TO_BE_UNMISTAKABLE = 8


def redact(value: Any, secrets: Iterable[str] = ()) -> Any:
    """Return a copy of a JSON-like value without credential keys, and with every secret in its texts masked.

    `secrets` are the credentials themselves; they are also found in the middle of an error's text. Keys named as
    credentials go whatever they hold.
    """
    return _redact(value, _Masks(secrets))


def redact_text(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text` with every secret in it masked."""
    return _Masks(secrets).mask(text)


def is_unmistakable(secret: str) -> bool:
    """Whether a secret can't be mistaken for a part of something else, so that it is masked anywhere in a text."""
    return len(secret) >= _LONG_ENOUGH_TO_BE_UNMISTAKABLE and not secret.isdigit()


class _Masks:
    def __init__(self, secrets: Iterable[str]) -> None:
        longest_first = sorted({secret for secret in secrets if secret}, key=len, reverse=True)
        self._anywhere = _either(re.escape(secret) for secret in longest_first if is_unmistakable(secret))
        self._in_prose = _either(
            rf"(?<![\w.-]){re.escape(secret)}(?![\w-]|\.\d)" for secret in longest_first if not is_unmistakable(secret)
        )

        self._in_markup = _either(
            rf"(?<![\w./-]){re.escape(secret)}(?![\w/-]|\.\d)"
            for secret in longest_first
            if not is_unmistakable(secret)
        )

    def mask(self, text: str) -> str:
        if self._anywhere:
            text = self._anywhere.sub(MASK, text)
        if self._in_markup:
            text = self._in_markup.sub(MASK, text)
        if self._in_prose and (" " in text or self._in_prose.fullmatch(text)):
            text = self._in_prose.sub(MASK, text)
        return text


def _either(alternatives: Iterable[str]) -> re.Pattern[str] | None:
    joined = "|".join(alternatives)
    return re.compile(joined) if joined else None


def _redact(value: Any, masks: _Masks) -> Any:
    if isinstance(value, str):
        return masks.mask(value)
    if isinstance(value, Mapping):
        return {
            masks.mask(str(key)): _redact(member, masks)
            for key, member in value.items()
            if str(key).lower() not in CREDENTIAL_KEYS
        }
    if isinstance(value, list | tuple):
        return [_redact(member, masks) for member in value]
    if isinstance(value, int) and not isinstance(value, bool) and masks.mask(str(value)) != str(value):
        return MASK
    return value
