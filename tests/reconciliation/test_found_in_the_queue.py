"""What a look-up finds in the provider's queue is deleted there where no invoice waits for it, and only there."""

from __future__ import annotations

import pytest

from django_tusfacturas_lotes.conf import conf
from django_tusfacturas_lotes.models import (
    InvoiceStatus,
    LoteItem,
    LoteItemStatus,
    OperationKind,
    OperationPurpose,
    QueueOperation,
)
from django_tusfacturas_lotes.provider.client import Reply
from django_tusfacturas_lotes.reconciliation.findings import apply_lookup_result
from django_tusfacturas_lotes.wire.answers.lookup import Found, Standing
from django_tusfacturas_lotes.wire.modalities import Result
from tests.support.rows import make_invoice, make_lote

pytestmark = pytest.mark.django_db

T = LoteItemStatus
CAE = Result(cae="71234567890123", tipo="FACTURA B", punto_venta=3, numero=7)
ANSWERS: dict[str, tuple[Found, ...] | None] = {
    "issued": (Found(Standing.ISSUED, CAE),),
    "queued": (Found(Standing.QUEUED),),
    "in error": (Found(Standing.IN_ERROR, errors=("no",)),),
    "absent": (),
    "no answer": None,
}


@pytest.mark.parametrize("modality", ["lotes", "lotes_encola", "nuevo_encola"])
@pytest.mark.parametrize("invoice_status", [InvoiceStatus.CANCELLED, InvoiceStatus.ISSUED])
@pytest.mark.parametrize("said", ANSWERS)
def test_it_is_deleted_where_its_invoice_is_settled(said: str, invoice_status: InvoiceStatus, modality: str) -> None:
    invoice = make_invoice(invoice_status, cae="79999999999999", numero=8)
    item = LoteItem.objects.create(
        lote=make_lote(modality=modality), invoice=invoice, position=0, reference=f"{invoice.public_id}-1",
        status=T.SUBMITTED,
    )  # fmt: skip
    apply_lookup_result(conf.account("default"), item.reference, Reply(ANSWERS[said]))
    asked = list(QueueOperation.objects.values_list("item", "kind", "purpose"))
    is_there = said in ("queued", "in error") and modality != "lotes"
    assert asked == ([(item.pk, OperationKind.DELETE, OperationPurpose.UNNEEDED)] if is_there else [])


@pytest.mark.parametrize("modality", ["lotes", "lotes_encola", "nuevo_encola"])
@pytest.mark.parametrize("said", ANSWERS)
def test_it_stays_where_its_invoice_waits_for_it(said: str, modality: str) -> None:
    invoice = make_invoice(InvoiceStatus.SUBMITTED)
    item = LoteItem.objects.create(
        lote=make_lote(modality=modality), invoice=invoice, position=0, reference=f"{invoice.public_id}-1",
        status=T.SUBMITTED,
    )  # fmt: skip
    apply_lookup_result(conf.account("default"), item.reference, Reply(ANSWERS[said]))
    assert not QueueOperation.objects.exists()
