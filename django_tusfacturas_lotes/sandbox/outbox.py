"""When does the notification of a settled comprobante go out, and how often?"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable

from .faults import NO_FAULT, Fault
from .modality import ISSUED, Job, Notice
from .pace import Clock
from .webhooks import Dispatcher


class Outbox:
    """Makes the notices and hands them to the dispatcher, with the ``webhook`` fault of their call.

    Not thread-safe: the sandbox holds its lock around it. ``pdf_url`` gives a job's address.
    """

    def __init__(self, dispatcher: Dispatcher, clock: Clock, pdf_url: Callable[[Job], str]) -> None:
        self._dispatcher = dispatcher
        self._clock = clock
        self._pdf_url = pdf_url
        self._faults: dict[int, Fault] = {}
        self._unsettled: Counter[int] = Counter()
        self._kept: dict[int, list[Notice]] = {}
        self._random = random.Random(500)  # noqa: S311 - an order to try, and the same one in each run

    def expect(self, call: int, jobs: int, fault: Fault) -> None:
        """Says how many jobs a call has, and the fault for their notices."""
        self._unsettled[call] = jobs
        self._faults[call] = fault

    def settled(self, job: Job) -> None:
        """Notifies of a job that was issued or failed for good."""
        fault = self._faults.get(job.call, NO_FAULT)
        self._unsettled[job.call] -= 1
        notices = [self._write(job) for _ in range(2 if "twice" in fault.modes else 1)]
        if "never" in fault.modes:
            for notice in notices:
                notice.finished = True
        elif "shuffled" in fault.modes:
            self._kept.setdefault(job.call, []).extend(notices)
        else:
            self._post(notices, fault)
        if self._unsettled[job.call] == 0 and job.call in self._kept:
            self._post(self._shuffle(self._kept.pop(job.call)), fault)

    def again(self, job: Job) -> None:
        """Notifies once more of a settled job, whatever the faults of its call; its PDF is good for today again."""
        if job.status == ISSUED:
            job.pdf_day = self._clock.today()
        self._post([self._write(job)], NO_FAULT)

    def _post(self, notices: list[Notice], fault: Fault) -> None:
        for notice in notices:
            self._dispatcher.post(notice, fault.seconds)

    def _shuffle(self, notices: list[Notice]) -> list[Notice]:
        mixed = self._random.sample(notices, len(notices))
        return mixed if mixed != notices else mixed[::-1]

    def _write(self, job: Job) -> Notice:
        body = job.modality.notice(job, self._pdf_url(job) if job.status == ISSUED else "")
        notice = Notice(job.webhook_url, json.dumps(body).encode(), job.modality.accepted, job.reference)
        job.notices.append(notice)
        return notice
