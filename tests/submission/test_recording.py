"""What the answer of a call becomes, whatever was known before it."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
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
from django_tusfacturas_lotes.submission import Idle, expire_leases, flush, send_next
from tests.support.provider import Provider
from tests.support.sending import later, queue, statuses

pytestmark = pytest.mark.django_db(transaction=True)


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
        provider.wait_held()
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
        provider.wait_held()
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
