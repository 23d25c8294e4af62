"""Which try an invoice waits for again, once it turns out to be at the provider after all."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from django_tusfacturas_lotes.models import (
    FailureStage,
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    LoteStatus,
)
from django_tusfacturas_lotes.outcomes.late_proof import lote_received, reopen_try
from tests.support.rows import make_invoice, make_lote

pytestmark = pytest.mark.django_db

I, L, T = InvoiceStatus, LoteStatus, LoteItemStatus  # noqa: E741
NEWER = (None, T.WITHDRAWN, T.REFUSED, T.FAILED, T.SUBMITTED, T.ISSUED)


def one_try(
    status: str, lote_status: str, tries: int, invoice_status: str, stage: str = "", newer: str | None = None
) -> LoteItem:
    invoice = make_invoice(invoice_status, failure_stage=stage, tries=1 if newer is None else 2)  # type: ignore[arg-type]
    lote = make_lote(L.CANCELLED, modality="nuevo_encola", tries=tries)
    Lote.objects.filter(pk=lote.pk).update(status=lote_status)
    item = LoteItem.objects.create(
        lote=Lote.objects.get(pk=lote.pk),
        invoice=invoice,
        position=0,
        reference=f"{invoice.public_id}-1",
        status=status,
    )
    if newer is not None:
        LoteItem.objects.create(
            lote=make_lote(), invoice=invoice, position=0, reference=f"{invoice.public_id}-2", status=newer
        )
    return item


def may_be_there(status: str, lote_status: str, tries: int, *, certain: bool) -> bool:
    """A try that was refused, given up after a call, or, for certain, deleted."""
    if status == T.REFUSED:
        return True
    given_up = tries > 0 and lote_status in (L.CANCELLED, L.READY)
    return status == T.WITHDRAWN and (given_up or (lote_status == L.ACCEPTED and certain))


@pytest.mark.parametrize("certain", [None, False, True])
@pytest.mark.parametrize("tries", [0, 1])
@pytest.mark.parametrize("lote_status", LoteStatus)
def test_only_what_was_taken_for_gone_is_waited_for_again(lote_status: str, tries: int, certain: bool | None) -> None:
    for status in LoteItemStatus:
        item = one_try(status, lote_status, tries, I.PENDING)
        given = {} if certain is None else {"certain": certain}
        reopens = may_be_there(status, lote_status, tries, certain=bool(certain))
        assert reopen_try(item.lote, item, **given) is reopens, status
        item.refresh_from_db()
        invoice = Invoice.objects.get(pk=item.invoice_id)
        assert (item.status, invoice.status) == ((T.SUBMITTED, I.SUBMITTED) if reopens else (status, I.PENDING)), status
        assert (item.look_up_at is not None) is reopens
        assert bool(Lote.objects.get(pk=item.lote_id).discrepancies) is reopens


@pytest.mark.parametrize("queued", [None, False, True])
@pytest.mark.parametrize("invoice_status", InvoiceStatus)
def test_an_invoice_that_is_settled_or_failed_since_waits_only_for_what_is_known_to_be_queued(
    invoice_status: str, queued: bool | None
) -> None:
    for stage in FailureStage:
        item = one_try(T.REFUSED, L.ACCEPTED, 1, invoice_status, stage)
        given = {} if queued is None else {"queued": queued}
        failed = invoice_status == I.FAILED and (queued or stage == FailureStage.INTAKE)
        reopens = invoice_status == I.PENDING or bool(failed)
        assert reopen_try(item.lote, item, **given) is reopens, stage
        assert Invoice.objects.get(pk=item.invoice_id).status == (I.SUBMITTED if reopens else invoice_status)


@pytest.mark.parametrize(("newer", "looked_up"), list(itertools.product(NEWER, [None, False, True])))
def test_beside_a_newer_try_that_counts_it_is_only_looked_up(newer: str | None, looked_up: bool | None) -> None:
    item = one_try(T.REFUSED, L.ACCEPTED, 1, I.PENDING, newer=newer)
    given = {} if looked_up is None else {"looked_up": looked_up}
    reopens = newer not in (T.SUBMITTED, T.ISSUED)
    assert reopen_try(item.lote, item, **given) is reopens
    item.refresh_from_db()
    assert item.status == (T.SUBMITTED if reopens else T.REFUSED)
    # Unless it just was.
    asked = reopens or not looked_up
    assert (item.look_up_at is not None) is asked
    assert (Lote.objects.get(pk=item.lote_id).look_up_at is not None) is asked


@pytest.mark.parametrize("tries", [0, 1])
@pytest.mark.parametrize("status", LoteStatus)
def test_what_is_told_of_a_lote_proves_that_it_was_received(status: str, tries: int) -> None:
    item = one_try(T.UNCERTAIN, status, tries, I.UNCERTAIN)
    Lote.objects.filter(pk=item.lote_id).update(error="an error")
    lote_received(Lote.objects.get(pk=item.lote_id), item, "a test")
    lote = Lote.objects.get(pk=item.lote_id)
    moves = (status == L.UNCERTAIN and tries) or (status in (L.READY, L.CANCELLED) and tries)
    assert lote.status == (L.ACCEPTED if moves else status)
    texts: dict[Any, str] = {
        L.READY: "the answer said that it was not taken (an error), a test that it was",
        L.CANCELLED: "it was given up, and a test proves that TusFacturas has it",
    }
    assert lote.discrepancies == ([texts[status]] if tries and status in texts else [])
