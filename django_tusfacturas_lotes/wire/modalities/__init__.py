"""The ways in which TusFacturas takes comprobantes, behind one interface.

A modality is one file here, which ends with `MODALITY: Modality = …()`; it is found by that. Nothing outside asks for
one by its name except to look it up.
"""

from __future__ import annotations

import datetime as dt
import enum
import functools
import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..answers.reading import Unreadable

__all__ = [
    "Answer", "Credentials", "Modality", "Notification", "NotificationKind", "Outgoing", "Proof", "Result",
    "Unreadable", "modalities",
]  # fmt: skip


@dataclass(frozen=True)
class Credentials:
    """What proves a caller to TusFacturas: they belong to one CUIT and point of sale. Never shown by `repr`."""

    apikey: str = field(repr=False)
    apitoken: str = field(repr=False)
    usertoken: str = field(repr=False)


@dataclass(frozen=True)
class Outgoing:
    """One comprobante on its way out: our reference, the document (`{"cliente", "comprobante"}`) and its day."""

    reference: str
    documento: Mapping[str, Any]
    fecha: dt.date


@dataclass(frozen=True)
class Answer:
    """What the provider said to a call, once it could be read.

    `refused` maps the 0-based row of an item that was not taken to the provider's texts. `refused_whole` means that
    nothing was taken. `discrepancies` are what does not add up and a person must see.
    """

    refused_whole: bool = False
    errors: tuple[str, ...] = ()
    refused: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    discrepancies: tuple[str, ...] = ()


class NotificationKind(str, enum.Enum):
    """What a notification says of an item."""

    ISSUED = "issued"
    """Issued, `result` says as what."""
    TOLD_ISSUED = "told_issued"
    """Issued, and a look-up must tell as what."""
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
class Result:
    """An issued document, as the provider tells of it. `numero` and `punto_venta` are None where it does not say."""

    cae: str
    tipo: str = ""
    punto_venta: int | None = None
    numero: int | None = None
    cae_expires_on: dt.date | None = None
    observaciones: str = ""
    pdf_url: str = ""


@dataclass(frozen=True)
class Notification:
    """One notification, read: of which reference, what it says, and the result or the provider's texts."""

    reference: str
    kind: NotificationKind
    result: Result | None = None
    errors: tuple[str, ...] = ()


class Proof(Protocol):
    """What of ours can show that a notification comes from the provider: each compares in constant time."""

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
    """Whether look-ups find what is still queued or in error, and operations change it: then what they do not find,
    a while after a call that was lost, was not taken."""
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
        """Return what of a notification is the same in each of its deliveries, as JSON."""

    def is_proof(self, payload: Mapping[str, Any], headers: Mapping[str, str], proof: Proof) -> bool:
        """Tell whether a notification proves to come from the provider."""


class _Known(dict[str, Modality]):
    """By name; for one that this version does not know, one of which nothing is known."""

    def __missing__(self, name: str) -> Modality:
        from .unknown import Unknown

        return Unknown(name)


@functools.cache
def modalities() -> Mapping[str, Modality]:
    """Return every modality by the name that the `MODALITY` setting gives it.

    What another version has stored may name one that is not among them: `[name]` gives one for it that proves nothing
    and sends nothing, so that what is under way by it waits for a person, and holds nothing else back.
    """
    modules = [importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
    every: list[Modality] = [module.MODALITY for module in modules if hasattr(module, "MODALITY")]
    return _Known({modality.name: modality for modality in every})


@functools.cache
def showing_their_queue() -> tuple[str, ...]:
    """Return the names of the modalities whose queue look-ups and operations reach."""
    return tuple(name for name, modality in modalities().items() if modality.shows_its_queue)
