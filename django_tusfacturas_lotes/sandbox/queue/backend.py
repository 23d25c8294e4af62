"""The sandbox's whole state, under one lock, and the threads that work on it.

Everything that changes hangs here and is touched under ``lock`` only. ``lock.notify_all()`` follows every change.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
from collections.abc import Sequence
from functools import partial

from ..accounts import Account, WebhookConfig
from ..faults import Fault, Faults
from ..modalities.interface import DELETED, ISSUED, CallContext, Job, NoticeContext
from ..modalities.notice import EMITIDO, ENCOLADO, ERROR
from ..modalities.thin_notices import FACTURACION, thin_notice
from ..modalities.webhook_urls import webhook_url_error
from ..pace import Clock, Pace
from .call_limits import CallLimits
from .issuing_queue import IssuingQueue
from .ledger import Ledger, ReceivedCall
from .outbox import Outbox
from .webhook_delivery import Dispatcher

log = logging.getLogger(__name__)


class Backend:
    """The simulated provider: takes jobs, issues them in one thread, delivers notices in others."""

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
        self.delayed = 0
        self._allow_remote_webhooks = allow_remote_webhooks
        self._releases = 0
        self._dispatcher = Dispatcher(self.lock, clock, webhook_workers)
        self._webhooks: dict[Account, WebhookConfig] = {}
        for account in self.accounts:
            if account.webhook_url or account.webhook_token:
                self.configure_webhook(account, account.webhook_url, account.webhook_token)
        self._worker = threading.Thread(target=self._work, name="sandbox-queue", daemon=True)
        self._renew()

    def _renew(self) -> None:
        self.faults = Faults()
        self.ledger = Ledger(CallLimits(self.clock.monotonic, self.pace.min_gap))
        self.queue = IssuingQueue(self.clock, self.pace, self.faults, self._on_settled)
        self.outbox = Outbox(self._dispatcher, self.notice_context)
        self._not_started: set[ReceivedCall] = set()
        self._later: list[tuple[float, int, ReceivedCall, list[Job], Fault]] = []
        self._order = itertools.count()

    def start(self) -> None:
        self._dispatcher.start()
        self._worker.start()

    def stop(self) -> None:
        """Wakes every thread that waits, and joins its own."""
        with self.lock:
            self.stopping = True
            self.lock.notify_all()
        self._worker.join()
        self._dispatcher.stop()

    def reset(self) -> None:
        """Forgets faults, ledger, queue, numbering, day and notices. Webhook addresses stay configured."""
        with self.lock:
            self._dispatcher.clear()
            self.clock.reset()
            self._releases += 1
            self._renew()
            self.lock.notify_all()

    def call_context(self) -> CallContext:
        return CallContext(self.accounts, self.clock.today(), self._allow_remote_webhooks)

    def configure_webhook(self, account: Account, url: str, token: str) -> None:
        """Says where an account's notices go from now on; ``""`` is nowhere.

        Raises ValueError if the address can't be notified.
        """
        error = webhook_url_error(url, allow_remote=self._allow_remote_webhooks) if url else ""
        if error:
            raise ValueError(error)
        with self.lock:
            self._webhooks[account] = WebhookConfig(url, token)

    def webhook_of(self, account: Account) -> WebhookConfig:
        with self.lock:
            return self._webhooks.get(account, WebhookConfig())

    def notice_context(self, account: Account) -> NoticeContext:
        return NoticeContext(self.clock.now(), self.pace, self.webhook_of(account), self.give_pdf)

    def notify(
        self, account: Account, reference: str, evento: str, recurso: str = FACTURACION, msg: Sequence[str] = ()
    ) -> None:
        """Sends any notice of the encola modalities. Raises LookupError if the account has no webhook address."""
        with self.lock:
            notice = thin_notice(self.notice_context(account), reference, evento, recurso, msg)
            if notice is None:
                raise LookupError("no webhook address is configured for this account")
            for job in self.ledger.jobs(reference)[-1:]:
                job.notices.append(notice)
            self._dispatcher.post(notice)

    def take(self, call: ReceivedCall, jobs: list[Job], webhook: Fault) -> None:
        """Notes which jobs a call brought, and the fault for their notices. They wait for :meth:`start_issuing`."""
        call.taken = len(jobs)
        for job in jobs:
            self.ledger.note_taken(job)
        self.outbox.expect(call.index, jobs, webhook)
        self._not_started.add(call)

    def take_later(self, seconds: float, call: ReceivedCall, jobs: list[Job], webhook: Fault) -> None:
        """Does :meth:`take` and :meth:`start_issuing` after so many seconds."""
        heapq.heappush(self._later, (self.clock.monotonic() + seconds, next(self._order), call, jobs, webhook))
        self.lock.notify_all()

    def start_issuing(self, call: ReceivedCall, jobs: list[Job]) -> None:
        """Queues the jobs that :meth:`take` noted. Nothing happens the second time, or after a reset."""
        with self.lock:
            if call in self._not_started:
                self._not_started.remove(call)
                for job in jobs:
                    if job.status != DELETED:
                        self.outbox.notify(job, ENCOLADO)
                self.queue.add(jobs)
            self.lock.notify_all()

    @property
    def idle(self) -> bool:
        return self.queue.idle and not (self._not_started or self._later or self._dispatcher.pending)

    def state(self) -> dict[str, object]:
        with self.lock:
            return {
                "idle": self.idle,
                "paused": self.queue.paused,
                "today": self.clock.today().isoformat(),
                **self.queue.counts,
                "notices": self._dispatcher.pending,
                "held_answers": self.held,
                "faults": self.faults.texts(),
            }

    def delay_answer(self, seconds: float) -> None:
        """Waits so long by the sandbox's clock, or until the sandbox stops."""
        with self.lock:
            due = self.clock.monotonic() + seconds
            self.delayed += 1
            self.lock.wait_for(lambda: self.stopping or self.clock.monotonic() >= due, seconds)
            self.delayed -= 1

    def hold_answer(self) -> None:
        """Waits for the next :meth:`release`, a reset, or the sandbox's end."""
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
        """Waits, up to ``early_limit``, until a notice of each job that may be issued today was tried."""

        def notified(job: Job) -> bool:
            waiting = job.not_before > self.clock.today()
            told = all(notice.last_answer or notice.finished for notice in job.notices)
            return told and (waiting or job.settled)

        with self.lock:
            self.lock.wait_for(lambda: self.stopping or all(map(notified, jobs)), self.pace.early_limit)

    def pdf_url(self, job: Job) -> str:
        return f"{self.url}/comprobantes/{job.serial}-{job.comprobante_nro}.pdf"

    def give_pdf(self, job: Job) -> str:
        """The address of a job's PDF, which is good for today once it is given out."""
        job.pdf_day = self.clock.today()
        return self.pdf_url(job)

    def _on_settled(self, job: Job) -> None:
        if job.status == ISSUED:
            log.info("issued %s: %s %s", job.reference, job.tipo, job.comprobante_nro)
        else:
            log.info("failed %s after %d tries: %s", job.reference, job.tries, job.error)
        self.outbox.notify(job, EMITIDO if job.status == ISSUED else ERROR)

    def _work(self) -> None:
        while True:
            with self.lock:
                if self.stopping:
                    return
                self._take_what_is_due()
                queue = self.queue
                job = queue.next_job()
                if job is None:
                    self.lock.wait(self._seconds_to_next())
                    continue
                replaced = partial(self._replaced, queue)
                if not self.lock.wait_for(replaced, self.pace.emission):
                    queue.try_to_issue(job)
                self.lock.notify_all()

    def _take_what_is_due(self) -> None:
        while self._later and self._later[0][0] <= self.clock.monotonic():
            _, _, call, jobs, webhook = heapq.heappop(self._later)
            self.take(call, jobs, webhook)
            self.start_issuing(call, jobs)

    def _seconds_to_next(self) -> float | None:
        waits = [self.queue.seconds_to_next()]
        if self._later:
            waits.append(max(0.0, self._later[0][0] - self.clock.monotonic()))
        return min((wait for wait in waits if wait is not None), default=None)

    def _replaced(self, queue: IssuingQueue) -> bool:
        """Whether the sandbox stopped, or was reset, while this queue issued a comprobante."""
        return self.stopping or self.queue is not queue
