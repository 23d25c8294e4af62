"""Whatever a look-up finds of one try, those of other invoices stay as they are."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

import pytest
from django.utils import timezone

from django_tusfacturas_lotes.conf import conf
from django_tusfacturas_lotes.models import (
    Finding,
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
from django_tusfacturas_lotes.provider.client import Reply
from django_tusfacturas_lotes.reconciliation.findings import apply_lookup_result
from django_tusfacturas_lotes.wire.answers.lookup import Found, Standing
from django_tusfacturas_lotes.wire.dates import argentine_day
from django_tusfacturas_lotes.wire.modalities import Result
from tests.support.neighbours import others_stay, rows
from tests.support.rows import make_item, make_lote

pytestmark = pytest.mark.django_db

NOW = timezone.now()
CAE = Result(cae="71234567890123", tipo="FACTURA B", punto_venta=3, numero=7)
ISSUED, QUEUED = Found(Standing.ISSUED, CAE), Found(Standing.QUEUED)
ANSWERS: dict[str, tuple[Found, ...] | None] = {
    "issued": (ISSUED,),
    "queued": (QUEUED,),
    "queued for a day": (Found(Standing.QUEUED, issue_on=argentine_day() + dt.timedelta(days=3)),),
    "in error": (Found(Standing.IN_ERROR, errors=("no",)),),
    "several": (ISSUED, QUEUED),
    "absent": (),
    "no answer": None,
}


STATES = [*itertools.product((LoteStatus.ACCEPTED, LoteStatus.UNCERTAIN), ("", *Told))]


def a_try(status: str, lote_status: LoteStatus, modality: str, kind: str | None, **columns: Any) -> LoteItem:
    lote = make_lote(lote_status, modality=modality, sent_as=conf.account("default").sent_as[0], look_up_at=NOW)
    Lote.objects.filter(pk=lote.pk).update(sent_at=NOW - dt.timedelta(days=1), error="an error")
    item = make_item(status, InvoiceStatus.SUBMITTED, lote, look_up_at=NOW, **columns)  # type: ignore[arg-type]
    Invoice.objects.filter(pk=item.invoice_id).update(fecha=argentine_day(), pdf_url="https://x.example/a.pdf")
    if kind is not None:
        QueueOperation.objects.create(
            item=item, account="default", kind=kind, status=OperationStatus.UNCERTAIN, open_for=item.pk, sent_at=NOW,
            purpose="cancel" if kind == OperationKind.DELETE else "", error="an error",
        )  # fmt: skip
    return item


@pytest.mark.parametrize("said", ANSWERS)
@pytest.mark.parametrize("status", LoteItemStatus)
@pytest.mark.parametrize("modality", ["lotes", "nuevo_encola"])
def test_nothing_of_another_invoice_changes(modality: str, status: str, said: str) -> None:
    # Each of these with some of the others, not all with all.
    at = [*ANSWERS].index(said) + [*LoteItemStatus].index(status)
    for number in (at, at + 5):
        lote_status, told = STATES[number % len(STATES)]
        kind = [None, *OperationKind][number % 4]
        columns = {
            "told": told, "lookups": 9, "absences": 8, "finding": Finding.ABSENT, "due_at": NOW - dt.timedelta(days=1),
        }  # fmt: skip
        other = a_try(status, lote_status, modality, kind, **columns)
        item = a_try(status, lote_status, modality, kind, **columns)
        beside = {("Lote", other.lote_id), ("LoteItem", other.pk), ("Invoice", other.invoice_id)}
        beside |= {("QueueOperation", one.pk) for one in QueueOperation.objects.filter(item=other)}
        with others_stay({key: row for key, row in rows().items() if key in beside}):
            apply_lookup_result(conf.account("default"), item.reference, Reply(ANSWERS[said]))
