"""What a modality is to the rest of the sandbox, and what passes between the two."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

from ..accounts import Account, WebhookConfig
from ..pace import Pace
from .notice import Notice
from .values import as_text

QUEUED, SCHEDULED, ISSUED, FAILED, DELETED = "queued", "scheduled", "issued", "failed", "deleted"


@dataclass
class ParsedItem:
    """One comprobante of a call. With ``refusals`` it is not taken."""

    row: int
    reference: str
    cliente: Mapping[str, Any] = field(default_factory=dict)
    comprobante: Mapping[str, Any] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    not_before: date | None = None
    """The day on which it is issued; None for the day of its call."""


@dataclass
class ParsedCall:
    """One call that sends comprobantes. With ``errors`` nothing of it is taken."""

    errors: list[str] = field(default_factory=list)
    items: list[ParsedItem] = field(default_factory=list)
    account: Account | None = None
    webhook_url: str = ""
    not_before: date | None = None


@dataclass(frozen=True)
class CallContext:
    """What a modality knows of the sandbox while it parses a call."""

    accounts: tuple[Account, ...]
    today: date
    allow_remote_webhooks: bool

    def account_of(self, body: Mapping[str, Any]) -> Account | None:
        """The account whose credentials are in ``body``."""
        keys = (body.get("apikey"), body.get("apitoken"), body.get("usertoken"))
        return next((account for account in self.accounts if account.matches(*keys)), None)


@dataclass(frozen=True)
class NoticeContext:
    """What a modality knows of the sandbox while it writes a notice."""

    now: datetime
    pace: Pace
    webhook: WebhookConfig
    give_pdf: Callable[[Job], str]
    wrong_token: bool = False
    """Whether the notice is to bring a credential that proves nothing."""


@dataclass(eq=False)
class Job:
    """One comprobante that the sandbox took. It stays known, whatever becomes of it (``status``)."""

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
    tries_before: int = 0
    """How many of ``tries`` were before it was last sent again."""
    comprobante_nro: str = ""
    cae: str = ""
    vencimiento_cae: str = ""
    error: str = ""
    pdf_day: date | None = None
    """When the address of its PDF was last given out; the address is good on that day."""
    notices: list[Notice] = field(default_factory=list)

    @property
    def settled(self) -> bool:
        """Whether no try to issue it is to come."""
        return self.status in (ISSUED, FAILED, DELETED)

    @property
    def tipo(self) -> str:
        return as_text(self.comprobante.get("tipo"))


class Modality(Protocol):
    """How calls to one endpoint are read and answered, and how its results are told."""

    @property
    def name(self) -> str:
        """As in the setting ``MODALITY``."""

    @property
    def path(self) -> str:
        """Of the endpoint, from the root of the sandbox."""

    @property
    def queue_is_visible(self) -> bool:
        """Whether a comprobante that is not issued yet can be looked up, sent again, deleted, given another day."""

    def parse(self, body: object, context: CallContext) -> ParsedCall:
        """Reads a call, and checks all that the provider checks before it answers."""

    def references(self, body: object) -> list[str]:
        """The reference of each item in a call, in order, taken or not, ``""`` where it has none; for the ledger."""

    def refusal(self, row: int) -> str:
        """A text that refuses a row, for the fault ``refuse_rows``."""

    def refuse_whole(self, texts: list[str]) -> dict[str, Any]:
        """The answer that takes nothing."""

    def answer(self, parsed: ParsedCall, distortion: str) -> dict[str, Any]:
        """The answer to a call. ``distortion`` is ``""`` or one of ``faults.DISTORTIONS``."""

    def notice(self, job: Job, evento: str, context: NoticeContext) -> Notice | None:
        """The notice that this happened to a job; None where the provider sends none."""
