"""What becomes known of a try changes that try, and its invoice where that waits for it; and nobody else's."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from django_tusfacturas_lotes.models import (
    Attention,
    FailureStage,
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    LoteStatus,
    Told,
    WebhookEventStatus,
)
from django_tusfacturas_lotes.outcomes import tries
from django_tusfacturas_lotes.wire.dates import argentine_day
from django_tusfacturas_lotes.wire.modalities import Result
from tests.support.neighbours import others_stay, rows
from tests.support.rows import make_invoice, make_lote

pytestmark = pytest.mark.django_db

I, T = InvoiceStatus, LoteItemStatus  # noqa: E741
OPEN = (T.CLAIMED, T.SUBMITTED, T.UNCERTAIN)
NOW = timezone.now()
DONE = (WebhookEventStatus.PROCESSED, "")
CAE = Result(cae="71234567890123", tipo="FACTURA B", punto_venta=3, numero=7)


def one_try(
    status: str, invoice_status: str, *, newer: bool = False, modality: str = "nuevo_encola", **columns: Any
) -> LoteItem:
    """A try; with `newer`, its invoice waits for another one. Beside it, the same of another invoice."""
    made = []
    for _ in range(2):
        invoice = make_invoice(invoice_status, tries=1 + newer, **columns)  # type: ignore[arg-type]
        for number in range(1, 2 + newer):
            reference, now = f"{invoice.public_id}-{number}", status if number == 1 else T.SUBMITTED
            lote = make_lote(modality=modality)
            item = LoteItem.objects.create(lote=lote, invoice=invoice, position=0, status=now, reference=reference)
            made.append(item)
    item = made[-1 - newer]
    return LoteItem.objects.select_related("invoice", "lote").get(pk=item.pk)


def neighbours_of(item: LoteItem) -> Any:
    own = {("Invoice", item.invoice_id)}
    for one in LoteItem.objects.filter(invoice=item.invoice):
        own |= {("LoteItem", one.pk), ("Lote", one.lote_id)}
    return others_stay({key: row for key, row in rows().items() if key not in own})


def now_of(item: LoteItem) -> tuple[LoteItem, Invoice, Lote]:
    return LoteItem.objects.get(pk=item.pk), Invoice.objects.get(pk=item.invoice_id), Lote.objects.get(pk=item.lote_id)


@pytest.mark.parametrize("newer", [False, True])
@pytest.mark.parametrize("status", LoteItemStatus)
def test_it_failed(
    status: str, newer: bool, heard: list[tuple[str, Any]], django_capture_on_commit_callbacks: Any
) -> None:
    item = one_try(status, I.SUBMITTED, newer=newer)
    with neighbours_of(item), django_capture_on_commit_callbacks(execute=True):
        said = tries.mark_failed(item, ["Cod: 10016", "no"])
    after, invoice, _ = now_of(item)
    moves = status in OPEN
    assert said == (DONE if moves else (WebhookEventStatus.IGNORED, f"an error for an item that is {status}"))
    assert after.status == (T.FAILED if moves else status)
    assert invoice.status == (I.FAILED if moves and not newer else I.SUBMITTED)
    assert [error["text"] for error in after.errors] == (["Cod: 10016", "no"] if moves else [])
    if moves and not newer:
        assert (invoice.errors, invoice.failure_stage) == (after.errors, FailureStage.EMISSION)
    assert heard == ([("invoice_failed", invoice)] if moves and not newer else [])


@pytest.mark.parametrize("newer", [False, True])
@pytest.mark.parametrize("status", LoteItemStatus)
def test_it_was_deleted_at_the_provider(
    status: str, newer: bool, heard: list[tuple[str, Any]], django_capture_on_commit_callbacks: Any
) -> None:
    item = one_try(status, I.SUBMITTED, newer=newer)
    with neighbours_of(item), django_capture_on_commit_callbacks(execute=True):
        tries.mark_deleted(item, "It is gone.")
    after, invoice, lote = now_of(item)
    moves = status in (T.SUBMITTED, T.FAILED, T.UNCERTAIN)
    # Once more, in a day: what is there after all must not go unseen.
    again_at = NOW + dt.timedelta(days=1)
    assert after.status == (T.WITHDRAWN if moves else status)
    for moment in (after.look_up_at, lote.look_up_at):
        assert moment is None if not moves else abs(moment - again_at) < dt.timedelta(minutes=30)
    fails = moves and (not newer)
    assert invoice.status == (I.FAILED if fails else I.SUBMITTED)
    assert invoice.errors == ([{"code": "", "text": "It is gone.", "hint": "Retry it, or cancel it."}] if fails else [])
    assert heard == ([("invoice_failed", invoice)] if fails else [])


@pytest.mark.parametrize("newer", [False, True])
@pytest.mark.parametrize("status", LoteItemStatus)
def test_it_is_in_the_queue_again(status: str, newer: bool) -> None:
    item = one_try(status, I.FAILED, newer=newer, failure_stage=FailureStage.EMISSION)
    due_at, look_up_at = NOW + dt.timedelta(hours=1), NOW + dt.timedelta(hours=2)
    with neighbours_of(item):
        tries.mark_queued_again(item, due_at, look_up_at)
    after, invoice, _ = now_of(item)
    moves = status == T.FAILED and not newer
    assert (after.status, invoice.status) == ((T.SUBMITTED, I.SUBMITTED) if moves else (status, I.FAILED))
    assert (after.due_at, after.look_up_at) == ((due_at, look_up_at) if moves else (None, None))


@pytest.mark.parametrize("newer", [False, True])
@pytest.mark.parametrize("status", InvoiceStatus)
@pytest.mark.parametrize("days", [0, 1])
def test_it_is_issued_on_another_day(status: str, newer: bool, days: int) -> None:
    today = argentine_day()
    item = one_try(T.SUBMITTED, status, newer=newer, fecha=today)
    with neighbours_of(item):
        tries.set_issue_date(item, today + dt.timedelta(days=days))
    _, invoice, _ = now_of(item)
    moves = status == I.SUBMITTED and not newer
    assert invoice.fecha == today + dt.timedelta(days=days if moves else 0)


@pytest.mark.parametrize("told", Told)
@pytest.mark.parametrize("status", LoteItemStatus)
def test_something_is_told_that_a_look_up_must_confirm(status: str, told: Told) -> None:
    item = one_try(status, I.SUBMITTED)
    Lote.objects.filter(pk=item.lote_id).update(status=LoteStatus.ACCEPTED)
    item.lote.status = LoteStatus.ACCEPTED
    with neighbours_of(item):
        said = tries.request_look_up(item.lote, item, told)
    after, _, lote = now_of(item)
    if status == T.ISSUED and told != Told.ISSUED:
        assert said == (WebhookEventStatus.IGNORED, "the item is issued already")
        assert (after.look_up_at, after.told, lote.look_up_at) == (None, "", None)
        return
    assert said == DONE
    for moment in (after.look_up_at, lote.look_up_at):
        assert abs(moment - timezone.now()) < dt.timedelta(seconds=20)
    old_word = told == Told.CHANGED and status in (T.WITHDRAWN, T.REFUSED)
    assert after.told == ("" if old_word or status == T.ISSUED else told)


@pytest.mark.parametrize("newer", [False, True])
@pytest.mark.parametrize("invoice_status", [one for one in InvoiceStatus if one != I.ISSUED])
@pytest.mark.parametrize("status", [one for one in LoteItemStatus if one != T.ISSUED])
def test_it_was_issued(status: str, invoice_status: str, newer: bool) -> None:
    item = one_try(status, invoice_status, newer=newer, attention=Attention.OVERDUE)
    with neighbours_of(item):
        assert tries.mark_issued(item.lote, item, CAE, NOW) == DONE
    after, invoice, _ = now_of(item)
    assert (after.status, invoice.status) == (T.ISSUED, I.ISSUED)
    assert (invoice.numero, invoice.cae, invoice.tipo, invoice.punto_venta, invoice.issued_at) == (
        7, CAE.cae, "FACTURA B", 3, NOW,
    )  # fmt: skip
    assert after.result["cae"] == CAE.cae
    expected = Attention.OLDER_TRY if newer else Attention.CANCELLED if invoice_status == I.CANCELLED else ""
    assert invoice.attention == expected


@pytest.mark.parametrize("invoice_status", InvoiceStatus)
def test_without_a_cae_nothing_is_issued_and_a_person_is_asked_once(invoice_status: str) -> None:
    item = one_try(T.SUBMITTED, invoice_status)
    for seen in (False, True):
        Invoice.objects.filter(pk=item.invoice_id).update(seen_at=NOW if seen else None)
        with neighbours_of(item):
            status, text = tries.mark_issued(item.lote, item, Result(cae="", numero=7), NOW)
        after, invoice, _ = now_of(item)
        assert (after.status, invoice.status) == (T.SUBMITTED, invoice_status)
        assert "a success without a CAE" in text
        if invoice_status == I.ISSUED:
            assert (status, invoice.attention) == (WebhookEventStatus.IGNORED, "")
        else:
            assert (status, invoice.attention) == (WebhookEventStatus.ERROR, Attention.NO_CAE)
            assert invoice.seen_at == (NOW if seen else None)


@pytest.mark.parametrize(
    ("cae", "numero", "is_another"),
    [(CAE.cae, 7, False), ("", 7, False), (CAE.cae, None, False), ("72222222222222", 7, True), (CAE.cae, 8, True)],
)
def test_a_second_document_of_a_try_is_told_once(
    cae: str,
    numero: int | None,
    is_another: bool,
    heard: list[tuple[str, Any]],
    django_capture_on_commit_callbacks: Any,
) -> None:
    item = one_try(T.SUBMITTED, I.SUBMITTED)
    tries.mark_issued(item.lote, item, CAE, NOW)
    for _ in range(2):
        again = LoteItem.objects.select_related("invoice").get(pk=item.pk)
        with neighbours_of(item), django_capture_on_commit_callbacks(execute=True):
            tries.mark_issued(item.lote, again, Result(cae=cae, numero=numero), NOW)
    after, invoice, _ = now_of(item)
    assert (invoice.cae, invoice.numero) == (CAE.cae, 7)
    assert invoice.attention == (Attention.DUPLICATE if is_another else "")
    assert len(after.result.get("others", [])) == is_another
    assert [name for name, _ in heard] == ["duplicate_issued"] * is_another
