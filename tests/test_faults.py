"""The promise under every fault of the sandbox, one after the other."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote, LoteItem
from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoices
from django_tusfacturas_lotes.reconciliation import expire_leases
from django_tusfacturas_lotes.submission import flush
from tests.builders import documento
from tests.provider import Provider

pytestmark = pytest.mark.django_db(transaction=True)

ISSUED, FAILED, UNCERTAIN, SUBMITTED = (
    InvoiceStatus.ISSUED, InvoiceStatus.FAILED, InvoiceStatus.UNCERTAIN, InvoiceStatus.SUBMITTED,
)  # fmt: skip

# The fault, and how the four invoices of its lote end.
CASES: list[tuple[str, list[str]]] = [
    ("refuse_rows=0,2", [FAILED, ISSUED, FAILED, ISSUED]),
    ("fail_rows=1", [ISSUED, FAILED, ISSUED, ISSUED]),
    ("fail=*", [FAILED] * 4),
    ("fail=**3", [ISSUED] * 4),
    ("answer=late:0.2", [ISSUED] * 4),
    ("answer=none", [ISSUED] * 4),
    ("answer=cut", [ISSUED] * 4),
    ("answer=500", [ISSUED] * 4),
    ("answer=502", [ISSUED] * 4),
    ("answer=524", [ISSUED] * 4),
    ("answer=html", [ISSUED] * 4),
    ("answer=half", [ISSUED] * 4),
    ("answer=429", [ISSUED] * 4),
    ("answer=429:7", [ISSUED] * 4),
    ("answer=miscount", [ISSUED] * 4),
    ("answer=rowless", [ISSUED] * 4),
    *((f"reject={status}", [ISSUED] * 4) for status in (400, 401, 403, 404, 405, "S")),
    *((f"reject={how}", [UNCERTAIN] * 4) for how in (500, 502, 524, 302, "none", "cut", "html", "half")),
    ("webhook=early", [ISSUED] * 4),
    ("webhook=late:0.2", [ISSUED] * 4),
    ("webhook=twice", [ISSUED] * 4),
    ("webhook=shuffled", [ISSUED] * 4),
    ("webhook=early+twice", [ISSUED] * 4),
    ("webhook=never", [SUBMITTED] * 4),
]


@pytest.mark.parametrize(("fault", "expected"), CASES, ids=[fault for fault, _ in CASES])
def test_no_order_is_issued_twice_or_lost(provider: Provider, fault: str, expected: list[str]) -> None:
    queue_invoices(ToInvoice(documento(), f"erp-{number}") for number in range(4))
    provider.fault(fault)
    now = timezone.now()
    # A day of the schedule's wake-ups: whatever the app does by itself, it has done by then.
    for minutes in (0, 1, 2, 10, 30, 120, 24 * 60):
        with time_machine.travel(now + dt.timedelta(minutes=minutes)):
            expire_leases()
            flush()
    provider.settle()
    assert list(Invoice.objects.order_by("pk").values_list("status", flat=True)) == expected
    provider.assert_the_promise()
    assert max(provider.issued().values(), default=0) <= 1
    # Nothing is left to itself: what is not issued or failed is waiting for the provider, or shown to a person.
    for invoice in Invoice.objects.filter(status=UNCERTAIN):
        assert invoice in Invoice.objects.needing_a_person()
    for lote in Lote.objects.filter(status="uncertain"):
        assert lote.error
    for item in LoteItem.objects.filter(status="submitted"):
        assert item.lote.sent_at is not None


def test_a_mixed_day_with_faults_at_random_issues_each_order_once(provider: Provider) -> None:
    faults = [
        "reject=401",
        "answer=429:5",
        "refuse_rows=1",
        "webhook=twice",
        "answer=html",
        "webhook=early",
        "fail=**2",
    ]
    now = timezone.now()
    for number, fault in enumerate(faults):
        queue_invoices(ToInvoice(documento(), f"erp-{number}-{row}") for row in range(3))
        provider.fault(fault)
        with time_machine.travel(now + dt.timedelta(hours=2 * number)):
            flush()
            provider.settle()
    with time_machine.travel(now + dt.timedelta(days=1)):
        flush()
    provider.settle()
    left: Any = Invoice.objects.exclude(status=ISSUED)
    assert [invoice.failure_stage for invoice in left] == ["intake"]
    provider.assert_the_promise()
