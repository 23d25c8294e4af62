"""Pending invoices become lotes, and what a call proved becomes state."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from django_tusfacturas_lotes import operations
from django_tusfacturas_lotes.conf.pauses import PAUSES
from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote, LoteItem, LoteItemStatus, LoteStatus
from django_tusfacturas_lotes.provider.client import Verdict
from django_tusfacturas_lotes.queueing import queue_invoice, queue_invoices
from django_tusfacturas_lotes.submission import Sent, expire_leases, flush, send_next
from tests.support import documented
from tests.support.builders import orders
from tests.support.provider import Provider
from tests.support.sending import later, queue, statuses

pytestmark = pytest.mark.django_db(transaction=True)


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
def test_the_documented_example_goes_through_and_leaves_as_it_stands_there(provider: Provider) -> None:
    example = documented.lotes_call()
    example["webhook_url"] = provider.webhook_url
    references = []
    for number, item in enumerate(example["requests"]):
        comprobante = dict(item["comprobante"])
        comprobante.pop("facturacion_lote_id_referencia")
        mapping = {"cliente": item["cliente"], "comprobante": comprobante}
        invoice = queue_invoice(comprobante=mapping, key=f"documented-{number}", send_on=dt.date(2018, 3, 29))
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
