"""What does the sandbox need to know of a modality?

Each is a file of its own, :mod:`.lotes`, :mod:`.lotes_encola`, :mod:`.nuevo_encola`, with one object of the shape of
:class:`Modality`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

from .accounts import Account, Hook
from .pace import Pace

QUEUED, SCHEDULED, ISSUED, FAILED, DELETED = "queued", "scheduled", "issued", "failed", "deleted"
ENCOLADO, EMITIDO, ERROR, ELIMINADO, CAMBIO_FECHA = "encolado", "emitido", "error", "eliminado", "cambio_fecha"


@dataclass
class Item:
    """One comprobante of a call, as it was read. With ``refusals`` it is not taken."""

    row: int
    reference: str
    cliente: Mapping[str, Any] = field(default_factory=dict)
    comprobante: Mapping[str, Any] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    not_before: date | None = None
    """Where it has a day of its own; otherwise the call's."""


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
    """One notification to deliver: several tries of one POST.

    ``retries`` are the pauses before the second, third, … try, ``timeouts`` those of the first and of the later ones,
    all in seconds. Notices of one ``item`` are sent one after the other; ``""`` waits for nobody. With ``counted`` its
    body says in ``intento`` which try it is.
    """

    url: str
    payload: Mapping[str, Any]
    accepted: frozenset[int]
    reference: str
    retries: tuple[float, ...]
    timeouts: tuple[float, float]
    headers: Mapping[str, str] = field(default_factory=dict)
    item: str = ""
    counted: bool = False
    attempts: int = 0
    delivered: bool = False
    finished: bool = False
    last_answer: str = ""

    def body(self) -> bytes:
        """Of the try that ``attempts`` counted last."""
        tried = {"intento": self.attempts} if self.counted else {}
        return json.dumps({**self.payload, **tried}).encode()

    @property
    def timeout(self) -> float:
        return self.timeouts[self.attempts > 1]


@dataclass(frozen=True)
class Occasion:
    """What a modality may ask about the sandbox while it writes a notice. ``forged``: it is to prove nothing."""

    now: datetime
    pace: Pace
    hook: Hook
    give_pdf: Callable[[Job], str]
    forged: bool = False


@dataclass(eq=False)
class Job:
    """One comprobante that the sandbox took: it is to be issued, or was, or is in error, or was deleted."""

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
    """Those before it was last sent again."""
    comprobante_nro: str = ""
    cae: str = ""
    vencimiento_cae: str = ""
    error: str = ""
    pdf_day: date | None = None
    notices: list[Notice] = field(default_factory=list)

    @property
    def settled(self) -> bool:
        return self.status in (ISSUED, FAILED, DELETED)

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
    def queue_is_visible(self) -> bool:
        """Whether what is not issued yet can be looked up, sent again, deleted, moved."""

    def read(self, body: object, desk: Desk) -> Reading:
        """Reads a call and checks all that is checked before answering it."""

    def references(self, body: object) -> list[str]:
        """The reference of each item in a call, in order, taken or not, ``""`` where it has none; for the ledger."""

    def refusal(self, row: int) -> str:
        """A text that refuses a row, for the fault ``refuse_rows``."""

    def refuse_whole(self, texts: list[str]) -> dict[str, Any]:
        """The answer that takes nothing."""

    def answer(self, reading: Reading, distortion: str) -> dict[str, Any]:
        """The answer to a call that was read. ``distortion`` is ``""`` or one of ``faults.DISTORTIONS``."""

    def notice(self, job: Job, evento: str, occasion: Occasion) -> Notice | None:
        """What is told when this happens to a job; None where nothing is."""


def text(value: object) -> str:
    """A string, or a number as one; anything else is empty."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    return str(value).strip()
