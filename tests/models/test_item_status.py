"""Each method that changes the status of an item, from each status."""

from __future__ import annotations

import datetime as dt

import pytest

from django_tusfacturas_lotes.models import LoteItem, LoteItemStatus
from django_tusfacturas_lotes.models.lote_item import Due
from tests.support.rows import make_item
from tests.support.status_table import (
    BEFORE,
    ERRORS,
    LATER,
    NOW,
    Case,
    all_to,
    but,
    check,
    methods_that_change_a_status,
)

pytestmark = pytest.mark.django_db

TROUBLE = [{"code": "", "text": "why", "hint": ""}]
DUE = Due(NOW, dt.timedelta(hours=1))
ASKED = {"told": "changed", "look_up_at": LATER, "lookups": 3, "absences": 2, "errors": ERRORS}
NOT_ASKED = {"told": "", "look_up_at": None}
ASKED_ANEW = {"lookups": 0, "absences": 0}

T = LoteItemStatus

CASES = [
    Case(
        "answer", lambda rows, _: rows.answer({}, DUE),
        all_to(T.SUBMITTED, T.CLAIMED, T.UNCERTAIN, T.SUBMITTED),
        {"errors": [], "due_at": NOW, "look_up_at": LATER}, {**ASKED, "told": "", "look_up_at": BEFORE},
    ),
    Case(
        "answer", lambda rows, _: rows.answer({}, DUE),
        all_to(T.SUBMITTED, T.CLAIMED, T.UNCERTAIN, T.SUBMITTED), {"look_up_at": BEFORE, "told": "changed"},
        {**ASKED, "look_up_at": BEFORE}, "a notification has asked for a look-up",
    ),
    Case(
        "answer", lambda rows, pk: rows.answer({pk: ERRORS}, DUE),
        all_to(T.REFUSED, T.CLAIMED, T.UNCERTAIN, T.SUBMITTED), {"errors": ERRORS, "look_up_at": None},
        {"look_up_at": BEFORE}, "refused",
    ),
    Case(
        "mark_uncertain", lambda rows, _: rows.mark_uncertain(NOW), {T.CLAIMED: T.UNCERTAIN},
        {"look_up_at": NOW}, {"look_up_at": LATER},
    ),
    Case(
        "withdraw", lambda rows, _: rows.withdraw(), {T.CLAIMED: T.WITHDRAWN}, NOT_ASKED, ASKED,
    ),
    Case(
        "give_up", lambda rows, pk: rows.give_up(NOW, [pk]), all_to(T.WITHDRAWN, T.CLAIMED, T.UNCERTAIN),
        {"look_up_at": NOW, "due_at": NOW, **ASKED_ANEW}, ASKED, "asked about",
    ),
    Case(
        "give_up", lambda rows, pk: rows.give_up(NOW, [pk + 1000]),
        all_to(T.WITHDRAWN, T.CLAIMED, T.UNCERTAIN), {"look_up_at": None, **ASKED_ANEW}, ASKED, "not asked about",
    ),
    Case(
        "reopen", lambda rows, _: rows.reopen(NOW, LATER), all_to(T.SUBMITTED, T.WITHDRAWN, T.REFUSED),
        {"errors": [], "due_at": NOW, "look_up_at": LATER, **ASKED_ANEW}, {**ASKED, "look_up_at": BEFORE},
    ),
    Case(
        "mark_gone", lambda rows, _: rows.mark_gone(NOW), all_to(T.WITHDRAWN, T.SUBMITTED, T.FAILED, T.UNCERTAIN),
        {"told": "", "look_up_at": NOW, **ASKED_ANEW}, ASKED,
    ),
    Case(
        "queue_again", lambda rows, _: rows.queue_again(NOW, LATER), {T.FAILED: T.SUBMITTED},
        {"errors": [], "told": "", "due_at": NOW, "look_up_at": LATER, **ASKED_ANEW}, {**ASKED, "look_up_at": BEFORE},
    ),
    Case(
        "issue", lambda rows, _: rows.issue({"cae": "1"}), all_to(T.ISSUED, *but(T.ISSUED)),
        {"result": {"cae": "1"}, "errors": [], **NOT_ASKED}, ASKED,
    ),
    Case(
        "fail", lambda rows, _: rows.fail(TROUBLE), all_to(T.FAILED, T.CLAIMED, T.SUBMITTED, T.UNCERTAIN),
        {"errors": TROUBLE, **NOT_ASKED}, ASKED,
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_status_is_moved_or_left(case: Case) -> None:
    check(case, make_item)


def test_the_table_has_every_method_that_changes_a_status() -> None:
    assert {case.method for case in CASES} == methods_that_change_a_status(LoteItem)
