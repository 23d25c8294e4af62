"""How is a look-up or an operation on the queue received and answered?"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .answering import NOT_TAKEN, UNREADABLE, Reply, deliver, read_json, write_json
from .encolado import NOT_OURS
from .faults import NO_FAULT, Fault
from .ledger import LedgerOperation
from .lookup import look_up
from .modality import text
from .office import Office
from .operations import OPERATIONS
from .traffic import TOO_CLOSE, UNKNOWN, Visit

LOOK_UP = "consulta_avanzada"
PATHS = {f"/v2/facturacion/{name}": name for name in (LOOK_UP, *OPERATIONS)}
log = logging.getLogger(__name__)


@dataclass
class _Decision:
    answer: dict[str, Any]
    fault: Fault = NO_FAULT
    done: bool = False


def receive_queue_call(office: Office, path: str, raw: bytes, reply: Reply) -> None:
    """Takes one call to one of ``PATHS``: notes it, does it and answers it, as the faults ask."""
    try:
        body = read_json(raw)
    except ValueError:
        reply.send(400, write_json(_refuse(UNREADABLE)))
        return
    name, body = PATHS[path], body if isinstance(body, Mapping) else {}
    with office.lock:
        traffic = office.ledger.traffic
        account = office.desk().account(body)
        visit = traffic.start(account.apikey if account else UNKNOWN)
        decision = _decide(office, name, body, visit)
        operation = _write_down(office, name, body, visit, decision)
        office.lock.notify_all()

    def note(word: str) -> None:
        with office.lock:
            traffic.end(visit)
            operation["answer"] = word
        log.info("%s of %s: answered %s", name, operation["reference"], word)

    try:
        deliver(office, decision.fault, write_json(decision.answer), reply, note)
    finally:
        with office.lock:
            traffic.end(visit)


def _decide(office: Office, name: str, body: Mapping[str, Any], visit: Visit) -> _Decision:
    if office.pace.enforce_limits and not visit.within_limits:
        return _Decision(_refuse(TOO_CLOSE), Fault(text="", name="limits", kind="status", status=429))
    account = office.desk().account(body)
    if account is None:
        return _Decision(_refuse(NOT_OURS))
    fault = office.faults.use("lookup" if name == LOOK_UP else "operation")
    if fault.takes_nothing or fault.kind == "S" or (fault.kind == "status" and fault.status < 500):
        return _Decision(_refuse(NOT_TAKEN), fault)
    if name == LOOK_UP:
        return _Decision(look_up(office, account, body, fault), fault)
    answer, done = OPERATIONS[name](office, account, body)
    return _Decision(answer, fault, done)


def _write_down(
    office: Office, name: str, body: Mapping[str, Any], visit: Visit, decision: _Decision
) -> LedgerOperation:
    """Notes the call in the ledger; what is returned has no answer yet. A look-up is only counted."""
    looking = name == LOOK_UP
    asked = body.get("comprobante") if looking else body
    reference = text(asked.get("external_reference")) if isinstance(asked, Mapping) else ""
    operation: LedgerOperation = {
        "index": len(office.ledger.operations),
        "at": office.clock.now().isoformat(timespec="milliseconds"),
        "operation": name,
        "apikey": visit.apikey,
        "reference": reference,
        "done": decision.done,
        "fault": decision.fault.text,
        "answer": "",
    }
    if looking:
        office.ledger.lookups[reference] += 1
    else:
        office.ledger.operations.append(operation)
    return operation


def _refuse(error: str) -> dict[str, Any]:
    return {"error": "S", "errores": [error]}
