"""The settings, typed, read at each access and never kept, so that `override_settings` and rotation work.

Using a setting that is wrong raises `ImproperlyConfigured`, with the text that `manage.py check` has for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from .accounts import Account, problems_of_account, read_account
from .values import ASK_THE_PROVIDER, SETTING, UNKNOWN_KEY, problems_of_url

DEFAULTS: dict[str, Any] = {
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


class Conf:
    """`TUSFACTURAS_LOTES`, with a typed property for each setting. Times are in seconds."""

    @property
    def max_items(self) -> int:
        """Comprobantes in a lote, at most what the modality allows."""
        return int(self.get("MAX_ITEMS"))

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
        """How long an invoice may be without a result, once it could have been issued, before it is looked up."""
        return self._seconds("OVERDUE_AFTER")

    @property
    def not_found_after(self) -> float:
        """How long after a lost call look-ups that find nothing prove it not taken, where they show the queue."""
        return self._seconds("NOT_FOUND_AFTER")

    @property
    def call_gap(self) -> float:
        """The pause that the provider wants between two calls of an account."""
        return self._seconds("CALL_GAP")

    @property
    def keep_pdf(self) -> bool:
        """Whether the PDF of what is issued is fetched and kept in a storage."""
        return bool(self.get("KEEP_PDF"))

    @property
    def pdf_hosts(self) -> tuple[str, ...]:
        """The hosts, with their subdomains, that a PDF may be fetched from."""
        return tuple(str(host).lower() for host in self.get("PDF_HOSTS"))

    @property
    def chooses_accounts(self) -> bool:
        return self.get("ACCOUNT_FOR") is not None

    @property
    def account_for(self) -> Callable[[Any], str] | None:
        """The host's `callable(order) -> alias`, which picks an order's account; None if it is not set."""
        chooser = self.get("ACCOUNT_FOR")
        return None if chooser is None else self._callable("ACCOUNT_FOR", chooser, "order")

    @property
    def webhook_url(self) -> str:
        """The address that is given to the provider. Raises `ImproperlyConfigured`: without it no result comes back."""
        for problem in problems_of_url("WEBHOOK_URL", self.get("WEBHOOK_URL")):
            raise ImproperlyConfigured(f"{problem.text}. {problem.hint}")
        return str(self.get("WEBHOOK_URL"))

    @property
    def schedules(self) -> bool:
        return bool(self.get("SCHEDULES"))

    @property
    def tope_consumidor_final(self) -> Decimal | None:
        """The amount in pesos from which a consumer must be named; None if it is not set or the provider is asked."""
        value = self.get("TOPE_CONSUMIDOR_FINAL")
        return None if value in (None, ASK_THE_PROVIDER) else Decimal(str(value))

    @property
    def asks_for_tope(self) -> bool:
        """Whether the provider is asked for that amount, once a day."""
        return bool(self.get("TOPE_CONSUMIDOR_FINAL") == ASK_THE_PROVIDER)

    @property
    def builder_path(self) -> str:
        builder = self.get("COMPROBANTE_BUILDER")
        return builder if isinstance(builder, str) else getattr(builder, "__qualname__", str(builder))

    @property
    def builder(self) -> Callable[[Any], Any]:
        """The host's `callable(order) -> Comprobante | mapping | None`."""
        return self._callable("COMPROBANTE_BUILDER", self.get("COMPROBANTE_BUILDER"), "order")

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
        accounts, named = self.get("ACCOUNTS"), self.get("ACCOUNT_ALIASES")
        aliases = accounts if isinstance(accounts, Mapping) else named
        return tuple(aliases) if isinstance(aliases, Mapping | list | tuple) else ()

    def account(self, alias: str) -> Account:
        """Return an account. Raises `ImproperlyConfigured` where there is none of that alias or it is not complete."""
        problems = problems_of_account(alias, self.account_mapping(alias), self.aliases)
        found = [problem for problem in problems if problem.number != UNKNOWN_KEY]
        if found:
            raise ImproperlyConfigured("; ".join(problem.text for problem in found))
        return read_account(alias, self.account_mapping(alias), self.get("DATE_POLICY"))

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
        """Return `alias` and the aliases that share its credentials or, with `token`, its webhook's token.

        A notification that is proven by these for one of them is proven for all.
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
        value = self.get(key)
        if not isinstance(value, int | float):
            raise ImproperlyConfigured(f"{SETTING}['{key}'] is {value!r}, not a number of seconds")
        return float(value)

    def get(self, key: str) -> Any:
        """Return a setting as it stands, or its default."""
        return self._mapping().get(key, DEFAULTS[key])

    def _mapping(self) -> Mapping[str, Any]:
        mapping = getattr(settings, SETTING, None)
        return mapping if isinstance(mapping, Mapping) else {}

    def account_mapping(self, alias: str) -> Any:
        """Return an account as the host gives it. Raises `ImproperlyConfigured` where its callable fails."""
        accounts = self.get("ACCOUNTS")
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
