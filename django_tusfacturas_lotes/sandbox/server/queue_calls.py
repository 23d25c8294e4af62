"""Receives a look-up or an operation on the queue, and answers it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..faults import NO_FAULT, Fault
from ..modalities.encola import NOT_OURS
from ..modalities.values import as_text
from ..queue.backend import Backend
from ..queue.call_limits import TOO_CLOSE, UNKNOWN, OpenCall
from ..queue.ledger import LedgerOperation
from .answering import NOT_TAKEN, UNREADABLE, Reply, deliver, read_json, write_json
from .lookup import look_up
from .queue_operations import OPERATIONS

LOOK_UP = "consulta_avanzada"
PATHS = {f"/v2/facturacion/{name}": name for name in (LOOK_UP, *OPERATIONS)}
log = logging.getLogger(__name__)


@dataclass
class _Decision:
    answer: dict[str, Any]
    fault: Fault = NO_FAULT
    done: bool = False


def receive_queue_call(backend: Backend, path: str, raw: bytes, reply: Reply) -> None:
    """Notes, does and answers one call to one of ``PATHS``, as the faults ask."""
    try:
        body = read_json(raw)
    except ValueError:
        reply.send(400, write_json(_refuse(UNREADABLE)))
        return
    name, body = PATHS[path], body if isinstance(body, Mapping) else {}
    with backend.lock:
        limits = backend.ledger.limits
        account = backend.call_context().account_of(body)
        open_call = limits.start(account.apikey if account else UNKNOWN)
        decision = _decide(backend, name, body, open_call)
        operation = _write_down(backend, name, body, open_call, decision)
        backend.lock.notify_all()

    def note(word: str) -> None:
        with backend.lock:
            limits.end(open_call)
            operation["answer"] = word
        log.info("%s of %s: answered %s", name, operation["reference"], word)

    try:
        deliver(backend, decision.fault, write_json(decision.answer), reply, note)
    finally:
        with backend.lock:
            limits.end(open_call)


def _decide(backend: Backend, name: str, body: Mapping[str, Any], open_call: OpenCall) -> _Decision:
    if backend.pace.enforce_limits and not open_call.within_limits:
        return _Decision(_refuse(TOO_CLOSE), Fault(text="", name="limits", kind="status", status=429))
    account = backend.call_context().account_of(body)
    if account is None:
        return _Decision(_refuse(NOT_OURS))
    fault = backend.faults.use("lookup" if name == LOOK_UP else "operation")
    if fault.takes_nothing or fault.kind == "S" or (fault.kind == "status" and fault.status < 500):
        return _Decision(_refuse(NOT_TAKEN), fault)
    if name == LOOK_UP:
        return _Decision(look_up(backend, account, body, fault), fault)
    answer, done = OPERATIONS[name](backend, account, body)
    return _Decision(answer, fault, done)


def _write_down(
    backend: Backend, name: str, body: Mapping[str, Any], open_call: OpenCall, decision: _Decision
) -> LedgerOperation:
    """Notes the call in the ledger, a look-up only as a count. What is returned has no answer yet."""
    looking = name == LOOK_UP
    asked = body.get("comprobante") if looking else body
    reference = as_text(asked.get("external_reference")) if isinstance(asked, Mapping) else ""
    operation: LedgerOperation = {
        "index": len(backend.ledger.operations),
        "at": backend.clock.now().isoformat(timespec="milliseconds"),
        "operation": name,
        "apikey": open_call.apikey,
        "reference": reference,
        "done": decision.done,
        "fault": decision.fault.text,
        "answer": "",
    }
    if looking:
        backend.ledger.lookups[reference] += 1
    else:
        backend.ledger.operations.append(operation)
    return operation


def _refuse(error: str) -> dict[str, Any]:
    return {"error": "S", "errores": [error]}
