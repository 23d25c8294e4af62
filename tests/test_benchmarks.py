"""`python -m benchmarks` runs, and hides no measurement. What it measures is not for a test to judge."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
GOALS = {
    "lote": "< 3",
    "webhook": ">= 0.6",
    "full-lote": "<= 1.1",
    "full-webhook": "<= 1.1",
    "memory": "<= 1.1",
    "wire": "< 5",
}


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.thorough
def test_every_measurement_is_printed_with_its_goal_and_whether_it_is_met(tmp_path: Path) -> None:
    done = run("--quick", DATABASE_URL="", TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    printed = {}
    for line in done.stdout.splitlines():
        if match := re.fullmatch(r"([\w-]+) +[0-9]+\.[0-9]{2} +([<>]=? [0-9.]+) +(met|NOT MET) +\S.*", line):
            printed[match[1]] = match[2]
    assert printed == GOALS, done.stdout
    assert "round 3 of 3" in done.stderr
    assert not list(tmp_path.iterdir()), "the test databases are left behind"


@pytest.mark.thorough
def test_strict_tells_by_the_exit_status_whether_the_goals_are_met() -> None:
    done = run("--quick", "--strict", "--only", "wire", DATABASE_URL="")
    assert done.returncode == (1 if "NOT MET" in done.stdout else 0), done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()[1:]] == ["name", "wire"]


@pytest.mark.parametrize("arguments", [("--only", "nothing"), ("--rows", "0"), ("--rows", "many")])
def test_what_it_does_not_know_is_refused(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert arguments[0] in done.stderr


def test_a_database_that_it_does_not_know_is_refused_without_telling_its_password() -> None:
    done = run("--quick", DATABASE_URL="oracle://user:hunter2@host/name")
    assert done.returncode != 0
    assert "oracle" in done.stderr
    assert "hunter2" not in done.stderr
