"""What happens with a call that sends, and how is it answered?"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .answering import NOT_TAKEN, UNREADABLE, Reply, deliver, read_json, write_json
from .faults import DISTORTIONS, NO_FAULT, Fault
from .ledger import ReceivedCall
from .modality import Item, Job, Modality, Reading
from .office import Office
from .traffic import TOO_CLOSE, UNKNOWN

log = logging.getLogger(__name__)


def receive(office: Office, modality: Modality, raw: bytes, headers: Mapping[str, str], reply: Reply) -> None:
    """Takes one call: reads it, queues what is right in it, and answers it, all as the faults ask."""
    try:
        body = read_json(raw)
    except ValueError:
        _note(office, modality, None, headers).answer = "400"
        reply.send(400, write_json(modality.refuse_whole([UNREADABLE])))
        return
    with office.lock:
        traffic = office.ledger.traffic
        call = _note(office, modality, body, headers)
        visit = traffic.start(call.apikey)
        if office.pace.enforce_limits and not visit.within_limits:
            too_close = Fault(text="", name="limits", kind="status", status=429)
            decision = _Decision(modality.refuse_whole([TOO_CLOSE]), too_close)
        else:
            decision = _decide(office, modality, body, call)

    def note(word: str) -> None:
        with office.lock:
            traffic.end(visit)
            call.answer = word

    early = "early" in decision.webhook.modes
    try:
        if early or decision.fault.kind in ("late", "hold"):
            office.open(call, decision.jobs)
        if early:
            office.wait_notified(decision.jobs)
        deliver(office, decision.fault, write_json(decision.answer), reply, note)
    finally:
        office.open(call, decision.jobs)
        with office.lock:
            traffic.end(visit)
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
            apikey=account.apikey if account else UNKNOWN,
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
    distortion = fault.kind if fault.kind in DISTORTIONS else ""
    answer = modality.answer(reading, distortion)
    if fault.takes_later:
        office.take_later(fault.seconds, call, jobs, webhook)
        return _Decision(answer, fault)
    office.take(call, jobs, webhook)
    return _Decision(answer, fault, webhook, jobs)


def _job(reading: Reading, item: Item, modality: Modality, call: ReceivedCall, *, fails_for_good: bool) -> Job:
    if reading.account is None or reading.not_before is None:
        raise ValueError("a reading without errors has an account and a day")
    return Job(
        reference=item.reference,
        account=reading.account,
        cliente=item.cliente,
        comprobante=item.comprobante,
        webhook_url=reading.webhook_url,
        not_before=item.not_before or reading.not_before,
        modality=modality,
        call=call.index,
        row=item.row,
        fails_for_good=fails_for_good,
    )
