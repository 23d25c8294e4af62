"""One notification to a shop, and the words (``evento``) for what it tells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ENCOLADO, EMITIDO, ERROR, ELIMINADO, CAMBIO_FECHA = "encolado", "emitido", "error", "eliminado", "cambio_fecha"
WRONG_TOKEN = "sandbox-wrong-token"  # noqa: S105 - what a notice brings that is to prove nothing


@dataclass(eq=False)
class Notice:
    """One notification to deliver: one POST, tried several times.

    ``retries`` are the pauses before the second, third, … try. ``timeouts`` are how long the receiver may take at the
    first try and at the later ones. All are in seconds. Notices of one ``item`` are sent one after the other; ``""``
    waits for no other. With ``counted``, its body says in ``intento`` which try it is.
    """

    url: str
    payload: Mapping[str, Any]
    accepted: frozenset[int]
    """The HTTP statuses that end the tries."""
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
        """The JSON of the try that ``attempts`` counted last."""
        tried = {"intento": self.attempts} if self.counted else {}
        return json.dumps({**self.payload, **tried}).encode()

    @property
    def timeout(self) -> float:
        """Of the try that ``attempts`` counted last, in seconds."""
        return self.timeouts[self.attempts > 1]
