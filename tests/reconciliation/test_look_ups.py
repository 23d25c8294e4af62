"""What was lost or is silent is looked up, and settled by what is found; never by sending again."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest
import time_machine
from django.utils import timezone
from django_q.brokers import get_broker

from django_tusfacturas_lotes import operations, reconciliation, tasks
from django_tusfacturas_lotes.models import (
    Attention,
    Finding,
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    LoteStatus,
    WebhookEvent,
)
from django_tusfacturas_lotes.operations import NotPossibleError
from django_tusfacturas_lotes.outcomes import calls
from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoices
from django_tusfacturas_lotes.reconciliation import findings, look_up
from django_tusfacturas_lotes.submission import flush, queue_operations
from django_tusfacturas_lotes.wire.dates import argentine_day
from tests.support.builders import documento
from tests.support.encola import ALL, ENCOLA, later, queue, statuses
from tests.support.provider import Provider

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("modality", ALL)
def test_a_lost_call_that_was_taken_is_settled_by_looking_it_up(provider: Provider, modality: str) -> None:
    provider.use(modality)
    queue(3)
    provider.fault("webhook=never*3")
    provider.fault("answer=none*3")
    now = timezone.now()
    for minutes in (0, 2, 10, 30, 60, 120, 180):
        with time_machine.travel(now + dt.timedelta(minutes=minutes)):
            flush()
            provider.settle()
            look_up("default")
    assert max(provider.issued().values()) == 1
    # Found in part is received: with `lotes` the others of its lote wait for their notifications, or are looked up.
    with later(hours=8):
        look_up("default")
    assert statuses() == [InvoiceStatus.ISSUED] * 3
    provider.assert_the_promise()


@pytest.mark.parametrize("modality", ENCOLA)
def test_a_lost_call_that_was_not_taken_goes_out_again_once_look_ups_prove_it(
    provider: Provider, modality: str
) -> None:
    provider.use(modality)
    queue(1)
    provider.fault("reject=none")
    flush()
    assert statuses() == [InvoiceStatus.UNCERTAIN]
    for minutes in (6, 20, 40):
        with later(minutes=minutes):
            look_up("default")
            assert statuses() == [InvoiceStatus.UNCERTAIN], "not before NOT_FOUND_AFTER"
    with later(minutes=130):
        look_up("default")
        assert statuses() == [InvoiceStatus.UNCERTAIN], "not by one look-up after it"
    with later(minutes=300):
        look_up("default")
        assert Lote.objects.get().status == LoteStatus.CANCELLED
        assert statuses() == [InvoiceStatus.PENDING]
        flush()
        provider.settle()
        look_up("default")
    assert statuses() == [InvoiceStatus.ISSUED]
    assert sorted(provider.issued().values()) == [0, 1]


def test_in_lotes_not_found_proves_nothing_and_only_a_person_requeues(provider: Provider) -> None:
    provider.configure(MAX_ITEMS=500)
    queue(12)
    provider.fault("reject=none")
    flush()
    now = timezone.now()
    for hours in range(0, 24 * 40, 12):
        with time_machine.travel(now + dt.timedelta(hours=hours)):
            look_up("default")
    assert set(statuses()) == {InvoiceStatus.UNCERTAIN}
    assert Lote.objects.needing_a_person().count() == 1
    # Bounded: a few items of the lote each time, and an end to it.
    total = provider.sandbox.ledger()["lookups"]["total"]
    assert calls.PROBES <= total <= 12 * findings.MAX_LOOKUPS
    assert len(provider.sandbox.calls) == 1


def test_look_ups_pause_for_minutes_that_grow_and_are_counted_before_they_are_made(provider: Provider) -> None:
    queue(1)
    provider.fault("reject=none")
    flush()
    now = timezone.now()
    asked: list[int] = []
    for minute in range(180):
        with time_machine.travel(now + dt.timedelta(minutes=minute)):
            if look_up("default").asked:
                asked.append(minute)
    pauses = [after - before for before, after in itertools.pairwise(asked)]
    assert asked[0] == 5
    assert pauses == sorted(pauses)
    assert pauses[0] < pauses[-1]
    assert LoteItem.objects.get().lookups == len(asked)


@pytest.mark.parametrize("fault", ["500", "524", "none", "html", "half", "cut", "S", "429"])
def test_a_look_up_without_an_answer_says_nothing_and_is_made_again(provider: Provider, fault: str) -> None:
    provider.use("nuevo_encola")
    queue(1)
    provider.fault("reject=none")
    flush()
    provider.fault(f"lookup={fault}")
    with later(hours=3):
        report = look_up("default")
    assert (report.asked, report.unanswered) == (1, 1)
    # What has no answer at all would not have one for the next item either; what can't be read is about this one.
    assert bool(report.stopped) == (fault in ("500", "524", "none", "429"))
    assert LoteItem.objects.get().finding == Finding.UNANSWERED
    assert statuses() == [InvoiceStatus.UNCERTAIN]
    with later(hours=9):
        look_up("default")
    assert statuses() == [InvoiceStatus.UNCERTAIN], "never by one look-up alone"
    with later(hours=15):
        look_up("default")
    assert statuses() == [InvoiceStatus.PENDING]


@pytest.mark.parametrize("modality", ALL)
def test_a_day_of_notices_lost_is_recovered_by_look_ups(provider: Provider, modality: str) -> None:
    provider.use(modality)
    provider.configure(MAX_ITEMS=500, ACCOUNTS={"default": provider.sandbox.settings_for(modality)})
    queue(30)
    provider.fault("webhook=never*always")
    flush()
    provider.settle()
    assert set(statuses()) == {InvoiceStatus.SUBMITTED}
    with later(hours=1):
        assert look_up("default").asked == 0, "not before OVERDUE_AFTER"
    with later(hours=4):
        report = look_up("default")
    assert (report.asked, report.settled) == (30, 30)
    assert set(statuses()) == {InvoiceStatus.ISSUED}
    assert not WebhookEvent.objects.exists()
    provider.assert_the_promise()


def test_what_is_overdue_and_not_found_is_shown_to_a_person_once(provider: Provider) -> None:
    (invoice,) = queue(1)
    provider.sandbox.pause()
    flush()
    with later(hours=4):
        look_up("default")
    invoice.refresh_from_db()
    assert (invoice.status, invoice.attention) == (InvoiceStatus.SUBMITTED, Attention.OVERDUE)
    assert invoice in Invoice.objects.needing_a_person()
    operations.mark_invoice_seen(invoice)
    with later(hours=20):
        look_up("default")
    assert invoice not in Invoice.objects.needing_a_person()
    # It comes after all.
    provider.sandbox.resume()
    provider.settle()
    invoice.refresh_from_db()
    assert (invoice.status, invoice.attention) == (InvoiceStatus.ISSUED, "")


def test_overdue_counts_from_when_it_could_have_been_issued(provider: Provider) -> None:
    provider.sandbox.pause()  # its clock travels with ours
    day = argentine_day() + dt.timedelta(days=5)
    queue_invoices([ToInvoice(documento(), "later", send_on=day)])
    flush()
    with later(days=3):
        assert look_up("default").asked == 0
    with later(days=6):
        assert look_up("default").asked == 1
    assert LoteItem.objects.get().finding == Finding.ABSENT
    assert Invoice.objects.get().attention == Attention.OVERDUE


def test_a_person_gives_up_an_overdue_one_and_a_retry_has_a_new_reference(provider: Provider) -> None:
    (invoice,) = queue(1)
    with pytest.raises(NotPossibleError, match="not overdue"):
        operations.confirm_not_issued(invoice)
    provider.sandbox.pause()
    flush()
    with pytest.raises(NotPossibleError, match="not overdue"):
        operations.confirm_not_issued(invoice)
    with later(hours=4):
        look_up("default")
    assert operations.confirm_not_issued(invoice).status == InvoiceStatus.FAILED
    operations.retry(invoice)
    flush()
    assert LoteItem.objects.count() == 2


def test_look_ups_of_an_account_go_on_where_the_last_run_stopped(provider: Provider) -> None:
    provider.use("nuevo_encola")
    queue(7)
    flush()
    provider.settle()
    assert look_up("default", most=3).asked == 3
    assert look_up("default", most=3).asked == 3
    assert look_up("default", most=3).asked == 1
    assert set(statuses()) == {InvoiceStatus.ISSUED}
    assert set(provider.sandbox.ledger()["lookups"]["references"].values()) == {1}
    assert look_up("default").asked == 0
    assert reconciliation.accounts_with_look_ups() == []


def test_an_account_switched_with_lotes_under_way_loses_nothing(provider: Provider) -> None:
    provider.configure(MAX_ITEMS=2)
    queue(6)
    provider.sandbox.pause()
    flush()  # taken by lotes
    assert set(statuses()) == {InvoiceStatus.SUBMITTED}
    queue(2)
    provider.fault("answer=none")
    flush()  # lost in lotes
    queue(2)
    provider.fault("reject=401")
    with later(minutes=2):
        flush()  # turned away
        assert Lote.objects.get(status=LoteStatus.READY).modality == "lotes"
    provider.use("nuevo_encola")
    with later(minutes=10):
        provider.sandbox.resume()
        flush()
        provider.settle()
        look_up("default")
    assert set(statuses()) == {InvoiceStatus.ISSUED}
    assert len(provider.issued()) == 12  # two went out under a second reference: their first was never taken
    assert sorted(provider.issued().values()) == [0, 0, *[1] * 10]
    assert set(Lote.objects.values_list("modality", flat=True)) == {"lotes", "nuevo_encola"}
    provider.assert_the_promise()


def test_send_on_waits_here_where_the_modality_can_not_be_told_to_wait(provider: Provider) -> None:
    provider.use("nuevo_encola")
    day = argentine_day() + dt.timedelta(days=2)
    queue_invoices([ToInvoice(documento(), "later", send_on=day), ToInvoice(documento(), "now")])
    flush()
    assert len(provider.sandbox.calls) == 1
    provider.sandbox.advance_days(2)
    with later(days=2):
        flush()
    assert len(provider.sandbox.calls) == 2


def test_the_task_reconciles_and_wakes_up_for_the_rest(provider: Provider) -> None:
    provider.use("nuevo_encola")
    queue(2)
    flush()
    provider.settle()
    assert tasks.accounts_to_reconcile() == ["default"]
    tasks.reconcile("default")
    assert set(statuses()) == {InvoiceStatus.ISSUED}
    assert queue_operations.accounts_with_operations() == []


def test_the_task_has_what_was_deleted_there_sent_anew_at_once(provider: Provider) -> None:
    provider.use("nuevo_encola")
    provider.fault("fail_rows=0")
    queue(1)
    flush()
    provider.settle()
    look_up("default")
    operations.retry(Invoice.objects.get())
    tasks.reconcile("default")
    provider.settle()
    left: tuple[int, list[str]] = (0, [])
    for minutes in (1, 3, 6):
        with later(minutes=minutes):
            get_broker().purge_queue()
            tasks.reconcile("default")
            if statuses() == [InvoiceStatus.PENDING]:
                left = (get_broker().queue_size(), tasks.accounts_to_reconcile())
                break
    assert left == (1, []), "it is the sending that is woken up"


def test_what_a_look_up_finds_in_error_fails_with_the_providers_words(provider: Provider) -> None:
    provider.use("nuevo_encola")
    provider.fault("webhook=never")
    provider.fault("fail_rows=0")
    queue(1)
    flush()
    provider.settle()
    with later(hours=4):
        look_up("default")
    invoice = Invoice.objects.get()
    assert (invoice.status, invoice.failure_stage) == (InvoiceStatus.FAILED, "emission")
    assert "90000" in str(invoice.errors)
    assert LoteItem.objects.get().status == LoteItemStatus.FAILED
