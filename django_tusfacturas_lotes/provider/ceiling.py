"""The amount from which a consumer must be named: a setting says it, or the provider, asked once a day.

Never asked while an order is paid: a task or the command asks and keeps it in Django's cache, where every process
finds it.
"""

from __future__ import annotations

import logging
from decimal import Decimal, InvalidOperation

from django.core.cache import cache

from ..conf import Account, conf
from .client import Client
from .pace import Busy, turn

logger = logging.getLogger(__name__)

PATH = "/v2/facturacion/topecf"
_KEY = "django_tusfacturas_lotes.topecf"
_ASKED = f"{_KEY}.asked"
_DAY = 24 * 3600


def tope_consumidor_final() -> Decimal | None:
    """Return the amount in pesos; None if it is not known: then the rule is not applied, and ARCA decides."""
    try:
        known = cache.get(_KEY) if conf.asks_for_tope else conf.tope_consumidor_final
        return None if known is None else Decimal(known)
    except Exception as exc:  # noqa: BLE001 - a cache may raise anything; a checkout goes on without the rule
        logger.warning("The amount from which a consumer must be named is unknown: %s: %s", type(exc).__name__, exc)
        return None


def refresh() -> None:
    """Ask the provider for the amount, if the setting says so and nobody has asked for a day.

    A failure is logged, and changes nothing: the last amount that is known stays for a week. Makes an outbound call, in
    the account's turn: never call it inside a transaction.
    """
    try:
        accounts = conf.accounts()
        if conf.asks_for_tope and accounts and cache.add(_ASKED, 1, _DAY) and not _ask(accounts[0]):
            cache.delete(_ASKED)
    except Exception as exc:  # noqa: BLE001 - a cache may raise anything; the sending goes on without it
        logger.warning("The ceiling could not be asked for, or kept in the cache: %s: %s", type(exc).__name__, exc)


def _ask(account: Account) -> bool:
    """Ask, and keep the answer. Returns whether the account's turn could be had."""
    credentials = {key: getattr(account.credentials, key) for key in ("apikey", "apitoken", "usertoken")}
    with turn(account.alias) as lease:
        if isinstance(lease, Busy):
            return False
        with Client(connect_timeout=conf.connect_timeout, read_timeout=conf.read_timeout) as client:
            reply = client.ask(account.url_at(PATH), credentials, dict)
        lease.heed(reply)
    try:
        amount = Decimal(str((reply.value or {}).get("monto")))
    except InvalidOperation:
        amount = Decimal(0)
    if not amount.is_finite() or amount <= 0:
        logger.warning("TusFacturas did not tell the amount from which a consumer must be named; asked again tomorrow")
        return True
    cache.set(_KEY, str(amount), 7 * _DAY)
    return True
