"""Real clusters of django-q2: killed, doubled, late and several at once."""

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
from unittest import mock
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import Schedule, Success

from django_tusfacturas_lotes import schedules, tasks
from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote, LoteItem, LoteStatus, Turn, WebhookEvent
from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoices
from django_tusfacturas_lotes.reception import events
from django_tusfacturas_lotes.submission import flush
from tests.support.builders import documento
from tests.support.provider import PATIENCE, Provider
from tests.support.sending import queue

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).parents[2]


# A wake-up may be lost in Redis with the cluster that the test before has killed. The schedule brings another one, at
# which django-q2 looks when the cycles of its guard make 30 seconds: with one cycle of them, as soon as it starts.
AT_ONCE = {"guard_cycle": 30}


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"never came: {what}"
        time.sleep(0.05)


@pytest.fixture
def cluster(provider: Provider, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts real `qcluster` processes on the test's database, with the settings that the test has by then."""
    started: list[subprocess.Popen[bytes]] = []
    settings_module = tmp_path / "cluster_settings.py"

    def start(**q_cluster: Any) -> subprocess.Popen[bytes]:
        from django.conf import settings

        settings_module.write_text(
            "from tests.settings import *\n"
            f"DATABASES['default']['NAME'] = {str(connection.settings_dict['NAME'])!r}\n"
            f"Q_CLUSTER.update({q_cluster!r})\n"
            f"MEDIA_ROOT = {settings.MEDIA_ROOT!r}\n"
            # A cluster that our checks warn of does not even start; here it must.
            "SILENCED_SYSTEM_CHECKS = ['django_tusfacturas_lotes.E015', 'django_tusfacturas_lotes.E016']\n"
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


def test_a_real_cluster_keeps_the_pdf_of_what_it_looked_up(provider: Provider, cluster: Any) -> None:
    provider.use("nuevo_encola")
    queue(3)
    flush()
    provider.settle()
    tasks.wake_up_to_reconcile("default")
    cluster()
    wait_for(all_issued(3), "3 issued invoices")
    wait_for(lambda: not Invoice.objects.filter(pdf="").exists(), "their PDFs")


def test_the_schedule_alone_wakes_a_cluster_up(provider: Provider, cluster: Any) -> None:
    queue(3)
    Schedule.objects.update_or_create(
        name=schedules.FLUSH,
        defaults={
            "func": "django_tusfacturas_lotes.tasks.flush", "schedule_type": Schedule.MINUTES, "minutes": 1,
            "next_run": timezone.now() - dt.timedelta(minutes=1), "kwargs": "q_options={'ack_failure': True}",
        },
    )  # fmt: skip
    cluster(**AT_ONCE)
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
    provider.wait_held()
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


def due_since_yesterday(minutes: int = 1) -> None:
    """The schedule as a cluster finds it that was stopped for a day."""
    Schedule.objects.update_or_create(
        name=schedules.FLUSH,
        defaults={
            "func": "django_tusfacturas_lotes.tasks.flush", "schedule_type": Schedule.MINUTES, "minutes": minutes,
            "next_run": timezone.now() - dt.timedelta(days=1), "kwargs": "q_options={'ack_failure': True}",
        },
    )  # fmt: skip


def test_a_cluster_that_was_stopped_for_a_day_takes_everything_up_again(provider: Provider, cluster: Any) -> None:
    """What was to be sent, what was lost, what was told by nobody, and a notification that was not acted on."""
    provider.use("nuevo_encola")
    queue(2)
    provider.fault("webhook=never*2")
    flush()  # taken, and never told
    queue_invoices([ToInvoice(documento(), "lost")])
    provider.fault("answer=none")
    provider.fault("webhook=never")
    flush()
    queue_invoices(ToInvoice(documento(), f"pending-{number}") for number in range(3))
    provider.settle()
    with mock.patch.object(events, "_try_to_process"):  # its worker is killed once it is stored
        provider.sandbox.notify(str(LoteItem.objects.first()), "emitido")
        provider.settle()
    # A day passes.
    yesterday = timezone.now() - dt.timedelta(days=1)
    Lote.objects.update(sent_at=yesterday, answered_at=yesterday, created_at=yesterday, look_up_at=yesterday)
    LoteItem.objects.update(look_up_at=yesterday, due_at=yesterday)
    assert WebhookEvent.objects.filter(status="received").update(received_at=yesterday) == 1
    due_since_yesterday()
    cluster(**AT_ONCE)
    wait_for(lambda: Invoice.objects.filter(status=InvoiceStatus.PENDING).count() == 0, "all sent")
    provider.settle()
    tasks.wake_up_all()  # as the schedule does again within a minute
    wait_for(all_issued(6), "6 issued invoices")
    assert not WebhookEvent.objects.filter(status="received").exists()
    assert set(provider.issued().values()) == {1}
    provider.assert_the_promise()


def test_two_clusters_that_both_run_the_schedule_issue_each_invoice_once(provider: Provider, cluster: Any) -> None:
    provider.configure(MAX_ITEMS=5)
    queue(30)
    due_since_yesterday()
    cluster(**AT_ONCE)
    cluster(**AT_ONCE)
    tasks.wake_up_all()
    tasks.wake_up_all()
    wait_for(all_issued(30), "30 issued invoices")
    provider.settle()
    assert set(provider.issued().values()) == {1}
    assert max(provider.sandbox.ledger()["max_concurrent_calls"].values()) == 1


@pytest.mark.skipif(os.environ.get("TEST_BROKER") == "redis", reason="the Redis broker has no receipts to come back by")
def test_a_task_that_comes_again_while_it_runs_because_retry_is_too_short_sends_nothing(
    provider: Provider, cluster: Any
) -> None:
    queue(3)
    provider.fault("answer=hold")
    tasks.wake_up("default")
    cluster(retry=1, timeout=None, max_attempts=50, **AT_ONCE)
    provider.wait_held()
    # While the call is held, the same task is delivered again, and again, to the other worker.
    wait_for(
        lambda: sum("another process is sending" in str(task.result) for task in Success.objects.all()) >= 2,
        "two more deliveries of the task, at the same time",
    )
    provider.sandbox.release()
    wait_for(all_issued(3), "3 issued invoices")
    assert len(provider.sandbox.calls) == 1
    assert set(provider.issued().values()) == {1}


def descendants(pid: int) -> list[int]:
    """Return the processes below one, as Linux tells of them; one that has ended meanwhile has none."""
    try:
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []
    return [*children, *(grandchild for child in children for grandchild in descendants(child))]


def open_files(pid: int) -> set[str]:
    """Return what a process has open. It opens and closes files meanwhile: one that is gone is passed over."""
    targets = set()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            targets.add(os.readlink(fd))
    return targets


def the_one_that_calls(pids: list[int], port: int) -> int:
    """Return which of these processes has a connection to a port."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    sockets = {f"socket:[{row[9]}]" for row in rows if int(row[2].partition(":")[2], 16) == port}
    (found,) = [pid for pid in pids if sockets & open_files(pid)]
    return found


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the workers of a cluster in Linux' /proc")
def test_a_worker_killed_in_the_middle_of_a_call_is_replaced_and_nothing_is_sent_twice(
    provider: Provider, cluster: Any
) -> None:
    provider.configure(SENDING_LEASE=66)
    queue(2)
    provider.sandbox.pause()
    provider.fault("answer=hold")
    tasks.wake_up("default")
    running = cluster()
    provider.wait_held()
    processes = descendants(running.pid)
    os.kill(the_one_that_calls(processes, urlsplit(provider.sandbox.url).port or 0), signal.SIGKILL)
    wait_for(lambda: bool(set(descendants(running.pid)) - set(processes)), "a new worker")
    provider.sandbox.release()
    queue_invoices([ToInvoice(documento(), "after")])
    Lote.objects.update(sent_at=timezone.now() - dt.timedelta(seconds=67))
    Turn.objects.update(busy_until=None)
    tasks.wake_up_all()
    wait_for(lambda: Lote.objects.filter(status=LoteStatus.UNCERTAIN).count() == 1, "an uncertain lote")
    provider.sandbox.resume()
    wait_for(lambda: not Lote.objects.filter(status=LoteStatus.UNCERTAIN).exists(), "the proof, by webhook")
    tasks.wake_up_all()
    wait_for(all_issued(3), "3 issued invoices")
    assert set(provider.issued().values()) == {1}
    provider.assert_the_promise()
