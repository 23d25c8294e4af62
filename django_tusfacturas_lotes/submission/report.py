"""The result of one step of sending, and of a whole flush."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from ..provider.client import Verdict
from .recording import Sent


@dataclass(frozen=True)
class Waiting:
    """An account whose queue waits: why, and until when if that is known."""

    account: str
    reason: str
    lote_id: int | None = None
    until: dt.datetime | None = None
    needs_person: bool = False


@dataclass(frozen=True)
class Idle:
    """An account with nothing to send."""

    account: str


Step = Sent | Waiting | Idle


@dataclass
class FlushReport:
    """What a `flush` did."""

    sent: list[Sent] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)

    @property
    def accepted(self) -> int:
        """Invoices that TusFacturas took."""
        return sum(one.items - one.refused for one in self.sent if one.verdict is Verdict.ACCEPTED)

    @property
    def refused(self) -> int:
        """Invoices that TusFacturas did not take, each failed with its reason."""
        return sum(one.refused for one in self.sent)

    @property
    def uncertain(self) -> int:
        """Invoices of calls that were lost."""
        return sum(one.items for one in self.sent if one.verdict is Verdict.UNCERTAIN)

    @property
    def needs_person(self) -> bool:
        """Whether something of this flush is for a person to look at."""
        return any(
            one.refused or one.discrepancies or one.verdict in (Verdict.UNCERTAIN, Verdict.REFUSED) for one in self.sent
        ) or any(one.needs_person for one in self.waiting)
