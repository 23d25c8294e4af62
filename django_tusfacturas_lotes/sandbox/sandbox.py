"""The sandbox from Python, as a test or a command starts it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import TracebackType

from .accounts import Account
from .modalities import MODALITIES
from .pace import FAST, Clock, Pace
from .queue.backend import Backend
from .queue.controls import Controls
from .server.server import Server


class Sandbox(Controls):
    """A TusFacturas to develop and test against: real HTTP, on this machine.

    >>> with Sandbox() as sandbox:
    ...     sandbox.fault("answer=500")
    ...     sandbox.url.startswith("http://127.0.0.1:")
    True

    ``port`` 0 takes a free one. ``faults`` are strings as in docs/sandbox.md. Notices only go to this machine unless
    ``allow_remote_webhooks``. Raises FaultError for a fault that can't be read, ValueError for an account whose address
    is on another machine and not allowed.
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
        backend = Backend(
            accounts,
            pace,
            clock or Clock(),
            webhook_workers=webhook_workers,
            allow_remote_webhooks=allow_remote_webhooks,
            keep_bodies=keep_bodies,
        )
        super().__init__(backend)
        self.fault(*faults)
        self._server = Server(self, backend, host, port, {modality.path: modality for modality in MODALITIES})
        self._started = False

    def start(self) -> Sandbox:
        """Opens the port and begins to work. Raises OSError if the port is taken."""
        self._backend.url = self._server.listen()
        self._backend.start()
        self._started = True
        return self

    def stop(self) -> None:
        """Closes every connection and joins every thread. What is under way is lost, as in a crash."""
        if self._started:
            self._started = False
            self._server.close(self._backend.stop)

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where it listens, as in ``http://127.0.0.1:8899``."""
        return self._backend.url

    @property
    def base_url(self) -> str:
        """An account's ``BASE_URL``: what comes before ``/v2/…``."""
        return self._backend.url

    @property
    def account(self) -> dict[str, object]:
        """The first account, as an entry for ``TUSFACTURAS_LOTES["ACCOUNTS"]``, with the modality ``lotes``."""
        return self.settings_for()

    def settings_for(self, modality: str = "lotes", account: int = 0) -> dict[str, object]:
        """Any of its accounts, for any modality, as an entry for ``TUSFACTURAS_LOTES["ACCOUNTS"]``.

        It has a ``WEBHOOK_TOKEN`` where one is configured. Raises ValueError if the modality is unknown.
        """
        if modality not in {known.name for known in MODALITIES}:
            raise ValueError(f"no such modality: {modality!r}")
        chosen = self.accounts[account]
        return chosen.settings(self.base_url, modality, self._backend.webhook_of(chosen).token)
