"""What a measurement says: a ratio, its goal, and whether it is met."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """How much is measured; `--quick` makes all of it smaller."""

    lote: int = 500
    lote_rounds: int = 15
    posts: int = 100
    webhook_rounds: int = 15
    rows: int = 200_000
    queued_few: int = 10_000
    queued_many: int = 100_000
    comprobantes: int = 500
    wire_rounds: int = 9


QUICK = Sizes(
    lote=50, lote_rounds=3, posts=10, webhook_rounds=3, rows=2_000,
    queued_few=2_000, queued_many=4_000, comprobantes=50, wire_rounds=3,
)  # fmt: skip


@dataclass(frozen=True)
class Goal:
    """Where a ratio has to be."""

    limit: float
    sign: str

    def __str__(self) -> str:
        return f"{self.sign} {self.limit:g}"

    def is_met_by(self, ratio: float) -> bool:
        """Compare the ratio as it was measured, not as it is printed."""
        if self.sign == "<":
            return ratio < self.limit
        return ratio <= self.limit if self.sign == "<=" else ratio >= self.limit


@dataclass(frozen=True)
class Measured:
    """One line of the table. `what` says what is divided by what, `sides` what each of the two came to."""

    name: str
    what: str
    ratio: float
    goal: Goal
    sides: str

    @property
    def is_met(self) -> bool:
        return self.goal.is_met_by(self.ratio)
