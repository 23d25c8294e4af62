"""The queue of comprobantes that are to be issued, and the states of each. It has no thread and does no I/O."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Iterable
from datetime import date, timedelta

from ..faults import Faults
from ..modalities.interface import DELETED, FAILED, ISSUED, QUEUED, SCHEDULED, Job
from ..modalities.values import read_date, write_date
from ..pace import Clock, Pace
from .issue_checks import ARCA_ERROR, arca_error, point_of_sale, provider_error

MAX_TRIES = 10
CAE_LIFE = timedelta(days=10)


class IssuingQueue:
    """Issues in the order received, one at a time. A job that fails is tried again behind the others.

    Not thread-safe: the sandbox holds its lock around it. ``on_settled`` is called with each job that was issued, or
    is in error after all its tries.
    """

    def __init__(self, clock: Clock, pace: Pace, faults: Faults, on_settled: Callable[[Job], None]) -> None:
        self._clock = clock
        self._pace = pace
        self._faults = faults
        self._on_settled = on_settled
        self._ready: deque[Job] = deque()
        self._retrying: list[tuple[float, int, Job]] = []
        self._scheduled: list[Job] = []
        self._current: Job | None = None
        self._serials = itertools.count(1)
        self._order = itertools.count()
        self._last: dict[tuple[str, str, str, int, str], tuple[int, date]] = {}
        self._by_serial: dict[int, Job] = {}
        self.paused = False

    def add(self, jobs: Iterable[Job]) -> None:
        """Queues jobs that were taken, behind all others. A job that was deleted meanwhile is not queued."""
        for job in jobs:
            job.serial = next(self._serials)
            self._by_serial[job.serial] = job
            if job.status != DELETED:
                self._place(job)

    def _place(self, job: Job) -> None:
        if job.not_before > self._clock.today():
            job.status = SCHEDULED
            self._scheduled.append(job)
        else:
            job.status = QUEUED
            self._ready.append(job)

    def delete(self, job: Job) -> bool:
        """Takes a job that is queued or in error out of the queue, for good. Returns whether that was possible."""
        if job.status not in (QUEUED, SCHEDULED, FAILED) or not self._withdraw(job):
            return False
        job.status = DELETED
        return True

    def send_again(self, job: Job) -> bool:
        """Gives a job that is in error all its tries again, behind all others. Returns whether that was possible.

        The fault ``fail_rows`` has no more effect on it, ``fail`` has.
        """
        if job.status != FAILED:
            return False
        job.tries_before, job.error, job.fails_for_good = job.tries, "", False
        self._place(job)
        return True

    def change_date(self, job: Job, fecha: date) -> bool:
        """Gives a queued job another day to be issued on, behind all others. Returns whether that was possible."""
        if job.status not in (QUEUED, SCHEDULED) or not self._withdraw(job):
            return False
        job.not_before = fecha
        if job.serial:  # without one its call is not answered yet; it is queued when it is
            self._place(job)
        return True

    def _withdraw(self, job: Job) -> bool:
        """Takes a job out of wherever it waits. Returns False if it is being issued at this moment."""
        if job is self._current:
            return False
        self._ready = deque(other for other in self._ready if other is not job)
        self._scheduled = [other for other in self._scheduled if other is not job]
        self._retrying = [entry for entry in self._retrying if entry[2] is not job]
        heapq.heapify(self._retrying)
        return True

    def next_job(self) -> Job | None:
        """The job whose turn it is, or None if there is none now. It must then be given to :meth:`try_to_issue`."""
        if self.paused:
            return None
        self._queue_what_is_due()
        self._current = self._ready.popleft() if self._ready else None
        return self._current

    def try_to_issue(self, job: Job) -> None:
        """One try to issue a job."""
        self._current = None
        job.tries += 1
        error = self._error(job)
        if not error:
            self._issue(job)
            self._on_settled(job)
            return
        job.error = error
        max_tries = self._pace.max_tries if job.modality.queue_is_visible else MAX_TRIES
        if job.tries - job.tries_before >= max_tries:
            job.status = FAILED
            self._on_settled(job)
        else:
            due = self._clock.monotonic() + self._pace.emission_retry
            heapq.heappush(self._retrying, (due, next(self._order), job))

    def seconds_to_next(self) -> float | None:
        """How long until a job may become due; None if no job waits for a time."""
        if self.paused:
            return None
        if self._retrying:
            return max(0.0, self._retrying[0][0] - self._clock.monotonic())
        return 30.0 if self._scheduled else None  # the day turns at midnight: ask now and then

    @property
    def idle(self) -> bool:
        """Whether all is done that can be done today. A job that waits for its day does not count."""
        self._queue_what_is_due()
        return not (self._ready or self._retrying or self._current)

    @property
    def counts(self) -> dict[str, int]:
        queued = len(self._ready) + (self._current is not None)
        return {"queued": queued, "retrying": len(self._retrying), "scheduled": len(self._scheduled)}

    def by_serial(self, serial: int) -> Job | None:
        return self._by_serial.get(serial)

    def _queue_what_is_due(self) -> None:
        now, today = self._clock.monotonic(), self._clock.today()
        while self._retrying and self._retrying[0][0] <= now:
            self._ready.append(heapq.heappop(self._retrying)[2])
        due = [job for job in self._scheduled if job.not_before <= today]
        if due:
            self._scheduled = [job for job in self._scheduled if job.not_before > today]
            for job in due:
                job.status = QUEUED
            self._ready.extend(due)

    def _error(self, job: Job) -> str:
        if job.fails_for_good or self._faults.fails(job.reference, job.tries):
            return ARCA_ERROR.format(code=90000, text=f"Falla pedida al sandbox para la referencia {job.reference}.")
        error = provider_error(job)
        if error or job.account.trial:
            return error
        last = self._last.get(self._series(job))
        return arca_error(job, last[1] if last else None, self._clock.today())

    def _issue(self, job: Job) -> None:
        series = self._series(job)
        fecha = read_date(job.comprobante.get("fecha")) or self._clock.today()
        number = self._last[series][0] + 1 if series in self._last else 1
        self._last[series] = (number, fecha)
        today = self._clock.today()
        job.status = ISSUED
        job.comprobante_nro = f"{series[3]:04}-{number:08}"
        if job.account.trial:
            job.vencimiento_cae = "01/01/2000"
        else:
            job.cae = f"7{today.year % 100:02}{job.serial:011}"
            job.vencimiento_cae = write_date(today + CAE_LIFE)

    def _series(self, job: Job) -> tuple[str, str, str, int, str]:
        """What has numbers of its own: a point of sale and a type, of one account."""
        account = job.account
        return account.apikey, account.apitoken, account.usertoken, point_of_sale(job) or 0, job.tipo
