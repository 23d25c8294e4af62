"""The interface of a modality, with what it takes and returns."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..answers.answer import Answer, Result
from ..credentials import Credentials


@dataclass(frozen=True)
class Outgoing:
    """One comprobante to be sent: our reference, the document (`{"cliente", "comprobante"}`) and its day."""

    reference: str
    documento: Mapping[str, Any]
    fecha: dt.date


class NotificationKind(str, enum.Enum):
    """What a notification says of an item."""

    ISSUED = "issued"
    """Issued; `result` has its number and CAE."""
    TOLD_ISSUED = "told_issued"
    """Issued; only a look-up tells its number and CAE."""
    FAILED = "failed"
    """Refused or failed; `errors` say why."""
    QUEUED = "queued"
    """Taken into the queue, for the first time or again."""
    DELETED = "deleted"
    """Taken out of the queue."""
    REDATED = "redated"
    """Its day was changed."""
    TEST = "test"
    """The provider tries the address."""
    UNKNOWN = "unknown"
    """Something that is not documented."""


@dataclass(frozen=True)
class Notification:
    """One notification: its reference, what it says, and the result or the provider's texts."""

    reference: str
    kind: NotificationKind
    result: Result | None = None
    errors: tuple[str, ...] = ()


class Proof(Protocol):
    """Compares, in constant time, what a notification brings with what only the provider and the account know."""

    def is_ours(self, apikey: str, apitoken: str, usertoken: str) -> bool:
        """Whether the three are an account's credentials."""

    def is_our_token(self, token: str) -> bool:
        """Whether it is the token of the account's webhook."""


class Modality(Protocol):
    """How one modality speaks. Every member is pure: no I/O, no settings."""

    name: str
    max_items: int
    base_url: str
    path: str
    shows_its_queue: bool
    """Whether look-ups find what is still queued or in error, and operations change it. If so, what look-ups do not
    find a while after a call without an answer was not taken."""
    webhook_at_provider: bool
    """Whether the webhook's address is configured at the provider, and not sent with each call."""
    waits_by_itself: bool
    """Whether a call can say from which day on to issue; otherwise it must not be made before that day."""

    def body(
        self,
        credentials: Credentials,
        outgoing: Sequence[Outgoing],
        *,
        webhook_url: str,
        send_on: dt.date | None,
    ) -> dict[str, Any]:
        """Return the call's body. `send_on` is a day after today from which to issue, or None for at once."""

    def read_answer(self, answer: Mapping[str, Any], references: Sequence[str]) -> Answer:
        """Read the answer to a call that sent these references in this order. Raises `Unreadable`."""

    def reference_of(self, payload: Mapping[str, Any]) -> str:
        """Return the reference that a notification is about, "" where it names none."""

    def read_notification(self, payload: Mapping[str, Any]) -> Notification:
        """Read a notification. Raises `Unreadable`."""

    def identity_of(self, payload: Mapping[str, Any]) -> Any:
        """Return, as JSON, the part of a notification that is the same in each of its deliveries."""

    def is_proof(self, payload: Mapping[str, Any], headers: Mapping[str, str], proof: Proof) -> bool:
        """Tell whether a notification proves that it comes from the provider."""
