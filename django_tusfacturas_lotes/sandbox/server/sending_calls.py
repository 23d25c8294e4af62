"""Receives a call that sends comprobantes, and answers it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..faults import DISTORTIONS, NO_FAULT, Fault
from ..modalities.interface import Job, Modality, ParsedCall, ParsedItem
from ..queue.backend import Backend
from ..queue.call_limits import TOO_CLOSE, UNKNOWN
from ..queue.ledger import ReceivedCall
from .answering import NOT_TAKEN, UNREADABLE, Reply, deliver, read_json, write_json

log = logging.getLogger(__name__)


def receive_call(backend: Backend, modality: Modality, raw: bytes, headers: Mapping[str, str], reply: Reply) -> None:
    """Reads one call, queues what is right in it and answers it, as the faults ask."""
    try:
        body = read_json(raw)
    except ValueError:
        _note(backend, modality, None, headers).answer = "400"
        reply.send(400, write_json(modality.refuse_whole([UNREADABLE])))
        return
    with backend.lock:
        limits = backend.ledger.limits
        call = _note(backend, modality, body, headers)
        open_call = limits.start(call.apikey)
        if backend.pace.enforce_limits and not open_call.within_limits:
            too_close = Fault(text="", name="limits", kind="status", status=429)
            decision = _Decision(modality.refuse_whole([TOO_CLOSE]), too_close)
        else:
            decision = _decide(backend, modality, body, call)

    def note(word: str) -> None:
        with backend.lock:
            limits.end(open_call)
            call.answer = word

    early = "early" in decision.webhook.modes
    try:
        if early or decision.fault.kind in ("late", "hold"):
            backend.start_issuing(call, decision.jobs)
        if early:
            backend.wait_notified(decision.jobs)
        deliver(backend, decision.fault, write_json(decision.answer), reply, note)
    finally:
        # Before anything of it is issued, so that the sandbox is not idle until it is logged.
        log.info("call %d: %d items, %d taken, answered %s", call.index, call.items, call.taken, call.answer)
        backend.start_issuing(call, decision.jobs)
        with backend.lock:
            limits.end(open_call)


@dataclass(frozen=True)
class _Decision:
    answer: dict[str, Any]
    fault: Fault = NO_FAULT
    webhook: Fault = NO_FAULT
    jobs: list[Job] = field(default_factory=list)


def _note(backend: Backend, modality: Modality, body: Any, headers: Mapping[str, str]) -> ReceivedCall:
    """Writes a call and the references in it into the ledger."""
    with backend.lock:
        references = modality.references(body)
        account = backend.call_context().account_of(body) if isinstance(body, Mapping) else None
        call = ReceivedCall(
            index=len(backend.ledger.calls),
            at=backend.clock.now().isoformat(timespec="milliseconds"),
            modality=modality.name,
            headers=headers,
            body=body if backend.keep_bodies else None,
            apikey=account.apikey if account else UNKNOWN,
            items=len(references),
        )
        backend.ledger.calls.append(call)
        for row, reference in enumerate(references):
            if reference:
                backend.ledger.note_received(reference, call.index, row)
        return call


def _decide(backend: Backend, modality: Modality, body: object, call: ReceivedCall) -> _Decision:
    """Reads a call, uses up the faults that are for it, and takes what is right in it."""
    fault = backend.faults.look("answer", "reject")
    if fault.takes_nothing:
        backend.faults.use("answer", "reject")
        call.fault = fault.text
        return _Decision(modality.refuse_whole([NOT_TAKEN]), fault)
    parsed = modality.parse(body, backend.call_context())
    if parsed.errors or parsed.account is None:
        return _Decision(modality.refuse_whole(parsed.errors))
    backend.faults.use("answer", "reject")
    webhook = backend.faults.use("webhook")
    fail_rows = backend.faults.use("fail_rows")
    refuse_rows = backend.faults.use("refuse_rows")
    call.fault = " ".join(used.text for used in (fault, webhook, fail_rows, refuse_rows) if used.text)
    for item in parsed.items:
        if item.row in refuse_rows.rows and not item.refusals:
            item.refusals.append(modality.refusal(item.row))
        if item.refusals:
            backend.ledger.note_refused(item.reference, item.refusals[-1])
    jobs = [
        _job(parsed, item, modality, call, fails_for_good=item.row in fail_rows.rows)
        for item in parsed.items
        if not item.refusals
    ]
    distortion = fault.kind if fault.kind in DISTORTIONS else ""
    answer = modality.answer(parsed, distortion)
    if fault.takes_later:
        backend.take_later(fault.seconds, call, jobs, webhook)
        return _Decision(answer, fault)
    backend.take(call, jobs, webhook)
    return _Decision(answer, fault, webhook, jobs)


def _job(parsed: ParsedCall, item: ParsedItem, modality: Modality, call: ReceivedCall, *, fails_for_good: bool) -> Job:
    if parsed.account is None or parsed.not_before is None:
        raise ValueError("a call without errors has an account and a day")
    return Job(
        reference=item.reference,
        account=parsed.account,
        cliente=item.cliente,
        comprobante=item.comprobante,
        webhook_url=parsed.webhook_url,
        not_before=item.not_before or parsed.not_before,
        modality=modality,
        call=call.index,
        row=item.row,
        fails_for_good=fails_for_good,
    )
