"""django-q2: wake-up calls that may be lost, late or doubled, and real clusters."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import Schedule

from django_tusfacturas_lotes import schedules, tasks
from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote, LoteStatus
from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoices
from tests.builders import documento
from tests.provider import Provider

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).parent.parent


def queue(count: int) -> None:
    queue_invoices(ToInvoice(documento(), f"erp-{number}") for number in range(count))


def queued() -> int:
    return int(get_broker().queue_size())


@pytest.fixture(autouse=True)
def an_empty_queue() -> None:
    get_broker().purge_queue()


def test_a_task_sends_one_lote_and_enqueues_the_next(provider: Provider) -> None:
    provider.configure(MAX_ITEMS=2)
    queue(3)
    tasks.send_lote("default")
    assert Lote.objects.count() == 1
    assert queued() == 1
    tasks.send_lote("default")
    assert Lote.objects.count() == 2
    get_broker().purge_queue()
    assert "Idle" in tasks.send_lote("default")
    assert queued() == 0


@pytest.mark.parametrize("fault", ["reject=401", "answer=none", "reject=S"])
def test_a_task_returns_on_what_is_expected_to_fail_and_does_not_hammer(provider: Provider, fault: str) -> None:
    queue(1)
    provider.fault(fault)
    tasks.send_lote("default")
    assert queued() == 0


def test_a_task_is_enqueued_only_once_its_transaction_is_committed() -> None:
    with transaction.atomic():
        tasks.wake_up("default")
        assert queued() == 0
    assert queued() == 1
    with transaction.atomic():
        tasks.wake_up("default")
        transaction.set_rollback(True)
    assert queued() == 1


def test_flush_wakes_up_each_account_with_work(provider: Provider) -> None:
    account = provider.sandbox.account
    provider.configure(ACCOUNTS={"default": account, "other": account, "idle": account})
    queue_invoices([ToInvoice(documento(), "a"), ToInvoice(documento(), "b", account="other")])
    tasks.flush()
    assert queued() == 2


def test_the_schedule_is_installed_by_name_and_left_alone_once_there(settings: Any) -> None:
    Schedule.objects.all().delete()
    schedules.install(using="default")
    installed = Schedule.objects.get(name=schedules.FLUSH)
    assert (installed.func, installed.minutes) == ("django_tusfacturas_lotes.tasks.flush", 1)
    Schedule.objects.update(minutes=30, repeats=0)
    schedules.install(using="default")
    installed.refresh_from_db()
    assert (installed.minutes, installed.repeats) == (30, 0)
    Schedule.objects.all().delete()
    settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "SCHEDULES": False}
    schedules.install(using="default")
    assert not Schedule.objects.exists()


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < deadline, f"never came: {what}"
        time.sleep(0.05)


@pytest.fixture
def cluster(provider: Provider, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts real `qcluster` processes on the test's database, with the settings that the test has by then."""
    started: list[subprocess.Popen[bytes]] = []
    settings_module = tmp_path / "cluster_settings.py"

    def start() -> subprocess.Popen[bytes]:
        from django.conf import settings

        settings_module.write_text(
            "from tests.settings import *\n"
            f"DATABASES['default']['NAME'] = {str(connection.settings_dict['NAME'])!r}\n"
            f"TUSFACTURAS_LOTES = {settings.TUSFACTURAS_LOTES!r}\n"
        )
        env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "cluster_settings",
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
        }
        with (tmp_path / f"cluster{len(started)}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "django", "qcluster"], cwd=ROOT, env=env, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def all_issued(count: int) -> Callable[[], bool]:
    return lambda: Invoice.objects.filter(status=InvoiceStatus.ISSUED).count() == count


def test_a_real_cluster_sends_what_is_pending(provider: Provider, cluster: Any) -> None:
    provider.configure(MAX_ITEMS=10)
    queue(25)
    tasks.flush()
    cluster()
    wait_for(all_issued(25), "25 issued invoices")
    assert sorted(lote.items.count() for lote in Lote.objects.all()) == [5, 10, 10]
    provider.assert_the_promise()


def test_the_schedule_alone_wakes_a_cluster_up(provider: Provider, cluster: Any) -> None:
    queue(3)
    Schedule.objects.update_or_create(
        name=schedules.FLUSH,
        defaults={
            "func": "django_tusfacturas_lotes.tasks.flush", "schedule_type": Schedule.MINUTES, "minutes": 1,
            "next_run": timezone.now() - dt.timedelta(minutes=1), "kwargs": "q_options={'ack_failure': True}",
        },
    )  # fmt: skip
    cluster()
    wait_for(all_issued(3), "3 issued invoices")


def test_two_clusters_and_doubled_tasks_issue_each_invoice_once(provider: Provider, cluster: Any) -> None:
    provider.configure(MAX_ITEMS=5)
    queue(40)
    for _ in range(6):
        tasks.wake_up("default")
    cluster()
    cluster()
    wait_for(all_issued(40), "40 issued invoices")
    provider.settle()
    assert max(provider.sandbox.ledger()["max_concurrent_calls"].values()) == 1
    assert set(provider.issued().values()) == {1}


def test_a_killed_worker_leaves_what_may_have_been_sent_uncertain(provider: Provider, cluster: Any) -> None:
    provider.configure(SENDING_LEASE=66)
    queue(3)
    provider.sandbox.pause()
    provider.fault("answer=hold")
    tasks.wake_up("default")
    killed = cluster()
    provider.sandbox.wait_held()
    assert Lote.objects.get().status == LoteStatus.SENDING
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    provider.sandbox.release()
    # Another worker comes: it does not send again, before the lease or after it.
    Lote.objects.update(sent_at=timezone.now() - dt.timedelta(seconds=67))
    get_broker().purge_queue()
    tasks.wake_up_all()
    cluster()
    wait_for(lambda: Lote.objects.get().status == LoteStatus.UNCERTAIN, "an uncertain lote")
    provider.sandbox.resume()
    wait_for(all_issued(3), "3 issued invoices, by their webhooks")
    assert len(provider.sandbox.calls) == 1
    provider.assert_the_promise()
