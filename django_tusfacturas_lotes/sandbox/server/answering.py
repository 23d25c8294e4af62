"""Gives the answer to a call, or spoils it as a fault asks."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ..faults import Fault
from ..queue.backend import Backend

HTML = b"<!DOCTYPE html><html><head><title>TusFacturas</title></head><body>Volvemos en unos minutos</body></html>"
UNREADABLE = "El JSON enviado no es válido."
NOT_TAKEN = "La llamada fue rechazada, como se le pidió al sandbox."


class Reply(Protocol):
    """How an answer is written to the caller."""

    def send(
        self,
        status: int,
        body: bytes,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
        length: int | None = None,
    ) -> None:
        """Answers. ``length`` is declared instead of the body's own length."""

    def drop(self) -> None:
        """Closes the connection without an answer."""


def read_json(raw: bytes) -> Any:
    """The body of a call, decoded. Raises ValueError if it is not JSON."""
    try:
        return json.loads(raw.decode())
    except RecursionError as error:
        raise ValueError(UNREADABLE) from error


def write_json(answer: Mapping[str, Any]) -> bytes:
    return json.dumps(answer).encode()


def deliver(backend: Backend, fault: Fault, body: bytes, reply: Reply, note: Callable[[str], None]) -> None:
    """Answers with ``body`` as the fault asks.

    ``note`` is given a short word for how it is answered (``"200"``, ``"none"``, …), at the moment before.
    """
    if fault.kind == "late":
        backend.delay_answer(fault.seconds)
    elif fault.kind == "hold":
        backend.hold_answer()
    note(str(fault.status) if fault.kind == "status" else fault.kind or "200")
    if backend.stopping or fault.kind == "none" or (fault.takes_nothing and fault.kind in ("late", "hold")):
        reply.drop()
    elif fault.kind == "html":
        reply.send(200, HTML, "text/html; charset=utf-8")
    elif fault.kind == "half":
        reply.send(200, body[: len(body) // 2])
    elif fault.kind == "cut":
        reply.send(200, body[: len(body) // 2], length=len(body))
    elif fault.kind == "status":
        _deliver_status(fault, body, reply)
    else:
        reply.send(200, body)


def _deliver_status(fault: Fault, body: bytes, reply: Reply) -> None:
    if fault.status >= 500:
        reply.send(fault.status, HTML, "text/html; charset=utf-8")
        return
    headers = {"Retry-After": f"{fault.seconds:g}"} if fault.seconds else {}
    if fault.status < 400:
        headers["Location"] = "/redirected"
    reply.send(fault.status, body, headers=headers)
