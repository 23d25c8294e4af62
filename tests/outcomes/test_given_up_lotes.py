"""Of a lote that is given up, a few items are asked about once more; what goes back into the queue is told."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote, LoteItem, LoteItemStatus, LoteStatus
from django_tusfacturas_lotes.outcomes import calls
from tests.support.neighbours import others_stay, rows
from tests.support.rows import make_item, make_lote

pytestmark = pytest.mark.django_db

I, L, T = InvoiceStatus, LoteStatus, LoteItemStatus  # noqa: E741
PROBES = 5


def lote_of(
    status: LoteStatus, item_status: LoteItemStatus, count: int, tries: int = 1, send_on: dt.date | None = None
) -> Lote:
    """A lote; beside it, another of the same kind, on its own."""
    made = []
    for account in ("another", "default"):
        lote = make_lote(status, account=account, tries=tries, modality="lotes", send_on=send_on)
        for _ in range(count):
            make_item(item_status, I.UNCERTAIN if status == L.UNCERTAIN else I.CLAIMED, lote)
        made.append(lote)
    return made[1]


def others_than(lote: Lote) -> Any:
    own = {("Lote", lote.pk)}
    for item in LoteItem.objects.filter(lote=lote):
        own |= {("LoteItem", item.pk), ("Invoice", item.invoice_id)}
    return others_stay({key: row for key, row in rows().items() if key not in own})


@pytest.mark.parametrize("count", [1, PROBES, PROBES + 3])
@pytest.mark.parametrize("days", [None, -1, 3])
def test_the_first_few_are_asked_about_a_day_after_they_could_have_been_issued(count: int, days: int | None) -> None:
    today = timezone.localdate(timezone=dt.timezone(dt.timedelta(hours=-3)))
    send_on = None if days is None else today + dt.timedelta(days=days)
    lote = lote_of(L.UNCERTAIN, T.UNCERTAIN, count, send_on=send_on)
    with others_than(lote):
        assert calls.mark_not_received(lote.pk, "a test") == count
    lote.refresh_from_db()
    items = list(lote.items.order_by("position"))
    assert (lote.status, lote.error, lote.in_flight_for) == (L.CANCELLED, "a test", None)
    assert {item.status for item in items} == {T.WITHDRAWN}
    assert set(Invoice.objects.filter(items__lote=lote).values_list("status", flat=True)) == {I.PENDING}
    assert [item.look_up_at is not None for item in items] == [at < PROBES for at in range(count)]
    begins = timezone.now()
    if days == 3:
        assert send_on is not None
        begins = dt.datetime.combine(send_on, dt.time(), dt.timezone(dt.timedelta(hours=-3)))
    for moment in (lote.look_up_at, *(item.look_up_at for item in items[:PROBES])):
        assert abs(moment - begins - dt.timedelta(days=1)) < dt.timedelta(minutes=1)


@pytest.mark.parametrize("status", LoteStatus)
def test_only_an_uncertain_lote_is_given_up_and_only_a_ready_one_dissolved(status: LoteStatus) -> None:
    lote = lote_of(status, T.CLAIMED, 1, tries=0)
    before = rows()
    if status != L.UNCERTAIN:
        assert calls.mark_not_received(lote.pk, "a test") is None
        assert rows() == before
    if status != L.READY:
        assert calls.requeue_unsent(lote.pk, "a test") is None
        assert rows() == before
        return
    with others_than(lote):
        assert calls.requeue_unsent(lote.pk, "a test") == 1
    lote.refresh_from_db()
    item = lote.items.get()
    # Never tried: nobody need be asked about it.
    assert (lote.status, lote.error, lote.look_up_at) == (L.CANCELLED, "a test", None)
    assert (item.status, item.look_up_at, item.invoice.status) == (T.WITHDRAWN, None, I.PENDING)


@pytest.mark.parametrize("tries", [0, 1])
@pytest.mark.parametrize("status", LoteStatus)
def test_a_lote_that_was_tried_and_is_open_is_received(status: LoteStatus, tries: int) -> None:
    lote = lote_of(status, T.UNCERTAIN, 2, tries=tries)
    with others_than(lote):
        received = calls.mark_received(lote.pk)
    lote.refresh_from_db()
    moves = tries > 0 and status in (L.UNCERTAIN, L.READY)
    assert received is moves
    assert lote.status == (L.ACCEPTED if moves else status)
    found = {(item.status, item.invoice.status) for item in lote.items.select_related("invoice")}
    before = I.UNCERTAIN if status == L.UNCERTAIN else I.CLAIMED
    assert found == {(T.SUBMITTED, I.SUBMITTED) if moves else (T.UNCERTAIN, before)}
    if moves:
        for moment in (lote.look_up_at, *lote.items.values_list("look_up_at", flat=True)):
            assert moment > timezone.now()


@pytest.mark.parametrize("tries", [1, 2])
@pytest.mark.parametrize("status", LoteStatus)
def test_an_answer_is_lost_of_the_try_that_is_being_sent(status: LoteStatus, tries: int) -> None:
    lote = lote_of(status, T.CLAIMED, 2, tries=1)
    Invoice.objects.update(status=I.CLAIMED)
    said = {"error": "no answer", "http_status": 500}
    with others_than(lote):
        moves = calls.mark_answer_lost(lote.pk, tries, said)
    lote.refresh_from_db()
    assert moves is (status == L.SENDING and tries == 1)
    found = {(item.status, item.invoice.status) for item in lote.items.select_related("invoice")}
    assert found == {(T.UNCERTAIN, I.UNCERTAIN) if moves else (T.CLAIMED, I.CLAIMED)}
    assert lote.status == (L.UNCERTAIN if moves else status)
    if moves:
        assert (lote.error, lote.http_status, lote.in_flight_for) == ("no answer", 500, None)
        for moment in (lote.look_up_at, *lote.items.values_list("look_up_at", flat=True)):
            assert abs(moment - timezone.now() - dt.timedelta(minutes=5)) < dt.timedelta(minutes=1)


def test_a_discrepancy_is_kept_beside_the_others_for_a_person_to_see() -> None:
    lote = make_lote(discrepancies=["one"], seen_at=timezone.now())
    with others_than(lote):
        calls.add_discrepancy(lote.pk, "two")
    lote.refresh_from_db()
    assert (lote.discrepancies, lote.seen_at) == (["one", "two"], None)
