"""Several points of sale for one volume of orders: which account invoices which order?

An account is one CUIT and point of sale, and TusFacturas takes one call at a time for each; for volume it advises
several points of sale. For the setting `ACCOUNT_FOR`; every account that is spread over must be of one CUIT.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from .settings import conf


def over_all_accounts(order: Any) -> str:
    """Return one of all accounts for a saved order, always the same one."""
    return Spread(conf.aliases)(order)


class Spread:
    """`ACCOUNT_FOR = Spread(["pv3", "pv4"])`: one of these for an order, always the same one, evenly.

    By rendezvous hashing: with another account in the list, only the orders that it takes over change theirs.
    """

    def __init__(self, aliases: Sequence[str]) -> None:
        if not aliases:
            raise ValueError("there is no account to spread over")
        self.aliases = tuple(aliases)

    def __call__(self, order: Any) -> str:
        return max(self.aliases, key=lambda alias: _weight(f"{order._meta.label_lower} {order.pk}", alias))


def _weight(order: str, alias: str) -> bytes:
    return hashlib.sha256(f"{alias}\0{order}".encode()).digest()
