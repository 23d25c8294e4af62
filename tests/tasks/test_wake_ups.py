"""django-q2: wake-up calls that may be lost, late or doubled."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import Schedule

from django_tusfacturas_lotes import operations, schedules, tasks
from django_tusfacturas_lotes.models import Invoice, Lote, LoteItem, Turn
from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoices
from django_tusfacturas_lotes.submission import flush
from tests.support.builders import documento
from tests.support.encola import in_error
from tests.support.provider import Provider
from tests.support.sending import queue

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_task_does_not_enqueue_itself_while_the_provider_wants_a_pause(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    operations.resend(in_error(provider, "nuevo_encola"))
    LoteItem.objects.update(look_up_at=None)
    Lote.objects.update(look_up_at=None)
    Turn.objects.filter(pk="default").update(free_from=timezone.now() + dt.timedelta(hours=1))
    enqueued: list[str] = []
    monkeypatch.setattr(tasks, "_enqueue", lambda function, *args: enqueued.append(function))
    tasks.reconcile("default")
    assert enqueued == []


def queued() -> int:
    return int(get_broker().queue_size())


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


def test_the_schedule_has_what_a_webhook_told_fetched(provider: Provider) -> None:
    queue(2)
    flush()
    provider.settle()
    get_broker().purge_queue()
    tasks.flush()
    assert queued() == 1
    tasks.keep_pdfs()
    assert not Invoice.objects.filter(pdf="").exists()
    get_broker().purge_queue()
    tasks.flush()
    assert queued() == 0, "there is no more to fetch"
