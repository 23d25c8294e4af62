"""The demonstration's processes: each in a group of its own, none left behind.

A cluster has children and grandchildren, and a terminal's Ctrl-C would reach all of them at once and in no order. So
every child leads its own session: the demonstration alone hears the signals, and ends the groups one after the other.
"""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

GRACE = 10.0
"""Seconds that a process has to end by itself after SIGTERM, before its whole group gets SIGKILL."""
POLL = 0.05
"""Seconds between two looks at a condition that is waited for."""
LOG_TAIL = 15

LOOPBACK = "127.0.0.1"


class DemoError(Exception):
    """What went wrong, in words for the person at the terminal."""


class NotInTimeError(DemoError):
    """What was waited for did not come before the time was over."""


class Interrupted(BaseException):
    """Somebody asked the demonstration to end. No error: no `except Exception` on the way may stop it."""

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.signum = signum


class Interruption:
    """Turns SIGINT, SIGTERM and SIGHUP into `Interrupted`, but never between a child's start and its being known.

    From the first signal on, further ones change nothing: the children are being ended already, and that ends in time.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self) -> None:
        self._requested: int | None = None
        self._raised = False
        self._held = 0
        self._previous: dict[int, object] = {}

    def __enter__(self) -> "Interruption":
        for signum in self.SIGNALS:
            if signum == signal.SIGHUP and signal.getsignal(signum) == signal.SIG_IGN:
                continue  # nohup: somebody wants it to outlive the terminal
            self._previous[signum] = signal.signal(signum, self._handle)
        return self

    def __exit__(self, *exc_info: object) -> None:
        for signum, handler in self._previous.items():
            signal.signal(signum, handler)  # type: ignore[arg-type]  # what signal() gave back, None only for a handler set outside Python

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep a signal that comes in here until the block is left."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
        self._raise_if_due()

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        self._requested = self._requested or signum
        self._raise_if_due()

    def _raise_if_due(self) -> None:
        if self._requested is not None and not self._held and not self._raised:
            self._raised = True
            raise Interrupted(self._requested)


@dataclass
class Child:
    """One process of the demonstration, the leader of its group."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    @property
    def group_is_alive(self) -> bool:
        """Whether the process or anything that it started is still there; also reaps it, once it is not."""
        self.process.poll()
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:  # macOS says this of a group in which only a zombie is left.
            return self.running
        return True

    def tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-LOG_TAIL:])

    def ask_to_end(self) -> bool:
        """SIGTERM to the leader alone: a cluster's sentinel that is hit by it too dies without ending its workers.
        False if there is no leader any more."""
        if not self.running:
            return False
        self.process.terminate()
        return True

    def wait_until_gone(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while self.group_is_alive:
            if time.monotonic() > end:
                return False
            time.sleep(POLL)
        return True

    def kill(self) -> None:
        """End the whole group, and wait until the kernel has done it."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.wait_until_gone(GRACE)


class Processes:
    """All children of one demonstration. Leaving the block ends them, whatever the reason for leaving."""

    def __init__(self, interruption: Interruption, timeout: float, log_dir: Path) -> None:
        self.children: list[Child] = []
        self._interruption = interruption
        self._timeout = timeout
        self._end = time.monotonic() + timeout
        self._log_dir = log_dir

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *exc_info: object) -> None:
        try:
            with self._interruption.held():
                self._end_all()
        except Interrupted:
            # The signal came on the threshold, before it could be held. It raises only once: nothing disturbs this.
            self._end_all()
            raise

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> Child:
        log = self._log_dir / f"{name}.log"
        with self._interruption.held(), log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own commands
                list(command),
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            child = Child(name, process, log)
            self.children.append(child)
        return child

    def check(self, what: str) -> None:
        """Raise `DemoError` if a child has died, `NotInTimeError` with `what` is missing if the time is over."""
        self._check_children()
        if time.monotonic() > self._end:
            raise NotInTimeError(f"Given up after {self._timeout:g} s (--timeout): {what}.")

    def wait_for(self, condition: Callable[[], bool], what: str, pause: float = POLL) -> None:
        """Wait until `condition()` holds; complains as `check`."""
        while not condition():
            self.check(what)
            time.sleep(pause)

    def watch(self) -> NoReturn:
        """Do nothing until a child dies, which is a `DemoError`, or a signal comes."""
        while True:
            self._check_children()
            time.sleep(0.2)

    def _check_children(self) -> None:
        for child in self.children:
            if not child.running:
                code = child.process.returncode
                reason = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
                raise DemoError(
                    f"The {child.name} process ended ({reason}). Its log, {child.log}, ends:\n{child.tail()}"
                )

    def wait_for_port(self, port: int, what: str) -> None:
        self.wait_for(lambda: answers(port), f"{what} does not answer on port {port}")

    def _end_all(self) -> None:
        # The last one started goes first: the cluster ends its work while sandbox and web server still answer.
        for child in reversed(self.children):
            # Without its leader a group does not end by itself: there is nothing to wait for.
            if not (child.ask_to_end() and child.wait_until_gone(GRACE)):
                child.kill()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def choose_port(wanted: int, option: str) -> int:
    """`wanted` if it is free, any free one for 0; `DemoError` with the way out if it is taken."""
    if wanted == 0:
        # Not one of those that the system gives to connections: it could be taken again before a child listens on it.
        for _ in range(100):
            with contextlib.suppress(DemoError):
                return choose_port(20_000 + secrets.randbelow(12_000), option)
    with socket.socket() as probe:
        # As servers do: a port with nothing but connections that are fading away counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, wanted))
        except OverflowError as error:
            raise DemoError(f"{wanted} is not a port: {option} takes 0 to 65535.") from error
        except OSError as error:
            raise DemoError(
                f"Port {wanted} can't be used ({error.strerror}): choose another with {option}; 0 takes any free one."
            ) from error
        return int(probe.getsockname()[1])
