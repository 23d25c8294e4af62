"""Whose turn is it to call, and how long has one to wait for it?"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine

from django_tusfacturas_lotes.models import Turn
from django_tusfacturas_lotes.provider import pace
from django_tusfacturas_lotes.provider.client import Outcome, Reply, Verdict
from django_tusfacturas_lotes.provider.pace import Busy, Lease, give_back, take

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 5, 4, 15, tzinfo=dt.timezone.utc)
LONGEST = 5 + 60 + 15  # seconds: both time-outs, and the margin
OTHER, GAP, PAUSE = "another process", "between two calls", "HTTP 429"


def at(seconds: float | None) -> dt.datetime | None:
    return None if seconds is None else NOW + dt.timedelta(seconds=seconds)


@pytest.fixture(autouse=True)
def gap_of_a_tenth(settings: Any) -> None:
    settings.TUSFACTURAS_LOTES = {
        **settings.TUSFACTURAS_LOTES, "CALL_GAP": 0.1, "CONNECT_TIMEOUT": 5, "READ_TIMEOUT": 60,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("busy", "last", "free", "waits", "why"),
    [
        (None, None, None, None, ""),
        # The pause between two calls, partway.
        (None, -0.1, None, None, ""),
        (None, -5, None, None, ""),
        (None, -0.09, None, 0.01, GAP),
        (None, -0.03, None, 0.07, GAP),
        (None, 0, None, 0.1, GAP),
        (None, -0.0999, None, 0.001, GAP),  # never no time at all: who waits would ask without end
        # Another machine's clock is a little ahead of ours; one that was put back since is not believed.
        (None, 5, None, 5.1, GAP),
        (None, 5.01, None, None, ""),
        # The provider's pause, partway.
        (None, None, 0, None, ""),
        (None, None, 30, 30, PAUSE),
        (None, None, 0.25, 0.25, PAUSE),
        (None, None, 86405, 86405, PAUSE),
        (None, None, 86405.01, None, ""),
        # Somebody calls: how long that takes nobody knows, so one looks again soon.
        (0, None, None, None, ""),
        (0.01, None, None, 0.02, OTHER),
        (LONGEST, None, None, 0.02, OTHER),
        (LONGEST + 5, None, None, 0.02, OTHER),
        (LONGEST + 5.01, None, None, None, ""),
        # The longest wait is told.
        (10, -0.03, 30, 30, PAUSE),
        (10, -0.03, None, 0.02, OTHER),
        (-10, -0.03, -10, 0.07, GAP),
    ],
)
def test_a_turn_is_had_or_one_is_told_how_long_to_wait(
    busy: float | None, last: float | None, free: float | None, waits: float | None, why: str
) -> None:
    Turn.objects.create(account="a", busy_until=at(busy), last_call_at=at(last), free_from=at(free))
    Turn.objects.create(account="b", busy_until=at(50), last_call_at=at(0), free_from=at(50))
    with time_machine.travel(NOW, tick=False):
        taken = take("a")
    row = Turn.objects.get(pk="a")
    if waits is None:
        assert taken == Lease("a", at(LONGEST))
        assert row.busy_until == at(LONGEST)
    else:
        assert isinstance(taken, Busy)
        assert taken.seconds == pytest.approx(waits)
        assert why in taken.reason
        assert row.busy_until == at(busy)
    assert Turn.objects.get(pk="b").busy_until == at(50)


def test_the_first_turn_of_an_account_is_had_by_one() -> None:
    with time_machine.travel(NOW, tick=False):
        assert take("a") == Lease("a", at(LONGEST))
        assert isinstance(take("a"), Busy)
        assert take("b") == Lease("b", at(LONGEST))


@pytest.mark.parametrize(("pause", "free"), [(None, None), (0, 0), (90, 90)])
@pytest.mark.parametrize("looks_up", [False, True])
def test_who_gives_a_turn_back_says_when_it_called(pause: float | None, free: float | None, looks_up: bool) -> None:
    Turn.objects.create(account="b", busy_until=at(LONGEST))
    with time_machine.travel(NOW, tick=False):
        lease = take("a")
        assert isinstance(lease, Lease)
    lease.pause, lease.looks_up = pause, looks_up
    with time_machine.travel(NOW + dt.timedelta(seconds=2), tick=False):
        give_back(lease)
    row = Turn.objects.get(pk="a")
    assert (row.busy_until, row.last_call_at) == (None, at(2))
    assert row.free_from == at(None if free is None else 2 + free)
    assert row.last_look_up_at == (at(2) if looks_up else None)
    assert Turn.objects.get(pk="b").busy_until == at(LONGEST)


def test_a_turn_that_somebody_else_has_by_now_is_not_given_back() -> None:
    with time_machine.travel(NOW, tick=False):
        mine = take("a")
    with time_machine.travel(NOW + dt.timedelta(seconds=LONGEST), tick=False):
        theirs = take("a")
        assert isinstance(mine, Lease)
        assert isinstance(theirs, Lease)
        give_back(mine)
    assert Turn.objects.get(pk="a").busy_until == theirs.until


@pytest.mark.parametrize(
    ("answer", "pause"),
    [
        (Outcome(Verdict.NOT_SENT, http_status=429, retry_after=7), 7),
        (Outcome(Verdict.NOT_SENT, http_status=429, retry_after=0), 0),
        (Outcome(Verdict.NOT_SENT, http_status=429), 60),
        (Outcome(Verdict.NOT_SENT, http_status=401), None),
        (Outcome(Verdict.NOT_SENT), None),
        (Reply(http_status=429, retry_after=7), 7),
        (Reply(http_status=200), None),
    ],
)
def test_the_provider_is_heeded_where_it_asks_for_a_pause(answer: Any, pause: float | None) -> None:
    lease = Lease("a", NOW)
    lease.heed(answer)
    assert lease.pause == pause


class Stopwatch:
    """In the place of `time`, for a wait that takes no time."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(
    ("gap", "busy_for", "waited", "had"),
    [
        (0.1, [], 0, True), (0.1, [0.5, 0.25], 0.75, True), (0.1, [3.0], 3.0, True), (0.1, [3.1], 0, False),
        (0.1, [2.0, 1.5], 2.0, False), (2.0, [3.5], 3.5, True), (2.0, [4.1], 0, False),
    ],
)  # fmt: skip
def test_one_waits_as_long_as_one_is_told_to_but_not_for_ever(
    monkeypatch: pytest.MonkeyPatch, settings: Any, gap: float, busy_for: list[float], waited: float, had: bool
) -> None:
    settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "CALL_GAP": gap}
    clock, left = Stopwatch(), list(busy_for)
    monkeypatch.setattr(pace, "time", clock)
    taken = pace.when_free("nobody-called-it", lambda: Busy(left.pop(0), "no") if left else "mine")
    assert (taken == "mine") is had
    assert clock.now - 100 == pytest.approx(waited)


def test_who_has_just_called_waits_out_the_pause_before_it_asks_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Stopwatch()
    monkeypatch.setattr(pace, "time", clock)
    monkeypatch.setitem(pace._ended, "a", clock.now - 0.04)
    assert pace.when_free("a", lambda: "mine") == "mine"
    assert clock.now - 100 == pytest.approx(0.06)
