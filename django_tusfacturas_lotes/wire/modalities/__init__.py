"""The ways in which TusFacturas takes comprobantes, behind one interface.

A modality is one file here; nothing outside asks for one by its name except to look it up.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


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
    FAILED = "failed"


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


class Unreadable(ValueError):
    """An answer or a notification is not of the documented form; the text says what is missing."""


class Modality(Protocol):
    """How one modality speaks. Every member is pure: no I/O, no settings."""

    name: str
    max_items: int
    base_url: str
    path: str

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

    def is_proof(
        self, payload: Mapping[str, Any], headers: Mapping[str, str], is_ours: Callable[[str, str, str], bool]
    ) -> bool:
        """Tell whether a notification proves to come from the provider; `is_ours` compares three credentials."""


def modalities() -> dict[str, Modality]:
    """Return every modality by the name that the `MODALITY` setting gives it."""
    from .lotes import Lotes

    return {modality.name: modality for modality in (Lotes(),)}
