"""What each finding of a look-up makes of each operation: done, asked for again, refused, or left as it is."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from django_tusfacturas_lotes.models import (
    Invoice,
    InvoiceStatus,
    LoteItem,
    LoteItemStatus,
    OperationKind,
    OperationPurpose,
    OperationStatus,
    QueueOperation,
    Told,
)
from django_tusfacturas_lotes.outcomes import operation_results
from tests.support.rows import make_item, make_lote

pytestmark = pytest.mark.django_db

K, O = OperationKind, OperationStatus  # noqa: E741
DAY, ANOTHER = dt.date(2026, 5, 4), dt.date(2026, 5, 9)
WAITS_FOR_PROOF = (O.ACCEPTED, O.UNCERTAIN)
OPEN = (O.REQUESTED, O.SENDING, *WAITS_FOR_PROOF)


def asked(kind: str, status: str, item_status: str = LoteItemStatus.SUBMITTED, **columns: Any) -> QueueOperation:
    """An operation on the only try of an invoice; another one, on another item, beside it."""
    operations = []
    for _ in range(2):
        item = make_item(item_status, InvoiceStatus.SUBMITTED, make_lote(modality="nuevo_encola"))  # type: ignore[arg-type]
        is_open = status in OPEN
        given = {"tries": 1, "sent_at": timezone.now(), "open_for": item.pk if is_open else None, **columns}
        operations.append(
            QueueOperation.objects.create(item=item, account="default", kind=kind, status=status, error="", **given)
        )
    return operations[0]


def after(operation: QueueOperation) -> tuple[str, str]:
    """What became of it; nothing of the one beside it."""
    other = QueueOperation.objects.exclude(pk=operation.pk).get()
    assert (other.status, other.error) == (operation.status, "")
    now = QueueOperation.objects.get(pk=operation.pk)
    assert (now.open_for is None) == (now.status not in OPEN)
    if now.status == O.REQUESTED != operation.status:
        assert abs(now.next_try_at - timezone.now() - dt.timedelta(minutes=1)) < dt.timedelta(seconds=20)
    return now.status, now.error


every_operation = pytest.mark.parametrize(
    ("kind", "status"), [(kind, status) for kind in OperationKind for status in OperationStatus]
)


@every_operation
def test_it_was_issued(kind: str, status: str) -> None:
    operation = asked(kind, status)
    operation_results.settle_issued(operation.item)
    if status not in OPEN:
        expected = (status, "")
    elif kind == K.RESEND or (kind == K.REDATE and status == O.ACCEPTED):
        expected = (O.DONE, "")
    else:
        expected = (O.REFUSED, "it was issued before that")
    assert after(operation) == expected


@every_operation
@pytest.mark.parametrize("item_status", [LoteItemStatus.SUBMITTED, LoteItemStatus.FAILED])
def test_it_is_in_error(kind: str, status: str, item_status: str) -> None:
    operation = asked(kind, status, item_status)
    goes_on = operation_results.settle_in_error(operation.item)
    asks_again = status in WAITS_FOR_PROOF and (kind == K.DELETE or (kind == K.RESEND and status == O.UNCERTAIN))
    if status not in WAITS_FOR_PROOF:
        expected = (status, "")
    elif asks_again:
        expected = (O.REQUESTED, "it is in TusFacturas' queue still, in error")
    elif kind == K.RESEND:
        expected = (O.DONE, "it was sent again, and is in error again")
    else:
        expected = (O.REFUSED, "TusFacturas lists it in error")
    assert after(operation) == expected
    assert goes_on is (asks_again and item_status == LoteItemStatus.FAILED)


@every_operation
@pytest.mark.parametrize("issue_on", [None, DAY, ANOTHER])
def test_it_waits_in_the_queue(kind: str, status: str, issue_on: dt.date | None) -> None:
    operation = asked(kind, status, fecha=DAY if kind == K.REDATE else None)
    operation_results.settle_queued(operation.item, issue_on)
    # Where the queue does not say on which day, the provider's word that it changes it must do.
    redated = issue_on == DAY or (issue_on is None and status == O.ACCEPTED)
    if status not in WAITS_FOR_PROOF:
        expected = (status, "")
    elif kind == K.RESEND or (kind == K.REDATE and redated):
        expected = (O.DONE, "")
    else:
        expected = (O.REQUESTED, "TusFacturas' queue shows no change")
    assert after(operation) == expected


@every_operation
@pytest.mark.parametrize("told", ["", *Told])
@pytest.mark.parametrize("long_ago", [False, True])
def test_it_is_not_there(kind: str, status: str, told: str, long_ago: bool, settings: Any) -> None:
    settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "NOT_FOUND_AFTER": 3600}
    sent_at = timezone.now() - dt.timedelta(seconds=3610 if long_ago else 3590)
    operation = asked(kind, status, sent_at=sent_at, purpose=OperationPurpose.CANCEL if kind == K.DELETE else "")
    LoteItem.objects.filter(pk=operation.item_id).update(told=told)
    item = LoteItem.objects.select_related("invoice").get(pk=operation.item_id)
    settled = operation_results.settle_absent(item)
    proven = long_ago or status == O.ACCEPTED or told == Told.DELETED
    deleted = False
    if status not in WAITS_FOR_PROOF or told == Told.ISSUED:
        expected, for_it = (status, ""), False
    elif kind != K.DELETE:
        expected, for_it = (O.REFUSED, "TusFacturas does not find it"), False
    elif not proven:
        expected, for_it = (status, ""), True
    else:
        expected, for_it, deleted = (O.DONE, ""), True, True
    assert after(operation) == expected
    assert settled is for_it
    item.refresh_from_db()
    assert item.status == (LoteItemStatus.WITHDRAWN if deleted else LoteItemStatus.SUBMITTED)
    invoice = Invoice.objects.get(pk=item.invoice_id)
    assert invoice.status == (InvoiceStatus.CANCELLED if deleted else InvoiceStatus.SUBMITTED)


@every_operation
def test_nothing_shows_what_became_of_it(kind: str, status: str) -> None:
    operation = asked(kind, status)
    operation_results.settle_unknown(operation.item)
    text = "TusFacturas' queue did not show whether it was done, and is asked no more"
    assert after(operation) == ((O.REFUSED, text) if status in WAITS_FOR_PROOF else (status, ""))


@pytest.mark.parametrize(("tries", "again"), [(23, True), (24, False), (25, False)])
def test_after_many_calls_in_vain_it_is_refused(tries: int, again: bool) -> None:
    operation = asked(K.DELETE, O.ACCEPTED, tries=tries)
    operation_results.settle_queued(operation.item, None)
    now = QueueOperation.objects.get(pk=operation.pk)
    shows_no_change = "TusFacturas' queue shows no change"
    if again:
        assert (now.status, now.error) == (O.REQUESTED, shows_no_change)
    else:
        assert (now.status, now.error) == (O.REFUSED, f"asked for {tries} times in vain: {shows_no_change}")


@pytest.mark.parametrize(("tries", "minutes"), [(1, 1), (2, 5), (3, 15), (4, 60), (5, 60)])
def test_the_pauses_between_calls_in_vain_grow(tries: int, minutes: int) -> None:
    operation = asked(K.DELETE, O.ACCEPTED, tries=tries)
    operation_results.settle_queued(operation.item, None)
    now = QueueOperation.objects.get(pk=operation.pk)
    assert abs(now.next_try_at - timezone.now() - dt.timedelta(minutes=minutes)) < dt.timedelta(seconds=20)
