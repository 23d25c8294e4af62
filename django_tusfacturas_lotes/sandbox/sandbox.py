"""What does a test or a command call? The sandbox from Python."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from types import TracebackType

from .accounts import WEBHOOK_TOKEN, Account
from .encolado import FACTURACION, present_evento
from .faults import parse
from .ledger import LedgerSnapshot, ReceivedCall
from .lotes import LOTES
from .lotes_encola import LOTES_ENCOLA
from .modality import Job, Modality
from .nuevo_encola import NUEVO_ENCOLA
from .office import Office
from .pace import FAST, Clock, Pace
from .server import Server

MODALITIES: tuple[Modality, ...] = (LOTES, LOTES_ENCOLA, NUEVO_ENCOLA)


class Sandbox:
    """A TusFacturas to develop and test against: real HTTP, on this machine.

    >>> with Sandbox() as sandbox:
    ...     sandbox.fault("answer=500")
    ...     sandbox.url.startswith("http://127.0.0.1:")
    True

    ``port`` 0 takes a free one. ``faults`` are strings (see docs/sandbox.md); one that can't be read raises FaultError.
    Notices only go to this machine unless ``allow_remote_webhooks``; an account with another address is a ValueError.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        accounts: Sequence[Account] = (Account(),),
        pace: Pace = FAST,
        faults: Iterable[str] = (),
        webhook_workers: int = 4,
        allow_remote_webhooks: bool = False,
        keep_bodies: bool = True,
        clock: Clock | None = None,
    ) -> None:
        if not accounts:
            raise ValueError("a sandbox needs at least one account")
        if webhook_workers < 1:
            raise ValueError("a sandbox needs at least one webhook worker")
        self.accounts = tuple(accounts)
        self._office = Office(
            self.accounts,
            pace,
            clock or Clock(),
            webhook_workers=webhook_workers,
            allow_remote_webhooks=allow_remote_webhooks,
            keep_bodies=keep_bodies,
        )
        for fault in faults:
            self.fault(fault)
        self._server = Server(self, self._office, host, port, {modality.path: modality for modality in MODALITIES})
        self._started = False

    def start(self) -> Sandbox:
        """Listens and works from here on. Raises OSError if the port is taken."""
        self._office.url = self._server.listen()
        self._office.start()
        self._started = True
        return self

    def stop(self) -> None:
        """Closes every connection and joins every thread. What is under way is lost, as when a provider falls."""
        if self._started:
            self._started = False
            self._server.close(self._office.stop)

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where it listens, as in ``http://127.0.0.1:8899``."""
        return self._office.url

    @property
    def base_url(self) -> str:
        """An account's ``BASE_URL``: what stands before ``/v2/…``."""
        return self._office.url

    @property
    def account(self) -> dict[str, object]:
        """The first account, as an entry for ``TUSFACTURAS_LOTES["ACCOUNTS"]``, with the modality ``lotes``."""
        return self.settings_for()

    def settings_for(self, modality: str = "lotes", account: int = 0) -> dict[str, object]:
        """The same for any of its accounts and modalities; with ``WEBHOOK_TOKEN`` where one is configured."""
        if modality not in {known.name for known in MODALITIES}:
            raise ValueError(f"no such modality: {modality!r}")
        chosen = self.accounts[account]
        return chosen.settings(self.base_url, modality, self._office.hook(chosen).token)

    def configure_webhook(self, url: str, token: str = WEBHOOK_TOKEN, account: int = 0) -> None:
        """Where the provider posts an account's notices of the encola modalities, and its token; ``""`` is nowhere.

        Raises ValueError if the address is not one, or is on another machine and that is not allowed.
        """
        self._office.configure_webhook(self.accounts[account], url, token)

    @property
    def calls(self) -> list[ReceivedCall]:
        """Every call, with its headers and its body as it came (credentials included)."""
        with self._office.lock:
            return list(self._office.ledger.calls)

    def ledger(self) -> LedgerSnapshot:
        """The same as ``GET /_sandbox/ledger``."""
        with self._office.lock:
            return self._office.ledger.snapshot()

    def issued(self, reference: str) -> int:
        """How often a reference was issued: more than one is two legal invoices."""
        with self._office.lock:
            return self._office.ledger.issued(reference)

    def fault(self, *faults: str) -> None:
        """Asks for faults. All are read first: if one can't be (FaultError), none is added."""
        read = [parse(fault) for fault in faults]
        with self._office.lock:
            for fault in read:
                self._office.faults.add(fault)

    def faults(self) -> list[str]:
        """The faults that still wait for their call."""
        with self._office.lock:
            return self._office.faults.texts()

    def clear_faults(self) -> None:
        with self._office.lock:
            self._office.faults.clear()

    def state(self) -> dict[str, object]:
        """The same as ``GET /_sandbox/state``."""
        return self._office.state()

    def wait_idle(self, timeout: float = 30.0) -> None:
        """Returns once all is issued that can be today, and all notices are delivered or given up.

        Raises TimeoutError, with the state in its text, after ``timeout`` seconds.
        """
        self._wait(lambda: self._office.idle, timeout, "is still busy")

    def wait_held(self, answers: int = 1, timeout: float = 30.0) -> None:
        """Returns once so many answers are held (``answer=hold``). Raises TimeoutError as :meth:`wait_idle`."""
        self._wait(lambda: self._office.held >= answers, timeout, f"holds fewer than {answers} answers")

    def release(self) -> int:
        """Lets go of the answers that are held. Returns how many."""
        return self._office.release()

    def pause(self) -> None:
        """Issues nothing more until :meth:`resume`. Calls are still taken, notices still delivered."""
        self._pause(paused=True)

    def resume(self) -> None:
        self._pause(paused=False)

    def advance_days(self, days: int = 1) -> None:
        """Moves the sandbox's day; what waited for it is issued."""
        with self._office.lock:
            self._office.clock.advance(days)
            self._office.lock.notify_all()

    def set_date(self, day: date) -> None:
        """The same, to a given day."""
        with self._office.lock:
            self._office.clock.set_date(day)
            self._office.lock.notify_all()

    def resend(self, reference: str) -> None:
        """Notifies again of how it stands with a reference.

        Raises LookupError if it was never taken, or ``lotes`` took it and it is not settled yet.
        """
        with self._office.lock:
            jobs: list[Job] = self._office.ledger.jobs(reference)
            known = [job for job in jobs if job.settled or job.modality.queue_is_visible]
            if not known:
                raise LookupError(f"nothing to notify of for the reference {reference!r}")
            self._office.outbox.again(known[-1], present_evento(known[-1]))

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
        self._office.notify(self.accounts[account], reference, evento, recurso, msg)

    def send_test_notice(self, account: int = 0) -> None:
        """The notice with which the provider tries an address. Raises as :meth:`notify`."""
        self._office.notify(self.accounts[account], "", "test", "test")

    def reset(self) -> None:
        """No ledger, no numbering, no faults, today's date, answers released. Webhook addresses stay configured."""
        self._office.reset()

    def _pause(self, *, paused: bool) -> None:
        with self._office.lock:
            self._office.engine.paused = paused
            self._office.lock.notify_all()

    def _wait(self, condition: Callable[[], bool], timeout: float, complaint: str) -> None:
        deadline = time.monotonic() + timeout
        with self._office.lock:
            while not condition():
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"after {timeout:g} s the sandbox {complaint}: {self._office.state()}")
                self._office.lock.wait(left)
