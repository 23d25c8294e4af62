"""What each query of the models finds, of rows of each status."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from django_tusfacturas_lotes.models import (
    Attention,
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    LoteStatus,
    OperationStatus,
    QueueOperation,
    WebhookEvent,
    WebhookEventStatus,
)
from django_tusfacturas_lotes.models.lote import MANY_TRIES
from tests.support.builders import order
from tests.support.moments import ago
from tests.support.rows import make_event, make_invoice, make_item, make_lote, make_operation
from tests.support.status_table import found

pytestmark = pytest.mark.django_db

S, O, E = LoteItemStatus, OperationStatus, WebhookEventStatus  # noqa: E741


def test_invoices_that_need_a_person() -> None:
    made = {
        (status.value, attention, seen): make_invoice(
            status, attention=attention, seen_at=ago(hours=1) if seen else None
        )
        for status in InvoiceStatus
        for attention in ("", *Attention)
        for seen in (False, True)
    }
    stuck = (InvoiceStatus.FAILED, InvoiceStatus.UNCERTAIN)
    expected = {key for key in made if key[0] in stuck or (key[1] and not key[2])}
    assert found(made, Invoice.objects.needing_a_person()) == expected


def test_invoices_that_wait_go_by_their_day_and_then_as_they_were_queued() -> None:
    first, second = dt.date(2026, 5, 4), dt.date(2026, 5, 5)
    days = [None, second, first, None, second, first]
    invoices = [make_invoice(fecha=day) for day in days]
    make_invoice(account="b")
    for status in InvoiceStatus:
        if status != InvoiceStatus.PENDING:
            make_invoice(status)
    expected = [invoices[at] for at in (2, 5, 1, 4, 0, 3)]
    assert list(Invoice.objects.pending("default")) == expected
    assert Invoice.objects.pending().count() == 7


def test_the_day_of_the_last_one_issued_is_of_its_account_type_and_point_of_sale() -> None:
    def issued(day: dt.date | None, **columns: Any) -> None:
        make_invoice(InvoiceStatus.ISSUED, **{"tipo": "FACTURA B", "punto_venta": 3, "fecha": day, **columns})

    last, later = dt.date(2026, 5, 4), dt.date(2026, 5, 9)
    assert Invoice.objects.last_fecha("default", "FACTURA B", 3) is None
    for day in (last - dt.timedelta(days=3), last, last - dt.timedelta(days=1), None):
        issued(day)
    issued(later, tipo="FACTURA A")
    issued(later, punto_venta=4)
    issued(later, account="b")
    for status in InvoiceStatus:
        if status != InvoiceStatus.ISSUED:
            make_invoice(status, tipo="FACTURA B", punto_venta=3, fecha=later)
    assert Invoice.objects.last_fecha("default", "FACTURA B", 3) == last


def test_invoices_of_some_orders() -> None:
    from django_tusfacturas_lotes.queueing import queue_invoice

    first, second, third = order(), order(), order()
    queued = {one.pk: queue_invoice(order=one) for one in (first, second, third)}
    queue_invoice(order=first, kind="envio")
    assert set(Invoice.objects.for_sources([first, second])) == {queued[first.pk], queued[second.pk]}
    assert {one.source_id for one in Invoice.objects.for_sources([first, second])} == {str(first.pk), str(second.pk)}
    assert Invoice.objects.for_sources([first, second], "envio").count() == 1
    assert list(Invoice.objects.for_sources([])) == []


def test_what_went_on_into_a_later_lote_is_left_out() -> None:
    lote = make_lote()
    items = [make_item(status, lote=lote) for status in (S.WITHDRAWN, S.WITHDRAWN, S.SUBMITTED)]
    later = LoteItem.objects.create(
        lote=make_lote(), invoice=items[0].invoice, position=0, reference=f"{items[0].invoice.public_id}-2"
    )
    invoices = Invoice.objects.filter(items__in=items)
    assert set(invoices.latest_in(lote.pk)) == {items[1].invoice, items[2].invoice}
    assert set(invoices.latest_in(later.lote_id)) == {one.invoice for one in items}


def test_lotes_are_looked_up_by_the_earliest_moment_asked_for() -> None:
    moment = timezone.now()
    for before, after in ((None, moment), (moment + dt.timedelta(1), moment), (moment, moment)):
        lote = make_lote(look_up_at=before)
        Lote.objects.filter(pk=lote.pk).look_up_by(moment)
        lote.refresh_from_db()
        assert lote.look_up_at == after
    lote = make_lote(look_up_at=moment - dt.timedelta(1))
    assert Lote.objects.filter(pk=lote.pk).look_up_by(moment) == 0
    assert make_lote(LoteStatus.UNCERTAIN) in Lote.objects.needing_a_person()


def test_operations_that_are_open_and_those_that_may_be_sent_now() -> None:
    now = timezone.now()
    made = {
        (status.value, waits): make_operation(make_item(), status=status, next_try_at=moment)
        for status in OperationStatus
        for waits, moment in (("", None), ("until now", now), ("longer", now + dt.timedelta(minutes=1)))
    }
    is_open = (O.REQUESTED, O.SENDING, O.ACCEPTED, O.UNCERTAIN)
    assert found(made, QueueOperation.objects.open()) == {key for key in made if key[0] in is_open}
    due = [(O.REQUESTED.value, ""), (O.REQUESTED.value, "until now")]
    assert list(QueueOperation.objects.to_send(now)) == [made[key] for key in due]


def test_operations_that_need_a_person() -> None:
    made = {
        (status.value, tries, days, seen): make_operation(
            make_item(),
            status=status,
            tries=tries,
            sent_at=ago(days=days, minutes=-1),
            seen_at=ago(hours=1) if seen else None,
        )
        for status in OperationStatus
        for tries in (0, MANY_TRIES - 1, MANY_TRIES)
        for days in (0, 1, 2)
        for seen in (False, True)
    }
    expected = {
        (status, tries, days, seen)
        for status, tries, days, seen in made
        if (status == O.REFUSED and not seen)
        or (status == O.REQUESTED and tries >= MANY_TRIES)
        or (status in (O.ACCEPTED, O.UNCERTAIN) and days == 2)
    }
    assert found(made, QueueOperation.objects.needing_a_person()) == expected


def test_notifications_that_need_a_person() -> None:
    made = {
        (status.value, minutes): make_event(None, status, received_at=ago(minutes=minutes))
        for status in WebhookEventStatus
        for minutes in (1, 3)
    }
    stuck = (E.UNMATCHED, E.ERROR)
    assert found(made, WebhookEvent.objects.needing_a_person()) == {
        key for key in made if key[0] in stuck or key == (E.RECEIVED.value, 3)
    }


def test_notifications_that_are_processed_again() -> None:
    item = make_item(S.SUBMITTED)
    made = {
        (status.value, first, last, ours): make_event(
            None, status, received_at=ago(minutes=first), last_received_at=ago(minutes=last),
            **({"reference": item.reference} if ours else {}),
        )
        for status in WebhookEventStatus
        for first in (1, 3)
        for last in (1, 60 * 24 - 1, 60 * 24 + 1)
        for ours in (False, True)
    }  # fmt: skip
    expected = {
        (status, first, last, ours)
        for status, first, last, ours in made
        if first == 3 and last < 60 * 24 and (status in (E.RECEIVED, E.ERROR) or (status == E.UNMATCHED and ours))
    }
    assert found(made, WebhookEvent.objects.to_process_again()) == expected


def test_the_same_notification_coming_again_is_counted() -> None:
    event, other = make_event(None), make_event(None)
    WebhookEvent.objects.filter(pk=event.pk).update(last_received_at=ago(hours=1))
    WebhookEvent.objects.filter(pk=event.pk).deliver_again()
    event.refresh_from_db()
    other.refresh_from_db()
    assert (event.deliveries, other.deliveries) == (2, 1)
    assert timezone.now() - event.last_received_at < dt.timedelta(minutes=1)
