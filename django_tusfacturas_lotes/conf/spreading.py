"""Spread orders over several accounts, for the setting `ACCOUNT_FOR`.

An account is one CUIT and point of sale, and TusFacturas takes one call at a time for each; for a large volume it
advises several points of sale. All accounts that are spread over must be of one CUIT.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from .settings import conf


def over_all_accounts(order: Any) -> str:
    """Return the account of a saved order, out of all accounts; always the same one for an order."""
    return Spread(conf.aliases)(order)


class Spread:
    """Give each order one of these accounts, evenly and always the same: `ACCOUNT_FOR = Spread(["pv3", "pv4"])`.

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
