"""What may be asked of the sandbox while it runs, from Python and over ``/_sandbox/``."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import date

from ..accounts import WEBHOOK_TOKEN, Account
from ..faults import parse
from ..modalities.interface import Job
from ..modalities.thin_notices import FACTURACION, evento_of
from .backend import Backend
from .ledger import LedgerSnapshot, ReceivedCall


class Controls:
    """Asks for faults, moves the clock, waits, and says what happened.

    ``account`` is an account's place in :attr:`accounts`.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    @property
    def accounts(self) -> tuple[Account, ...]:
        return self._backend.accounts

    def configure_webhook(self, url: str, token: str = WEBHOOK_TOKEN, account: int = 0) -> None:
        """Says where an account's notices of the encola modalities go, and with which token; ``""`` is nowhere.

        Raises ValueError if the address can't be read, or is on another machine and that is not allowed.
        """
        self._backend.configure_webhook(self.accounts[account], url, token)

    @property
    def calls(self) -> list[ReceivedCall]:
        """Every call, with its headers and its body as it came (credentials included)."""
        with self._backend.lock:
            return list(self._backend.ledger.calls)

    def ledger(self) -> LedgerSnapshot:
        """The same as ``GET /_sandbox/ledger``."""
        with self._backend.lock:
            return self._backend.ledger.snapshot()

    def issued(self, reference: str) -> int:
        """How often a reference was issued. Above 1 means two legal invoices."""
        with self._backend.lock:
            return self._backend.ledger.issued(reference)

    def fault(self, *faults: str) -> None:
        """Asks for faults. Raises FaultError if one can't be read; then none of them is added."""
        read = [parse(fault) for fault in faults]
        with self._backend.lock:
            for fault in read:
                self._backend.faults.add(fault)

    def faults(self) -> list[str]:
        """The faults that still wait for their call."""
        with self._backend.lock:
            return self._backend.faults.texts()

    def clear_faults(self) -> None:
        with self._backend.lock:
            self._backend.faults.clear()

    def state(self) -> dict[str, object]:
        """The same as ``GET /_sandbox/state``."""
        return self._backend.state()

    def wait_idle(self, timeout: float = 30.0) -> None:
        """Returns once all is issued that can be today, and all notices are delivered or given up.

        Raises TimeoutError, with the state in its text, after ``timeout`` seconds.
        """
        self._wait(lambda: self._backend.idle, timeout, "is still busy")

    def wait_held(self, answers: int = 1, timeout: float = 30.0) -> None:
        """Returns once so many answers are held (``answer=hold``). Raises TimeoutError as :meth:`wait_idle`."""
        self._wait(lambda: self._backend.held >= answers, timeout, f"holds fewer than {answers} answers")

    def release(self) -> int:
        """Lets go of the answers that are held. Returns how many."""
        return self._backend.release()

    def pause(self) -> None:
        """Issues nothing more until :meth:`resume`. Calls are still taken, notices still delivered."""
        self._pause(paused=True)

    def resume(self) -> None:
        self._pause(paused=False)

    def advance_days(self, days: int = 1) -> None:
        """Moves the sandbox's day; what waited for it is issued."""
        with self._backend.lock:
            self._backend.clock.advance(days)
            self._backend.lock.notify_all()

    def set_date(self, day: date) -> None:
        """Moves the sandbox's day to this one."""
        with self._backend.lock:
            self._backend.clock.set_date(day)
            self._backend.lock.notify_all()

    def resend(self, reference: str) -> None:
        """Sends the notice of a reference's present state again.

        Raises LookupError if it was never taken, or ``lotes`` took it and it is not settled yet.
        """
        with self._backend.lock:
            jobs: list[Job] = self._backend.ledger.jobs(reference)
            known = [job for job in jobs if job.settled or job.modality.queue_is_visible]
            if not known:
                raise LookupError(f"nothing to notify of for the reference {reference!r}")
            self._backend.outbox.notify_again(known[-1], evento_of(known[-1]))

    def notify(
        self,
        reference: str,
        evento: str,
        recurso: str = FACTURACION,
        msg: Sequence[str] = (),
        account: int = 0,
    ) -> None:
        """Sends any notice of the encola modalities, true or not, of any reference.

        Raises LookupError where the account has no webhook address.
        """
        self._backend.notify(self.accounts[account], reference, evento, recurso, msg)

    def send_test_notice(self, account: int = 0) -> None:
        """The notice with which the provider tries an address. Raises as :meth:`notify`."""
        self._backend.notify(self.accounts[account], "", "test", "test")

    def reset(self) -> None:
        """Forgets ledger, numbering and faults, releases answers, and goes back to today. Webhook addresses stay."""
        self._backend.reset()

    def _pause(self, *, paused: bool) -> None:
        with self._backend.lock:
            self._backend.queue.paused = paused
            self._backend.lock.notify_all()

    def _wait(self, condition: Callable[[], bool], timeout: float, complaint: str) -> None:
        deadline = time.monotonic() + timeout
        with self._backend.lock:
            while not condition():
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"after {timeout:g} s the sandbox {complaint}: {self._backend.state()}")
                self._backend.lock.wait(left)
