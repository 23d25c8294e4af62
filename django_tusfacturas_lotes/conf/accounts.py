"""One account of the settings: what it holds, and what may be wrong with it."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.utils.crypto import salted_hmac

from ..wire.answers.lookup import HOST
from ..wire.modalities import Credentials, Modality, modalities
from ..wire.rules import Concepto
from .values import (
    OF_ACCOUNTS,
    SETTING,
    Problem,
    problems_of_keys,
    problems_of_url,
    problems_of_values,
)  # fmt: skip

_CREDENTIAL_KEYS = ("APIKEY", "APITOKEN", "USERTOKEN")
_ACCOUNT_KEYS = {*_CREDENTIAL_KEYS, "MODALITY", "WEBHOOK_TOKEN", "BASE_URL", *OF_ACCOUNTS}


@dataclass(frozen=True)
class Account:
    """One CUIT and point of sale at TusFacturas, under the alias that the host gave it.

    Each credential may have several values while it is rotated: the first is sent, all are accepted in a webhook.
    """

    alias: str
    apikeys: tuple[str, ...] = field(repr=False)
    apitokens: tuple[str, ...] = field(repr=False)
    usertokens: tuple[str, ...] = field(repr=False)
    punto_venta: int
    modality: Modality
    webhook_tokens: tuple[str, ...] = field(default=(), repr=False)
    base_url: str | None = None
    trial: bool = False
    condicion_iva: str | None = None
    concepto: Concepto | None = None
    redates: bool = False
    """Whether a comprobante whose date has passed is dated on the day it is sent (`DATE_POLICY` "today")."""

    @property
    def credentials(self) -> Credentials:
        return Credentials(self.apikeys[0], self.apitokens[0], self.usertokens[0])

    def url_of(self, modality: Modality) -> str:
        """Return where calls of a modality go: `BASE_URL`, or the modality's own host."""
        return (self.base_url or modality.base_url).rstrip("/") + modality.path

    def url_at(self, path: str) -> str:
        """Return where look-ups and operations on the queue go, in any modality: `BASE_URL`, or the provider's host."""
        return (self.base_url or HOST).rstrip("/") + path

    @property
    def sent_as(self) -> tuple[str, ...]:
        """A digest of each apikey, to record which one something was sent with, without storing it.

        The first is that of the apikey in use; digests made with a rotated `SECRET_KEY` are among the others.
        """
        keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
        hmacs = (
            salted_hmac("django_tusfacturas_lotes", apikey, secret=key, algorithm="sha256")
            for key in keys
            for apikey in self.apikeys
        )
        return tuple(one.hexdigest()[:32] for one in hmacs)

    def shares_credentials_with(self, other: Account) -> bool:
        """Whether they have a value of each credential in common, so that a notification may be for either."""
        ours, theirs = (
            [set(values) for values in (one.apikeys, one.apitokens, one.usertokens)] for one in (self, other)
        )
        return all(a & b for a, b in zip(ours, theirs, strict=True))

    @property
    def secrets(self) -> frozenset[str]:
        """Every credential in every value, for `wire.answers.redact`."""
        return frozenset((*self.apikeys, *self.apitokens, *self.usertokens, *self.webhook_tokens))

    def is_ours(self, apikey: str, apitoken: str, usertoken: str) -> bool:
        """Compare three credentials with ours, in constant time, which does not tell which one differs."""
        given = (apikey, apitoken, usertoken)
        ours = (self.apikeys, self.apitokens, self.usertokens)
        matches = [
            any([hmac.compare_digest(_bytes(candidate), _bytes(value)) for candidate in candidates])  # noqa: C419 - all are compared, so that the time tells nothing
            for value, candidates in zip(given, ours, strict=True)
        ]
        return all(matches)

    def is_our_token(self, token: str) -> bool:
        """Compare the token of a notification with ours, in constant time; without one configured nobody gets in."""
        return any([hmac.compare_digest(_bytes(ours), _bytes(token)) for ours in self.webhook_tokens])  # noqa: C419 - all are compared, so that the time tells nothing


def problems_of_account(alias: str, mapping: Any, aliases: Collection[str]) -> Iterator[Problem]:
    """Yield what is wrong with one account, as the settings have it; `aliases` are those of all accounts."""
    where = f"{SETTING}['ACCOUNTS'][{alias!r}]"
    if not isinstance(alias, str) or not 0 < len(alias) <= 50:
        yield Problem(2, "ACCOUNTS", f"the account alias {alias!r} is not a text of 1 to 50 characters", "Shorten it.")
    if not isinstance(mapping, Mapping):
        hint = f"Add it, or use one of: {', '.join(aliases)}."
        yield Problem(2, "ACCOUNTS", f"there is no account {alias!r} in {SETTING}['ACCOUNTS']", hint)
        return
    for key in _CREDENTIAL_KEYS:
        if not _several(mapping.get(key)):
            yield Problem(3, key, f"{where} has no {key}", "Copy it from TusFacturas; a list of values while rotating.")
    name = mapping.get("MODALITY", "lotes")
    if not isinstance(name, str) or name not in modalities():
        text = f"{where}['MODALITY'] is {name!r}"
        yield Problem(5, "MODALITY", text, f"One of: {', '.join(modalities())}.")
    if "BASE_URL" in mapping:
        yield from problems_of_url(f"ACCOUNTS'][{alias!r}]['BASE_URL", mapping["BASE_URL"])
    yield from problems_of_values(where, {"PUNTO_VENTA": None, **mapping}, OF_ACCOUNTS)
    yield from problems_of_keys(where, mapping, _ACCOUNT_KEYS)


def read_account(alias: str, mapping: Mapping[str, Any], date_policy: str) -> Account:
    modality = modalities()[mapping.get("MODALITY", "lotes")]
    return Account(
        alias=alias,
        apikeys=_several(mapping["APIKEY"]),
        apitokens=_several(mapping["APITOKEN"]),
        usertokens=_several(mapping["USERTOKEN"]),
        punto_venta=mapping["PUNTO_VENTA"],
        modality=modality,
        webhook_tokens=_several(mapping.get("WEBHOOK_TOKEN")),
        base_url=mapping.get("BASE_URL"),
        trial=mapping.get("TRIAL", False),
        condicion_iva=mapping.get("CONDICION_IVA"),
        concepto=mapping.get("CONCEPTO"),
        redates=mapping.get("DATE_POLICY", date_policy) == "today",
    )


def _several(value: Any) -> tuple[str, ...]:
    """Return one credential or a list of them as texts, without empty ones: an empty secret lets nobody in."""
    values = value if isinstance(value, list | tuple) else [value]
    return tuple(str(one).strip() for one in values if one is not None and str(one).strip())


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
