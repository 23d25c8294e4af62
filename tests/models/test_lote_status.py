"""Each method that changes the status of a lote, from each status."""

from __future__ import annotations

import pytest

from django_tusfacturas_lotes.models import Lote, LoteStatus
from tests.support.rows import make_lote
from tests.support.status_table import BEFORE, LATER, NOW, Case, all_to, but, check, methods_that_change_a_status

pytestmark = pytest.mark.django_db

OPEN_LOTE = {"in_flight_for": "default", "next_try_at": LATER}

L = LoteStatus

CASES = [
    *[
        Case(
            "start_sending", lambda rows, _: rows.start_sending(NOW, "me"), {L.READY: L.SENDING},
            {"tries": 2, "sent_at": NOW, "next_try_at": None, "answered_at": None, "sent_as": "me"},
            {"next_try_at": moment, "answered_at": BEFORE, "sent_at": BEFORE}, f"to wait until {moment}",
        )
        for moment in (None, BEFORE, NOW)
    ],
    Case("start_sending", lambda rows, _: rows.start_sending(NOW), {}, row={"next_try_at": LATER}, about="waits"),
    Case(
        "hold", lambda rows, _: rows.hold(LATER, error="no"), {L.SENDING: L.READY},
        {"next_try_at": LATER, "error": "no", "in_flight_for": "default"}, {"in_flight_for": "default"},
    ),
    Case(
        "accept", lambda rows, _: rows.accept(NOW, error="no"), all_to(L.ACCEPTED, *but(L.CANCELLED)),
        {"in_flight_for": None, "next_try_at": None, "look_up_at": NOW, "error": "no"},
        {**OPEN_LOTE, "look_up_at": LATER},
    ),
    Case(
        "accept", lambda rows, _: rows.accept(LATER), all_to(L.ACCEPTED, *but(L.CANCELLED)),
        {"look_up_at": NOW}, {"look_up_at": NOW}, "to be looked up sooner",
    ),
    Case(
        "mark_uncertain", lambda rows, _: rows.mark_uncertain(NOW, error="no"), {L.SENDING: L.UNCERTAIN},
        {"in_flight_for": None, "look_up_at": NOW, "error": "no"}, {**OPEN_LOTE, "look_up_at": LATER},
    ),
    Case(
        "mark_uncertain", lambda rows, _: rows.mark_uncertain(LATER), {L.SENDING: L.UNCERTAIN},
        {"look_up_at": NOW}, {"look_up_at": NOW}, "to be looked up sooner",
    ),
    Case("reopen", lambda rows, _: rows.reopen(), {L.CANCELLED: L.ACCEPTED}, row={"tries": 1}),
    Case("reopen", lambda rows, _: rows.reopen(), {}, row={"tries": 0}, about="never tried"),
    Case(
        "give_up", lambda rows, _: rows.give_up(error="no"), {L.UNCERTAIN: L.CANCELLED},
        {"in_flight_for": None, "error": "no"}, OPEN_LOTE,
    ),
    Case(
        "close_empty", lambda rows, _: rows.close_empty(error="no"), all_to(L.CANCELLED, L.READY, L.SENDING),
        {"in_flight_for": None, "next_try_at": None, "error": "no"}, OPEN_LOTE,
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_status_is_moved_or_left(case: Case) -> None:
    check(case, make_lote)


def test_the_table_has_every_method_that_changes_a_status() -> None:
    assert {case.method for case in CASES} == methods_that_change_a_status(Lote)


@pytest.mark.parametrize("status", LoteStatus)
def test_only_a_lote_that_is_ready_stops_waiting(status: LoteStatus) -> None:
    lote = make_lote(status, next_try_at=LATER)
    Lote.objects.filter(pk=lote.pk).stop_waiting()
    lote.refresh_from_db()
    assert (lote.status, lote.next_try_at) == (status, None if status == L.READY else LATER)
