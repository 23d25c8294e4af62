"""After so many look-ups in vain an item is asked about no more, and a person sees what was told of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from django_tusfacturas_lotes.conf import conf
from django_tusfacturas_lotes.models import (
    InvoiceStatus,
    LoteItem,
    LoteItemStatus,
    OperationKind,
    OperationStatus,
    QueueOperation,
    Told,
)
from django_tusfacturas_lotes.provider.client import Reply
from django_tusfacturas_lotes.reconciliation.findings import MAX_LOOKUPS, apply_lookup_result
from tests.support.rows import make_item, make_lote

pytestmark = pytest.mark.django_db

T = LoteItemStatus


def asked(answer: Any = None, **columns: Any) -> LoteItem:
    lote = make_lote(modality="nuevo_encola", sent_as=conf.account("default").sent_as[0])
    given = {"look_up_at": timezone.now(), **columns}
    item = make_item(given.pop("status", T.SUBMITTED), InvoiceStatus.SUBMITTED, lote, **given)
    item.is_settled = apply_lookup_result(conf.account("default"), item.reference, Reply(answer))  # type: ignore[attr-defined]
    found = LoteItem.objects.select_related("lote").get(pk=item.pk)
    found.is_settled = item.is_settled  # type: ignore[attr-defined]
    return found


@pytest.mark.parametrize("told", ["", *Told])
@pytest.mark.parametrize("lookups", [MAX_LOOKUPS - 1, MAX_LOOKUPS, MAX_LOOKUPS + 1])
def test_the_last_one_settles_it_whatever_it_found(lookups: int, told: str) -> None:
    item = asked(lookups=lookups, told=told)
    is_last = lookups >= MAX_LOOKUPS
    assert item.is_settled is is_last
    assert (item.look_up_at is None) is is_last
    assert item.told == ("" if is_last else told)
    assert item.lote.discrepancies == (
        [f"a notification told of {item} ({Told(told).label}), and no look-up says so"] if told and is_last else []
    )


@pytest.mark.parametrize("told", ["", *Told])
@pytest.mark.parametrize(("absences", "lookups"), [(6, 7), (7, 8)])
def test_what_is_missed_eight_times_was_told_for_nothing(absences: int, lookups: int, told: str) -> None:
    item = asked((), absences=absences, lookups=lookups, told=told)
    if told == Told.DELETED:
        assert (item.status, item.told, item.absences) == (T.WITHDRAWN, "", 0)
        return
    assert item.absences == absences + 1
    gives_up = told != "" and absences == 7
    assert (item.status, item.told) == (T.SUBMITTED, "" if gives_up else told)
    said = [f"a notification told of {item} ({Told(told).label}), and look-ups do not find it"] if gives_up else []
    assert item.lote.discrepancies == said


def test_what_waits_for_proof_is_refused_with_the_last_one() -> None:
    lote = make_lote(modality="nuevo_encola")
    item = make_item(T.SUBMITTED, InvoiceStatus.SUBMITTED, lote, lookups=MAX_LOOKUPS, look_up_at=timezone.now())
    QueueOperation.objects.create(
        item=item, account="default", kind=OperationKind.DELETE, status=OperationStatus.ACCEPTED, open_for=item.pk
    )
    assert apply_lookup_result(conf.account("default"), item.reference, Reply(None))
    assert QueueOperation.objects.get().status == OperationStatus.REFUSED


def test_a_reference_that_is_not_ours_is_nothing() -> None:
    assert apply_lookup_result(conf.account("default"), "unknown-1", Reply(())) is False
