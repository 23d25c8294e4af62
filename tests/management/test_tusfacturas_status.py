"""What `manage.py tusfacturas_status` prints, line by line."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.db import OperationalError, connection

from django_tusfacturas_lotes.models import InvoiceStatus, Lote, LoteItemStatus, LoteStatus
from tests.support.rows import make_invoice, make_item, make_lote

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 5, 4, 15, tzinfo=dt.timezone.utc)


def ago(**span: float) -> dt.datetime:
    return NOW - dt.timedelta(**span)


def run(*arguments: str) -> tuple[int, list[str]]:
    out = io.StringIO()
    with time_machine.travel(NOW, tick=False):
        try:
            call_command("tusfacturas_status", *arguments, stdout=out, no_color=True)
        except SystemExit as exc:
            return int(exc.code or 0), out.getvalue().splitlines()
    return 0, out.getvalue().splitlines()


@pytest.fixture(autouse=True)
def without_schedules(settings: Any) -> None:
    settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "SCHEDULES": False}
    settings.TIME_ZONE = "UTC"


def test_of_an_empty_database() -> None:
    assert run() == (0, ["All is well.", "Last sent: never."])


def test_of_a_queue(settings: Any) -> None:
    (account,) = settings.TUSFACTURAS_LOTES["ACCOUNTS"].values()
    account = {**account, "MODALITY": "nuevo_encola", "WEBHOOK_TOKEN": "a" * 32}
    settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "ACCOUNTS": {"default": account}}
    with time_machine.travel(NOW, tick=False):
        for _ in range(2):
            make_invoice(updated_at=ago(minutes=50), created_at=ago(minutes=50))
        make_invoice(send_on=dt.date(2026, 5, 9))
        make_lote(sent_at=ago(minutes=3))
    queue = "default: 2 pending, the first for 50 min, 1 for a later day."
    assert run() == (0, ["All is well.", queue, "Last sent: 3 min ago."])


def test_of_what_waits() -> None:
    with time_machine.travel(NOW, tick=False):
        lote = make_lote(
            LoteStatus.READY, next_try_at=NOW + dt.timedelta(minutes=5), error="a pause", sent_at=None,
            answered_at=None, created_at=ago(minutes=2),
        )  # fmt: skip
    waits = f"default waits until 2026-05-04 15:05:00 (lote {lote.pk}): a pause"
    held = f"Lote {lote.pk} of default is ready for 0 s."  # from when it may go
    assert run() == (0, ["All is well.", "default: 0 pending.", waits, held, "Last sent: never."])


def test_of_what_is_being_sent() -> None:
    with time_machine.travel(NOW, tick=False):
        lote = make_lote(LoteStatus.SENDING, sent_at=ago(minutes=2), created_at=ago(minutes=3))
    held = f"Lote {lote.pk} of default is sending for 2 min."
    code, lines = run()
    assert (code, lines[0], lines[-2:]) == (0, "All is well.", [held, "Last sent: 2 min ago."])


@pytest.mark.parametrize("count", [1, 5, 6, 8])
def test_of_what_is_overdue_the_first_five_are_named(count: int) -> None:
    with time_machine.travel(NOW, tick=False):
        items = [
            make_item(LoteItemStatus.SUBMITTED, InvoiceStatus.SUBMITTED, due_at=ago(days=1, minutes=-number))
            for number in range(count)
        ]
        make_item(LoteItemStatus.SUBMITTED, InvoiceStatus.SUBMITTED, due_at=ago(minutes=1))
    code, lines = run()
    assert (code, lines[0]) == (1, "Something needs a person:")
    named = ", ".join(item.reference for item in items[:5])
    assert f"Overdue: {count} ({named})." in lines


def test_of_what_needs_a_person_each_is_a_line() -> None:
    with time_machine.travel(NOW, tick=False):
        make_invoice(InvoiceStatus.FAILED, failure_stage="emission")
        make_lote(discrepancies=["one"])
    code, lines = run()
    assert (code, lines[0]) == (1, "Something needs a person:")
    assert [line.startswith("- ") for line in lines[1:4]] == [True, True, False]


def test_what_nobody_works_on_is_stuck() -> None:
    with time_machine.travel(NOW, tick=False):
        make_invoice(updated_at=ago(hours=2), created_at=ago(hours=2))
    assert run()[0] == 2
    assert run("--max-age", "7300")[0] == 0
    assert run()[1][0] == "Something waits that nobody is working on:"
    assert Lote.objects.count() == 0


@pytest.mark.parametrize("seconds", ["0", "-1", "inf", "nan", "abc", ""])
def test_only_a_positive_number_of_seconds_is_an_age(seconds: str) -> None:
    from django.core.management.base import CommandError

    with pytest.raises(CommandError, match="a positive number of seconds"):
        run("--max-age", seconds)


def test_a_database_that_can_not_be_asked_is_an_exit_status_of_its_own() -> None:
    from django.core.management.base import CommandError

    def fail(*args: Any) -> Any:
        raise OperationalError("gone")

    with connection.execute_wrapper(fail), pytest.raises(CommandError, match="can't be asked") as raised:
        run()
    assert raised.value.returncode == 3
