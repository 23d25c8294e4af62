"""Several processes, and the provider's notifications, upon the same rows at the same instant.

Real processes (`tests.support.workers`), let go at one moment by a pipe, and real HTTP against our webhook. Whoever is
first, the end is one that is allowed, the tables and the provider's ledger agree, and nobody gets an error of the
database.
"""

from __future__ import annotations

import datetime as dt
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from django.db import connection, connections
from django.utils import timezone

from django_tusfacturas_lotes.models import (
    Attention,
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    LoteStatus,
    WebhookEvent,
    WebhookEventStatus,
)
from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoices
from django_tusfacturas_lotes.sandbox import Account, Pace, Sandbox
from django_tusfacturas_lotes.submission import Waiting, flush, send_next
from tests.support import builders, notices
from tests.support.builders import documento
from tests.support.crashing import assert_nothing_twice, assert_whole, start_afresh
from tests.support.jobs import notify
from tests.support.provider import PATIENCE, Provider
from tests.support.workers import Job, Outcome, Workers
from tests.testshop.models import Order

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.thorough(fewer="rounds")]

ISSUED, PENDING, SUBMITTED = InvoiceStatus.ISSUED, InvoiceStatus.PENDING, InvoiceStatus.SUBMITTED
OTHER = Account(apikey="55501", apitoken="other-apitoken-8d21", usertoken="other-usertoken-77f0")
ROUNDS = int(os.environ["RACE_ROUNDS"])


@pytest.fixture
def tusfacturas_sandbox() -> Iterator[Sandbox]:
    """With two accounts, and more notifications at once than a provider would send."""
    with Sandbox(accounts=[Account(), OTHER], pace=Pace(emission_retry=0), webhook_workers=16) as sandbox:
        yield sandbox


def queue(count: int, account: str = "default") -> list[Invoice]:
    queue_invoices((ToInvoice(documento(), f"{account}-{number}") for number in range(count)), account=account)
    return list(Invoice.objects.filter(account=account).order_by("pk"))


def references() -> list[str]:
    return list(LoteItem.objects.order_by("pk").values_list("reference", flat=True))


def returned(outcomes: Sequence[Outcome]) -> list[Any]:
    """What each returned to its caller, where none was raised an error.

    A deadlock that was broken and begun anew inside reaches nobody; it is printed, for whoever looks for them.
    """
    for outcome in outcomes:
        for text in outcome.logged:
            if any(word in text.lower() for word in ("deadlock", "is locked", "lock wait")):
                print(f"\nbroken inside: {text.splitlines()[0]}")
        assert not outcome.raised, outcome.traceback
    return [outcome.returned for outcome in outcomes]


def assert_all_acted_on() -> None:
    """No notification was left behind, or failed for what others did at the same time."""
    closed = [WebhookEventStatus.PROCESSED, WebhookEventStatus.IGNORED]
    assert not list(WebhookEvent.objects.exclude(status__in=closed).values_list("status", "error"))


def post_at_once(provider: Provider, payloads: Sequence[dict[str, Any]], barrier: threading.Barrier) -> list[int]:
    """POST each notification from a thread of its own, once all are at the barrier. Returns what the senders hear."""

    def post(payload: dict[str, Any]) -> int:
        barrier.wait(PATIENCE)
        return requests.post(provider.webhook_url, json=payload, timeout=PATIENCE).status_code

    with ThreadPoolExecutor(len(payloads)) as pool:
        return list(pool.map(post, payloads))


def test_eight_processes_that_flush_one_account_send_each_reference_once(provider: Provider, workers: Workers) -> None:
    provider.configure(MAX_ITEMS=5)
    queue(60)
    made = returned(workers.run(*[Job("send_until_empty")] * 8))
    provider.settle()
    ledger = provider.sandbox.ledger()
    assert sum(made) == ledger["totals"]["calls"] == 12
    assert {entry["received"] for entry in ledger["references"].values()} == {1}
    assert len(ledger["references"]) == 60
    assert max(ledger["max_concurrent_calls"].values()) == 1
    assert Invoice.objects.filter(status=ISSUED).count() == 60
    assert_whole(provider)
    assert_nothing_twice(provider)
    assert_all_acted_on()


def test_a_claim_that_comes_second_waits_although_the_first_is_answered_by_then(provider: Provider) -> None:
    queue(1)
    others = {
        # Read by then: nothing is in flight. Then another process claims; its lote is answered before we look again.
        "select": lambda: Lote.objects.create(account="default", modality="lotes", in_flight_for="default"),
        "insert": lambda: Lote.objects.update(status=LoteStatus.ACCEPTED, in_flight_for=None),
    }
    done: list[str] = []

    def interleave(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("SELECT") and Invoice._meta.db_table in sql and "select" not in done:
            result = execute(sql, params, many, context)
            _elsewhere(others["select"])
            done.append("select")
            return result
        if "insert" in done and "answered" not in done and sql.startswith("SELECT"):
            _elsewhere(others["insert"])
            done.append("answered")
        if sql.startswith("INSERT") and f"{Lote._meta.db_table}" in sql:
            done.append("insert")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(interleave):
        step = send_next("default")
    assert done[:2] == ["select", "insert"]
    assert isinstance(step, Waiting)


def _elsewhere(action: Callable[[], object]) -> None:
    """Do something on a connection of its own, committed by the end."""

    def do() -> None:
        try:
            action()
        finally:
            connections.close_all()

    thread = threading.Thread(target=do)
    thread.start()
    thread.join()


def test_two_accounts_are_in_flight_at_once_and_each_only_once(provider: Provider, workers: Workers) -> None:
    provider.configure(
        MAX_ITEMS=5,
        ACCOUNTS={
            "default": provider.sandbox.account,
            "other": OTHER.settings(provider.sandbox.base_url, str(provider.sandbox.account["MODALITY"])),
        },
    )
    queue(10)
    queue(10, "other")
    provider.fault("answer=hold*2")
    running = workers.start(*[Job("send_all", ("default",))] * 2, *[Job("send_all", ("other",))] * 2)
    provider.wait_held(2)
    assert sorted(Lote.objects.values_list("in_flight_for", "status")) == [
        ("default", LoteStatus.SENDING), ("other", LoteStatus.SENDING),
    ]  # fmt: skip
    provider.sandbox.release()
    made = returned(running.outcomes())
    provider.settle()
    ledger = provider.sandbox.ledger()
    assert sum(made) == ledger["totals"]["calls"] == 4
    assert ledger["max_concurrent_calls"] == {provider.sandbox.accounts[0].apikey: 1, OTHER.apikey: 1}
    assert Invoice.objects.filter(status=ISSUED).count() == 20
    assert_whole(provider)
    assert_nothing_twice(provider)
    assert_all_acted_on()


def test_a_notification_for_each_item_before_the_answer_issues_all(provider: Provider, workers: Workers) -> None:
    queue(64)
    provider.fault("webhook=early+twice")
    assert returned(workers.run(Job("send_all"))) == [1]
    provider.settle()
    assert Invoice.objects.filter(status=ISSUED).count() == 64
    assert Lote.objects.get().status == LoteStatus.ACCEPTED
    webhooks = [entry["webhooks"] for entry in provider.sandbox.ledger()["references"].values()]
    assert webhooks == [{"attempts": 2, "delivered": 2}] * 64
    assert_whole(provider)
    assert_nothing_twice(provider)
    assert_all_acted_on()


def test_notifications_from_sixteen_threads_while_the_answer_is_recorded_issue_all(
    provider: Provider, workers: Workers
) -> None:
    for _ in range(ROUNDS // 3):
        start_afresh(provider)
        queue(16)
        provider.sandbox.fault("answer=hold", "webhook=never")
        running = workers.start(Job("send_all"))
        provider.wait_held()
        provider.settle()
        payloads = [notices.success(provider, reference) for reference in references()]
        # The answer is let go at the instant at which the notifications are sent.
        barrier = threading.Barrier(17, action=provider.sandbox.release)
        with ThreadPoolExecutor(1) as pool:
            posted = pool.submit(post_at_once, provider, payloads, barrier)
            barrier.wait(PATIENCE)
            heard = posted.result()
        assert returned(running.outcomes()) == [1]
        assert heard == [200] * 16
        assert Invoice.objects.filter(status=ISSUED).count() == 16
        assert (Lote.objects.get().status, Lote.objects.get().discrepancies) == (LoteStatus.ACCEPTED, [])
        assert_whole(provider)
        assert_nothing_twice(provider)
        assert_all_acted_on()


def test_one_notification_from_sixteen_threads_at_once_is_one_event(provider: Provider) -> None:
    for _ in range(4):
        start_afresh(provider)
        queue(1)
        provider.fault("webhook=never")
        flush()
        provider.settle()
        payload = notices.success(provider, references()[0])
        assert post_at_once(provider, [payload] * 16, threading.Barrier(16)) == [200] * 16
        event = WebhookEvent.objects.get()
        assert (event.status, event.deliveries) == (WebhookEventStatus.PROCESSED, 16)
        assert_whole(provider)
        assert_nothing_twice(provider)


def test_retry_cancel_and_a_late_success_at_once_end_issued_and_send_nothing(
    provider: Provider, workers: Workers
) -> None:
    invoices = queue(ROUNDS)
    provider.fault("webhook=never")
    flush()
    provider.settle()
    for invoice, reference in zip(invoices, references(), strict=True):
        # Told as failed, although it was issued; the provider puts that right just as people act on it.
        assert notify(notices.failure(provider, reference)) == [200]
        payload = notices.success(provider, reference)
        _, _, heard = returned(
            workers.run(Job("retry", (invoice.pk,)), Job("cancel", (invoice.pk,)), Job("notify", (payload,)))
        )
        assert heard == [200]
        invoice.refresh_from_db()
        assert invoice.status == ISSUED
    assert flush().sent == []
    assert_whole(provider)
    assert_nothing_twice(provider)
    assert_all_acted_on()


def test_retry_cancel_and_the_error_once_more_at_once_end_as_one_of_the_two_said(
    provider: Provider, workers: Workers
) -> None:
    invoices = queue(ROUNDS)
    provider.sandbox.fault(f"fail_rows={','.join(map(str, range(ROUNDS)))}")
    flush()
    provider.settle()
    ends = []
    for invoice, reference in zip(invoices, references(), strict=True):
        invoice.refresh_from_db()
        assert invoice.status == InvoiceStatus.FAILED
        retried, cancelled, heard = returned(
            workers.run(
                Job("retry", (invoice.pk,)),
                Job("cancel", (invoice.pk,)),
                Job("notify", (notices.failure(provider, reference),)),
            )
        )
        assert heard == [200]
        # Each may follow upon the other; but for a retry that read the invoice and was overtaken.
        assert cancelled
        invoice.refresh_from_db()
        ends.append(invoice.status)
        assert invoice.status in ({PENDING, InvoiceStatus.CANCELLED} if retried else {InvoiceStatus.CANCELLED})
    flush()
    provider.settle()
    assert Invoice.objects.filter(status=ISSUED).count() == ends.count(PENDING)
    assert_whole(provider)
    assert_nothing_twice(provider)
    assert_all_acted_on()


def test_a_cancellation_and_a_worker_at_once_leave_it_cancelled_or_sent_never_both(
    provider: Provider, workers: Workers
) -> None:
    for _ in range(ROUNDS):
        start_afresh(provider)
        first, second = queue(2)
        cancelled, *_ = returned(
            workers.run(Job("cancel", (first.pk,)), Job("send_all"), Job("send_all"), Job("send_all"))
        )
        returned(workers.run(Job("send_all")))
        provider.settle()
        first.refresh_from_db()
        second.refresh_from_db()
        assert first.status == (InvoiceStatus.CANCELLED if cancelled else ISSUED)
        assert second.status == ISSUED
        assert provider.sandbox.ledger()["totals"]["received"] == (1 if cancelled else 2)
        assert_whole(provider)
        assert_nothing_twice(provider)


@pytest.mark.parametrize("job", ["pay", "checkout", "pay_in_a_transaction"])
def test_one_order_paid_in_eight_processes_at_once_is_one_invoice(
    provider: Provider, workers: Workers, job: str
) -> None:
    for _ in range(ROUNDS // 3):
        order = builders.order()
        returned(workers.run(*[Job(job, (order.pk,))] * 8))
        assert Invoice.objects.for_sources([order]).count() == 1
    assert Invoice.objects.count() == Order.objects.count() == ROUNDS // 3
    flush()
    provider.settle()
    assert provider.sandbox.ledger()["totals"]["issued"] == ROUNDS // 3


def test_two_people_and_a_notification_settle_an_uncertain_lote_once(provider: Provider, workers: Workers) -> None:
    ends = []
    for _ in range(ROUNDS):
        start_afresh(provider)
        first, second = queue(2)
        provider.sandbox.fault("answer=none", "webhook=never")
        flush()
        provider.settle()
        lote = Lote.objects.get()
        assert lote.status == LoteStatus.UNCERTAIN
        payload = notices.success(provider, references()[0])
        received, not_received, heard = returned(
            workers.run(
                Job("confirm_received", (lote.pk,)),
                Job("confirm_not_received", (lote.pk,)),
                Job("notify", (payload,)),
            )
        )
        assert heard == [200]
        assert not (received and not_received)
        for row in (lote, first, second):
            row.refresh_from_db()
        ends.append(lote.status)
        assert lote.status == LoteStatus.ACCEPTED
        assert first.status == ISSUED
        # Also if the person was faster: what the notification proves takes back what was given up.
        assert second.status == SUBMITTED
        assert LoteItem.objects.get(invoice=second).status == LoteItemStatus.SUBMITTED
        assert flush().sent == []
        assert_whole(provider)
        assert_all_acted_on()
    print(f"\nends: { ({end: ends.count(end) for end in ends}) }")


def test_the_lease_runs_out_as_the_answer_and_the_notifications_come(provider: Provider, workers: Workers) -> None:
    for _ in range(ROUNDS // 3):
        start_afresh(provider)
        queue(8)
        provider.sandbox.fault("answer=hold", "webhook=never")
        running = workers.start(Job("send_all"))
        provider.wait_held()
        provider.settle()
        # Its worker is only slow, and is taken for dead.
        Lote.objects.update(sent_at=timezone.now() - dt.timedelta(hours=1))
        payloads = [notices.success(provider, reference) for reference in references()]
        barrier = threading.Barrier(9, action=provider.sandbox.release)
        with ThreadPoolExecutor(2) as pool:
            posted = pool.submit(post_at_once, provider, payloads, barrier)
            flushed = pool.submit(_flush_at, barrier)
            assert posted.result() == [200] * 8
            assert flushed.result() == 0
        assert returned(running.outcomes()) == [1]
        assert Lote.objects.get().status == LoteStatus.ACCEPTED
        assert Invoice.objects.filter(status=ISSUED).count() == 8
        assert_whole(provider)
        assert_nothing_twice(provider)
        assert_all_acted_on()


def _flush_at(barrier: threading.Barrier) -> int:
    try:
        barrier.wait(PATIENCE)
        return len(flush().sent)
    finally:
        connections.close_all()


def test_whatever_a_busy_day_brings_at_once_nobody_gets_an_error_of_the_database(
    provider: Provider, workers: Workers
) -> None:
    provider.configure(MAX_ITEMS=4)
    forth = [invoice.pk for invoice in queue(12)]
    back = forth[::-1]
    # In each lote one fails and one is refused; some answers are lost. All of it is told over HTTP meanwhile.
    provider.sandbox.fault("fail_rows=0*always", "refuse_rows=1*always", "webhook=twice*always", "answer=none*3")
    done = returned(
        workers.run(
            Job("decide_on_all", (forth, 4)),
            Job("decide_on_all", (back, 4)),
            Job("come_by_often", ([0, 6, 70], 4)),
            Job("come_by_often", ([0, 6, 70], 4)),
            Job("come_by_often", ([6, 0], 6)),
        )
    )
    provider.settle()
    assert all([done[0], done[1], sum(done[2:])]), f"somebody had nothing to do: {done}"
    assert_all_acted_on()
    assert_whole(provider)
    assert_nothing_twice(provider)
    assert not Invoice.objects.filter(attention=Attention.DUPLICATE).exists()
