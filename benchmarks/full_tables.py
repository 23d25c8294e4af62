"""Whether a lote and a webhook cost more once the tables hold years of invoices."""

from __future__ import annotations

from collections.abc import Callable

from .filling import fill
from .lote_overhead import send_one
from .measurement import Goal, Measured, Sizes
from .side_by_side import fastest
from .tables import EMPTY, FULL, database
from .webhook_throughput import apply_some

GOAL = Goal(1.1, "<=")


def measure(sizes: Sizes) -> list[Measured]:
    """Measure both in two databases in turns, one empty and one that is filled here."""
    with database(FULL):
        fill(sizes.rows)
    return [
        _compare("full-lote", f"a lote of {sizes.lote}", sizes, sizes.lote_rounds, lambda: send_one(sizes.lote)),
        _compare("full-webhook", "a webhook", sizes, sizes.webhook_rounds, lambda: apply_some(sizes.posts)),
    ]


def _compare(name: str, what: str, sizes: Sizes, rounds: int, work: Callable[[], float]) -> Measured:
    def work_in(alias: str) -> float:
        with database(alias):
            return work()

    full, empty = fastest(name, rounds, lambda: work_in(FULL), lambda: work_in(EMPTY))
    sides = f"{full * 1000:.1f} ms / {empty * 1000:.1f} ms"
    return Measured(name, f"{what} with {sizes.rows:,} invoices in the tables / with none", full / empty, GOAL, sides)
