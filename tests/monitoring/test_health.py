"""What `status()` and `manage.py tusfacturas_status` tell: ok, something for a person, or stuck."""

from __future__ import annotations

import copy
import datetime as dt
import io
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import Schedule

from django_tusfacturas_lotes import reconciliation
from django_tusfacturas_lotes.models import (
    Attention,
    FailureStage,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    LoteStatus,
    OperationStatus,
    Turn,
    WebhookEventStatus,
)
from django_tusfacturas_lotes.monitoring.health import Level, span, status
from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoices
from django_tusfacturas_lotes.schedules import FLUSH, install
from django_tusfacturas_lotes.submission import Waiting, flush, send_next
from django_tusfacturas_lotes.wire.dates import argentine_day
from tests import settings as test_settings
from tests.support.builders import documento
from tests.support.commands import exit_status
from tests.support.encola import later, queue
from tests.support.moments import ago, ahead, pending
from tests.support.provider import Provider
from tests.support.rows import make_event, make_invoice, make_item, make_lote, make_operation

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def running_schedule() -> None:
    """As a cluster leaves it, for a day."""
    install()
    Schedule.objects.update(next_run=timezone.now() + dt.timedelta(days=1))


def run(*options: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("tusfacturas_status", *options, stdout=out)
    except SystemExit as exc:
        return int(str(exc.code)), out.getvalue()
    return 0, out.getvalue()


def taken(due_at: dt.datetime, **columns: Any) -> LoteItem:
    return make_item(LoteItemStatus.SUBMITTED, InvoiceStatus.SUBMITTED, due_at=due_at, **columns)


def lost(**columns: Any) -> Lote:
    lote = make_lote(LoteStatus.UNCERTAIN, error="no answer came in time", **columns)
    make_item(LoteItemStatus.UNCERTAIN, InvoiceStatus.UNCERTAIN, lote)
    return lote


def refused_lote(**columns: Any) -> Lote:
    lote = make_lote(LoteStatus.READY, http_status=401, error="the credentials were refused", **columns)
    make_item(LoteItemStatus.CLAIMED, InvoiceStatus.CLAIMED, lote)
    return lote


def test_an_empty_database_is_well_and_so_is_what_was_queued_just_now() -> None:
    assert (status().level, status().problems) == (Level.OK, ())
    assert run()[0] == 0
    pending()
    code, out = run()
    assert code == 0
    assert "All is well." in out
    assert "default: 1 pending, the first for 0 s." in out


def test_nothing_at_all_is_known_of_a_database_that_is_not_migrated() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE django_tusfacturas_lotes_turn RENAME TO gone")
    try:
        with pytest.raises(CommandError, match="Is it reached, and migrated") as raised:
            run()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE gone RENAME TO django_tusfacturas_lotes_turn")
    assert raised.value.returncode == 3


CASES: list[tuple[str, Callable[[], object], Level, str]] = [
    ("pending for long", lambda: pending(updated_at=ago(hours=2)), Level.STUCK, "nobody sends them"),
    ("pending a while", lambda: pending(updated_at=ago(minutes=50)), Level.OK, ""),
    ("an unknown account", lambda: pending(account="gone"), Level.ATTENTION, "Account gone has something to send"),
    ("a claim nobody sends", lambda: make_lote(LoteStatus.READY, tries=0, sent_at=None, created_at=ago(hours=2)),
     Level.STUCK, "nobody takes it on"),
    ("a pause that is long over", lambda: refused_lote(next_try_at=ago(hours=2), created_at=ago(hours=3)),
     Level.STUCK, "nobody takes it on"),
    ("being sent for long", lambda: make_lote(LoteStatus.SENDING, sent_at=ago(hours=2)), Level.STUCK, "is being sent"),
    ("its process may yet be alive", lambda: make_lote(LoteStatus.SENDING, sent_at=ago(minutes=62)), Level.OK, ""),
    ("being sent", lambda: make_lote(LoteStatus.SENDING, sent_at=ago(minutes=1)), Level.OK, ""),
    ("turned away", lambda: refused_lote(next_try_at=ahead(minutes=5), created_at=ago(hours=9)),
     Level.ATTENTION, "the credentials were refused"),
    ("uncertain", lost, Level.ATTENTION, "no answer came in time. Look in TusFacturas, then: manage.py confirm_lote"),
    ("overdue", lambda: taken(ago(hours=4)), Level.ATTENTION, "nothing is heard of it"),
    ("overdue just now", lambda: taken(ago(hours=3, minutes=5)), Level.OK, ""),
    ("not due yet", lambda: taken(ahead(days=3)), Level.OK, ""),
    ("look-ups nobody makes", lambda: make_lote(look_up_at=ago(hours=2)), Level.STUCK, "should have been looked up"),
    ("look-ups", lambda: make_lote(look_up_at=ago(minutes=2)), Level.OK, ""),
    ("look-ups of an unknown account", lambda: make_item(
        LoteItemStatus.SUBMITTED, InvoiceStatus.SUBMITTED, make_lote(account="gone", look_up_at=ago(hours=2))),
     Level.ATTENTION, "can't be looked up, because account gone is not configured"),
    ("last look-ups of an unknown account", lambda: make_item(
        LoteItemStatus.WITHDRAWN, InvoiceStatus.CANCELLED, make_lote(account="gone", look_up_at=ago(hours=2))),
     Level.OK, ""),
    ("failed", lambda: make_invoice(InvoiceStatus.FAILED, failure_stage=FailureStage.EMISSION),
     Level.ATTENTION, "could not be issued"),
    ("asks for attention", lambda: make_invoice(InvoiceStatus.ISSUED, attention=Attention.DUPLICATE),
     Level.ATTENTION, "issued twice"),
    ("overdue for good", lambda: make_invoice(InvoiceStatus.SUBMITTED, attention=Attention.OVERDUE),
     Level.ATTENTION, "settles nothing"),
    ("seen to", lambda: make_invoice(InvoiceStatus.ISSUED, attention=Attention.DUPLICATE, seen_at=ago(days=1)),
     Level.OK, ""),
    ("discrepancies", lambda: make_lote(discrepancies=["procesados 4 of 5"]), Level.ATTENTION, "do not add up"),
    ("seen discrepancies", lambda: make_lote(discrepancies=["4 of 5"], seen_at=ago(days=1)), Level.OK, ""),
    ("unmatched", lambda: make_event(None, WebhookEventStatus.UNMATCHED), Level.ATTENTION, "are not ours"),
    ("an event in error", lambda: make_event(None, WebhookEventStatus.ERROR), Level.ATTENTION, "could not be acted on"),
    ("forgotten", lambda: make_event(None, WebhookEventStatus.RECEIVED, received_at=ago(minutes=3)),
     Level.ATTENTION, "not acted on"),
    ("just stored", lambda: make_event(None, WebhookEventStatus.RECEIVED), Level.OK, ""),
    ("an operation refused", lambda: make_operation(make_item(), status=OperationStatus.REFUSED),
     Level.ATTENTION, "queue of TusFacturas refused"),
    ("an operation not sent", lambda: make_operation(make_item(), tries=4), Level.ATTENTION, "not sent for long"),
    ("an operation that nothing proves", lambda: make_operation(
        make_item(), status=OperationStatus.UNCERTAIN, sent_at=ago(days=2)), Level.ATTENTION, "not shown to be done"),
    ("an operation nobody sends", lambda: make_operation(make_item(), requested_at=ago(hours=2)),
     Level.ATTENTION, "run manage.py reconcile_lotes"),
    ("an operation that waits", lambda: make_operation(
        make_item(), requested_at=ago(hours=2), next_try_at=ahead(minutes=5)), Level.OK, ""),
    ("no PDF", lambda: make_invoice(
        InvoiceStatus.ISSUED, issued_at=ago(days=2), pdf_try_at=ahead(hours=1), pdf_error="HTTP 404"),
     Level.ATTENTION, "without the PDF"),
    ("a PDF that was given up", lambda: make_invoice(
        InvoiceStatus.ISSUED, issued_at=ago(days=40), attention=Attention.NO_PDF, pdf_error="given up"),
     Level.ATTENTION, "without a PDF, which was given up"),
    ("no PDF yet", lambda: make_invoice(
        InvoiceStatus.ISSUED, issued_at=ago(hours=2), pdf_try_at=ahead(hours=1), pdf_error="HTTP 404"), Level.OK, ""),
]  # fmt: skip


@pytest.mark.parametrize(("make", "level", "said"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_each_state_has_its_level_its_sentence_and_its_exit_status(
    make: Callable[[], object], level: Level, said: str
) -> None:
    make()
    health = status()
    assert health.level is level, health.problems
    assert any(said in problem for problem in health.problems) if said else health.problems == ()
    code, out = run()
    assert code == {Level.OK: 0, Level.ATTENTION: 1, Level.STUCK: 2}[level]
    assert said in out


@pytest.mark.parametrize(
    ("change", "with_work", "level", "said"),
    [
        ({"next_run": dt.timedelta(minutes=-5)}, True, Level.OK, ""),
        ({"next_run": dt.timedelta(minutes=-11)}, True, Level.STUCK, "Start manage.py qcluster"),
        ({"next_run": dt.timedelta(minutes=-11)}, False, Level.ATTENTION, "flush_lotes and reconcile_lotes from cron"),
        ({"repeats": 0}, True, Level.ATTENTION, "was stopped (repeats 0)"),
        (None, True, Level.ATTENTION, "Run manage.py migrate"),
    ],
)
def test_a_schedule_that_stopped_running_is_told(
    change: dict[str, Any] | None, with_work: bool, level: Level, said: str, settings: Any
) -> None:
    if change is None:
        Schedule.objects.all().delete()
    else:
        moved = {name: timezone.now() + value if name == "next_run" else value for name, value in change.items()}
        Schedule.objects.filter(name=FLUSH).update(**moved)
    if with_work:
        pending()
    health = status()
    assert health.level is level, health.problems
    assert any(said in problem for problem in health.problems) == bool(said)
    settings.TUSFACTURAS_LOTES = {**test_settings.TUSFACTURAS_LOTES, "SCHEDULES": False}
    assert (status().level, status().schedules) == (Level.OK, ())


def test_without_django_q_there_is_no_word_about_schedules(settings: Any) -> None:
    Schedule.objects.all().delete()
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "django_q"]
    assert status().level is Level.OK


def test_max_age_is_the_callers_and_must_be_a_positive_number() -> None:
    pending(updated_at=ago(minutes=10))
    assert run("--max-age", "900")[0] == 0
    assert run("--max-age", "300")[0] == 2
    for wrong in ("0", "-1", "nan", "inf", "soon"):
        with pytest.raises(CommandError, match="positive number of seconds"):
            run("--max-age", wrong)


def test_a_long_queue_that_moves_is_not_stuck() -> None:
    pending(updated_at=ago(hours=5))
    make_lote(sent_at=ago(minutes=2))
    assert status().level is Level.OK
    with time_machine.travel(ahead(hours=2)):
        assert status().level is Level.STUCK


def test_look_ups_that_go_on_are_not_stuck() -> None:
    make_lote(look_up_at=ago(hours=5))
    turn = Turn.objects.create(account="default", last_call_at=ago(minutes=1), last_look_up_at=ago(minutes=1))
    assert status().level is Level.OK
    turn.last_look_up_at = ago(hours=2)
    turn.save()
    assert status().level is Level.STUCK, "what is sent is no look-up"


@pytest.mark.parametrize(
    ("modality", "days_ahead", "level", "later"),
    [
        ("lotes", 3, Level.STUCK, 0),  # it is sent at once, and told to wait
        ("nuevo_encola", 3, Level.OK, 1),
        ("nuevo_encola", -1, Level.STUCK, 0),
    ],
)
def test_what_waits_for_its_day_waits_for_a_reason(
    settings: Any, modality: str, days_ahead: int, level: Level, later: int
) -> None:
    settings.TUSFACTURAS_LOTES = copy.deepcopy(test_settings.TUSFACTURAS_LOTES)
    settings.TUSFACTURAS_LOTES["ACCOUNTS"]["default"] |= {"MODALITY": modality, "WEBHOOK_TOKEN": "let-me-in-please"}
    pending(updated_at=ago(days=9), send_on=argentine_day() + dt.timedelta(days=days_ahead))
    health = status()
    assert (health.level, health.queues[0].later) == (level, later)


def test_the_age_counts_from_its_day_where_that_came_later_than_the_order(settings: Any) -> None:
    noon = dt.datetime(2026, 3, 3, 15, tzinfo=dt.timezone.utc)  # 12:00 in Argentina
    with time_machine.travel(noon, tick=False):
        Schedule.objects.update(next_run=noon)
        pending(updated_at=ago(days=9), send_on=dt.date(2026, 3, 3))
        pending(updated_at=ago(minutes=5))
        modality = {"MODALITY": "lotes_encola", "WEBHOOK_TOKEN": "let-me-in-please"}
        settings.TUSFACTURAS_LOTES = copy.deepcopy(test_settings.TUSFACTURAS_LOTES)
        settings.TUSFACTURAS_LOTES["ACCOUNTS"]["default"] |= modality
        assert status().oldest_pending == dt.datetime(2026, 3, 3, 3, tzinfo=dt.timezone.utc)


def test_a_pause_that_the_provider_asked_for_is_a_reason() -> None:
    pending(updated_at=ago(hours=5))
    Turn.objects.create(account="default", last_call_at=ago(hours=4), free_from=ahead(hours=1))
    health = status()
    assert health.level is Level.OK
    assert "HTTP 429" in health.waiting[0].reason


@pytest.mark.parametrize(("in_a_row", "seconds"), [(1, 60), (2, 300), (3, 900), (6, 3600)])
def test_the_rest_after_lost_calls_is_told_as_submission_takes_it(in_a_row: int, seconds: int) -> None:
    answered_at = timezone.now()
    make_lote(LoteStatus.UNCERTAIN, error="earlier")
    make_lote()
    for _ in range(in_a_row):
        newest = lost(answered_at=answered_at)
    pending()
    (waiting,) = status().waiting
    step = send_next("default")
    assert isinstance(step, Waiting)
    assert (waiting.reason, waiting.lote_id, waiting.until) == (step.reason, step.lote_id, step.until)
    assert (waiting.lote_id, waiting.until) == (newest.pk, answered_at + dt.timedelta(seconds=seconds))
    assert status(waiting.until).waiting == ()


def test_what_flush_leaves_behind_is_what_is_told(provider: Provider) -> None:
    queue_invoices(ToInvoice(documento(), f"erp-{number}") for number in range(3))
    assert (status().pending, status().last_sent) == (3, None)
    provider.fault("reject=401")
    flush()
    health = status()
    assert (health.level, health.pending, len(health.in_flight)) == (Level.ATTENTION, 0, 1)
    (waiting,) = health.waiting
    assert (waiting.lote_id, waiting.needs_person) == (Lote.objects.get().pk, True)
    provider.sandbox.clear_faults()
    Lote.objects.update(next_try_at=None)
    flush()
    provider.settle()
    health = status()
    assert health.level is Level.OK, health.problems
    assert health.last_sent == Lote.objects.get().sent_at


def test_an_uncertain_lote_is_told_with_what_is_known(provider: Provider) -> None:
    queue_invoices(ToInvoice(documento(), f"erp-{number}") for number in range(3))
    provider.fault("answer=none")
    provider.sandbox.pause()
    flush()
    health = status()
    assert health.uncertain_count == 1
    (told,) = health.uncertain
    assert (told.lote_id, told.items, told.heard_of) == (Lote.objects.get().pk, 3, 0)
    assert run()[0] == 1


def test_json_has_every_moment_with_its_seconds_and_no_credential() -> None:
    pending(updated_at=ago(hours=2))
    refused_lote(next_try_at=ahead(minutes=5))
    taken(ago(hours=5))
    code, out = run("--json")
    told = json.loads(out)
    assert (code, told["level"]) == (1, "attention")
    assert told["oldest_pending_seconds"] == told["queues"][0]["oldest_seconds"] == pytest.approx(7200, abs=60)
    assert dt.datetime.fromisoformat(told["oldest_pending"]).tzinfo is not None
    assert told["waiting"][0]["until_seconds"] == pytest.approx(-300, abs=60)
    assert told["overdue"]["count"] == 1
    for secret in (test_settings.APITOKEN, test_settings.USERTOKEN, test_settings.APIKEY):
        assert secret not in out + run()[1]


def test_the_text_is_english_whatever_the_language(settings: Any) -> None:
    settings.LANGUAGE_CODE = "es-ar"
    make_invoice(InvoiceStatus.FAILED, failure_stage=FailureStage.INTAKE)
    assert "1 invoice" in run()[1]


def everything() -> None:
    for _, make, _, _ in CASES:
        Lote.objects.update(in_flight_for=None)
        make()


def test_it_costs_15_queries_however_much_there_is() -> None:
    everything()
    with CaptureQueriesContext(connection) as few:
        status()
    for _ in range(4):
        everything()
    with CaptureQueriesContext(connection) as many:
        status()
    assert len(few) == len(many) <= 15, [query["sql"] for query in many]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's plans")
def test_no_query_but_that_of_discrepancies_reads_a_whole_table_of_ours() -> None:
    everything()
    with CaptureQueriesContext(connection) as queries:
        status()
    for sql in (query["sql"] for query in queries):
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN QUERY PLAN " + sql.replace("%", "%%"))
            plan = [row[-1] for row in cursor.fetchall()]
        scans = [step for step in plan if step.startswith("SCAN django_tusfacturas") and "USING" not in step]
        # An account has one turn, and few have lotes whose discrepancies nobody has seen; that one has no index.
        assert not scans or "_turn" in scans[0] or '"discrepancies" =' in sql, (sql, plan)


@pytest.mark.parametrize(
    ("seconds", "told"), [(-5, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (3 * 86400, "3 days")]
)
def test_a_span_is_told_in_its_largest_unit(seconds: int, told: str) -> None:
    assert span(dt.timedelta(seconds=seconds)) == told


def test_a_database_that_does_not_answer_is_a_clear_error() -> None:
    script = (
        "import django, sys\n"
        "from django.conf import settings\n"
        "from tests import settings as ours\n"
        "settings.configure(**{n: getattr(ours, n) for n in dir(ours) if n.isupper() and n != 'DATABASES'},\n"
        "    DATABASES={'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': '/no/such/folder/db.sqlite3'}})\n"
        "django.setup()\n"
        "from django.core.management import execute_from_command_line\n"
        "execute_from_command_line(['manage.py', 'tusfacturas_status'])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert "CommandError: The database can't be asked (OperationalError" in done.stderr
    assert "Traceback" not in done.stderr


def test_look_ups_that_nobody_makes_are_seen_behind_what_is_sent(provider: Provider) -> None:
    provider.use("nuevo_encola")
    provider.configure(SCHEDULES=False)
    queue(1)
    flush()
    provider.settle()
    with later(hours=3):
        queue(1)
        exit_status("flush_lotes")
        assert status().level is Level.STUCK
        reconciliation.look_up("default")
        assert status().level is not Level.STUCK
