"""The settings, typed, read at each access and never kept, so that `override_settings` and rotation work.

`problems()` finds everything that is wrong with them; `checks.py` reports it, and what is used all the same while it
is wrong raises `ImproperlyConfigured` with the same text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from ..wire.modalities import modalities
from .accounts import (
    SETTING,
    UNKNOWN_KEY,
    Account,
    Problem,
    problems_of_account,
    problems_of_date_policy,
    problems_of_url,
    read_account,
)

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
    "ACCOUNT_FOR": None,
    "OVERDUE_AFTER": 3 * 3600,
    "NOT_FOUND_AFTER": 3600,
    "CALL_GAP": 0.1,
    "KEEP_PDF": True,
    "PDF_HOSTS": ("tusfacturas.app", "tusfacturas.com.ar"),
}
# The setting's value for the ceiling that the provider tells.
ASK_THE_PROVIDER = "provider"


class Conf:
    """`TUSFACTURAS_LOTES`, a typed property a setting. Times are in seconds."""

    @property
    def max_items(self) -> int:
        """Comprobantes in a lote, at most what the modality allows."""
        return int(self._get("MAX_ITEMS"))

    @property
    def connect_timeout(self) -> float:
        return self._seconds("CONNECT_TIMEOUT")

    @property
    def read_timeout(self) -> float:
        return self._seconds("READ_TIMEOUT")

    @property
    def sending_lease(self) -> float:
        """How long a lote may be `sending` before its worker is taken for dead."""
        return self._seconds("SENDING_LEASE")

    @property
    def overdue_after(self) -> float:
        """How long after it could have been issued an invoice may be silent before it is looked up."""
        return self._seconds("OVERDUE_AFTER")

    @property
    def not_found_after(self) -> float:
        """How long after a lost call a look-up of a visible queue that finds nothing proves that it was not taken."""
        return self._seconds("NOT_FOUND_AFTER")

    @property
    def call_gap(self) -> float:
        """The pause between two calls of an account that the provider wants."""
        return self._seconds("CALL_GAP")

    @property
    def keep_pdf(self) -> bool:
        """Whether the PDF of what is issued is fetched and kept in a storage."""
        return bool(self._get("KEEP_PDF"))

    @property
    def pdf_hosts(self) -> tuple[str, ...]:
        """The hosts, with their subdomains, that a PDF may be fetched from."""
        return tuple(str(host).lower() for host in self._get("PDF_HOSTS"))

    @property
    def chooses_accounts(self) -> bool:
        return self._get("ACCOUNT_FOR") is not None

    @property
    def account_for(self) -> Callable[[Any], str] | None:
        """The host's `callable(order) -> alias`, which picks an order's account; None where there is none."""
        chooser = self._get("ACCOUNT_FOR")
        return None if chooser is None else self._callable("ACCOUNT_FOR", chooser, "order")

    @property
    def webhook_url(self) -> str:
        """The address that is given to the provider. Raises `ImproperlyConfigured`: without it no result comes back."""
        for problem in problems_of_url("WEBHOOK_URL", self._get("WEBHOOK_URL"), 6):
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
        return self._callable("COMPROBANTE_BUILDER", self._get("COMPROBANTE_BUILDER"), "order")

    def _callable(self, key: str, named: Any, takes: str) -> Callable[[Any], Any]:
        try:
            named = import_string(named) if isinstance(named, str) else named
        except ImportError as exc:
            raise ImproperlyConfigured(f"{SETTING}['{key}'] can't be imported: {exc}") from exc
        if not callable(named):
            raise ImproperlyConfigured(f"{SETTING}['{key}'] must name a callable({takes})")
        found: Callable[[Any], Any] = named
        return found

    @property
    def aliases(self) -> tuple[str, ...]:
        """The aliases of all accounts: the keys of `ACCOUNTS`, or `ACCOUNT_ALIASES` where that is a callable."""
        accounts, named = self._get("ACCOUNTS"), self._get("ACCOUNT_ALIASES")
        aliases = accounts if isinstance(accounts, Mapping) else named
        return tuple(aliases) if isinstance(aliases, Mapping | list | tuple) else ()

    def account(self, alias: str) -> Account:
        """Return an account. Raises `ImproperlyConfigured` where there is none of that alias or it is not complete."""
        problems = problems_of_account(alias, self._account_mapping(alias), self.aliases)
        found = [problem for problem in problems if problem.number != UNKNOWN_KEY]
        if found:
            raise ImproperlyConfigured("; ".join(problem.text for problem in found))
        return read_account(alias, self._account_mapping(alias), self._get("DATE_POLICY"))

    def accounts(self) -> list[Account]:
        """Return every account that is complete; `problems()` tells of the others."""
        complete = []
        for alias in self.aliases:
            try:
                complete.append(self.account(alias))
            except ImproperlyConfigured:
                continue
        return complete

    def aliases_sharing(self, alias: str, *, token: bool) -> set[str]:
        """Return the aliases of the accounts with the credentials of `alias`, or its webhook's `token`; and itself.

        A notification that proves to be for one of them by that is proven for all.
        """
        try:
            account = self.account(alias)
        except ImproperlyConfigured:
            return {alias}
        if token:
            tokens = set(account.webhook_tokens)
            return {alias, *(one.alias for one in self.accounts() if tokens & set(one.webhook_tokens))}
        return {alias, *(one.alias for one in self.accounts() if account.shares_credentials_with(one))}

    def secrets(self) -> frozenset[str]:
        """Every credential of every account."""
        return frozenset().union(*(account.secrets for account in self.accounts()))

    def _seconds(self, key: str) -> float:
        value = self._get(key)
        if not isinstance(value, int | float):
            raise ImproperlyConfigured(f"{SETTING}['{key}'] is {value!r}, not a number of seconds")
        return float(value)

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
    known = set(_DEFAULTS)
    for key in sorted(str(key) for key in raw if key not in known):
        yield Problem(
            UNKNOWN_KEY, key, f"{SETTING} has an unknown key {key!r}", f"Known keys: {', '.join(sorted(known))}."
        )
    yield from _problems_of_accounts()
    if conf._get("WEBHOOK_URL") or not all(one.modality.webhook_at_provider for one in conf.accounts()):
        yield from problems_of_url("WEBHOOK_URL", conf._get("WEBHOOK_URL"), 6)
    try:
        _ = conf.builder
    except ImproperlyConfigured as exc:
        yield Problem(7, "COMPROBANTE_BUILDER", str(exc), "Name a callable(order) that returns a Comprobante or None.")
    try:
        _ = conf.account_for
    except ImproperlyConfigured as exc:
        yield Problem(22, "ACCOUNT_FOR", str(exc), "Name a callable(order) that returns an alias of ACCOUNTS, or None.")
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
        yield from problems_of_account(alias, mapping, conf.aliases)
    for account in conf.accounts():
        if account.modality.webhook_at_provider and not account.webhook_tokens:
            text = (
                f"{SETTING}['ACCOUNTS'][{account.alias!r}] has no WEBHOOK_TOKEN, so no notification is let in, and "
                "only look-ups tell what became of an invoice"
            )
            hint = "Copy the token of the webhook's configuration at TusFacturas; a list while rotating."
            yield Problem(21, "WEBHOOK_TOKEN", text, hint)


def _problems_of_numbers() -> Iterator[Problem]:
    wrong = False
    for key in ("CONNECT_TIMEOUT", "READ_TIMEOUT", "SENDING_LEASE", "OVERDUE_AFTER", "NOT_FOUND_AFTER"):
        value = conf._get(key)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < float("inf"):
            wrong = True
            yield Problem(8, key, f"{SETTING}['{key}'] is {value!r}", "A positive number of seconds.")
    gap = conf._get("CALL_GAP")
    if not isinstance(gap, int | float) or isinstance(gap, bool) or not 0 <= gap <= 60:
        yield Problem(
            8, "CALL_GAP", f"{SETTING}['CALL_GAP'] is {gap!r}", "Seconds, from 0 to 60; TusFacturas wants 0.1."
        )
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
    yield from problems_of_date_policy(SETTING, conf._get("DATE_POLICY"))
    tope = conf._get("TOPE_CONSUMIDOR_FINAL")
    if tope not in (None, ASK_THE_PROVIDER) and not _is_amount(tope):
        text = f"{SETTING}['TOPE_CONSUMIDOR_FINAL'] is {tope!r}"
        yield Problem(18, "TOPE_CONSUMIDOR_FINAL", text, f'An amount in pesos, "{ASK_THE_PROVIDER}", or None.')
    if not isinstance(conf._get("SCHEDULES"), bool):
        yield Problem(11, "SCHEDULES", f"{SETTING}['SCHEDULES'] is not a bool", "True installs them after migrate.")
    if not isinstance(conf._get("KEEP_PDF"), bool):
        yield Problem(11, "KEEP_PDF", f"{SETTING}['KEEP_PDF'] is not a bool", "True fetches and keeps every PDF.")
    hosts = conf._get("PDF_HOSTS")
    if not isinstance(hosts, list | tuple) or not all(isinstance(host, str) and host for host in hosts):
        text = f"{SETTING}['PDF_HOSTS'] is {hosts!r}"
        yield Problem(11, "PDF_HOSTS", text, "A list of host names, without https://; their subdomains are meant too.")


def _is_amount(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and Decimal(str(value)) > 0
    except InvalidOperation:
        return False
