"""The settings, typed, read at each access and never kept, so that `override_settings` and rotation work.

`problems()` finds everything that is wrong with them; `checks.py` reports it, and what is used all the same while it
is wrong raises `ImproperlyConfigured` with the same text.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from .wire.modalities import Credentials, Modality, modalities
from .wire.rule import Concepto

SETTING = "TUSFACTURAS_LOTES"

_DEFAULTS: dict[str, Any] = {
    "ACCOUNTS": {},
    "ACCOUNT_ALIASES": ("default",),
    "WEBHOOK_URL": "",
    "COMPROBANTE_BUILDER": None,
    "MAX_ITEMS": 500,
    "CONNECT_TIMEOUT": 5,
    "READ_TIMEOUT": 60,
    "SENDING_LEASE": 300,
    "SCHEDULES": True,
    "DATE_POLICY": "keep",
    "TOPE_CONSUMIDOR_FINAL": None,
}
_ACCOUNT_KEYS = {"APIKEY", "APITOKEN", "USERTOKEN", "PUNTO_VENTA", "MODALITY", "WEBHOOK_TOKEN", "BASE_URL", "TRIAL"} | {
    "CONDICION_IVA",
    "CONCEPTO",
    "DATE_POLICY",
}
# Named by the design for modalities and features that are still to come: known, so that nobody is warned about them.
_LATER_KEYS = {"OVERDUE_AFTER", "KEEP_PDF"}
_DATE_POLICIES = ("keep", "today")
# What an account may say of itself for the fiscal rules, and the values that each takes.
_FISCAL_FACTS = {"CONDICION_IVA": ("RI", "M", "E"), "CONCEPTO": ("productos", "servicios", "ambos")}
# The setting's value for the ceiling that the provider tells.
ASK_THE_PROVIDER = "provider"
_CREDENTIAL_KEYS = ("APIKEY", "APITOKEN", "USERTOKEN")


@dataclass(frozen=True)
class Problem:
    """Something wrong with one setting: the number of its check, its key, and what to do."""

    number: int
    key: str
    text: str
    hint: str


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
    base_url: str | None = None
    trial: bool = False
    condicion_iva: str | None = None
    concepto: Concepto | None = None
    redates: bool = False
    """Whether a comprobante whose day has passed bears the day that it is sent (`DATE_POLICY` "today")."""

    @property
    def credentials(self) -> Credentials:
        return Credentials(self.apikeys[0], self.apitokens[0], self.usertokens[0])

    def url_of(self, modality: Modality) -> str:
        """Where calls of a modality go: `BASE_URL`, or the modality's own host."""
        return (self.base_url or modality.base_url).rstrip("/") + modality.path

    @property
    def secrets(self) -> frozenset[str]:
        """Every credential in every value, for `wire.redact`."""
        return frozenset((*self.apikeys, *self.apitokens, *self.usertokens))

    def is_ours(self, apikey: str, apitoken: str, usertoken: str) -> bool:
        """Compare three credentials with ours, in a time that tells nothing of which one differs."""
        given = (apikey, apitoken, usertoken)
        ours = (self.apikeys, self.apitokens, self.usertokens)
        matches = [
            any([hmac.compare_digest(_bytes(candidate), _bytes(value)) for candidate in candidates])  # noqa: C419 - all are compared, so that the time tells nothing
            for value, candidates in zip(given, ours, strict=True)
        ]
        return all(matches)


class Conf:
    """`TUSFACTURAS_LOTES`, a typed property a setting. Times are in seconds."""

    @property
    def max_items(self) -> int:
        """Comprobantes in a lote, at most what the modality allows."""
        return int(self._get("MAX_ITEMS"))

    @property
    def connect_timeout(self) -> float:
        return float(self._get("CONNECT_TIMEOUT"))

    @property
    def read_timeout(self) -> float:
        return float(self._get("READ_TIMEOUT"))

    @property
    def sending_lease(self) -> float:
        """How long a lote may be `sending` before its worker is taken for dead."""
        return float(self._get("SENDING_LEASE"))

    @property
    def webhook_url(self) -> str:
        """The address that is given to the provider. Raises `ImproperlyConfigured`: without it no result comes back."""
        for problem in _problems_of_url("WEBHOOK_URL", self._get("WEBHOOK_URL"), 6):
            raise ImproperlyConfigured(f"{problem.text}. {problem.hint}")
        return str(self._get("WEBHOOK_URL"))

    @property
    def schedules(self) -> bool:
        return bool(self._get("SCHEDULES"))

    @property
    def tope_consumidor_final(self) -> Decimal | None:
        """The amount in pesos from which a consumer must be named; None where it is not set or the provider tells."""
        value = self._get("TOPE_CONSUMIDOR_FINAL")
        return None if value in (None, ASK_THE_PROVIDER) else Decimal(str(value))

    @property
    def asks_for_tope(self) -> bool:
        """Whether the provider is asked for that amount, once a day."""
        return bool(self._get("TOPE_CONSUMIDOR_FINAL") == ASK_THE_PROVIDER)

    @property
    def builder_path(self) -> str:
        builder = self._get("COMPROBANTE_BUILDER")
        return builder if isinstance(builder, str) else getattr(builder, "__qualname__", str(builder))

    @property
    def builder(self) -> Callable[[Any], Any]:
        """The host's `callable(order) -> Comprobante | mapping | None`."""
        builder = self._get("COMPROBANTE_BUILDER")
        try:
            builder = import_string(builder) if isinstance(builder, str) else builder
        except ImportError as exc:
            raise ImproperlyConfigured(f"{SETTING}['COMPROBANTE_BUILDER'] can't be imported: {exc}") from exc
        if not callable(builder):
            raise ImproperlyConfigured(f"{SETTING}['COMPROBANTE_BUILDER'] must name a callable(order)")
        found: Callable[[Any], Any] = builder
        return found

    @property
    def aliases(self) -> tuple[str, ...]:
        """The aliases of all accounts: the keys of `ACCOUNTS`, or `ACCOUNT_ALIASES` where that is a callable."""
        accounts = self._get("ACCOUNTS")
        return tuple(accounts if isinstance(accounts, Mapping) else self._get("ACCOUNT_ALIASES"))

    def account(self, alias: str) -> Account:
        """Return an account. Raises `ImproperlyConfigured` where there is none of that alias or it is not complete."""
        found = list(_account_problems(alias, self._account_mapping(alias)))
        if found:
            raise ImproperlyConfigured("; ".join(problem.text for problem in found))
        return _read_account(alias, self._account_mapping(alias))

    def accounts(self) -> list[Account]:
        """Return every account that is complete; `problems()` tells of the others."""
        complete = []
        for alias in self.aliases:
            try:
                complete.append(self.account(alias))
            except ImproperlyConfigured:
                continue
        return complete

    def aliases_sharing(self, alias: str) -> set[str]:
        """Return the aliases of the accounts whose credentials are those of account `alias`, itself included."""
        try:
            credentials = self.account(alias).credentials
        except ImproperlyConfigured:
            return {alias}
        given = (credentials.apikey, credentials.apitoken, credentials.usertoken)
        return {alias, *(one.alias for one in self.accounts() if one.is_ours(*given))}

    def secrets(self) -> frozenset[str]:
        """Every credential of every account."""
        return frozenset().union(*(account.secrets for account in self.accounts()))

    def _get(self, key: str) -> Any:
        return self._mapping().get(key, _DEFAULTS[key])

    def _mapping(self) -> Mapping[str, Any]:
        mapping = getattr(settings, SETTING, None)
        return mapping if isinstance(mapping, Mapping) else {}

    def _account_mapping(self, alias: str) -> Any:
        accounts = self._get("ACCOUNTS")
        if isinstance(accounts, Mapping):
            return accounts.get(alias)
        if alias not in self.aliases:
            return None
        try:
            provider = import_string(accounts) if isinstance(accounts, str) else accounts
            return provider(alias)
        except Exception as exc:  # noqa: BLE001 - the host's callable may raise anything
            # Only the type is told: the text may hold a credential.
            text = f"{SETTING}['ACCOUNTS'] can't give account {alias!r}: {type(exc).__name__}"
            raise ImproperlyConfigured(text) from None


conf = Conf()


def problems() -> Iterator[Problem]:
    """Yield everything that is wrong with the settings."""
    raw = getattr(settings, SETTING, None)
    if not isinstance(raw, Mapping):
        yield Problem(1, SETTING, f"{SETTING} is not set", f"Set {SETTING} to a dict, as the README shows.")
        return
    known = {*_DEFAULTS, *_LATER_KEYS}
    for key in sorted(str(key) for key in raw if key not in known):
        yield Problem(12, key, f"{SETTING} has an unknown key {key!r}", f"Known keys: {', '.join(sorted(known))}.")
    yield from _problems_of_accounts()
    yield from _problems_of_url("WEBHOOK_URL", conf._get("WEBHOOK_URL"), 6)
    try:
        _ = conf.builder
    except ImproperlyConfigured as exc:
        yield Problem(7, "COMPROBANTE_BUILDER", str(exc), "Name a callable(order) that returns a Comprobante or None.")
    yield from _problems_of_numbers()


def _problems_of_accounts() -> Iterator[Problem]:
    accounts = conf._get("ACCOUNTS")
    hint = "A dict of alias: account, or a dotted path to callable(alias), with ACCOUNT_ALIASES beside it."
    if not isinstance(accounts, Mapping | str) and not callable(accounts):
        yield Problem(2, "ACCOUNTS", f"{SETTING}['ACCOUNTS'] is neither a dict nor a dotted path", hint)
        return
    if not conf.aliases:
        yield Problem(2, "ACCOUNTS", f"{SETTING}['ACCOUNTS'] has no account, so nothing can be sent", hint)
    for alias in conf.aliases:
        try:
            mapping = conf._account_mapping(alias)
        except ImproperlyConfigured as exc:
            yield Problem(2, "ACCOUNTS", str(exc), hint)
            continue
        yield from _account_problems(alias, mapping)


def _account_problems(alias: str, mapping: Any) -> Iterator[Problem]:
    where = f"{SETTING}['ACCOUNTS'][{alias!r}]"
    if not isinstance(alias, str) or not 0 < len(alias) <= 50:
        yield Problem(2, "ACCOUNTS", f"the account alias {alias!r} is not a text of 1 to 50 characters", "Shorten it.")
    if not isinstance(mapping, Mapping):
        hint = f"Add it, or use one of: {', '.join(conf.aliases)}."
        yield Problem(2, "ACCOUNTS", f"there is no account {alias!r} in {SETTING}['ACCOUNTS']", hint)
        return
    for key in _CREDENTIAL_KEYS:
        if not _several(mapping.get(key)):
            yield Problem(3, key, f"{where} has no {key}", "Copy it from TusFacturas; a list of values while rotating.")
    punto_venta = mapping.get("PUNTO_VENTA")
    if not isinstance(punto_venta, int) or isinstance(punto_venta, bool) or not 0 < punto_venta < 100_000:
        text = f"{where}['PUNTO_VENTA'] is {punto_venta!r}"
        yield Problem(4, "PUNTO_VENTA", text, "A whole number from 1 to 99999: the point of sale of the credentials.")
    name = mapping.get("MODALITY", "lotes")
    if name not in modalities():
        text = f"{where}['MODALITY'] is {name!r}"
        yield Problem(5, "MODALITY", text, f"One of: {', '.join(modalities())}.")
    if "BASE_URL" in mapping:
        yield from _problems_of_url(f"ACCOUNTS'][{alias!r}]['BASE_URL", mapping["BASE_URL"], 6)
    for key, values in _FISCAL_FACTS.items():
        if mapping.get(key) not in (None, *values):
            yield Problem(18, key, f"{where}['{key}'] is {mapping[key]!r}", f"One of: {', '.join(values)}.")
    yield from _problems_of_date_policy(where, mapping.get("DATE_POLICY", "keep"))
    for key in sorted(str(key) for key in mapping if key not in _ACCOUNT_KEYS):
        yield Problem(12, key, f"{where} has an unknown key {key!r}", f"Known: {', '.join(sorted(_ACCOUNT_KEYS))}.")


def _problems_of_url(key: str, url: Any, number: int) -> Iterator[Problem]:
    hint = "An absolute https:// address; http:// only for a loopback address."
    if not isinstance(url, str) or not url:
        yield Problem(number, key, f"{SETTING}['{key}'] is not set", hint)
        return
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError as exc:
        yield Problem(number, key, f"{SETTING}['{key}'] is not an address: {exc}", hint)
        return
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))):
        yield Problem(number, key, f"{SETTING}['{key}'] is {url!r}", hint)


def _problems_of_numbers() -> Iterator[Problem]:
    wrong = False
    for key in ("CONNECT_TIMEOUT", "READ_TIMEOUT", "SENDING_LEASE"):
        value = conf._get(key)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < float("inf"):
            wrong = True
            yield Problem(8, key, f"{SETTING}['{key}'] is {value!r}", "A positive number of seconds.")
    if not wrong and conf.sending_lease <= conf.connect_timeout + conf.read_timeout:
        text = (
            f"{SETTING}['SENDING_LEASE'] is {conf.sending_lease:g} s, not longer than CONNECT_TIMEOUT and READ_TIMEOUT "
            f"together ({conf.connect_timeout + conf.read_timeout:g} s), so a call could be given up while it runs"
        )
        yield Problem(9, "SENDING_LEASE", text, "Make it longer than both time-outs together.")
    most = max(modality.max_items for modality in modalities().values())
    value = conf._get("MAX_ITEMS")
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= most:
        yield Problem(10, "MAX_ITEMS", f"{SETTING}['MAX_ITEMS'] is {value!r}", f"A whole number from 1 to {most}.")
    yield from _problems_of_date_policy(SETTING, conf._get("DATE_POLICY"))
    tope = conf._get("TOPE_CONSUMIDOR_FINAL")
    if tope not in (None, ASK_THE_PROVIDER) and not _is_amount(tope):
        text = f"{SETTING}['TOPE_CONSUMIDOR_FINAL'] is {tope!r}"
        yield Problem(18, "TOPE_CONSUMIDOR_FINAL", text, f'An amount in pesos, "{ASK_THE_PROVIDER}", or None.')
    if not isinstance(conf._get("SCHEDULES"), bool):
        yield Problem(11, "SCHEDULES", f"{SETTING}['SCHEDULES'] is not a bool", "True installs them after migrate.")


def _problems_of_date_policy(where: str, policy: Any) -> Iterator[Problem]:
    if policy not in _DATE_POLICIES:
        yield Problem(
            18, "DATE_POLICY", f"{where}['DATE_POLICY'] is {policy!r}", f"One of: {', '.join(_DATE_POLICIES)}."
        )


def _is_amount(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and Decimal(str(value)) > 0
    except InvalidOperation:
        return False


def _read_account(alias: str, mapping: Mapping[str, Any]) -> Account:
    modality = modalities()[mapping.get("MODALITY", "lotes")]
    return Account(
        alias=alias,
        apikeys=_several(mapping["APIKEY"]),
        apitokens=_several(mapping["APITOKEN"]),
        usertokens=_several(mapping["USERTOKEN"]),
        punto_venta=mapping["PUNTO_VENTA"],
        modality=modality,
        base_url=mapping.get("BASE_URL"),
        trial=bool(mapping.get("TRIAL", False)),
        condicion_iva=mapping.get("CONDICION_IVA"),
        concepto=mapping.get("CONCEPTO"),
        redates=mapping.get("DATE_POLICY", conf._get("DATE_POLICY")) == "today",
    )


def _several(value: Any) -> tuple[str, ...]:
    """Return one credential or a list of them as texts, without empty ones: an empty secret lets nobody in."""
    values = value if isinstance(value, list | tuple) else [value]
    return tuple(str(one).strip() for one in values if one is not None and str(one).strip())


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
