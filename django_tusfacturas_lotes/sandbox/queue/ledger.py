"""Counts how often each reference came, was taken, was issued and was notified."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from ..modalities.interface import FAILED, ISSUED, QUEUED, SCHEDULED, Job
from .call_limits import CallLimits

REFUSED = "refused"


class WebhookCount(TypedDict):
    attempts: int
    delivered: int


class LedgerReference(TypedDict):
    """All that the sandbox knows of one reference.

    ``received`` counts each time it came in a readable call, ``taken`` each time it was queued, ``issued`` each
    comprobante that came of it: more than one is two legal invoices. ``call`` and ``row`` (both from 0) say where it
    came last. ``status`` is ``issued``, ``failed`` (in error, after all its tries), ``queued``, ``scheduled`` (its day
    has not come), ``deleted`` (by ``eliminar_encolado``), or ``refused`` (never taken).
    """

    received: int
    taken: int
    issued: int
    status: str
    tries: int
    numbers: list[str]
    caes: list[str]
    call: int
    row: int
    last_error: str
    webhooks: WebhookCount


class LedgerCall(TypedDict):
    index: int
    at: str
    modality: str
    apikey: str
    items: int
    taken: int
    fault: str
    answer: str


class LedgerTotals(TypedDict):
    calls: int
    references: int
    received: int
    taken: int
    issued: int
    issued_more_than_once: int
    failed: int
    queued: int
    scheduled: int
    refused: int
    webhook_attempts: int
    webhook_delivered: int


class LedgerLookups(TypedDict):
    """How many look-ups came, and for which reference."""

    total: int
    references: dict[str, int]


class LedgerOperation(TypedDict):
    """One call to change the queue. ``done`` says whether it had an effect, whatever was answered."""

    index: int
    at: str
    operation: str
    apikey: str
    reference: str
    done: bool
    fault: str
    answer: str


class LedgerSnapshot(TypedDict):
    """``calls`` are those that send.

    ``max_concurrent_calls`` and ``shortest_gap_ms`` are by apikey, over all endpoints of the provider: how many calls
    of one account were open at once, at most, and the shortest time between the end of one and the start of the next
    (None with fewer than two).
    """

    references: dict[str, LedgerReference]
    calls: list[LedgerCall]
    totals: LedgerTotals
    max_concurrent_calls: dict[str, int]
    shortest_gap_ms: dict[str, float | None]
    lookups: LedgerLookups
    operations: list[LedgerOperation]


@dataclass(eq=False)
class ReceivedCall:
    """One call, as it came.

    ``body`` is the decoded JSON with its credentials. It is None where it could not be read or the sandbox keeps no
    bodies. ``answer`` is a short word for how the call was answered (``"200"``, ``"none"``, …).
    """

    index: int
    at: str
    modality: str
    headers: Mapping[str, str] = field(repr=False)
    body: Any = field(default=None, repr=False)
    apikey: str = ""
    items: int = 0
    taken: int = 0
    fault: str = ""
    answer: str = ""


@dataclass(eq=False)
class _Entry:
    received: int = 0
    call: int = 0
    row: int = 0
    refusal: str = ""
    jobs: list[Job] = field(default_factory=list)

    def snapshot(self) -> LedgerReference:
        issued = [job for job in self.jobs if job.status == ISSUED]
        latest = self.jobs[-1] if self.jobs else None
        status = ISSUED if issued else latest.status if latest else REFUSED
        notices = [notice for job in self.jobs for notice in job.notices]
        return {
            "received": self.received,
            "taken": len(self.jobs),
            "issued": len(issued),
            "status": status,
            "tries": sum(job.tries for job in self.jobs),
            "numbers": [job.comprobante_nro for job in issued],
            "caes": [job.cae for job in issued],
            "call": self.call,
            "row": self.row,
            "last_error": (latest.error if latest else "") or self.refusal,
            "webhooks": {
                "attempts": sum(notice.attempts for notice in notices),
                "delivered": sum(notice.delivered for notice in notices),
            },
        }


class Ledger:
    """What came to the sandbox, and what became of it. Not thread-safe: the sandbox holds its lock around it."""

    def __init__(self, limits: CallLimits) -> None:
        self.limits = limits
        self.calls: list[ReceivedCall] = []
        self.lookups: Counter[str] = Counter()
        self.operations: list[LedgerOperation] = []
        self._entries: dict[str, _Entry] = {}

    def note_received(self, reference: str, call: int, row: int) -> None:
        entry = self._entries.setdefault(reference, _Entry())
        entry.received += 1
        entry.call, entry.row = call, row

    def note_refused(self, reference: str, text: str) -> None:
        if reference in self._entries:
            self._entries[reference].refusal = text

    def note_taken(self, job: Job) -> None:
        self._entries.setdefault(job.reference, _Entry()).jobs.append(job)

    def jobs(self, reference: str) -> list[Job]:
        """The jobs of a reference, in the order taken."""
        return list(self._entries[reference].jobs) if reference in self._entries else []

    def issued(self, reference: str) -> int:
        return sum(job.status == ISSUED for job in self.jobs(reference))

    def snapshot(self) -> LedgerSnapshot:
        references = {reference: entry.snapshot() for reference, entry in self._entries.items()}
        statuses = Counter(entry["status"] for entry in references.values())
        totals: LedgerTotals = {
            "calls": len(self.calls),
            "references": len(references),
            "received": sum(entry["received"] for entry in references.values()),
            "taken": sum(entry["taken"] for entry in references.values()),
            "issued": sum(entry["issued"] for entry in references.values()),
            "issued_more_than_once": sum(entry["issued"] > 1 for entry in references.values()),
            "failed": statuses[FAILED],
            "queued": statuses[QUEUED],
            "scheduled": statuses[SCHEDULED],
            "refused": statuses[REFUSED],
            "webhook_attempts": sum(entry["webhooks"]["attempts"] for entry in references.values()),
            "webhook_delivered": sum(entry["webhooks"]["delivered"] for entry in references.values()),
        }
        calls: list[LedgerCall] = [
            {
                "index": call.index,
                "at": call.at,
                "modality": call.modality,
                "apikey": call.apikey,
                "items": call.items,
                "taken": call.taken,
                "fault": call.fault,
                "answer": call.answer,
            }
            for call in self.calls
        ]
        return {
            "references": references,
            "calls": calls,
            "totals": totals,
            "max_concurrent_calls": self.limits.most_open,
            "shortest_gap_ms": self.limits.shortest_gap_ms,
            "lookups": {"total": self.lookups.total(), "references": dict(self.lookups)},
            "operations": [operation.copy() for operation in self.operations],
        }
