"""Several processes call for one account at once, and the provider's pace is kept among all of them.

The sandbox enforces it, as the provider does: one call at a time of an account, 100 ms after the one before, of
whatever kind; anything else is answered 429. A process alone keeps it by its own clock. What is tested here is the row
that all of them share (`pace`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from django_tusfacturas_lotes.models import Finding, InvoiceStatus, LoteItem
from django_tusfacturas_lotes.provider import pace
from django_tusfacturas_lotes.reconciliation import look_up
from django_tusfacturas_lotes.sandbox import Pace, Sandbox
from django_tusfacturas_lotes.submission import claiming, flush, sending
from tests.support.crashing import assert_nothing_twice, assert_whole
from tests.support.encola import queue, statuses
from tests.support.provider import Provider
from tests.support.workers import Job, Point, Workers

pytestmark = pytest.mark.django_db(transaction=True)

GAP = 0.1  # seconds, the provider's


@pytest.fixture
def tusfacturas_sandbox() -> Iterator[Sandbox]:
    """One that answers 429 to what comes too soon, and is otherwise as fast as it can."""
    with Sandbox(pace=Pace(emission_retry=0, min_gap=GAP, enforce_limits=True)) as sandbox:
        yield sandbox


def too_fast(provider: Provider) -> str:
    """What the provider saw of its pace not being kept, of calls of any kind; nothing if it was."""
    ledger = provider.sandbox.ledger()
    (most_open,) = ledger["max_concurrent_calls"].values()
    (shortest,) = ledger["shortest_gap_ms"].values()
    assert shortest is not None, "there were no two calls"
    refused = [call["answer"] for call in ledger["calls"] if call["answer"] not in ("200", "")]  # "": not answered yet
    kept = most_open == 1 and shortest >= 95 and not refused
    return "" if kept else f"{most_open} calls at once, {shortest} ms between two, answered {refused}"


def test_processes_that_send_and_look_up_for_one_account_at_once_are_never_too_fast_for_the_provider(
    provider: Provider, workers: Workers
) -> None:
    provider.use("nuevo_encola")
    provider.configure(CALL_GAP=GAP)
    # These are told of by notices, so that there is something to look up from the first moment on.
    queue(6)
    flush()
    provider.settle()
    queue(14)
    look_up_too = Job("serve", ([0],))
    running = workers.start(*[Job("send_until_empty")] * 4, *[look_up_too] * 2)
    # Not until they end: a lote that was answered 429 is put off for minutes, and they would wait for it.
    provider.sandbox._wait(lambda: len(provider.sandbox.calls) == 20 or too_fast(provider), 180, "they stopped sending")
    assert not too_fast(provider)
    outcomes = running.outcomes()
    provider.settle()
    # Who looks up gives way to who sends after a second, so that none may have come to it: there is always more of it.
    outcomes += workers.run(*[look_up_too] * 3)

    for outcome in outcomes:
        assert not outcome.raised, outcome.traceback
        assert not [text for text in outcome.logged if "429" in text]
    ledger = provider.sandbox.ledger()
    assert not LoteItem.objects.filter(finding=Finding.UNANSWERED).exists()
    assert not too_fast(provider)
    assert ledger["lookups"]["total"] > 0
    assert [entry["received"] for entry in ledger["references"].values()] == [1] * 20
    assert set(statuses()) <= {InvoiceStatus.SUBMITTED, InvoiceStatus.ISSUED}

    look_up("default")
    assert statuses() == [InvoiceStatus.ISSUED] * 20
    assert_whole(provider)
    assert_nothing_twice(provider)


def first_lines(function: Any) -> Iterator[Point]:
    """The lines of a function, each before its eighth execution."""
    code = function.__code__
    for line in sorted({line for _, _, line in code.co_lines() if line and line > code.co_firstlineno}):
        yield Point(code.co_filename, line, 8)


@pytest.mark.thorough
def test_a_drain_whose_processes_are_killed_goes_on_where_it_was_at_the_providers_pace(
    provider: Provider, workers: Workers
) -> None:
    provider.use("nuevo_encola")
    provider.configure(CALL_GAP=GAP)
    queue(40)
    # In the middle of the transaction that claims, and between it and the one that begins the call.
    points = [next(itertools.islice(first_lines(claiming.claim), 8, None)), next(first_lines(sending._send))]
    sent = 0
    for point in points:
        (outcome,) = workers.run(Job("send_until_empty", files=(point.file,), dies_at=point))
        assert outcome.killed
        assert sent < len(provider.sandbox.calls) < 40, "it went on, and was stopped in the middle"
        sent = len(provider.sandbox.calls)
        assert_whole(provider)
    (outcome,) = workers.run(Job("send_until_empty"))
    assert not outcome.raised, outcome.traceback
    assert not too_fast(provider)
    provider.settle()
    references = provider.sandbox.ledger()["references"].values()
    assert [(entry["received"], entry["issued"]) for entry in references] == [(1, 1)] * 40
    look_up("default")
    assert statuses() == [InvoiceStatus.ISSUED] * 40
    assert not too_fast(provider)
    assert_nothing_twice(provider)


class Stopwatch:
    """In the place of `time`, for a wait that takes no time."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(("call", "is_had"), [(0.5, True), (2.5, True), (60.0, False)])
def test_who_waits_for_the_turn_comes_after_a_call_of_the_usual_length(
    monkeypatch: pytest.MonkeyPatch, call: float, is_had: bool
) -> None:
    """Two look-ups of another process follow each other at once: who sends must be there at that moment."""
    clock = Stopwatch()
    monkeypatch.setattr(pace, "time", clock)
    lease = pace.Lease("waiting", timezone.now())

    def attempt() -> pace.Lease | pace.Busy:
        return lease if clock.now >= call else pace.Busy(0.02, "another process is calling TusFacturas")

    assert (pace.when_free("waiting", attempt) is lease) == is_had
    assert clock.now < 4
