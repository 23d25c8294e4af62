"""The values that each setting takes, by its key, with the number of its check and what to do about others."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from ..wire.modalities import modalities

SETTING = "TUSFACTURAS_LOTES"
# The value of TOPE_CONSUMIDOR_FINAL for which the provider is asked.
ASK_THE_PROVIDER = "provider"
# The number of the only problem with which an account is used all the same.
UNKNOWN_KEY = 12
# Comprobantes in a call, of the modality that takes most.
MOST_ITEMS = max(modality.max_items for modality in modalities().values())


@dataclass(frozen=True)
class Problem:
    """Something wrong with one setting: the number of its check, its key, and what to do."""

    number: int
    key: str
    text: str
    hint: str


@dataclass(frozen=True)
class Value:
    """What a key may hold: a test of it, the number of its check, what to do, and the text about another value."""

    accepts: Callable[[Any], bool]
    number: int
    hint: str
    wrong: str = ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _is_amount(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and Decimal(str(value)) > 0
    except InvalidOperation:
        return False


def _are_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(one, str) and one for one in value)


def _one_of(*values: str, or_none: bool = False) -> Value:
    allowed = (*values, None) if or_none else values
    return Value(lambda value: value in allowed, 18, f"One of: {', '.join(values)}.")


_SECONDS = Value(lambda value: _is_number(value) and 0 < value < float("inf"), 8, "A positive number of seconds.")
_DATE_POLICY = _one_of("keep", "today")

OF_SETTINGS = {
    "CONNECT_TIMEOUT": _SECONDS,
    "READ_TIMEOUT": _SECONDS,
    "SENDING_LEASE": _SECONDS,
    "OVERDUE_AFTER": _SECONDS,
    "NOT_FOUND_AFTER": _SECONDS,
    "CALL_GAP": Value(
        lambda value: _is_number(value) and 0 <= value <= 60, 8, "Seconds, from 0 to 60; TusFacturas wants 0.1."
    ),
    "MAX_ITEMS": Value(
        lambda value: _is_whole(value) and 0 < value <= MOST_ITEMS, 10, f"A whole number from 1 to {MOST_ITEMS}."
    ),
    "DATE_POLICY": _DATE_POLICY,
    "TOPE_CONSUMIDOR_FINAL": Value(
        lambda value: value in (None, ASK_THE_PROVIDER) or _is_amount(value), 18,
        f'An amount in pesos, "{ASK_THE_PROVIDER}", or None.',
    ),
    "SCHEDULES": Value(_is_bool, 11, "True installs them after migrate.", ", not a bool"),
    "KEEP_PDF": Value(_is_bool, 11, "True fetches and keeps every PDF.", ", not a bool"),
    "PDF_HOSTS": Value(
        _are_texts, 11, "A list of host names, without https://; their subdomains are meant too."
    ),
}  # fmt: skip
OF_ACCOUNTS = {
    "PUNTO_VENTA": Value(
        lambda value: _is_whole(value) and 0 < value < 100_000, 4,
        "A whole number from 1 to 99999: the point of sale of the credentials.",
    ),
    "TRIAL": Value(_is_bool, 11, "True only for an account that TusFacturas answers without a CAE.", ", not a bool"),
    "CONDICION_IVA": _one_of("RI", "M", "E", or_none=True),
    "CONCEPTO": _one_of("productos", "servicios", "ambos", or_none=True),
    "DATE_POLICY": _DATE_POLICY,
}  # fmt: skip


def problems_of_values(where: str, values: Mapping[str, Any], known: Mapping[str, Value]) -> Iterator[Problem]:
    """Yield what is wrong with the values of the keys that are known; `where` is how a person finds them."""
    for key, value in known.items():
        if key in values and not value.accepts(values[key]):
            yield Problem(value.number, key, f"{where}['{key}'] is {values[key]!r}{value.wrong}", value.hint)


def problems_of_keys(where: str, keys: Collection[Any], known: Collection[str]) -> Iterator[Problem]:
    """Yield unknown keys (W012)."""
    for key in sorted(str(key) for key in keys if key not in known):
        hint = f"Known keys: {', '.join(sorted(known))}."
        yield Problem(UNKNOWN_KEY, key, f"{where} has an unknown key {key!r}", hint)


def problems_of_url(key: str, url: Any) -> Iterator[Problem]:
    """Yield what is wrong with an address that the provider, or the app, calls (E006)."""
    hint = "An absolute https:// address; http:// only for a loopback address."
    if not isinstance(url, str) or not url:
        yield Problem(6, key, f"{SETTING}['{key}'] is not set", hint)
        return
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError as exc:
        yield Problem(6, key, f"{SETTING}['{key}'] is not an address: {exc}", hint)
        return
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))):
        yield Problem(6, key, f"{SETTING}['{key}'] is {url!r}", hint)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
