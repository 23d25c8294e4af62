"""Stands for a modality that a stored lote names and this version does not know: it sends and proves nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from ..answers.answer import Answer
from ..answers.reading import Unreadable
from ..credentials import Credentials
from .modality import Notification, Outgoing, Proof


class Unknown:
    """A modality of another version of this app."""

    max_items = 1
    base_url = ""
    path = ""
    shows_its_queue = False
    webhook_at_provider = False
    waits_by_itself = True

    def __init__(self, name: str) -> None:
        self.name = name

    def body(
        self, credentials: Credentials, outgoing: Sequence[Outgoing], *, webhook_url: str, send_on: dt.date | None
    ) -> dict[str, Any]:
        """Raise `ValueError`. Never called: what is not sent yet is sent by the account's own modality."""
        raise ValueError(f"there is no modality {self.name!r} in this version")

    def read_answer(self, answer: Mapping[str, Any], references: Sequence[str]) -> Answer:
        """Raise `Unreadable`."""
        raise Unreadable(f"there is no modality {self.name!r} in this version")

    def reference_of(self, payload: Mapping[str, Any]) -> str:
        """Return ""."""
        return ""

    def read_notification(self, payload: Mapping[str, Any]) -> Notification:
        """Raise `Unreadable`."""
        raise Unreadable(f"there is no modality {self.name!r} in this version")

    def identity_of(self, payload: Mapping[str, Any]) -> Any:
        """Return the whole payload."""
        return payload

    def is_proof(self, payload: Mapping[str, Any], headers: Mapping[str, str], proof: Proof) -> bool:
        """Return False."""
        return False
