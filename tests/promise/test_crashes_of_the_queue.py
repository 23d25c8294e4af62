"""A process is killed between any two lines of what only the encola modalities do.

Their answers and notices, the look-ups that make `issued` of them or prove that a call was not taken, the operations on
the provider's queue, and the PDF. As in `test_crashes`: the job is run whole, then again and again, each time killed
before another line; the schedule goes on, and at the end the provider's ledger and the tables agree.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from typing import Any

import pytest
from django.utils import timezone

from django_tusfacturas_lotes import operations
from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote, LoteItem, QueueOperation, WebhookEvent
from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoices
from django_tusfacturas_lotes.reconciliation import look_up
from django_tusfacturas_lotes.sandbox import Pace, Sandbox
from django_tusfacturas_lotes.submission import flush, queue_operations
from django_tusfacturas_lotes.wire.dates import argentine_day
from tests.support import jobs
from tests.support.builders import documento
from tests.support.crashing import SEED, STEPS, assert_nothing_twice, assert_whole, points, start_afresh
from tests.support.provider import Provider
from tests.support.workers import Job, Point, Workers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.thorough(fewer="kills of each job")]

CANCELLED, FAILED, ISSUED, SUBMITTED = (
    InvoiceStatus.CANCELLED, InvoiceStatus.FAILED, InvoiceStatus.ISSUED, InvoiceStatus.SUBMITTED,
)  # fmt: skip
# When the schedule goes by after the kill, in minutes, as long as something is open: past the turn of who was killed,
# the lease, the pauses, `NOT_FOUND_AFTER` with two look-ups after it, `OVERDUE_AFTER`, and the next day with its own.
ROUNDS = [0, 2, 7, 20, 65, 80, 120, 240, 480, 960, 1440, 1460, 1800, 2900]


@dataclass(frozen=True)
class Start:
    """Where a job begins, made anew for each point, and in which statuses its invoices may end."""

    job: Job
    ends: Set[str]
    again: Callable[[], object] = lambda: None
    """What whoever asked for the job does when they got no answer."""


Starter = Callable[[Provider], Start]


def queue(count: int) -> list[Invoice]:
    queue_invoices(ToInvoice(documento(), f"erp-{number}") for number in range(count))
    return list(Invoice.objects.order_by("pk"))


def flush_of(modality: str, *faults: str) -> Starter:
    def start(provider: Provider) -> Start:
        provider.use(modality)
        queue(3)
        provider.sandbox.fault(*faults)
        # What the answer refuses is known only from the answer: with it lost, a person is shown what is not found.
        return Start(Job("send_all"), ends={FAILED, ISSUED, SUBMITTED} if "refuse_rows=0" in faults else {ISSUED})

    return start


def notice_of(evento: str, fault: str) -> Starter:
    """A notice of the first of two invoices, of a lote that was sent under a fault and of which nobody else tells."""

    def start(provider: Provider) -> Start:
        provider.use("lotes_encola")
        queue(2)
        provider.sandbox.fault(fault, "webhook=never", *(["fail_rows=0"] if evento == "error" else []))
        flush()
        provider.settle()
        return Start(Job("notice", notice(provider, evento)), ends={ISSUED, FAILED} if evento == "error" else {ISSUED})

    return start


def notice(provider: Provider, evento: str) -> tuple[dict[str, Any], str]:
    """Return a notice of the first of all tries, and the token that it comes with."""
    reference = LoteItem.objects.order_by("pk").values_list("reference", flat=True)[0]
    payload = {
        "recurso": "facturacion", "evento": evento, "external_reference": reference, "intento": 1,
        "msg": ["no"] if evento == "error" else [], "hook_id": "h1",
    }  # fmt: skip
    return payload, str(provider.sandbox.settings_for("lotes_encola")["WEBHOOK_TOKEN"])


def tell(provider: Provider, evento: str) -> None:
    """The provider heard no 200, and tells once more."""
    assert jobs.notice(*notice(provider, evento)) == 200


def look_ups_of_what_was_told(provider: Provider) -> Start:
    provider.use("lotes_encola")
    queue(2)
    flush()
    provider.settle()
    assert set(LoteItem.objects.values_list("told", flat=True)) == {"issued"}
    return Start(Job("serve", ([0],)), ends={ISSUED})


def look_ups_that_prove_that_nothing_was_taken(provider: Provider) -> Start:
    """The second in a row that does not find it, an hour after the call."""
    provider.use("nuevo_encola")
    queue(1)
    provider.fault("reject=500")
    flush()
    long_ago = timezone.now() - dt.timedelta(hours=2)
    Lote.objects.update(sent_at=long_ago, answered_at=long_ago, look_up_at=long_ago)
    LoteItem.objects.update(look_up_at=long_ago)
    assert look_up("default").asked == 1
    Lote.objects.update(look_up_at=long_ago)
    LoteItem.objects.update(look_up_at=long_ago)
    return Start(Job("serve", ([0],)), ends={ISSUED})


def in_error(provider: Provider) -> Invoice:
    provider.use("nuevo_encola")
    (invoice,) = queue(1)
    provider.fault("fail_rows=0")
    flush()
    provider.settle()
    invoice.refresh_from_db()
    assert invoice.status == FAILED
    return invoice


def asking_for(operation: Callable[[Invoice], object], job: str, ends: Set[str]) -> Starter:
    """A person asks for an operation on what lies in the provider's queue in error."""

    def start(provider: Provider) -> Start:
        invoice = in_error(provider)

        def again() -> None:
            invoice.refresh_from_db()
            if invoice.status == FAILED and not QueueOperation.objects.exists():
                operation(invoice)

        return Start(Job(job, (invoice.pk,)), ends=ends, again=again)

    return start


def performing(operation: Callable[[Invoice], object], ends: Set[str], *faults: str) -> Starter:
    """The operation was asked for; what is killed is the worker that sends it, and looks what became of it."""

    def start(provider: Provider) -> Start:
        operation(in_error(provider))
        provider.sandbox.fault(*faults)
        return Start(Job("serve", ([0, 2],)), ends=ends)

    return start


def scheduled(provider: Provider) -> Invoice:
    """Return an invoice that waits in the provider's queue for the day after tomorrow."""
    provider.use("nuevo_encola")
    provider.sandbox.pause()
    (invoice,) = queue(1)
    flush()
    operations.redate(invoice, argentine_day() + dt.timedelta(days=2))
    assert queue_operations.send_requested("default") == 1
    provider.sandbox.resume()
    provider.settle()
    look_up_now()
    invoice.refresh_from_db()
    assert (invoice.status, QueueOperation.objects.get().status) == (SUBMITTED, "done")
    QueueOperation.objects.all().delete()
    return invoice


def look_up_now() -> None:
    now = timezone.now()
    Lote.objects.update(look_up_at=now)
    LoteItem.objects.update(look_up_at=now)
    assert look_up("default").asked


def performing_on_what_is_scheduled(operation: Callable[[Invoice], object], ends: Set[str], *faults: str) -> Starter:
    def start(provider: Provider) -> Start:
        operation(scheduled(provider))
        provider.sandbox.fault(*faults)
        return Start(Job("serve", ([0, 2],)), ends=ends)

    return start


def to_tomorrow(invoice: Invoice) -> QueueOperation:
    return operations.redate(invoice, argentine_day() + dt.timedelta(days=1))


def a_word_about_what_was_given_up(provider: Provider) -> Start:
    """A person was wrong about a lote of two: a notice of the first proves that both are there."""
    provider.use("lotes_encola")
    queue(2)
    provider.sandbox.fault("answer=none", "webhook=never*always")
    flush()
    provider.settle()
    provider.sandbox.clear_faults()
    operations.confirm_not_received(Lote.objects.get())
    return Start(Job("notice", notice(provider, "encolado")), ends={ISSUED}, again=lambda: tell(provider, "encolado"))


def giving_up_what_is_overdue(provider: Provider) -> Start:
    """A person says, rightly, that it is not there; and queues it anew."""
    provider.use("nuevo_encola")
    provider.sandbox.pause()
    (invoice,) = queue(1)
    flush()
    Invoice.objects.update(attention="overdue")
    provider.sandbox.reset()
    provider.sandbox.resume()

    def again() -> None:
        invoice.refresh_from_db()
        if invoice.status == SUBMITTED:
            operations.confirm_not_issued(invoice)
        operations.retry(invoice)

    return Start(Job("confirm_not_issued", (invoice.pk,)), ends={ISSUED}, again=again)


def keeping_the_pdf(provider: Provider) -> Start:
    provider.use("nuevo_encola")
    queue(1)
    flush()
    provider.settle()
    look_up("default")
    assert Invoice.objects.get().status == ISSUED
    return Start(Job("serve", ([0],)), ends={ISSUED})


STARTS: dict[str, Starter] = {
    "a flush of lotes_encola": flush_of("lotes_encola"),
    "a flush of nuevo_encola": flush_of("nuevo_encola"),
    "a flush whose answer is lost": flush_of("lotes_encola", "answer=none", "webhook=never"),
    "a flush that was not taken, and whose answer is lost": flush_of("nuevo_encola", "reject=none"),
    "a flush of which a part is refused": flush_of("lotes_encola", "refuse_rows=0"),
    "a notice of what was issued": notice_of("emitido", "answer=shuffled"),
    "a notice for an uncertain lote": notice_of("emitido", "answer=none"),
    "a notice of an error": notice_of("error", "answer=shuffled"),
    "a notice of what waits, for an uncertain lote": notice_of("encolado", "answer=none"),
    "a notice of a deletion that nobody asked for": notice_of("eliminado", "answer=shuffled"),
    "a notice of another day": notice_of("cambio_fecha", "answer=shuffled"),
    "a word about what was given up": a_word_about_what_was_given_up,
    "look-ups of what was told issued": look_ups_of_what_was_told,
    "look-ups that prove that nothing was taken": look_ups_that_prove_that_nothing_was_taken,
    "asking to send it again": asking_for(operations.resend, "resend", {ISSUED}),
    "a retry of what is in their queue": asking_for(operations.retry, "retry", {ISSUED}),
    "a cancellation of what is in their queue": asking_for(operations.cancel, "cancel", {CANCELLED}),
    "sending it again": performing(operations.resend, {ISSUED}),
    "deleting it there, and sending it anew": performing(operations.retry, {ISSUED}),
    "deleting it there, where the answer is lost": performing(operations.retry, {ISSUED}, "operation=none"),
    "deleting it there for good": performing(operations.cancel, {CANCELLED}),
    "deleting what is scheduled": performing_on_what_is_scheduled(operations.cancel, {CANCELLED}),
    "changing the day": performing_on_what_is_scheduled(to_tomorrow, {ISSUED}),
    "changing the day, where the answer is lost": performing_on_what_is_scheduled(
        to_tomorrow, {ISSUED}, "operation=none"
    ),
    "giving up what is overdue": giving_up_what_is_overdue,
    "keeping the PDF": keeping_the_pdf,
}


@pytest.fixture
def tusfacturas_sandbox() -> Iterator[Sandbox]:
    """One that does not wait between its tries: what fails ten times is failed at once."""
    with Sandbox(pace=Pace(emission_retry=0)) as sandbox:
        yield sandbox


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_a_process_killed_between_any_two_lines_loses_nothing_and_sends_nothing_twice(
    provider: Provider, workers: Workers, start: Starter
) -> None:
    provider.configure(MAX_ITEMS=2)
    executed = _run_whole(provider, workers, start)
    chosen = points(executed)
    print(f"\n{len(chosen)} kills; {sum(point.time == 1 for point in executed)} lines")
    failures = []
    kills = 0
    for point in chosen:
        try:
            kills += _kill_and_recover(provider, workers, start, point)
        except AssertionError as failure:
            failures.append(f"killed at {point}: {failure}")
    assert not failures, "\n".join([f"{len(failures)} of {len(chosen)} kills, CRASH_SEED={SEED}:", *failures])
    # Which way a job goes depends on when the notices come: at a point that it does not pass this time, nobody dies.
    assert kills >= len(chosen) / 2


def _run_whole(provider: Provider, workers: Workers, start: Starter) -> list[Point]:
    """Run a job to its end, where nobody dies; return the lines that it executed."""
    start_afresh(provider)
    provider.sandbox.set_date(argentine_day())
    begun = start(provider)
    (outcome,) = workers.run(Job(begun.job.name, begun.job.args, files=STEPS))
    assert not outcome.raised, outcome.traceback
    provider.settle()
    assert_whole(provider)
    assert outcome.lines
    return outcome.lines


def _kill_and_recover(provider: Provider, workers: Workers, start: Starter, point: Point) -> bool:
    """Return whether the job came by the point, and was killed there."""
    start_afresh(provider)
    provider.sandbox.set_date(argentine_day())
    begun = start(provider)
    (outcome,) = workers.run(Job(begun.job.name, begun.job.args, files=STEPS, dies_at=point))
    assert not outcome.raised, outcome.traceback
    assert_whole(provider)
    begun.again()
    for minutes in ROUNDS:
        # Only the worker's clock is moved: what it sends past midnight is issued on the next day.
        provider.sandbox.set_date(argentine_day(timezone.now() + dt.timedelta(minutes=minutes)))
        workers.do("serve", [minutes])
        provider.settle()
        assert_whole(provider)
        if _all_is_done():
            break
    assert_nothing_twice(provider)
    left = set(Invoice.objects.values_list("status", flat=True))
    assert left, "everything is gone"
    assert left <= begun.ends, f"left {left}"
    for_a_person = set(Invoice.objects.needing_a_person())
    assert for_a_person >= set(Invoice.objects.filter(status__in=[FAILED, SUBMITTED])), "left in silence"
    assert not QueueOperation.objects.open().exists()
    assert not WebhookEvent.objects.filter(status__in=["received", "error"]).exists()
    for invoice in Invoice.objects.filter(status=ISSUED):
        assert invoice.pdf, f"no PDF: {invoice.pdf_error}"
        with invoice.pdf.open() as file:
            assert file.read(5) == b"%PDF-"
    return outcome.killed


def _all_is_done() -> bool:
    issued = Invoice.objects.filter(status=ISSUED).exclude(pdf="")
    cancelled = Invoice.objects.filter(status=CANCELLED)
    open_operations = QueueOperation.objects.open()
    return issued.count() + cancelled.count() == Invoice.objects.count() and not open_operations.exists()
