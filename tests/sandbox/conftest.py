from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from django_tusfacturas_lotes.sandbox import Account, Clock, Pace, Sandbox

from .queue_shop import LOTES_ENCOLA, NUEVO_ENCOLA, QueueShop
from .receiver import Receiver
from .sending import TODAY, Shop

QUICK = Pace(emission_retry=0.002, webhook_retry=0.002, notice_retries=(0.002,) * 5)


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


@pytest.fixture
def queue(sandbox: Sandbox, receiver: Receiver) -> QueueShop:
    """A shop that speaks ``lotes_encola``."""
    return QueueShop(sandbox, receiver)


@pytest.fixture(params=[LOTES_ENCOLA, NUEVO_ENCOLA])
def either_queue(sandbox: Sandbox, receiver: Receiver, request: pytest.FixtureRequest) -> QueueShop:
    """A shop that speaks each of the encola modalities, one after the other."""
    return QueueShop(sandbox, receiver, request.param)
