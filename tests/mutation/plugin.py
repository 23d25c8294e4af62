"""A pytest plugin of a mutation run: which tests run, in which order, how long each took, and which failed.

MUTATION_TESTS names a file with the only tests to run, one a line; MUTATION_REPORT where the report goes.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from pathlib import Path

import pytest

_SLOW = ("e2e", "browser", "thorough")
_seconds: dict[str, float] = defaultdict(float)
_failed: list[str] = []


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests that are asked for, in that order; what pytest-django sorts by comes first.

    When none is named, all but the slow ones, which start processes of their own that coverage does not see.
    """
    if path := os.environ.get("MUTATION_TESTS"):
        wanted = {name: at for at, name in enumerate(Path(path).read_text(encoding="utf-8").splitlines())}
        items[:] = sorted((item for item in items if item.nodeid in wanted), key=lambda item: wanted[item.nodeid])
    else:
        items[:] = [item for item in items if not any(item.get_closest_marker(name) for name in _SLOW)]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _seconds[report.nodeid] += report.duration
    if report.failed:
        _failed.append(report.nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        _failed.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    # With xdist the workers load this too; only who leads them has all reports.
    if not hasattr(session.config, "workerinput"):
        report = {"seconds": _seconds, "failed": _failed}
        Path(os.environ["MUTATION_REPORT"]).write_text(json.dumps(report), encoding="utf-8")
