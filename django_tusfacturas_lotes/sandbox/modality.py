"""What does the sandbox need to know of a modality?

``lotes`` is in :mod:`.lotes`; another modality is another file with another object of the shape of :class:`Modality`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

from .accounts import Account

QUEUED, SCHEDULED, ISSUED, FAILED = "queued", "scheduled", "issued", "failed"


@dataclass
class Item:
    """One comprobante of a call, as it was read. With ``refusals`` it is not taken."""

    row: int
    reference: str
    cliente: Mapping[str, Any] = field(default_factory=dict)
    comprobante: Mapping[str, Any] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)


@dataclass
class Reading:
    """One call, as it was read. With ``errors`` nothing of it is taken."""

    errors: list[str] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    account: Account | None = None
    webhook_url: str = ""
    not_before: date | None = None


@dataclass(frozen=True)
class Desk:
    """What a modality may ask about the sandbox while it reads a call."""

    accounts: tuple[Account, ...]
    today: date
    allow_remote_webhooks: bool

    def account(self, body: Mapping[str, Any]) -> Account | None:
        """The account whose credentials stand in ``body``."""
        keys = (body.get("apikey"), body.get("apitoken"), body.get("usertoken"))
        return next((account for account in self.accounts if account.matches(*keys)), None)


@dataclass(eq=False)
class Notice:
    """One notification to deliver: several tries of one POST."""

    url: str
    body: bytes
    accepted: frozenset[int]
    reference: str
    attempts: int = 0
    delivered: bool = False
    finished: bool = False
    last_answer: str = ""


@dataclass(eq=False)
class Job:
    """One comprobante that the sandbox took: it is to be issued, or was, or failed for good."""

    reference: str
    account: Account
    cliente: Mapping[str, Any]
    comprobante: Mapping[str, Any]
    webhook_url: str
    not_before: date
    modality: Modality
    call: int
    row: int
    fails_for_good: bool = False
    serial: int = 0
    status: str = QUEUED
    tries: int = 0
    comprobante_nro: str = ""
    cae: str = ""
    vencimiento_cae: str = ""
    error: str = ""
    pdf_day: date | None = None
    notices: list[Notice] = field(default_factory=list)

    @property
    def settled(self) -> bool:
        return self.status in (ISSUED, FAILED)

    @property
    def tipo(self) -> str:
        return text(self.comprobante.get("tipo"))


class Modality(Protocol):
    """How calls to one endpoint are read and answered, and how its results are told."""

    @property
    def name(self) -> str:
        """As in the setting ``MODALITY``."""

    @property
    def path(self) -> str:
        """Of the endpoint, from the root of the sandbox."""

    @property
    def accepted(self) -> frozenset[int]:
        """The statuses with which a receiver says that it has the notification."""

    def read(self, body: object, desk: Desk) -> Reading:
        """Reads a call and checks all that is checked before answering it."""

    def references(self, body: object) -> list[str]:
        """The reference of each item in a call, in order, taken or not, ``""`` where it has none; for the ledger."""

    def refusal(self, row: int) -> str:
        """A text that refuses a row, for the fault ``refuse_rows``."""

    def refuse_whole(self, texts: list[str]) -> dict[str, Any]:
        """The answer that takes nothing."""

    def answer(self, reading: Reading, distortion: str) -> dict[str, Any]:
        """The answer to a call that was read. ``distortion`` is ``""``, ``"miscount"`` or ``"rowless"``."""

    def notice(self, job: Job, pdf_url: str) -> dict[str, Any]:
        """The body of the notification of a settled job."""


def text(value: object) -> str:
    """A string, or a number as one; anything else is empty."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    return str(value).strip()
