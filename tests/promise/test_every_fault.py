"""The promise under every fault of the sandbox, in every modality, on whichever database the tests run on.

What came of each is the table of docs/reliability.md. `WRITE_TABLE=1` writes this database's column of it (with no
`-n`: one process must see it all); without that each test here holds the page to what it found.
"""

from __future__ import annotations

import datetime as dt
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import time_machine
from django.utils import timezone

from django_tusfacturas_lotes import operations, reception
from django_tusfacturas_lotes.models import (
    Invoice,
    InvoiceStatus,
    Lote,
    LoteStatus,
    OperationStatus,
    QueueOperation,
    WebhookEvent,
)
from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoices
from django_tusfacturas_lotes.reconciliation import look_up
from django_tusfacturas_lotes.sandbox.faults import BROKEN, DISTORTIONS, NAMES, WEBHOOK_MODES, parse
from django_tusfacturas_lotes.submission import expire_leases, flush, queue_operations
from django_tusfacturas_lotes.wire.dates import argentine_day
from tests.settings import TEST_DATABASE
from tests.support.builders import documento
from tests.support.provider import Provider
from tests.support.table import MODALITIES, Table, outcomes_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.thorough(fewer="looks at what is done already")]

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
# Minutes of the day at which the schedule is simulated. Whatever the app does by itself, it has done by the last one.
DAY = (0, 1, 2, 7, 20, 60, 130, 300, 600, 1440, 1460, 2880, 2900)
# Once all is issued or cancelled, the schedule of these days runs on, or only at their end.
TO_THE_END = os.environ["EVERY_MOMENT"] == "1"
INVOICES = 3

LOOKUPS = (401, "429:30", 500, 524, "late:0.2", "S", "none", "html", "half", "cut", "hold")
FAULTS = [
    "refuse_rows=0",
    "fail_rows=0",
    "fail=*",
    "fail=**3",
    "answer=late:0.2",
    "answer=none",
    "answer=cut",
    "answer=500",
    "answer=502",
    "answer=524",
    "answer=524:0.3",
    "answer=html",
    "answer=half",
    "answer=429",
    "answer=429:7",
    "answer=miscount",
    "answer=rowless",
    "answer=partial",
    "answer=shuffled",
    "answer=missing",
    "answer=hold",
    *(f"reject={status}" for status in (400, 401, 403, 404, 405, "S")),
    *(f"reject={how}" for how in (500, 502, 524, 302, "none", "cut", "html", "half", "late:0.2", "hold", "429:30")),
    "webhook=early",
    "webhook=late:0.2",
    "webhook=twice",
    "webhook=shuffled",
    "webhook=early+twice",
    "webhook=never*always",
    "webhook=wrong_token*always",
    *(f"webhook=never*always lookup={how}*3" for how in (*LOOKUPS, "absent", "empty", "absent+empty")),
    "answer=none*always webhook=never*always",
    "answer=none webhook=never*always lookup=absent*2",
    "reject=none*2 lookup=524*2",
]
# What a person asks of four orders in TusFacturas' queue, where their modality shows that: to send one again and one
# anew, to cancel one, to change the day of one.
OPERATED = MODALITIES[1:]
OPERATIONS = [
    *(f"operation={how}*4" for how in (500, 524, "late:0.2", "none", "html", "half", "cut", "hold")),
    *(
        f"operation=reject:{how}*4"
        for how in (401, "429:30", 500, "S", "none", "html", "half", "cut", "late:0.2", "hold")
    ),
    "operation=none*4 lookup=500*4",
    "operation=reject:none*4 webhook=never*always",
]

found = Table()


@pytest.fixture(scope="module", autouse=True)
def table() -> Iterator[None]:
    yield
    if os.environ.get("WRITE_TABLE"):
        found.write(PAGE, TEST_DATABASE)


def some_days(provider: Provider) -> None:
    """Do what the schedule does, for two days."""
    start = timezone.now()
    for minutes in DAY:
        if not TO_THE_END and minutes != DAY[-1] and all_is_done():
            continue
        with time_machine.travel(start + dt.timedelta(minutes=minutes)):
            provider.sandbox.advance_days(0)  # it looks at the day anew
            for step in (
                expire_leases,
                flush,
                lambda: queue_operations.send_requested("default"),
                lambda: look_up("default"),
            ):
                step()
                if not any("hold" in fault for fault in provider.sandbox.faults()):
                    provider.configure(READ_TIMEOUT=60)  # nothing else is to be given up by a machine that is slow
                provider.sandbox.release()
                provider.settle()
            reception.process_again()


def all_is_done() -> bool:
    done = Invoice.objects.filter(status__in=(InvoiceStatus.ISSUED, InvoiceStatus.CANCELLED)).count()
    left = Lote.objects.exclude(status__in=(LoteStatus.ACCEPTED, LoteStatus.CANCELLED))
    return done == Invoice.objects.count() and not left.exists() and not QueueOperation.objects.open().exists()


def ask_for(provider: Provider, *faults: str) -> None:
    for fault in faults:
        provider.fault(fault)
        if "hold" in fault:
            provider.configure(READ_TIMEOUT=0.3)


def outcome_of(provider: Provider) -> str:
    """Hold what has come of everything to the promise, and say it in words."""
    documents = provider.issued()
    assert max(documents.values(), default=0) <= 1, "never two under one reference"
    shown = set(Invoice.objects.needing_a_person())
    shown_lotes = set(Lote.objects.needing_a_person())
    shown_items = set(QueueOperation.objects.needing_a_person().values_list("item", flat=True))
    outcomes: Counter[str] = Counter()
    for invoice in Invoice.objects.prefetch_related("items__lote"):
        items = list(invoice.items.all())
        issued = sum(documents.get(item.reference, 0) for item in items)
        assert issued <= 1, "never two for one order"
        if invoice.status == InvoiceStatus.ISSUED:
            assert issued == 1
            outcomes["issued"] += 1
        elif invoice.status == InvoiceStatus.CANCELLED:
            assert issued == 0
            outcomes["cancelled"] += 1
        else:
            # Never silence.
            assert invoice in shown or any(item.lote in shown_lotes or item.pk in shown_items for item in items)
            assert invoice.reasons or any(item.lote.error for item in items)
            outcomes[f"{invoice.status}, shown"] += 1
    provider.assert_the_promise()
    return ", ".join(f"{count} {what}" for what, count in sorted(outcomes.items()))


def hold_the_page_to(fault: str, modality: str, outcome: str) -> None:
    found.add(fault, modality, outcome)
    if not os.environ.get("WRITE_TABLE"):
        assert outcomes_of(PAGE, TEST_DATABASE).get((fault, modality)) == outcome, "the page says something else"


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("fault", FAULTS)
def test_each_order_is_issued_once_or_has_a_reason_in_front_of_a_person(
    provider: Provider, fault: str, modality: str
) -> None:
    provider.use(modality)
    queue_invoices(ToInvoice(documento(), f"erp-{number}") for number in range(INVOICES))
    ask_for(provider, *fault.split())
    some_days(provider)
    hold_the_page_to(fault, modality, outcome_of(provider))


@pytest.mark.parametrize("modality", OPERATED)
@pytest.mark.parametrize("fault", OPERATIONS)
def test_what_a_person_asks_of_the_queue_is_done_or_has_a_reason_in_front_of_a_person(
    provider: Provider, fault: str, modality: str
) -> None:
    provider.use(modality)
    queue_invoices(ToInvoice(documento(), key) for key in ("to-resend", "to-retry"))
    provider.sandbox.fault("fail=*")
    flush()
    provider.settle()
    provider.sandbox.clear_faults()
    provider.sandbox.pause()
    queue_invoices(ToInvoice(documento(), key) for key in ("to-cancel", "to-redate"))
    flush()
    ask_for(provider, *fault.split())
    operations.resend(Invoice.objects.get(key="to-resend"))
    operations.retry(Invoice.objects.get(key="to-retry"))
    operations.cancel(Invoice.objects.get(key="to-cancel"))
    operations.redate(Invoice.objects.get(key="to-redate"), argentine_day() + dt.timedelta(days=1))
    queue_operations.send_requested("default")
    provider.sandbox.release()
    provider.sandbox.resume()
    some_days(provider)
    for operation in QueueOperation.objects.all():
        assert operation.status == OperationStatus.DONE or operation in QueueOperation.objects.needing_a_person()
    hold_the_page_to(fault, modality, outcome_of(provider))


def test_a_mixed_day_with_faults_one_after_the_other_issues_each_order_once(provider: Provider) -> None:
    faults = [
        "reject=401", "answer=429:5", "refuse_rows=1", "webhook=twice", "answer=html", "webhook=early", "fail=**2",
    ]  # fmt: skip
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
    left = Invoice.objects.exclude(status=InvoiceStatus.ISSUED)
    assert [invoice.failure_stage for invoice in left] == ["intake"]
    assert not WebhookEvent.objects.needing_a_person().exists()
    provider.assert_the_promise()


def test_the_page_has_a_row_for_each_fault_in_each_modality_and_no_other() -> None:
    rows = {(fault, modality) for fault in FAULTS for modality in MODALITIES}
    rows |= {(fault, modality) for fault in OPERATIONS for modality in OPERATED}
    assert set(outcomes_of(PAGE, TEST_DATABASE)) == rows


def test_every_fault_that_the_sandbox_knows_is_among_them() -> None:
    asked = [parse(one) for row in (*FAULTS, *OPERATIONS) for one in row.split()]
    by_name = {name: [fault for fault in asked if fault.name == name] for name in NAMES}
    kinds = {name: {fault.kind for fault in found} - {""} for name, found in by_name.items()}
    modes = {name: {mode for fault in found for mode in fault.modes} for name, found in by_name.items()}
    assert all(by_name.values()), "a fault of each name"
    assert kinds["answer"] == {"late", "status", *BROKEN, *DISTORTIONS}
    assert kinds["reject"] == kinds["lookup"] == {"late", "status", "S", *BROKEN}
    for takes_nothing, known in ((True, {"late", "status", "S", *BROKEN}), (False, {"late", "status", *BROKEN})):
        assert {one.kind for one in by_name["operation"] if one.takes_nothing is takes_nothing} == known
    assert modes["webhook"] == {"late", *WEBHOOK_MODES}
    assert modes["lookup"] == {"absent", "empty"}
