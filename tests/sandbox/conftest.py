from __future__ import annotations

from collections.abc import Iterator

import pytest

from django_tusfacturas_lotes.sandbox import Account, Clock, Sandbox
from tests.support.sandbox.queue_shop import LOTES_ENCOLA, NUEVO_ENCOLA, QueueShop
from tests.support.sandbox.receiver import Receiver
from tests.support.sandbox.sending import TODAY, Shop
from tests.support.sandbox.stopwatch import QUICK, Stopwatch


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
