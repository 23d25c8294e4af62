"""What is the sandbox's state, who may touch it when, and which threads work on it?

Everything mutable hangs here and is touched under ``lock`` only. Every change is followed by ``lock.notify_all()``.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from functools import partial

from .accounts import Account
from .engine import Engine
from .faults import Faults
from .ledger import Ledger, ReceivedCall
from .modality import ISSUED, Desk, Job
from .outbox import Outbox
from .pace import Clock, Pace
from .webhooks import Dispatcher

log = logging.getLogger(__name__)


class Office:
    """The provider behind the counter: takes jobs, issues them in one thread, notifies in others."""

    def __init__(
        self,
        accounts: Sequence[Account],
        pace: Pace,
        clock: Clock,
        *,
        webhook_workers: int,
        allow_remote_webhooks: bool,
        keep_bodies: bool,
    ) -> None:
        self.lock = threading.Condition(threading.RLock())
        self.accounts = tuple(accounts)
        self.pace = pace
        self.clock = clock
        self.keep_bodies = keep_bodies
        self.url = ""
        self.stopping = False
        self.held = 0
        self._allow_remote_webhooks = allow_remote_webhooks
        self._releases = 0
        self._dispatcher = Dispatcher(self.lock, clock, pace, webhook_workers)
        self._worker = threading.Thread(target=self._work, name="sandbox-engine", daemon=True)
        self._renew()

    def _renew(self) -> None:
        self.faults = Faults()
        self.ledger = Ledger()
        self.engine = Engine(self.clock, self.pace, self.faults, self._settled)
        self.outbox = Outbox(self._dispatcher, self.clock, self.pdf_url)
        self._unopened: set[ReceivedCall] = set()

    def start(self) -> None:
        self._dispatcher.start()
        self._worker.start()

    def stop(self) -> None:
        """Wakes all that waits, and joins the threads."""
        with self.lock:
            self.stopping = True
            self.lock.notify_all()
        self._worker.join()
        self._dispatcher.stop()

    def reset(self) -> None:
        """Back to how it started, without faults: numbering, ledger, queue, day and notices are forgotten."""
        with self.lock:
            self._dispatcher.clear()
            self.clock.reset()
            self._releases += 1
            self._renew()
            self.lock.notify_all()

    def desk(self) -> Desk:
        return Desk(self.accounts, self.clock.today(), self._allow_remote_webhooks)

    def take(self, call: ReceivedCall, jobs: list[Job]) -> None:
        """Notes what a call brought. It is worked on from :meth:`open` on."""
        for job in jobs:
            self.ledger.took(job)
        self._unopened.add(call)

    def open(self, call: ReceivedCall, jobs: list[Job]) -> None:
        """Queues what a call brought, once, however often it is called; not at all after a reset."""
        with self.lock:
            if call in self._unopened:
                self._unopened.remove(call)
                self.engine.add(jobs)
            self.lock.notify_all()

    @property
    def idle(self) -> bool:
        return self.engine.idle and not self._unopened and not self._dispatcher.pending

    def state(self) -> dict[str, object]:
        with self.lock:
            return {
                "idle": self.idle,
                "paused": self.engine.paused,
                "today": self.clock.today().isoformat(),
                **self.engine.counts,
                "notices": self._dispatcher.pending,
                "held_answers": self.held,
                "faults": self.faults.texts(),
            }

    def pause_for(self, seconds: float) -> None:
        """Lets time pass, unless the sandbox stops."""
        with self.lock:
            self.lock.wait_for(lambda: self.stopping, seconds)

    def hold(self) -> None:
        """Waits for the next :meth:`release`, a reset or the end."""
        with self.lock:
            before = self._releases
            self.held += 1
            self.lock.notify_all()
            self.lock.wait_for(lambda: self.stopping or self._releases > before)
            self.held -= 1
            self.lock.notify_all()

    def release(self) -> int:
        """Lets go of every answer that is held now. Returns how many."""
        with self.lock:
            self._releases += 1
            self.lock.notify_all()
            return self.held

    def wait_notified(self, jobs: list[Job]) -> None:
        """Waits until each job that may be issued today was notified at least once, as long as the pace says."""

        def notified(job: Job) -> bool:
            waiting = job.not_before > self.clock.today()
            return waiting or (job.settled and all(notice.last_answer or notice.finished for notice in job.notices))

        with self.lock:
            self.lock.wait_for(lambda: self.stopping or all(map(notified, jobs)), self.pace.early_limit)

    def pdf_url(self, job: Job) -> str:
        return f"{self.url}/comprobantes/{job.serial}-{job.comprobante_nro}.pdf"

    def _settled(self, job: Job) -> None:
        if job.status == ISSUED:
            log.info("issued %s: %s %s", job.reference, job.tipo, job.comprobante_nro)
        else:
            log.info("failed %s after %d tries: %s", job.reference, job.tries, job.error)
        self.outbox.settled(job)

    def _work(self) -> None:
        while True:
            with self.lock:
                if self.stopping:
                    return
                engine = self.engine
                job = engine.next()
                if job is None:
                    self.lock.wait(engine.seconds_to_next())
                    continue
                overtaken = partial(self._overtaken, engine)
                if not self.lock.wait_for(overtaken, self.pace.emission):
                    engine.work(job)
                self.lock.notify_all()

    def _overtaken(self, engine: Engine) -> bool:
        """Whether the sandbox stopped, or was reset, while the engine was at work."""
        return self.stopping or self.engine is not engine
