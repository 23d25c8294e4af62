"""Once one try has an invoice, or it waits for that, its other tries are deleted from the provider's queue."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from django_tusfacturas_lotes.conf import conf
from django_tusfacturas_lotes.models import (
    FailureStage,
    Finding,
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    LoteStatus,
    OperationKind,
    OperationPurpose,
    OperationStatus,
    QueueOperation,
    Told,
)
from django_tusfacturas_lotes.outcomes.late_proof import reopen_try
from django_tusfacturas_lotes.outcomes.operation_requests import cancel_other_tries
from django_tusfacturas_lotes.provider.client import Reply
from django_tusfacturas_lotes.reconciliation.findings import apply_lookup_result
from django_tusfacturas_lotes.wire.answers.lookup import Found, Standing
from tests.support.rows import make_invoice, make_lote

pytestmark = pytest.mark.django_db

QUEUES = ("lotes_encola", "nuevo_encola")  # the modalities whose queue shows in look-ups, and can be operated on
S = LoteItemStatus
IN_THE_QUEUE = {(S.SUBMITTED, ""), (S.FAILED, "")} | {
    (status, finding)
    for finding in Finding
    for status in (S.SUBMITTED, S.FAILED, S.WITHDRAWN, S.REFUSED)
    if status in (S.SUBMITTED, S.FAILED) or finding in (Finding.QUEUED, Finding.IN_ERROR)
}


def tries_of(count: int, modality: str, **columns: Any) -> list[LoteItem]:
    """The tries of one invoice, the last of them submitted."""
    invoice = make_invoice(InvoiceStatus.SUBMITTED, tries=count)
    return [
        LoteItem.objects.create(
            lote=make_lote(modality=modality), invoice=invoice, position=0, reference=f"{invoice.public_id}-{number}",
            **{"status": S.SUBMITTED, **({} if number == count else columns)},
        )
        for number in range(1, count + 1)
    ]  # fmt: skip


def asked_of(item: LoteItem) -> list[tuple[str, str, str, int | None]]:
    operations = QueueOperation.objects.filter(item=item).order_by("pk")
    return list(operations.values_list("kind", "purpose", "status", "open_for"))


def deleted(item: LoteItem) -> list[tuple[str, str, str, int]]:
    return [(OperationKind.DELETE, OperationPurpose.UNNEEDED, OperationStatus.REQUESTED, item.pk)]


@pytest.mark.parametrize("modality", ["lotes", *QUEUES])
@pytest.mark.parametrize("finding", ["", *Finding])
@pytest.mark.parametrize("status", LoteItemStatus)
def test_what_lies_in_a_queue_is_deleted_there_and_nothing_else(status: str, finding: str, modality: str) -> None:
    older, item = tries_of(2, modality, status=status, finding=finding)
    of_another = tries_of(2, modality)
    cancel_other_tries(item)
    is_there = modality in QUEUES and (status, finding) in IN_THE_QUEUE
    assert asked_of(older) == (deleted(older) if is_there else [])
    assert QueueOperation.objects.count() == is_there
    assert all(not asked_of(one) for one in (item, *of_another))


def test_each_of_several_is_deleted_whichever_of_them_has_the_invoice() -> None:
    for kept in range(3):
        items = tries_of(3, "nuevo_encola")
        cancel_other_tries(items[kept])
        assert [bool(asked_of(item)) for item in items] == [at != kept for at in range(3)]


def test_asked_for_twice_it_is_deleted_once() -> None:
    older, item = tries_of(2, "nuevo_encola")
    cancel_other_tries(item)
    cancel_other_tries(item)
    assert asked_of(older) == deleted(older)


@pytest.mark.parametrize("kind", OperationKind)
@pytest.mark.parametrize("status", OperationStatus)
def test_what_was_asked_for_before_gives_way_where_it_was_not_sent(kind: str, status: str) -> None:
    older, item = tries_of(2, "nuevo_encola")
    is_open = status not in (OperationStatus.DONE, OperationStatus.REFUSED)
    before = QueueOperation.objects.create(
        item=older, account="default", kind=kind, status=status, open_for=older.pk if is_open else None
    )
    cancel_other_tries(item)
    gives_way = status == OperationStatus.REQUESTED and kind != OperationKind.DELETE
    before.refresh_from_db()
    assert before.status == (OperationStatus.REFUSED if gives_way else status)
    asked_anew = gives_way or not is_open
    assert asked_of(older)[1:] == (deleted(older) if asked_anew else [])


@pytest.mark.parametrize(("tries", "again"), [(23, True), (24, False)])
@pytest.mark.parametrize("status", [OperationStatus.REFUSED, OperationStatus.DONE])
@pytest.mark.parametrize("purpose", OperationPurpose)
def test_what_was_asked_for_in_vain_for_a_day_is_left_to_a_person(
    tries: int, again: bool, status: str, purpose: str
) -> None:
    older, item = tries_of(2, "nuevo_encola")
    QueueOperation.objects.create(
        item=older, account="default", kind=OperationKind.DELETE, purpose=purpose, status=status, tries=tries
    )
    cancel_other_tries(item)
    in_vain = status == OperationStatus.REFUSED and purpose == OperationPurpose.UNNEEDED
    assert len(asked_of(older)) == (2 if again or not in_vain else 1)


@pytest.mark.parametrize("modality", ["lotes", *QUEUES])
@pytest.mark.parametrize("status", LoteStatus)
def test_one_that_is_being_sent_is_looked_up_as_soon_as_it_is_answered(status: str, modality: str) -> None:
    older, item = tries_of(2, modality, status=S.CLAIMED, look_up_at=None)
    Lote.objects.filter(pk=older.lote_id).update(status=status, look_up_at=None)
    cancel_other_tries(item)
    older = LoteItem.objects.select_related("lote").get(pk=older.pk)
    assert not asked_of(older)
    if status == LoteStatus.SENDING and modality in QUEUES:
        assert older.told == Told.CHANGED
        for moment in (older.look_up_at, older.lote.look_up_at):
            assert abs(moment - timezone.now()) < dt.timedelta(minutes=1)
    else:
        assert (older.told, older.look_up_at, older.lote.look_up_at) == ("", None, None)


def test_an_invoice_with_one_try_has_no_others(django_assert_num_queries: Any) -> None:
    (item,) = tries_of(1, "nuevo_encola")
    item = LoteItem.objects.select_related("invoice").get(pk=item.pk)
    with django_assert_num_queries(0):
        cancel_other_tries(item)
    assert Invoice.objects.get().status == InvoiceStatus.SUBMITTED


def test_a_look_up_that_finds_the_one_that_is_waited_for_has_the_others_deleted() -> None:
    older, item = tries_of(2, "nuevo_encola", status=S.WITHDRAWN, finding=Finding.QUEUED)
    apply_lookup_result(conf.account("default"), item.reference, Reply((Found(Standing.QUEUED),)))
    assert asked_of(older) == deleted(older)
    assert not asked_of(item)


def test_one_that_is_waited_for_again_has_the_others_deleted() -> None:
    older, item = tries_of(2, "nuevo_encola", status=S.WITHDRAWN, finding=Finding.QUEUED)
    LoteItem.objects.filter(pk=item.pk).update(status=S.REFUSED)
    item = LoteItem.objects.select_related("lote", "invoice").get(pk=item.pk)
    Invoice.objects.update(status=InvoiceStatus.FAILED, failure_stage=FailureStage.INTAKE)
    assert reopen_try(item.lote, item, certain=True)
    assert asked_of(older) == deleted(older)
    assert not asked_of(item)
