"""A process is killed (SIGKILL) between any two lines of claim, send, record, receive and apply.

Each job is first run to its end, to learn which lines of the package it executes. Then it is run again and again, each
time from the same start, in a process that is killed before one of these lines. Another worker comes, and at the end
nothing is lost and nothing was sent twice. `CRASH_POINTS=all` takes every line, `CRASH_POINTS=every` each time that one
is executed, a number so many of each job; otherwise it is 14. They are others in each run: `CRASH_SEED`, which a
failure tells, repeats them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.utils import timezone

from django_tusfacturas_lotes import operations
from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote, LoteItem, LoteStatus, WebhookEvent
from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoices
from django_tusfacturas_lotes.sandbox import Pace, Sandbox
from django_tusfacturas_lotes.submission import flush
from tests.support import builders, notices
from tests.support.builders import documento
from tests.support.crashing import SEED, STEPS, assert_nothing_twice, assert_settled, assert_whole, points, start_afresh
from tests.support.jobs import notify
from tests.support.provider import Provider
from tests.support.workers import Job, Point, Workers
from tests.testshop.models import Order

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.thorough(fewer="kills of each job")]

CANCELLED, FAILED, ISSUED, UNCERTAIN = (
    InvoiceStatus.CANCELLED, InvoiceStatus.FAILED, InvoiceStatus.ISSUED, InvoiceStatus.UNCERTAIN,
)  # fmt: skip
# When the schedule wakes up the next worker, in minutes: the second time is past the lease of who was killed, the
# others past the pauses after lost calls.
WAKE_UPS = [0, 6, 30, 120]


@dataclass(frozen=True)
class Start:
    """Where a job begins, and what may come of it: made anew for each point."""

    job: Job
    ends: Set[str]
    """The statuses in which its invoices may be once all is delivered, before a person looks."""
    again: Callable[[], object] = lambda: None
    """What whoever asked for the job does when they got no answer."""
    received: int = 1
    """How often a reference may come to the provider: once more than it was turned away."""
    early: bool = False
    """Whether the provider answers a call only once it has told of its results: it can't be made to wait then."""
    also: Callable[[], object] = field(default=lambda: None)
    """What else must hold right after the kill."""


def queue(count: int) -> list[Invoice]:
    queue_invoices(ToInvoice(documento(), f"erp-{number}") for number in range(count))
    return list(Invoice.objects.order_by("pk"))


def lost(provider: Provider, fault: str, count: int = 2) -> Lote:
    """A lote whose call was lost: taken or not, as the fault says; told of by nobody yet."""
    queue(count)
    provider.sandbox.fault(fault, "webhook=never")
    flush()
    provider.settle()
    # A call that was rejected leaves the other fault to the next one.
    provider.sandbox.clear_faults()
    return Lote.objects.get(status=LoteStatus.UNCERTAIN)


def references() -> list[str]:
    return list(LoteItem.objects.order_by("pk").values_list("reference", flat=True))


def flush_of(*faults: str, ends: Set[str], received: int = 1) -> Callable[[Provider], Start]:
    """A `flush` of three invoices in lotes of two, under some faults of the provider."""

    def start(provider: Provider) -> Start:
        queue(3)
        provider.sandbox.fault(*faults)
        early = "webhook=early*always" in faults
        if not early:
            # So that no notification comes before the test says so.
            provider.sandbox.pause()
        return Start(Job("send_all"), ends=ends, received=received, early=early)

    return start


def the_next_worker(provider: Provider) -> Start:
    """What comes after a crash can crash too: over a dead worker's lote, a forgotten notification and more to send."""
    queue(2)
    provider.fault("webhook=never")
    flush()
    provider.settle()
    first = notices.success(provider, references()[0])
    assert notify(first) == [200]
    # As the process leaves it that stored the notification, and was killed before it acted on it; and the one that
    # sent the lote, killed before it recorded the answer.
    long_ago = timezone.now() - dt.timedelta(hours=1)
    WebhookEvent.objects.update(status="received", item=None, kind="", received_at=long_ago)
    LoteItem.objects.update(status="claimed", result=None)
    Invoice.objects.update(status="claimed", cae="", numero=None, issued_at=None)
    Lote.objects.update(status="sending", in_flight_for="default", sent_at=long_ago, answered_at=None)
    queue_invoices([ToInvoice(documento(), "erp-last")])
    provider.sandbox.pause()
    return Start(Job("come_by", (WAKE_UPS,)), ends={ISSUED, UNCERTAIN})


def webhook(kind: str, fault: str, told: int = 0) -> Callable[[Provider], Start]:
    """The notification of the first of two invoices, of a lote that was sent under a fault."""

    def start(provider: Provider) -> Start:
        queue(2)
        provider.sandbox.fault(fault, "webhook=never", *(["fail_rows=0"] if kind == "failure" else []))
        flush()
        provider.settle()
        payload = getattr(notices, kind)(provider, references()[0])
        for _ in range(told):
            assert notify(payload) == [200]

        def sent_again() -> None:
            # What was stored must not need it. What was not, the provider sends until it hears 200.
            if not WebhookEvent.objects.filter(reference=references()[0]).exists():
                assert notify(payload) == [200]

        ends = {ISSUED} if kind == "success" else {ISSUED, FAILED}
        return Start(Job("notify", (payload,)), ends=ends, again=sent_again)

    return start


def retry(provider: Provider) -> Start:
    invoice, _ = queue(2)
    provider.fault("refuse_rows=0")
    flush()
    provider.settle()
    invoice.refresh_from_db()
    assert invoice.status == FAILED
    return Start(Job("retry", (invoice.pk,)), ends={ISSUED, FAILED})


def retry_of_an_order(provider: Provider) -> Start:
    """Its comprobante is built anew."""
    order = builders.order("raise")
    builders_say = queue_invoices([order])
    assert builders_say.failed == 1
    Order.objects.update(mishap="")
    return Start(Job("retry", (Invoice.objects.get().pk,)), ends={ISSUED, FAILED})


def cancel_in_a_lote(provider: Provider) -> Start:
    invoice, _ = queue(2)
    provider.fault("reject=429")
    flush()
    assert Lote.objects.get().status == LoteStatus.READY
    return Start(Job("cancel", (invoice.pk,)), ends={ISSUED, CANCELLED}, received=2)


def confirm_not_received(provider: Provider) -> Start:
    lote = lost(provider, "reject=500")

    def all_or_none() -> None:
        assert len(set(Invoice.objects.values_list("status", flat=True))) == 1

    return Start(Job("confirm_not_received", (lote.pk,)), ends={ISSUED, UNCERTAIN}, also=all_or_none)


def confirm_received(provider: Provider) -> Start:
    lote = lost(provider, "answer=none")
    return Start(Job("confirm_received", (lote.pk,)), ends={ISSUED})


def queueing(provider: Provider) -> Start:
    job = Job("queue", ("erp-1", documento()))
    return Start(job, ends={ISSUED}, again=lambda: queue_invoices([ToInvoice(documento(), "erp-1")]))


def paying(job: str) -> Callable[[Provider], Start]:
    """A paid order, told of in the shop's transaction or after it."""

    def start(provider: Provider) -> Start:
        order = builders.order()

        def together() -> None:
            if job == "pay_in_a_transaction":
                paid = Order.objects.filter(pk=order.pk, mishap="paid")
                assert paid.exists() == Invoice.objects.exists()

        def once_more() -> None:
            queue_invoices([order])
            assert Invoice.objects.count() == 1

        return Start(Job(job, (order.pk,)), ends={ISSUED}, again=once_more, also=together)

    return start


STARTS: dict[str, Callable[[Provider], Start]] = {
    "a flush": flush_of(ends={ISSUED, UNCERTAIN}),
    "a flush whose results come before the answer": flush_of("webhook=early*always", ends={ISSUED, UNCERTAIN}),
    "a flush whose answer is lost": flush_of("answer=none", ends={ISSUED, UNCERTAIN}),
    "a flush that is turned away": flush_of("reject=429:1", ends={ISSUED, UNCERTAIN}, received=2),
    "the next worker, after a crash": the_next_worker,
    "a webhook of a success": webhook("success", "webhook=never"),
    "a webhook of a success, for the second time": webhook("success", "webhook=never", told=1),
    "a webhook of an error": webhook("failure", "webhook=never"),
    "a webhook for an uncertain lote": webhook("success", "answer=none"),
    "a webhook of an error for an uncertain lote": webhook("failure", "answer=none"),
    "a retry": retry,
    "a retry that builds anew": retry_of_an_order,
    "a cancellation in a lote that waits": cancel_in_a_lote,
    "a confirmation that a lote was not received": confirm_not_received,
    "a confirmation that a lote was received": confirm_received,
    "queueing": queueing,
    "paying": paying("pay"),
    "paying in a transaction": paying("pay_in_a_transaction"),
}


@pytest.fixture
def tusfacturas_sandbox() -> Iterator[Sandbox]:
    """One that does not wait between its tries: what fails ten times is failed at once."""
    with Sandbox(pace=Pace(emission_retry=0)) as sandbox:
        yield sandbox


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_a_process_killed_between_any_two_lines_loses_nothing_and_sends_nothing_twice(
    provider: Provider, workers: Workers, start: Callable[[Provider], Start], record_property: Any
) -> None:
    provider.configure(MAX_ITEMS=2)
    executed = _run_whole(provider, workers, start)
    chosen = points(executed)
    lines = sum(point.time == 1 for point in executed)
    record_property("crash_points", f"{len(chosen)} kills; {lines} lines, executed {len(executed)} times")
    print(f"\n{len(chosen)} kills; {lines} lines, executed {len(executed)} times")
    failures = []
    for number, point in enumerate(chosen):
        try:
            _kill_and_recover(provider, workers, start, point, webhooks_first=number % 2 == 0)
        except AssertionError as failure:
            failures.append(f"killed at {point}: {failure}")
    assert not failures, "\n".join([f"{len(failures)} of {len(chosen)} kills, CRASH_SEED={SEED}:", *failures])


def _run_whole(provider: Provider, workers: Workers, start: Callable[[Provider], Start]) -> list[Point]:
    """Run a job to its end, where nobody dies; return the lines that it executed."""
    start_afresh(provider)
    begun = start(provider)
    (outcome,) = workers.run(Job(begun.job.name, begun.job.args, files=STEPS))
    assert not outcome.raised, outcome.traceback
    provider.sandbox.resume()
    provider.settle()
    assert_whole(provider)
    assert outcome.lines
    return outcome.lines


def _kill_and_recover(
    provider: Provider, workers: Workers, start: Callable[[Provider], Start], point: Point, *, webhooks_first: bool
) -> None:
    start_afresh(provider)
    begun = start(provider)
    (outcome,) = workers.run(Job(begun.job.name, begun.job.args, files=STEPS, dies_at=point))
    assert outcome.killed, f"it lived, and raised {outcome.raised!r}"
    assert_whole(provider)
    begun.also()

    begun.again()
    if webhooks_first:
        _deliver(provider)
        workers.do("come_by", WAKE_UPS)
    else:
        left_sending = list(Lote.objects.filter(status=LoteStatus.SENDING).values_list("pk", flat=True))
        if not begun.early:
            provider.sandbox.pause()
        workers.do("come_by", WAKE_UPS)
        _assert_lost(left_sending)
        if not begun.early:
            assert_whole(provider)
    _deliver(provider)

    assert_whole(provider)
    assert_nothing_twice(provider, begun.received)
    assert_settled(provider)
    assert set(Invoice.objects.values_list("status", flat=True)) <= begun.ends
    _let_a_person_look(provider, workers)
    assert_nothing_twice(provider, begun.received)
    assert not Invoice.objects.exclude(status__in=begun.ends - {UNCERTAIN}).exists()
    assert Invoice.objects.exists()


def _assert_lost(lotes: list[int]) -> None:
    """What may have been sent is uncertain once its worker is taken for dead, and a person sees it; never sent again.

    But where a notification has told that it was received.
    """
    for lote in Lote.objects.filter(pk__in=lotes).prefetch_related("items"):
        if any(item.status == ISSUED for item in lote.items.all()):
            assert lote.status == LoteStatus.ACCEPTED
        else:
            assert (lote.status, lote.tries) == (LoteStatus.UNCERTAIN, 1)
            assert lote.error
            assert lote in Lote.objects.needing_a_person()


def _deliver(provider: Provider) -> None:
    """Let the provider issue what it took, and tell of it all, once more where that was lost."""
    provider.sandbox.resume()
    provider.settle()
    for reference, entry in provider.sandbox.ledger()["references"].items():
        told = LoteItem.objects.filter(reference=reference, status__in=["issued", "failed"]).exists()
        if entry["status"] in ("issued", "failed") and not told:
            provider.sandbox.resend(reference)
    provider.settle()


def _let_a_person_look(provider: Provider, workers: Workers) -> None:
    """What is uncertain still never came to the provider: a person looks there, and says so."""
    taken = {name for name, entry in provider.sandbox.ledger()["references"].items() if entry["taken"]}
    uncertain = Lote.objects.filter(status=LoteStatus.UNCERTAIN).prefetch_related("items")
    for lote in uncertain:
        assert not any(item.reference in taken for item in lote.items.all())
        operations.confirm_not_received(lote)
    if uncertain:
        workers.do("come_by", [240, 360])
        provider.settle()
