"""What happens with a call, and how is it answered?"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from .faults import DISTORTIONS, NO_FAULT, Fault
from .ledger import ReceivedCall
from .modality import Item, Job, Modality, Reading
from .office import Office

log = logging.getLogger(__name__)
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
        """Answers. ``length`` is declared in the place of the body's own."""

    def drop(self) -> None:
        """Closes without an answer."""


def receive(office: Office, modality: Modality, raw: bytes, headers: Mapping[str, str], reply: Reply) -> None:
    """Takes one call: reads it, queues what is right in it, and answers it, all as the faults ask."""
    try:
        body = json.loads(raw.decode())
    except (ValueError, RecursionError):
        _note(office, modality, None, headers).answer = "400"
        reply.send(400, _dump(modality.refuse_whole([UNREADABLE])))
        return
    with office.lock:
        ledger = office.ledger
        call = _note(office, modality, body, headers)
        ledger.open_call(call.apikey)
        decision = _decide(office, modality, body, call)
    early = "early" in decision.webhook.modes
    try:
        if early or decision.fault.kind in ("late", "hold"):
            office.open(call, decision.jobs)
        if early:
            office.wait_notified(decision.jobs)
        _answer(office, decision, call, reply)
    finally:
        office.open(call, decision.jobs)
        with office.lock:
            ledger.close_call(call.apikey)
        log.info("call %d: %d items, %d taken, answered %s", call.index, call.items, call.taken, call.answer)


@dataclass(frozen=True)
class _Decision:
    answer: dict[str, Any]
    fault: Fault = NO_FAULT
    webhook: Fault = NO_FAULT
    jobs: list[Job] = field(default_factory=list)


def _note(office: Office, modality: Modality, body: Any, headers: Mapping[str, str]) -> ReceivedCall:
    """Writes a call and the references in it into the ledger."""
    with office.lock:
        references = modality.references(body)
        account = office.desk().account(body) if isinstance(body, Mapping) else None
        call = ReceivedCall(
            index=len(office.ledger.calls),
            at=office.clock.now().isoformat(timespec="milliseconds"),
            modality=modality.name,
            headers=headers,
            body=body if office.keep_bodies else None,
            apikey=account.apikey if account else "unknown",
            items=len(references),
        )
        office.ledger.calls.append(call)
        for row, reference in enumerate(references):
            if reference:
                office.ledger.came(reference, call.index, row)
        return call


def _decide(office: Office, modality: Modality, body: object, call: ReceivedCall) -> _Decision:
    """Reads a call, uses up the faults that are for it, and takes what is to be taken."""
    fault = office.faults.look("answer", "reject")
    if fault.takes_nothing:
        office.faults.use("answer", "reject")
        call.fault = fault.text
        return _Decision(modality.refuse_whole([NOT_TAKEN]), fault)
    reading = modality.read(body, office.desk())
    if reading.errors or reading.account is None:
        return _Decision(modality.refuse_whole(reading.errors))
    office.faults.use("answer", "reject")
    webhook = office.faults.use("webhook")
    fail_rows = office.faults.use("fail_rows")
    refuse_rows = office.faults.use("refuse_rows")
    call.fault = " ".join(used.text for used in (fault, webhook, fail_rows, refuse_rows) if used.text)
    for item in reading.items:
        if item.row in refuse_rows.rows and not item.refusals:
            item.refusals.append(modality.refusal(item.row))
        if item.refusals:
            office.ledger.refused(item.reference, item.refusals[-1])
    jobs = [
        _job(reading, item, modality, call, fails_for_good=item.row in fail_rows.rows)
        for item in reading.items
        if not item.refusals
    ]
    call.taken = len(jobs)
    office.take(call, jobs)
    office.outbox.expect(call.index, len(jobs), webhook)
    distortion = fault.kind if fault.kind in DISTORTIONS else ""
    return _Decision(modality.answer(reading, distortion), fault, webhook, jobs)


def _job(reading: Reading, item: Item, modality: Modality, call: ReceivedCall, *, fails_for_good: bool) -> Job:
    if reading.account is None or reading.not_before is None:
        raise ValueError("a reading without errors has an account and a day")
    return Job(
        reference=item.reference,
        account=reading.account,
        cliente=item.cliente,
        comprobante=item.comprobante,
        webhook_url=reading.webhook_url,
        not_before=reading.not_before,
        modality=modality,
        call=call.index,
        row=item.row,
        fails_for_good=fails_for_good,
    )


def _answer(office: Office, decision: _Decision, call: ReceivedCall, reply: Reply) -> None:
    fault, body = decision.fault, _dump(decision.answer)
    if fault.kind == "late":
        office.pause_for(fault.seconds)
    elif fault.kind == "hold":
        office.hold()
    call.answer = str(fault.status) if fault.kind == "status" else fault.kind or "200"
    if office.stopping or fault.kind == "none" or (fault.takes_nothing and fault.kind in ("late", "hold")):
        reply.drop()
    elif fault.kind == "html":
        reply.send(200, HTML, "text/html; charset=utf-8")
    elif fault.kind == "half":
        reply.send(200, body[: len(body) // 2])
    elif fault.kind == "cut":
        reply.send(200, body[: len(body) // 2], length=len(body))
    elif fault.kind == "status":
        _answer_status(fault, body, reply)
    else:
        reply.send(200, body)


def _answer_status(fault: Fault, body: bytes, reply: Reply) -> None:
    if fault.status >= 500:
        reply.send(fault.status, HTML, "text/html; charset=utf-8")
        return
    headers = {"Retry-After": f"{fault.seconds:g}"} if fault.seconds else {}
    if fault.status < 400:
        headers["Location"] = "/redirected"
    reply.send(fault.status, body, headers=headers)


def _dump(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer).encode()
