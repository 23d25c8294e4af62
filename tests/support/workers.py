"""Worker processes on the test's database, started together, and killed where a test wants it."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).parents[2]


class Point(NamedTuple):
    """A moment in a process: before a line is executed for the `time`-th time."""

    file: str
    line: int
    time: int

    def __str__(self) -> str:
        again = f", time {self.time}" if self.time > 1 else ""
        return f"{Path(self.file).name}:{self.line}{again}"


@dataclass(frozen=True)
class Job:
    """One of `tests.support.jobs`, with its arguments. Its lines in `files` are noted; it dies before `dies_at`."""

    name: str
    args: tuple[Any, ...] = ()
    files: tuple[str, ...] = ()
    dies_at: Point | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a job. `raised` is what its caller got instead of `returned`; `logged` are its warnings."""

    killed: bool = False
    returned: Any = None
    raised: str = ""
    traceback: str = ""
    logged: list[str] = field(default_factory=list)
    lines: list[Point] = field(default_factory=list)


class Running:
    """Jobs that were started together, and are awaited."""

    def __init__(self, workers: Workers, number: int) -> None:
        self._workers = workers
        self._number = number

    def outcomes(self, timeout: float = 300) -> list[Outcome]:
        """Wait for all of them to end, in any way."""
        answers = self._workers.answer(self._number, timeout)
        return [
            Outcome(**{**answer, "lines": [Point(*point) for point in answer.get("lines", [])]}) for answer in answers
        ]


class Workers:
    """A process (`tests.support.zygote`) that has loaded Django on the test's database, and forks a child a job."""

    def __init__(self, folder: Path) -> None:
        (folder / "worker_settings.py").write_text(
            "from tests.settings import *\n"
            f"DATABASES['default']['NAME'] = {str(connection.settings_dict['NAME'])!r}\n"
            f"MEDIA_ROOT = {settings.MEDIA_ROOT!r}\n"
        )
        env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "worker_settings",
            "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
        }
        self._log = folder / "workers.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.zygote"],
                cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True,
            )  # fmt: skip
        # It tries its jobs once while it loads, on tables that nothing else may have written to yet.
        self._requests = itertools.count(1)
        self.answer(0, 180)

    def start(self, *jobs: Job) -> Running:
        """Start jobs at one moment, each in a process of its own, with the settings that the test has by now."""
        number = next(self._requests)
        request = {
            "number": number,
            "settings": settings.TUSFACTURAS_LOTES,
            "jobs": [{"name": job.name, "args": job.args, "files": job.files, "dies_at": job.dies_at} for job in jobs],
        }
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        return Running(self, number)

    def run(self, *jobs: Job) -> list[Outcome]:
        """Start jobs at one moment, and wait for them."""
        return self.start(*jobs).outcomes()

    def do(self, name: str, *args: Any) -> Any:
        """Run one job in a process of its own. Returns what it returns, and raises if it raises."""
        (outcome,) = self.run(Job(name, args))
        assert not outcome.raised, outcome.traceback
        return outcome.returned

    def answer(self, number: int, timeout: float) -> list[dict[str, Any]]:
        """Wait for the answer to a request. Those that a test which failed did not wait for are passed over."""
        assert self._process.stdout is not None
        while True:
            readable, _, _ = select.select([self._process.stdout], [], [], timeout)
            line = self._process.stdout.readline() if readable else b""
            if not line:
                self.stop()
                raise AssertionError(f"the workers did not answer in {timeout:g} s\n{self._log.read_text()}")
            answer = json.loads(line)
            if answer["number"] == number:
                outcomes: list[dict[str, Any]] = answer["outcomes"]
                return outcomes

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


@contextlib.contextmanager
def started(folder: Path) -> Iterator[Workers]:
    workers = Workers(folder)
    try:
        yield workers
    finally:
        workers.stop()
