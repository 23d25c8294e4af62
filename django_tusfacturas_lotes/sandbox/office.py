"""What is the sandbox's state, who may touch it when, and which threads work on it?

Everything mutable hangs here and is touched under ``lock`` only. Every change is followed by ``lock.notify_all()``.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
from collections.abc import Sequence
from functools import partial

from .accounts import Account, Hook
from .addresses import webhook_url_error
from .encolado import FACTURACION, thin_notice
from .engine import Engine
from .faults import Fault, Faults
from .ledger import Ledger, ReceivedCall
from .modality import DELETED, EMITIDO, ENCOLADO, ERROR, ISSUED, Desk, Job, Occasion
from .outbox import Outbox
from .pace import Clock, Pace
from .traffic import Traffic
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
        self._dispatcher = Dispatcher(self.lock, clock, webhook_workers)
        self._hooks: dict[Account, Hook] = {}
        for account in self.accounts:
            if account.webhook_url or account.webhook_token:
                self.configure_webhook(account, account.webhook_url, account.webhook_token)
        self._worker = threading.Thread(target=self._work, name="sandbox-engine", daemon=True)
        self._renew()

    def _renew(self) -> None:
        self.faults = Faults()
        self.ledger = Ledger(Traffic(self.clock.monotonic, self.pace.min_gap))
        self.engine = Engine(self.clock, self.pace, self.faults, self._settled)
        self.outbox = Outbox(self._dispatcher, self.occasion)
        self._unopened: set[ReceivedCall] = set()
        self._later: list[tuple[float, int, ReceivedCall, list[Job], Fault]] = []
        self._order = itertools.count()

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
        """Back to how it started, without faults: numbering, ledger, queue, day and notices are forgotten. The webhook
        addresses that are configured stay."""
        with self.lock:
            self._dispatcher.clear()
            self.clock.reset()
            self._releases += 1
            self._renew()
            self.lock.notify_all()

    def desk(self) -> Desk:
        return Desk(self.accounts, self.clock.today(), self._allow_remote_webhooks)

    def configure_webhook(self, account: Account, url: str, token: str) -> None:
        """Where an account's notices go from now on; ``""`` is nowhere. Raises ValueError if the address can't be."""
        error = webhook_url_error(url, allow_remote=self._allow_remote_webhooks) if url else ""
        if error:
            raise ValueError(error)
        with self.lock:
            self._hooks[account] = Hook(url, token)

    def hook(self, account: Account) -> Hook:
        with self.lock:
            return self._hooks.get(account, Hook())

    def occasion(self, account: Account) -> Occasion:
        return Occasion(self.clock.now(), self.pace, self.hook(account), self.give_pdf)

    def notify(
        self, account: Account, reference: str, evento: str, recurso: str = FACTURACION, msg: Sequence[str] = ()
    ) -> None:
        """Sends any notice of the encola modalities. Raises LookupError where the account has no address for it."""
        with self.lock:
            notice = thin_notice(self.occasion(account), reference, evento, recurso, msg)
            if notice is None:
                raise LookupError("no webhook address is configured for this account")
            for job in self.ledger.jobs(reference)[-1:]:
                job.notices.append(notice)
            self._dispatcher.post(notice)

    def take(self, call: ReceivedCall, jobs: list[Job], webhook: Fault) -> None:
        """Notes what a call brought, and the fault for its notices. It is worked on from :meth:`open` on."""
        call.taken = len(jobs)
        for job in jobs:
            self.ledger.took(job)
        self.outbox.expect(call.index, jobs, webhook)
        self._unopened.add(call)

    def take_later(self, seconds: float, call: ReceivedCall, jobs: list[Job], webhook: Fault) -> None:
        """The same, and :meth:`open`, after so many seconds."""
        heapq.heappush(self._later, (self.clock.monotonic() + seconds, next(self._order), call, jobs, webhook))
        self.lock.notify_all()

    def open(self, call: ReceivedCall, jobs: list[Job]) -> None:
        """Queues what a call brought, once, however often it is called; not at all after a reset."""
        with self.lock:
            if call in self._unopened:
                self._unopened.remove(call)
                for job in jobs:
                    if job.status != DELETED:
                        self.outbox.tell(job, ENCOLADO)
                self.engine.add(jobs)
            self.lock.notify_all()

    @property
    def idle(self) -> bool:
        return self.engine.idle and not (self._unopened or self._later or self._dispatcher.pending)

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
            told = all(notice.last_answer or notice.finished for notice in job.notices)
            return told and (waiting or job.settled)

        with self.lock:
            self.lock.wait_for(lambda: self.stopping or all(map(notified, jobs)), self.pace.early_limit)

    def pdf_url(self, job: Job) -> str:
        return f"{self.url}/comprobantes/{job.serial}-{job.comprobante_nro}.pdf"

    def give_pdf(self, job: Job) -> str:
        """The address of a job's PDF, given out: from now on it is good for today."""
        job.pdf_day = self.clock.today()
        return self.pdf_url(job)

    def _settled(self, job: Job) -> None:
        if job.status == ISSUED:
            log.info("issued %s: %s %s", job.reference, job.tipo, job.comprobante_nro)
        else:
            log.info("failed %s after %d tries: %s", job.reference, job.tries, job.error)
        self.outbox.tell(job, EMITIDO if job.status == ISSUED else ERROR)

    def _work(self) -> None:
        while True:
            with self.lock:
                if self.stopping:
                    return
                self._take_what_is_due()
                engine = self.engine
                job = engine.next()
                if job is None:
                    self.lock.wait(self._seconds_to_next())
                    continue
                overtaken = partial(self._overtaken, engine)
                if not self.lock.wait_for(overtaken, self.pace.emission):
                    engine.work(job)
                self.lock.notify_all()

    def _take_what_is_due(self) -> None:
        while self._later and self._later[0][0] <= self.clock.monotonic():
            _, _, call, jobs, webhook = heapq.heappop(self._later)
            self.take(call, jobs, webhook)
            self.open(call, jobs)

    def _seconds_to_next(self) -> float | None:
        waits = [self.engine.seconds_to_next()]
        if self._later:
            waits.append(max(0.0, self._later[0][0] - self.clock.monotonic()))
        return min((wait for wait in waits if wait is not None), default=None)

    def _overtaken(self, engine: Engine) -> bool:
        """Whether the sandbox stopped, or was reset, while the engine was at work."""
        return self.stopping or self.engine is not engine
