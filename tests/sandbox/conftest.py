from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from django_tusfacturas_lotes.sandbox import Account, Clock, Pace, Sandbox

from .receiver import Receiver
from .sending import TODAY, Shop

QUICK = Pace(emission_retry=0.002, webhook_retry=0.002)


class Stopwatch:
    """Real time plus what a test adds, so that an hour passes at once."""

    def __init__(self) -> None:
        self.added = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.added


@pytest.fixture
def stopwatch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def sandbox(stopwatch: Stopwatch) -> Iterator[Sandbox]:
    with Sandbox(clock=Clock(monotonic=stopwatch), pace=QUICK) as sandbox:
        sandbox.set_date(TODAY)
        yield sandbox


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def shop(sandbox: Sandbox, receiver: Receiver) -> Shop:
    return Shop(sandbox, receiver.url)


@pytest.fixture
def trial_shop(receiver: Receiver) -> Iterator[Shop]:
    with Sandbox(accounts=[Account(trial=True)], pace=QUICK) as sandbox:
        sandbox.set_date(TODAY)
        yield Shop(sandbox, receiver.url)
