"""Fixtures, and what `--thorough` adds.

Nothing of Django is imported here, so that the tests of `wire` and of the sandbox run without it.
"""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

if TYPE_CHECKING:
    from tests.support.provider import Provider
    from tests.support.workers import Workers


# How long an example takes says how busy the machine is.
hypothesis_settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("patient")

# What the tests that are marked `thorough(fewer=...)` do less of without `--thorough`. What the environment says of one
# of these holds either way.
FEW = {"CRASH_POINTS": "3", "RACE_ROUNDS": "6", "EVERY_MOMENT": "0"}
MANY = {"CRASH_POINTS": "14", "RACE_ROUNDS": "15", "EVERY_MOMENT": "1"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--thorough", action="store_true", help="also what takes longer: more kills, races, demonstrations"
    )


def pytest_configure(config: pytest.Config) -> None:
    for name, value in (MANY if config.getoption("--thorough") else FEW).items():
        os.environ.setdefault(name, value)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is only for `--thorough`: what is marked so, and does not say what it does fewer of otherwise."""
    if config.getoption("--thorough"):
        return
    left_out = [item for item in items if any(not mark.kwargs for mark in item.iter_markers("thorough"))]
    if left_out:
        items[:] = [item for item in items if item not in set(left_out)]
        config.hook.pytest_deselected(items=left_out)


def pytest_collection_finish() -> None:
    """Spare the garbage collector the thousands of tests, which stay until the end."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Tests of processes and sockets wait for one another half of the time: two workers for each processor."""
    return 2 * len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2 * (os.cpu_count() or 1)


@pytest.fixture
def tusfacturas_sandbox() -> Iterator[Any]:
    """The package's fixture, with pauses between two tries that are as short as they can be."""
    from django_tusfacturas_lotes.sandbox import Pace, Sandbox

    with Sandbox(pace=Pace(emission_retry=0.001, webhook_retry=0.001, notice_retries=(0.001,) * 5)) as sandbox:
        yield sandbox


@pytest.fixture
def provider(tusfacturas_sandbox: Any, live_server: Any, settings: Any) -> Iterator[Provider]:
    from tests.support.provider import Provider

    yield Provider(tusfacturas_sandbox, live_server, settings)
    # A notification that is still on its way must not reach the next test's database: let those that are being taken
    # come to an end, and no others begin.
    tusfacturas_sandbox.release()
    tusfacturas_sandbox.reset()
    with contextlib.suppress(TimeoutError):
        tusfacturas_sandbox.wait_idle(timeout=180)


@pytest.fixture(scope="session")
def workers(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[Workers]:
    """Processes on the test's database that do what a test asks for (`tests.support.workers`)."""
    from tests.support.workers import started

    with django_db_blocker.unblock(), started(tmp_path_factory.mktemp("workers")) as running:
        yield running


@pytest.fixture
def heard() -> Iterator[list[tuple[str, Any]]]:
    """Everything that our signals told the host, as (name, invoice or lote)."""
    from django_tusfacturas_lotes import signals

    told: list[tuple[str, Any]] = []
    receivers: list[tuple[Any, Callable[..., None]]] = []
    for name in ("invoice_issued", "invoice_failed", "lote_uncertain", "duplicate_issued"):

        def receiver(sender: Any, name: str = name, **named: Any) -> None:
            told.append((name, named.get("invoice") or named.get("lote")))

        getattr(signals, name).connect(receiver)
        receivers.append((getattr(signals, name), receiver))
    yield told
    for signal, receiver in receivers:
        signal.disconnect(receiver)
