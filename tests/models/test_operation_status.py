"""Each method that changes the status of a queue operation or of a notification, from each status."""

from __future__ import annotations

import pytest

from django_tusfacturas_lotes.models import OperationStatus, QueueOperation, WebhookEvent, WebhookEventStatus
from tests.support.rows import make_event, make_item, make_operation
from tests.support.status_table import BEFORE, LATER, NOW, Case, all_to, but, check, methods_that_change_a_status

pytestmark = pytest.mark.django_db

O, W = OperationStatus, WebhookEventStatus  # noqa: E741

OPERATIONS = [
    *[
        Case(
            "start_sending", lambda rows, _: rows.start_sending(NOW), {O.REQUESTED: O.SENDING},
            {"tries": 4, "sent_at": NOW, "next_try_at": None}, {"tries": 3, "next_try_at": moment, "sent_at": BEFORE},
            f"to wait until {moment}",
        )
        for moment in (None, BEFORE, NOW)
    ],
    Case(
        "start_sending", lambda rows, _: rows.start_sending(NOW), {}, row={"next_try_at": LATER},
        about="waits",
    ),
    Case(
        "hold", lambda rows, _: rows.hold(LATER, error="no"),
        all_to(O.REQUESTED, O.SENDING, O.ACCEPTED, O.UNCERTAIN), {"next_try_at": LATER, "error": "no"},
    ),
    Case(
        "accept", lambda rows, _: rows.accept(error="no"), all_to(O.ACCEPTED, O.SENDING, O.UNCERTAIN),
        {"error": "no"},
    ),
    Case(
        "mark_uncertain", lambda rows, _: rows.mark_uncertain(error="no"), {O.SENDING: O.UNCERTAIN},
        {"error": "no"},
    ),
    *[
        Case(
            "close", lambda rows, _, end=end: rows.close(end, error="no"),
            all_to(end, O.REQUESTED, O.SENDING, O.ACCEPTED, O.UNCERTAIN),
            {"error": "no", "open_for": None, "ended_at": NOW}, {"open_for": 5}, f"as {end}",
        )
        for end in (O.DONE, O.REFUSED)
    ],
]  # fmt: skip
NOTIFICATIONS = [
    *[
        Case(
            "close", lambda rows, _, end=end: rows.close(end, error="no"),
            all_to(end, W.RECEIVED, W.UNMATCHED, W.ERROR), {"error": "no"}, about=f"as {end}",
        )
        for end in but(W.RECEIVED)
    ],
    Case("lock", lambda rows, _: rows.lock(), {}),
]  # fmt: skip


@pytest.mark.parametrize("case", OPERATIONS, ids=str)
def test_each_status_of_an_operation_is_moved_or_left(case: Case) -> None:
    check(case, lambda: make_operation(make_item()))


def test_the_table_has_every_method_that_changes_the_status_of_an_operation() -> None:
    assert {case.method for case in OPERATIONS} == methods_that_change_a_status(QueueOperation)


@pytest.mark.parametrize("case", NOTIFICATIONS, ids=str)
def test_each_status_of_a_notification_is_moved_or_left(case: Case) -> None:
    check(case, lambda: make_event(None))


def test_the_table_has_every_method_that_changes_the_status_of_a_notification() -> None:
    assert {case.method for case in NOTIFICATIONS} == methods_that_change_a_status(WebhookEvent)
