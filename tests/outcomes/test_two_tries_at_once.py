"""Two tries at the provider at once: one document comes of it, whichever is gone first."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from django_tusfacturas_lotes import operations
from django_tusfacturas_lotes.models import (
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    LoteStatus,
    OperationKind,
    OperationStatus,
    QueueOperation,
    Told,
)
from django_tusfacturas_lotes.operations import NotPossibleError
from django_tusfacturas_lotes.outcomes import calls as settling
from django_tusfacturas_lotes.outcomes import operation_requests
from django_tusfacturas_lotes.queueing.paid_orders import queue_credit_note
from django_tusfacturas_lotes.reconciliation import look_up, look_ups
from django_tusfacturas_lotes.submission import flush, queue_operations, sending
from django_tusfacturas_lotes.wire.answers.lookup import Found, Standing
from django_tusfacturas_lotes.wire.dates import argentine_day
from tests.support.encola import in_error, later, queue, statuses, told, waiting
from tests.support.issued import issued
from tests.support.provider import Provider
from tests.support.queries import Queries
from tests.support.rows import make_item, make_lote
from tests.support.tries import (
    DAY,
    REST_OF_THE_DAY,
    failed_beside,
    given_up,
    go_to_the_end,
    item_statuses,
    look_up_at,
    says,
    sent_beside,
    tell_of,
    work,
)

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_was_deleted_is_not_sent_anew_while_its_invoice_waits_for_another_try(provider: Provider) -> None:
    failed_beside(provider)
    work(provider, DAY + 300, *REST_OF_THE_DAY)
    assert (statuses(), item_statuses()) == (["submitted"], ["submitted", "withdrawn"])
    go_to_the_end(provider)
    assert (statuses(), sorted(provider.issued().values())) == (["issued"], [0, 1])


def test_a_retry_whose_deletion_is_proven_once_another_try_is_found_sends_nothing(provider: Provider) -> None:
    failed_beside(provider)
    with later(minutes=DAY + 299):
        operations.retry(Invoice.objects.get())
    look_up_at(DAY + 299)
    assert statuses() == [InvoiceStatus.SUBMITTED]
    work(provider, *REST_OF_THE_DAY)
    go_to_the_end(provider)
    assert (statuses(), sorted(provider.issued().values())) == (["issued"], [0, 1])


def test_a_cancellation_holds_whichever_try_is_deleted_first(provider: Provider) -> None:
    failed_beside(provider)
    look_up_at(DAY + 299)
    with later(minutes=DAY + 299):
        operations.cancel(Invoice.objects.get())
    work(provider, *REST_OF_THE_DAY)
    go_to_the_end(provider)
    assert (statuses(), set(provider.issued().values())) == (["cancelled"], {0})


def test_a_cancellation_goes_on_with_the_try_that_is_found_meanwhile(provider: Provider) -> None:
    failed_beside(provider)
    with later(minutes=DAY + 299):
        operations.cancel(Invoice.objects.get())
    look_up_at(DAY + 299)
    assert statuses() == [InvoiceStatus.SUBMITTED]
    work(provider, *REST_OF_THE_DAY)
    go_to_the_end(provider)
    assert (statuses(), set(provider.issued().values())) == (["cancelled"], {0})


def test_a_cancellation_that_can_not_go_on_is_shown(provider: Provider) -> None:
    _, newer = failed_beside(provider)
    with later(minutes=DAY + 299):
        operations.cancel(Invoice.objects.get())
    look_up_at(DAY + 299)
    with later(minutes=DAY + 299):
        redating = operations.redate(Invoice.objects.get(), argentine_day())
        QueueOperation.objects.filter(pk=redating.pk).start_sending(timezone.now())  # and its process is slow
    work(provider, *REST_OF_THE_DAY[:4])
    cancelling = QueueOperation.objects.get(item=newer)
    assert cancelling.status == OperationStatus.REFUSED
    assert "waits for another try" in cancelling.error
    assert cancelling in QueueOperation.objects.needing_a_person()


def test_what_gave_way_and_is_found_a_day_later_is_deleted_and_nothing_sent_anew(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, _ = sent_beside(provider, "answer=none", "webhook=never*always")
    with monkeypatch.context() as lying:
        says(lying, _2="absent")
        told(provider, "encolado", older.reference)
        work(provider, 202, 210, 290, 300, 310, 330)
    assert (statuses(), item_statuses()) == (["submitted"], ["submitted", "withdrawn"])
    work(provider, DAY + 330, DAY + 332, DAY + 334, DAY + 340, DAY + 350, DAY + 400)
    assert item_statuses() == ["submitted", "withdrawn"]
    go_to_the_end(provider)
    assert (statuses(), sorted(provider.issued().values())) == (["issued"], [0, 1])


def test_one_stale_look_up_does_not_have_both_deleted(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    failed_beside(provider)
    look_up_at(DAY + 300)
    with later(minutes=DAY + 302):
        assert queue_operations.send_requested("default") == 1
    with monkeypatch.context() as stale:
        says(stale, _2="queued")
        look_up_at(DAY + 304)
    work(provider, *REST_OF_THE_DAY)
    go_to_the_end(provider)
    assert (statuses(), sorted(provider.issued().values())) == (["issued"], [0, 1])


def test_the_try_that_is_there_is_not_deleted_for_one_that_look_ups_miss(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, _ = sent_beside(provider)
    says(monkeypatch, _2="absent")
    work(provider, 202, 390, 400, 500, 700, 900, 1200, DAY + 300, DAY + 400)
    assert not QueueOperation.objects.exists()
    older.refresh_from_db()
    assert older.finding == "queued"


def test_one_that_is_being_sent_as_an_older_one_is_issued_is_deleted_as_soon_as_it_is_there(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = given_up(provider)
    real = sending.record_answer

    def record(account: Any, call: Any, outcome: Any) -> Any:
        tell_of(older, provider)
        return real(account, call, outcome)

    monkeypatch.setattr(sending, "record_answer", record)
    with later(minutes=201):
        flush()
    assert statuses() == [InvoiceStatus.ISSUED]
    look_up_at(202)
    assert QueueOperation.objects.get().item == LoteItem.objects.last()


@pytest.mark.parametrize("evento", ["encolado", "cambio_fecha"])
def test_a_notification_does_not_put_off_the_look_up_that_is_due(provider: Provider, evento: str) -> None:
    provider.use("nuevo_encola")
    provider.sandbox.pause()
    queue(1)
    flush()
    Invoice.objects.update(status=InvoiceStatus.CANCELLED)  # what tells that it is there asks for a look-up
    item = LoteItem.objects.get()
    due = timezone.now() - dt.timedelta(seconds=5)
    LoteItem.objects.update(told=Told.CHANGED, look_up_at=due)
    Lote.objects.update(look_up_at=due)
    told(provider, evento, item.reference)
    item.refresh_from_db()
    assert item.look_up_at == due, "a look-up that begins just now would not find it"
    look_up("default")
    assert QueueOperation.objects.get().item == item


def test_one_that_waits_again_beside_the_one_that_is_waited_for_is_deleted(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, newer = failed_beside(provider)
    with later(minutes=DAY + 290):
        operation = operations.resend(Invoice.objects.get())
        QueueOperation.objects.filter(pk=operation.pk).start_sending(timezone.now())
        QueueOperation.objects.filter(pk=operation.pk).accept()
    look_up_at(DAY + 300)
    assert statuses() == [InvoiceStatus.SUBMITTED]
    says(monkeypatch, _2="queued")
    LoteItem.objects.filter(pk=newer.pk).look_up_soon(timezone.now())
    Lote.objects.filter(pk=newer.lote_id).look_up_by(timezone.now())
    look_up_at(DAY + 301)
    deleting = QueueOperation.objects.get(kind=OperationKind.DELETE)
    assert (deleting.item, item_statuses()) == (newer, ["submitted", "failed"])


def test_what_somebody_deleted_there_does_not_fail_an_invoice_that_waits_for_another_try(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, heard: list[tuple[str, Any]]
) -> None:
    _, newer = failed_beside(provider)
    look_up_at(DAY + 299)
    heard.clear()
    says(monkeypatch, _2="absent")
    told(provider, "eliminado", newer.reference)
    for minutes in (DAY + 300, DAY + 302, DAY + 304):
        look_up_at(minutes)
    assert (statuses(), item_statuses(), heard) == (["submitted"], ["submitted", "withdrawn"], [])


def test_what_is_known_to_be_there_stays_so_until_look_ups_in_a_row_miss_it(provider: Provider) -> None:
    item = given_up(provider)
    operations.cancel(Invoice.objects.get())
    look_up_at(DAY + 205)
    for number, fault in enumerate(["lookup=500", "lookup=absent"]):
        provider.fault(fault)
        look_up_at(DAY + 230 + 60 * number)
        with pytest.raises(NotPossibleError, match="may still be issued"):
            operations.retry(Invoice.objects.get())
    item.refresh_from_db()
    assert (item.finding, item.absences) == ("queued", 1)


def test_several_under_one_reference_are_one_state_and_end(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, heard: list[tuple[str, Any]]
) -> None:
    waiting(provider, "nuevo_encola")
    found = (Found(Standing.IN_ERROR, errors=("no",)), Found(Standing.QUEUED))
    monkeypatch.setattr(look_ups, "read_lookup", lambda *_: found)
    now = timezone.now()
    asked = 0
    for minutes in range(4 * 60, 4 * 60 + 3 * DAY, 20):
        with time_machine.travel(now + dt.timedelta(minutes=minutes)):
            asked += look_up("default").asked
    assert (statuses(), heard) == (["submitted"], [])
    assert asked < 20
    assert "lists 2 comprobantes" in Lote.objects.get().discrepancies[0]


def test_a_deletion_that_tusfacturas_refuses_ends_in_front_of_a_person(provider: Provider) -> None:
    sent_beside(provider)
    provider.sandbox.fault("operation=reject:S*always")
    calls = 0
    now = timezone.now()
    for minutes in range(DAY + 300, 8 * DAY, 30):
        with time_machine.travel(now + dt.timedelta(minutes=minutes)):
            calls += queue_operations.send_requested("default")
            look_up("default")
    operation = QueueOperation.objects.get()
    assert (operation.status, calls) == (OperationStatus.REFUSED, operation_requests.MOST_TRIES)
    assert operation in QueueOperation.objects.needing_a_person()


def test_after_a_change_of_the_apikey_a_person_may_say_what_look_ups_can_not(provider: Provider) -> None:
    invoice = in_error(provider, "nuevo_encola")
    with pytest.raises(NotPossibleError, match="not overdue"):
        operations.confirm_not_issued(invoice)
    Lote.objects.update(sent_as="another")
    assert operations.confirm_not_issued(invoice).status == InvoiceStatus.FAILED
    assert operations.retry(invoice).status == InvoiceStatus.PENDING


def test_a_nota_that_does_not_fit_any_more_is_not_waited_for(provider: Provider) -> None:
    invoice = issued(provider)
    provider.use("nuevo_encola")
    provider.sandbox.pause()
    first = queue_credit_note(invoice, key="first")
    provider.sandbox.fault("answer=none", "webhook=never*always", "lookup=absent*9")
    flush()
    for minutes in (6, 70, 130, 200):
        look_up_at(minutes)
    provider.sandbox.clear_faults()
    operations.cancel(first)
    queue_credit_note(invoice, key="second")
    assert operations.retry(first).failure_stage == "validation"
    work(provider, 210, DAY + 210, DAY + 215, DAY + 220, DAY + 230, DAY + 300)
    first.refresh_from_db()
    assert (first.status, first.failure_stage) == (InvoiceStatus.FAILED, "validation")
    statuses_there = [entry["status"] for entry in provider.sandbox.ledger()["references"].values()]
    assert statuses_there == ["issued", "deleted", "queued"]


def test_giving_way_costs_the_same_however_many_do(provider: Provider) -> None:
    counts = []
    for count in (2, 20):
        old = make_lote(LoteStatus.ACCEPTED, modality="nuevo_encola")
        new = make_lote(LoteStatus.UNCERTAIN, modality="lotes_encola")
        for position in range(count):
            item = make_item(LoteItemStatus.WITHDRAWN, lote=old, finding="queued", due_at=timezone.now())
            Invoice.objects.filter(pk=item.invoice_id).update(status="uncertain", tries=2)
            LoteItem.objects.create(
                lote=new, invoice=item.invoice, position=position, reference=f"{item.invoice.public_id}-2",
                status="uncertain",
            )  # fmt: skip
        with Queries() as queries:
            assert settling.mark_not_received(new.pk, "said so") == 0
        counts.append(len(queries.statements))
        assert set(Invoice.objects.values_list("status", flat=True)) == {InvoiceStatus.SUBMITTED}
    assert counts[0] == counts[1] <= 14, queries.statements
