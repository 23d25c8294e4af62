"""The process behind `tests.support.workers`: loads Django once, then forks a child for each job that it is asked for.

It has one thread and no open connection to the database, so that forking it is safe; each child opens one of its
own. Children that are asked for together start together. One that is told to dies, by SIGKILL, before a given line.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import IO, Any


class Lines:
    """A trace function that notes each line which is about to be executed in some files, and may end the process there.

    `dies_at` is a file, a line, and which execution of that line, from 1.
    """

    def __init__(self, files: list[str], dies_at: list[Any] | None) -> None:
        self._files = frozenset(files)
        self._dies_at = tuple(dies_at) if dies_at else None
        self._executed: Counter[tuple[str, int]] = Counter()
        self.seen: list[tuple[str, int, int]] = []

    def __call__(self, frame: FrameType, event: str, arg: object) -> Callable[..., Any] | None:
        return self._trace if frame.f_code.co_filename in self._files else None

    def _trace(self, frame: FrameType, event: str, arg: object) -> Callable[..., Any]:
        if event == "line":
            place = (frame.f_code.co_filename, frame.f_lineno)
            self._executed[place] += 1
            point = (*place, self._executed[place])
            if point == self._dies_at:
                os.kill(os.getpid(), signal.SIGKILL)
            self.seen.append(point)
        return self._trace


class Told(logging.Handler):
    """Keeps what was logged, from warnings on."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


def main() -> None:
    import django

    django.setup()
    from django.db import connections
    from django.urls import get_resolver

    from tests.support import jobs

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    # What a process imports and builds when it does something for the first time is no line of a step, and need not be
    # done by each child anew.
    _ = get_resolver().url_patterns
    jobs.come_by([0])
    # A connection that is open before the fork would be shared by all children.
    connections.close_all()
    # A child that collects garbage would copy all that it has of its parent's memory.
    gc.freeze()
    _answer(answers, 0, [])
    for line in sys.stdin:
        request = json.loads(line)
        _answer(answers, request["number"], run_together(request, jobs.JOBS))


def _answer(answers: IO[str], number: int, outcomes: list[dict[str, Any]]) -> None:
    answers.write(json.dumps({"number": number, "outcomes": outcomes}) + "\n")
    answers.flush()


def run_together(request: dict[str, Any], jobs: dict[str, Callable[..., Any]]) -> list[dict[str, Any]]:
    """Run the jobs of a request, each in a child, from one moment on. Returns what became of each."""
    ready, tell_ready = os.pipe()
    start, let_start = os.pipe()
    children: list[tuple[int, int]] = []
    for job in request["jobs"]:
        result, tell_result = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(let_start)
            try:
                outcome = _run(job, request["settings"], jobs, lambda: _wait(tell_ready, start))
                with os.fdopen(tell_result, "w") as told:
                    json.dump(outcome, told)
            finally:
                os._exit(0)
        os.close(tell_result)
        children.append((pid, result))
    os.close(tell_ready)
    os.close(start)
    for _ in children:
        os.read(ready, 1)
    os.close(ready)
    # Each of them waits for the end of this pipe.
    os.close(let_start)
    outcomes = []
    for pid, result in children:
        with os.fdopen(result) as told:
            text = told.read()
        _, status = os.waitpid(pid, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        outcomes.append({"killed": True} if killed else json.loads(text))
    return outcomes


def _wait(tell_ready: int, start: int) -> None:
    os.write(tell_ready, b".")
    os.close(tell_ready)
    os.read(start, 1)
    os.close(start)


def _run(
    job: dict[str, Any], settings: dict[str, Any], jobs: dict[str, Callable[..., Any]], wait: Callable[[], None]
) -> dict[str, Any]:
    from django.conf import settings as django_settings
    from django.db import connection, connections

    django_settings.TUSFACTURAS_LOTES = settings
    told = Told()
    logging.getLogger().addHandler(told)
    lines = Lines(job["files"], job["dies_at"])
    outcome: dict[str, Any] = {}
    try:
        connection.ensure_connection()
        wait()
        if job["files"]:
            sys.settrace(lines)
        outcome["returned"] = jobs[job["name"]](*job["args"])
    except BaseException as exc:  # noqa: BLE001 - whatever a caller would have got, the test hears of it
        outcome["raised"] = f"{type(exc).__name__}: {exc}"
        outcome["traceback"] = traceback.format_exc()
    finally:
        sys.settrace(None)
        connections.close_all()
    return {**outcome, "lines": lines.seen, "logged": told.texts}


if __name__ == "__main__":
    main()
