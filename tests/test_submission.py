"""Pending invoices become lotes, and what a call proved becomes state."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction
from django.utils import timezone

from django_tusfacturas_lotes import operations
from django_tusfacturas_lotes.conf.pauses import PAUSES
from django_tusfacturas_lotes.models import (
    FailureStage,
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    LoteStatus,
)
from django_tusfacturas_lotes.provider.client import Verdict
from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoice, queue_invoices
from django_tusfacturas_lotes.submission import Idle, Sent, Waiting, expire_leases, flush, send_next
from django_tusfacturas_lotes.wire.dates import argentine_day, format_day
from tests import seed
from tests.builders import day, documento, orders
from tests.provider import Provider

pytestmark = pytest.mark.django_db(transaction=True)


def queue(count: int, **changes: Any) -> None:
    start = Invoice.objects.count()
    queue_invoices(ToInvoice(documento(**changes), f"erp-{start + number}") for number in range(count))


def statuses(model: Any) -> list[str]:
    return list(model.objects.order_by("pk").values_list("status", flat=True))


def later(seconds: float) -> Any:
    return time_machine.travel(timezone.now() + dt.timedelta(seconds=seconds))


def test_a_paid_order_becomes_an_issued_invoice(provider: Provider, heard: list[Any]) -> None:
    queue_invoices(orders(5))
    report = flush()
    provider.settle()
    assert (report.accepted, report.refused, report.uncertain, report.needs_person) == (5, 0, 0, False)
    lote = Lote.objects.get()
    assert (lote.status, lote.tries, lote.http_status, lote.in_flight_for) == (LoteStatus.ACCEPTED, 1, 200, None)
    assert statuses(Invoice) == [InvoiceStatus.ISSUED] * 5
    assert sorted(Invoice.objects.values_list("numero", flat=True)) == [1, 2, 3, 4, 5]
    assert all(len(cae) == 14 for cae in Invoice.objects.values_list("cae", flat=True))
    assert sorted(name for name, _ in heard) == ["invoice_issued"] * 5
    assert set(provider.issued().values()) == {1}
    provider.assert_the_promise()


@time_machine.travel(dt.datetime(2018, 3, 28, 15, tzinfo=dt.timezone.utc))
def test_the_seeds_example_goes_through_and_leaves_as_it_stands_there(provider: Provider) -> None:
    example = seed.request()
    example["webhook_url"] = provider.webhook_url
    references = []
    for number, item in enumerate(example["requests"]):
        comprobante = dict(item["comprobante"])
        comprobante.pop("facturacion_lote_id_referencia")
        mapping = {"cliente": item["cliente"], "comprobante": comprobante}
        invoice = queue_invoice(comprobante=mapping, key=f"seed-{number}", send_on=dt.date(2018, 3, 29))
        assert invoice is not None
        assert invoice.status == InvoiceStatus.PENDING, invoice.reasons
        references.append(f"{invoice.public_id}-1")
    provider.sandbox.set_date(dt.date(2018, 3, 28))
    assert flush().accepted == 3
    sent = provider.sandbox.calls[0].body
    for item, reference in zip(example["requests"], references, strict=True):
        item["comprobante"].update(facturacion_lote_id_referencia=reference, external_reference=reference)
        item.update(provider.credentials)
    assert sent == {**example, **provider.credentials}
    # The sandbox keeps them until the day of fecha_envio_inicial, and then issues them.
    assert not any(provider.issued().values())
    provider.sandbox.advance_days(1)
    provider.settle()
    assert statuses(Invoice) == [InvoiceStatus.ISSUED] * 3


def test_rows_that_the_answer_refuses_fail_with_the_providers_text_and_the_others_go_on(
    provider: Provider, heard: list[Any]
) -> None:
    queue(8)
    provider.fault("refuse_rows=0,1,2")
    report = flush()
    provider.settle()
    assert (report.accepted, report.refused, report.needs_person) == (5, 3, True)
    assert statuses(Invoice) == [InvoiceStatus.FAILED] * 3 + [InvoiceStatus.ISSUED] * 5
    refused = Invoice.objects.order_by("pk")[0]
    assert refused.failure_stage == FailureStage.INTAKE
    assert "fila 0" in refused.reasons[0]
    assert statuses(LoteItem)[:3] == [LoteItemStatus.REFUSED] * 3
    assert sorted(name for name, _ in heard) == ["invoice_failed"] * 3 + ["invoice_issued"] * 5
    provider.assert_the_promise()


@pytest.mark.parametrize("fault", ["answer=miscount", "answer=rowless"])
def test_an_answer_that_does_not_add_up_is_kept_as_a_discrepancy(provider: Provider, fault: str) -> None:
    queue(3)
    provider.fault(fault)
    report = flush()
    assert report.needs_person
    lote = Lote.objects.get()
    assert (lote.status, len(lote.discrepancies) > 0) == (LoteStatus.ACCEPTED, True)
    assert lote in Lote.objects.needing_a_person()


def test_lotes_are_as_few_as_there_can_be_and_in_order(provider: Provider) -> None:
    provider.configure(MAX_ITEMS=5)
    queue(7)
    queue(5, fecha=day(-1))
    flush()
    assert [lote.items.count() for lote in Lote.objects.order_by("pk")] == [5, 5, 2]
    sent = [item["comprobante"]["fecha"] for call in provider.sandbox.calls for item in call.body["requests"]]
    assert sent == [day(-1)] * 5 + [day()] * 7


def test_a_lote_holds_one_account_and_one_send_on(provider: Provider) -> None:
    tomorrow = argentine_day() + dt.timedelta(days=1)
    account = provider.sandbox.account
    provider.configure(ACCOUNTS={"default": account, "other": account})
    for number, (alias, send_on) in enumerate([("default", None), ("other", None), ("default", tomorrow)] * 2):
        queue_invoice(comprobante=documento(), key=f"k{number}", account=alias, send_on=send_on)
    flush()
    lotes = {(lote.account, lote.send_on): lote.items.count() for lote in Lote.objects.all()}
    assert lotes == {("default", None): 2, ("default", tomorrow): 2, ("other", None): 2}
    days = [call.body.get("fecha_envio_inicial") for call in provider.sandbox.calls]
    assert sorted(days, key=str) == [format_day(tomorrow), None, None]


def test_what_was_to_be_sent_on_a_day_that_has_come_goes_with_the_rest(provider: Provider) -> None:
    tomorrow = argentine_day() + dt.timedelta(days=1)
    queue(1)
    queue_invoice(comprobante=documento(), key="send-on", send_on=tomorrow)
    with later(2 * 86400):
        provider.sandbox.advance_days(2)
        today = format_day(argentine_day())
        assert flush().accepted == 2
    body = provider.sandbox.calls[0].body
    assert "fecha_envio_inicial" not in body
    assert [item["comprobante"]["fecha"] for item in body["requests"]] == [today, today]


def test_a_lote_that_waited_overnight_bears_the_day_that_it_is_sent(provider: Provider) -> None:
    queue(1)
    provider.fault("reject=401")
    flush()
    assert Invoice.objects.get().fecha == argentine_day()
    with later(86400):
        provider.sandbox.advance_days(1)
        flush()
        assert provider.sandbox.calls[-1].body["requests"][0]["comprobante"]["fecha"] == day()
        assert Invoice.objects.get().fecha == argentine_day()


@pytest.mark.parametrize(
    ("fault", "verdict", "for_a_person"),
    [
        ("reject=S", Verdict.REFUSED, True),
        ("reject=400", Verdict.NOT_SENT, True),
        ("reject=401", Verdict.NOT_SENT, True),
        ("reject=403", Verdict.NOT_SENT, True),
        ("reject=404", Verdict.NOT_SENT, True),
        ("reject=405", Verdict.NOT_SENT, True),
        ("answer=429", Verdict.NOT_SENT, False),
    ],
)
def test_what_was_not_sent_keeps_its_lote_and_references_and_the_queue_waits_behind_it(
    provider: Provider, fault: str, verdict: Verdict, for_a_person: bool
) -> None:
    provider.configure(MAX_ITEMS=3)
    queue(4)
    provider.fault(fault)
    report = flush()
    assert [sent.verdict for sent in report.sent] == [verdict]
    references = set(LoteItem.objects.values_list("reference", flat=True))
    lote = Lote.objects.get()
    assert (lote.status, lote.in_flight_for, lote.tries) == (LoteStatus.READY, "default", 1)
    assert lote.error
    assert lote.next_try_at is not None
    assert lote.waits_for_a_person is for_a_person
    # Until then the queue waits, and says why.
    report = flush()
    assert [waiting.until for waiting in report.waiting] == [lote.next_try_at]
    assert report.waiting[0].reason == lote.error
    assert statuses(Invoice) == [InvoiceStatus.CLAIMED] * 3 + [InvoiceStatus.PENDING]
    with later(PAUSES[0] + 1):
        assert flush().accepted == 4
    provider.settle()
    assert references < set(provider.issued())
    assert statuses(Invoice) == [InvoiceStatus.ISSUED] * 4
    provider.assert_the_promise()


def test_the_pauses_grow_and_a_persons_word_ends_them(provider: Provider) -> None:
    queue(1)
    provider.fault("reject=401*always")
    waited = []
    now = timezone.now()
    for _ in range(len(PAUSES) + 2):
        with time_machine.travel(now, tick=False):
            flush()
            lote = Lote.objects.get()
            assert lote.next_try_at is not None
            waited.append((lote.next_try_at - now).total_seconds())
            now = lote.next_try_at
    assert waited == [*PAUSES, PAUSES[-1], PAUSES[-1]]
    assert lote.waits_for_a_person
    provider.sandbox.clear_faults()
    operations.send_now(lote)
    assert flush().accepted == 1


def test_a_429_is_waited_for_as_long_as_it_says(provider: Provider) -> None:
    queue(1)
    provider.fault("answer=429:1234")
    with time_machine.travel(timezone.now(), tick=False):
        flush()
        assert Lote.objects.get().next_try_at == timezone.now() + dt.timedelta(seconds=1234)


UNCERTAIN = ["answer=500", "answer=502", "answer=524", "answer=html", "answer=half", "answer=none",
             "reject=500", "reject=none", "reject=html"]  # fmt: skip


@pytest.mark.parametrize("fault", UNCERTAIN)
def test_a_lost_answer_is_uncertain_and_never_sent_again_by_itself(
    provider: Provider, fault: str, heard: list[Any]
) -> None:
    provider.sandbox.pause()
    queue(2)
    provider.fault(fault)
    report = flush()
    assert (report.uncertain, report.needs_person) == (2, True)
    assert statuses(Lote) == [LoteStatus.UNCERTAIN]
    assert statuses(Invoice) == [InvoiceStatus.UNCERTAIN] * 2
    assert heard == [("lote_uncertain", Lote.objects.get())]
    with later(86400):
        assert flush().sent == []
        expire_leases()
    assert heard == [("lote_uncertain", Lote.objects.get())], "once, not with every run"
    provider.sandbox.resume()
    provider.settle()
    # What was taken is settled by its webhooks; what was not stays uncertain, for a person.
    expected = InvoiceStatus.ISSUED if fault.startswith("answer") else InvoiceStatus.UNCERTAIN
    assert statuses(Invoice) == [expected] * 2
    provider.assert_the_promise()


def test_a_lost_answer_after_an_early_webhook_is_proof_of_receipt(provider: Provider) -> None:
    queue(2)
    provider.fault("webhook=early")
    provider.fault("answer=none")
    flush()
    provider.settle()
    assert statuses(Lote) == [LoteStatus.ACCEPTED]
    assert statuses(Invoice) == [InvoiceStatus.ISSUED] * 2


def test_the_answer_never_takes_back_what_a_webhook_said(provider: Provider) -> None:
    queue(3)
    provider.fault("webhook=early")
    assert flush().accepted == 3
    assert statuses(Invoice) == [InvoiceStatus.ISSUED] * 3
    assert statuses(LoteItem) == [LoteItemStatus.ISSUED] * 3


def test_after_lost_calls_the_account_rests_the_longer_the_more_there_were(provider: Provider) -> None:
    provider.configure(MAX_ITEMS=1)
    queue(6)
    provider.fault("reject=500*always")
    now = timezone.now()
    rests = []
    for _ in range(4):
        with time_machine.travel(now, tick=False):
            assert len(flush().sent) == 1
            (waiting,) = flush().waiting
            assert waiting.until is not None
            rests.append((waiting.until - now).total_seconds())
            now = waiting.until
    assert rests == list(PAUSES)
    assert Lote.objects.filter(status=LoteStatus.UNCERTAIN).count() == 4


def test_at_most_one_lote_of_an_account_is_in_flight_whatever_the_workers_do(provider: Provider) -> None:
    provider.configure(MAX_ITEMS=10)
    queue(100)

    def work(_: int) -> None:
        try:
            flush()
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    flush()
    provider.settle()
    ledger = provider.sandbox.ledger()
    assert max(ledger["max_concurrent_calls"].values()) == 1
    assert set(provider.issued().values()) == {1}
    assert Invoice.objects.filter(status=InvoiceStatus.ISSUED).count() == 100


def test_a_second_worker_waits_while_the_first_is_sending(provider: Provider) -> None:
    queue(1)
    provider.fault("answer=hold")

    def work() -> None:
        try:
            flush()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(work)
        provider.sandbox.wait_held()
        lote = Lote.objects.get()
        assert (lote.status, lote.tries) == (LoteStatus.SENDING, 1)
        assert send_next("default") == Waiting("default", "another process is sending", lote.pk)
        with pytest.raises(operations.NotPossibleError):
            operations.cancel(Invoice.objects.get())
        provider.sandbox.release()
        sending.result()
    assert statuses(Lote) == [LoteStatus.ACCEPTED]


def test_a_worker_that_died_while_sending_leaves_its_lote_uncertain(provider: Provider, heard: list[Any]) -> None:
    provider.sandbox.pause()
    queue(1)
    assert isinstance(send_next("default"), Sent)
    # As a killed worker leaves it: sending, without an answer.
    Lote.objects.update(status=LoteStatus.SENDING, in_flight_for="default", answered_at=None)
    Invoice.objects.update(status=InvoiceStatus.CLAIMED)
    LoteItem.objects.update(status=LoteItemStatus.CLAIMED)
    assert expire_leases() == 0
    with later(301):
        assert expire_leases() == 1
    assert statuses(Lote) == [LoteStatus.UNCERTAIN]
    assert ("lote_uncertain", Lote.objects.get()) in heard


def test_an_answer_after_the_lease_still_counts(provider: Provider) -> None:
    provider.sandbox.pause()
    queue(2)
    provider.fault("answer=hold")
    provider.fault("refuse_rows=1")

    def work() -> Any:
        try:
            return flush()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(work)
        provider.sandbox.wait_held()
        assert expire_leases(timezone.now() + dt.timedelta(seconds=301)) == 1
        assert statuses(Invoice) == [InvoiceStatus.UNCERTAIN] * 2
        provider.sandbox.release()
        sending.result()
    assert statuses(Lote) == [LoteStatus.ACCEPTED]
    assert statuses(Invoice) == [InvoiceStatus.SUBMITTED, InvoiceStatus.FAILED]


def test_an_answer_after_a_person_gave_the_lote_up_is_a_discrepancy(provider: Provider) -> None:
    provider.sandbox.pause()
    queue(1)
    provider.fault("answer=hold")

    def work() -> Any:
        try:
            return flush()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(work)
        provider.sandbox.wait_held()
        expire_leases(timezone.now() + dt.timedelta(seconds=301))
        operations.confirm_not_received(Lote.objects.get())
        provider.sandbox.release()
        sending.result()
    first = Lote.objects.order_by("pk")[0]
    assert first.status == LoteStatus.ACCEPTED
    assert first.discrepancies


def test_a_late_success_of_an_older_try_takes_the_newer_one_out_of_a_waiting_lote(provider: Provider) -> None:
    queue(2)
    provider.fault("answer=none")
    provider.sandbox.pause()
    flush()
    operations.confirm_not_received(Lote.objects.get())
    provider.fault("reject=401")
    with later(PAUSES[0] + 1):
        flush()
    assert statuses(Invoice) == [InvoiceStatus.CLAIMED] * 2
    # The provider had it all the time.
    provider.sandbox.resume()
    provider.settle()
    assert statuses(Invoice) == [InvoiceStatus.ISSUED] * 2
    with later(PAUSES[1] + 1):
        assert isinstance(send_next("default"), Idle)
    assert len(provider.sandbox.calls) == 2
    assert statuses(Lote) == [LoteStatus.ACCEPTED, LoteStatus.CANCELLED]
    provider.assert_the_promise()


def test_an_account_that_is_no_longer_configured_waits_and_says_so(provider: Provider) -> None:
    queue(1)
    provider.configure(ACCOUNTS={"renamed": provider.sandbox.account})
    report = flush()
    assert [(one.account, one.needs_person) for one in report.waiting] == [("default", True)]
    assert "default" in report.waiting[0].reason


def test_a_lote_is_never_sent_inside_a_transaction(provider: Provider) -> None:
    queue(1)
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        flush()
    assert provider.sandbox.calls == []


def test_the_provider_that_can_not_be_reached_was_not_sent_to(provider: Provider) -> None:
    provider.configure(ACCOUNTS={"default": {**provider.sandbox.account, "BASE_URL": "http://127.0.0.1:9"}})
    queue(1)
    (sent,) = flush().sent
    assert sent.verdict is Verdict.NOT_SENT
    assert "refused the connection" in Lote.objects.get().error


def test_nothing_pending_is_nothing_sent(provider: Provider) -> None:
    assert flush().sent == []
    assert send_next("default") == Idle("default")
    assert not Lote.objects.exists()
