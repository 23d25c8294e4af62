"""Decides when the notice of what happened to a comprobante goes out, and how often."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import replace

from ..accounts import Account
from ..faults import NO_FAULT, Fault
from ..modalities.interface import Job, NoticeContext
from ..modalities.notice import Notice
from .webhook_delivery import Dispatcher


class Outbox:
    """Has notices written by their modality, and gives them to the dispatcher as the ``webhook`` fault asks.

    Not thread-safe: the sandbox holds its lock around it. ``context_of`` gives what a notice of an account is written
    from.
    """

    def __init__(self, dispatcher: Dispatcher, context_of: Callable[[Account], NoticeContext]) -> None:
        self._dispatcher = dispatcher
        self._context_of = context_of
        self._faults: dict[int, Fault] = {}
        self._unsettled: dict[int, set[Job]] = {}
        self._kept: dict[int, list[Notice]] = {}
        self._random = random.Random(500)  # noqa: S311 - an order to try, and the same one in each run

    def expect(self, call: int, jobs: Iterable[Job], fault: Fault) -> None:
        """Notes which jobs a call brought, and the fault for their notices."""
        self._unsettled[call] = set(jobs)
        self._faults[call] = fault

    def notify(self, job: Job, evento: str) -> None:
        """Notifies that this happened to a job, as the fault of its call asks."""
        fault = self._faults.get(job.call, NO_FAULT)
        unsettled = self._unsettled.get(job.call, set())
        keep = "shuffled" in fault.modes and bool(unsettled)
        if job.settled:
            unsettled.discard(job)
        notices = self._write(job, evento, fault)
        if "never" in fault.modes:
            for notice in notices:
                notice.finished = True
        elif keep:
            self._kept.setdefault(job.call, []).extend(notices)
        else:
            self._post(notices, fault)
        if not unsettled and job.call in self._kept:
            self._post(self._shuffle(self._kept.pop(job.call)), fault)

    def notify_again(self, job: Job, evento: str) -> None:
        """Notifies once more of a job, without the faults of its call."""
        self._post(self._write(job, evento, NO_FAULT), NO_FAULT)

    def _post(self, notices: list[Notice], fault: Fault) -> None:
        for notice in notices:
            self._dispatcher.post(notice, fault.seconds)

    def _shuffle(self, notices: list[Notice]) -> list[Notice]:
        mixed = self._random.sample(notices, len(notices))
        return mixed if mixed != notices else mixed[::-1]

    def _write(self, job: Job, evento: str, fault: Fault) -> list[Notice]:
        context = replace(self._context_of(job.account), wrong_token="wrong_token" in fault.modes)
        notice = job.modality.notice(job, evento, context)
        if notice is None:
            return []
        notices = [notice, replace(notice)] if "twice" in fault.modes else [notice]
        job.notices += notices
        return notices
