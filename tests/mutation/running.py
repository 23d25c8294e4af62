"""Runs tests on a changed copy of the tree; the work tree itself is never changed."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from .points import PACKAGE, Mutant

_NOT_COPIED = shutil.ignore_patterns(
    *("__pycache__", "*.pyc", "*.sqlite3*", "*.egg-info", "build", "dist", "htmlcov"),
    *(".git", ".venv*", ".tox", ".*_cache", ".hypothesis", ".coverage*"),
)
_START = 40.0  # seconds for Python, Django and the database, on a busy machine
_FACTOR = 5.0  # times what the same tests take unchanged
_FIRST = 10.0  # seconds of tests that are tried before all others are collected


class Outcome(str, Enum):
    """What came of a mutant."""

    KILLED = "killed"
    TIMEOUT = "timeout"
    SURVIVED = "survived"
    UNREACHED = "unreached"
    """No test runs the line: nothing can notice it."""
    EQUIVALENT = "equivalent"
    """Ruled out by hand: it can't be told from the original."""


@dataclass(frozen=True)
class Run:
    """How tests ended: `failed` names the first that failed, None if all passed."""

    failed: str | None
    timed_out: bool
    seconds: float


@dataclass(frozen=True)
class Verdict:
    """What came of a mutant, by which test, after how many seconds."""

    mutant: Mutant
    outcome: Outcome
    by: str = ""
    seconds: float = 0.0
    tests: int = 0


class Copy:
    """A copy of the tree in a folder of its own."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder
        self._tree = folder / "tree"
        shutil.copytree(root, self._tree, ignore=_NOT_COPIED)
        (folder / "tmp").mkdir()

    @contextmanager
    def changed(self, mutant: Mutant) -> Iterator[None]:
        """Have one mutant in the copy."""
        path = self._tree / PACKAGE / mutant.file
        try:
            self._write(path, mutant.mutated)
            yield
        finally:
            self._write(path, mutant.source)

    @staticmethod
    def _write(path: Path, source: str) -> None:
        path.write_text(source, encoding="utf-8")
        # Python tells compiled files by size and second, and a mutant may have both of another.
        Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)

    def run(self, tests: Sequence[str], limit: float) -> Run:
        """Run tests until the first fails, for at most `limit` seconds."""
        names, report = self.folder / "tests.txt", self.folder / "report.json"
        names.write_text("\n".join(tests), encoding="utf-8")
        report.unlink(missing_ok=True)
        files = sorted({test.partition("::")[0] for test in tests})
        options = ["-x", "-q", "-n0", "-p", "no:cacheprovider", "-p", "tests.mutation.plugin", "--tb=no", "-m", ""]
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *options, *files],
            cwd=self._tree,
            env=self._environment(names, report),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            return Run("", timed_out=True, seconds=time.monotonic() - began)
        finally:
            # With whatever the tests have started, should it still be there.
            _end_group(process)
        failed = json.loads(report.read_text(encoding="utf-8"))["failed"] if report.exists() else ["(no start)"]
        # 5: nothing was collected, so the mutant took away the cases of a table, and no test says so.
        passed = code in (0, 5) and not failed
        return Run(None if passed else (failed or [f"(exit status {code})"])[0], False, time.monotonic() - began)

    def _environment(self, names: Path, report: Path) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": str(self._tree),
            "TMPDIR": str(self.folder / "tmp"),
            "MUTATION_TESTS": str(names),
            "MUTATION_REPORT": str(report),
        }

    def judge(self, mutant: Mutant, tests: Sequence[str], seconds_of: Callable[[Sequence[str]], float]) -> Verdict:
        """Let tests look at a mutant: the nearest first, then, in another process, the others."""
        if not tests:
            return Verdict(mutant, Outcome.UNREACHED)
        took = 0.0
        with self.changed(mutant):
            for stage in _stages(tests, seconds_of):
                limit = _START + _FACTOR * seconds_of(stage)
                run = self.run(stage, limit)
                if run.timed_out:  # by chance, on a machine that had other things to do?
                    took += run.seconds
                    run = self.run(stage, limit)
                took += run.seconds
                if run.timed_out:
                    return Verdict(mutant, Outcome.TIMEOUT, "", took, len(tests))
                if run.failed is not None:
                    return Verdict(mutant, Outcome.KILLED, run.failed, took, len(tests))
        return Verdict(mutant, Outcome.SURVIVED, "", took, len(tests))


def within(tests: Sequence[str], budget: float, seconds_of: Callable[[Sequence[str]], float]) -> list[str]:
    """Return as many of the tests, from the first on, as take so many seconds; at least one."""
    taken: list[str] = []
    left = budget
    for test in tests:
        left -= seconds_of([test])
        if left < 0 and taken:
            break
        taken.append(test)
    return taken


def _stages(tests: Sequence[str], seconds_of: Callable[[Sequence[str]], float]) -> list[Sequence[str]]:
    first = within(tests, _FIRST, seconds_of)
    return [stage for stage in (first, tests[len(first) :]) if stage]


def _end_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
