"""What each query of tries finds, of tries of each status."""

from __future__ import annotations

import pytest

from django_tusfacturas_lotes.models import (
    Finding,
    InvoiceStatus,
    LoteItem,
    LoteItemStatus,
    WebhookEventStatus,
)
from tests.support.rows import make_event, make_invoice, make_item, make_lote
from tests.support.status_table import found

pytestmark = pytest.mark.django_db

QUEUES = ("lotes_encola", "nuevo_encola")
MODALITIES = ("lotes", *QUEUES)
S = LoteItemStatus
LIVE = {S.CLAIMED, S.UNCERTAIN, S.SUBMITTED}
GIVEN_UP = {S.WITHDRAWN, S.REFUSED}


def items(finding: str = "") -> dict[tuple[str, str], LoteItem]:
    """One of each status in each modality."""
    return {
        (status.value, modality): make_item(status, lote=make_lote(modality=modality), finding=finding)
        for status in LoteItemStatus
        for modality in MODALITIES
    }


def test_items_by_how_they_stand() -> None:
    made = items()
    rows = LoteItem.objects.all()
    in_error = {(S.FAILED.value, modality) for modality in QUEUES}
    live = {(status.value, modality) for status in LIVE for modality in MODALITIES}
    issued = {(S.ISSUED.value, modality) for modality in MODALITIES}
    failed = {(S.FAILED.value, modality) for modality in MODALITIES}
    assert found(made, rows.live()) == live
    assert found(made, rows.undecided()) == live | issued
    assert found(made, rows.taken()) == live | issued | failed
    assert found(made, rows.under_way()) == live | in_error
    assert found(made, rows.notified()) == issued | failed
    assert found(made, rows.found_in_queue()) == set()


@pytest.mark.parametrize("finding", Finding)
def test_items_that_a_look_up_found_in_the_queue_are_there_although_they_were_given_up(finding: str) -> None:
    made = items(finding)
    is_there = finding in (Finding.QUEUED, Finding.IN_ERROR)
    there = {(status.value, modality) for status in GIVEN_UP for modality in QUEUES if is_there}
    in_error = {(S.FAILED.value, modality) for modality in QUEUES}
    live = {(status.value, modality) for status in LIVE for modality in MODALITIES}
    assert found(made, LoteItem.objects.found_in_queue()) == there
    assert found(made, LoteItem.objects.under_way()) == live | in_error | there


def test_items_that_a_notification_was_about_whatever_became_of_it() -> None:
    for status in WebhookEventStatus:
        item, other = make_item(S.SUBMITTED), make_item(S.SUBMITTED)
        make_event(None, status, reference=item.reference)
        assert list(LoteItem.objects.filter(pk__in=[item.pk, other.pk]).notified()) == [item]


@pytest.mark.parametrize("modality", MODALITIES)
def test_an_invoice_waits_for_the_newest_of_the_tries_that_stand_best(modality: str) -> None:
    in_error = 1 if modality in QUEUES else 2
    standing = {
        S.CLAIMED: 0, S.UNCERTAIN: 0, S.SUBMITTED: 0, S.FAILED: in_error, S.ISSUED: 2, S.WITHDRAWN: 3, S.REFUSED: 3,
    }  # fmt: skip
    of_another = make_item(S.SUBMITTED)
    for first in LoteItemStatus:
        for second in LoteItemStatus:
            invoice = make_invoice(InvoiceStatus.SUBMITTED, tries=2)
            older, newer = (
                LoteItem.objects.create(
                    lote=make_lote(modality=modality), invoice=invoice, position=0, status=status,
                    reference=f"{invoice.public_id}-{number}",
                )
                for number, status in ((1, first), (2, second))
            )  # fmt: skip
            expected = older if standing[first] < standing[second] else newer
            assert LoteItem.objects.awaited_by(invoice) == expected, (first, second)
            assert (older.is_awaited, newer.is_awaited) == (expected == older, expected == newer), (first, second)
            assert (older.is_newest_try, newer.is_newest_try) == (False, True)
    assert of_another.is_awaited
    assert LoteItem.objects.awaited_by(make_invoice()) is None


def test_the_lotes_of_some_tries_are_returned_once_and_in_one_order() -> None:
    lotes = [make_lote() for _ in range(3)]
    for lote in reversed(lotes):
        for _ in range(2):
            make_item(S.SUBMITTED, lote=lote)
    make_item(S.SUBMITTED)
    wanted = LoteItem.objects.filter(lote__in=lotes).order_by("-pk")
    assert wanted.lock_lotes() == lotes
