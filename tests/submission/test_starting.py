"""What is committed before a call: which day each invoice bears, and what does not go."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from django_tusfacturas_lotes.conf import conf
from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote, LoteItem, LoteItemStatus, LoteStatus
from django_tusfacturas_lotes.provider.pace import Busy, take
from django_tusfacturas_lotes.submission.starting import start_sending
from django_tusfacturas_lotes.wire.dates import argentine_day, format_day
from tests.support.builders import documento
from tests.support.neighbours import others_stay, rows
from tests.support.rows import make_invoice, make_lote

pytestmark = pytest.mark.django_db(transaction=True)


def in_lote(lote: Lote, day: dt.date | None, status: InvoiceStatus = InvoiceStatus.CLAIMED, **columns: Any) -> Invoice:
    """An invoice in a lote, with or without a day of its own."""
    own = documento(fecha=None if day is None else format_day(day))
    invoice = make_invoice(status, **{"comprobante": own, "fecha": day or argentine_day(), **columns})
    LoteItem.objects.create(lote=lote, invoice=invoice, position=lote.items.count(), reference=f"{invoice.public_id}-1")
    return invoice


@pytest.mark.parametrize("policy", ["keep", "today"])
@pytest.mark.parametrize("own", [None, -2, 0, 2])
@pytest.mark.parametrize("bore", [-1, 0, 1])
@pytest.mark.parametrize("send_on", [None, -1, 0])
def test_an_invoice_bears_the_day_that_leaves(
    settings: Any, policy: str, own: int | None, bore: int, send_on: int | None
) -> None:
    settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "DATE_POLICY": policy}
    today = argentine_day()
    day = {n: today + dt.timedelta(days=n) for n in (-2, -1, 0, 1, 2)}
    lote = make_lote(LoteStatus.READY, tries=0, send_on=None if send_on is None else day[send_on])
    invoice = in_lote(lote, None if own is None else day[own], fecha=day[bore])
    beside = make_invoice(InvoiceStatus.CLAIMED, fecha=day[-1])
    with others_stay({("Invoice", beside.pk): rows()[("Invoice", beside.pk)]}):
        started = start_sending(conf.account("default"), lote)
    assert isinstance(started, tuple)
    (row,) = started[0].rows
    leaves = today if own is None or (policy == "today" and own < 0) else day[own]
    invoice.refresh_from_db()
    assert row.fecha == invoice.fecha == leaves
    assert started[0].body["requests"][0]["comprobante"]["fecha"] == format_day(leaves)
    # What it was asked to bear is kept where it bears another one; not where it is its own day again.
    redated = bore != (leaves - today).days and not (own is not None and day[own] == leaves)
    assert (invoice.redated_from is not None) == (redated and own is not None)


@pytest.mark.parametrize("status", InvoiceStatus)
def test_what_is_not_claimed_any_more_stays_behind(status: InvoiceStatus) -> None:
    lote = make_lote(LoteStatus.READY, tries=0)
    goes, other = in_lote(lote, None), in_lote(lote, None, status)
    started = start_sending(conf.account("default"), lote)
    assert isinstance(started, tuple)
    sent = [row.invoice_id for row in started[0].rows]
    other.refresh_from_db()
    if status == InvoiceStatus.CLAIMED:
        assert sent == [goes.pk, other.pk]
    else:
        assert sent == [goes.pk]
        assert other.status == status
        assert other.items.get().status == LoteItemStatus.WITHDRAWN


def test_what_has_no_comprobante_fails_and_the_others_go() -> None:
    lote = make_lote(LoteStatus.READY, tries=0)
    bad, goes = in_lote(lote, None, comprobante={"cliente": {}}), in_lote(lote, None)
    started = start_sending(conf.account("default"), lote)
    assert isinstance(started, tuple)
    assert [row.invoice_id for row in started[0].rows] == [goes.pk]
    bad.refresh_from_db()
    assert (bad.status, bad.failure_stage) == (InvoiceStatus.FAILED, "validation")
    assert "no comprobante" in bad.reasons[0]


def test_a_lote_of_which_nothing_goes_is_closed() -> None:
    lote = make_lote(LoteStatus.READY, tries=0)
    in_lote(lote, None, InvoiceStatus.ISSUED)
    started = start_sending(conf.account("default"), lote)
    assert isinstance(started, tuple)
    assert started[0].rows == []
    lote.refresh_from_db()
    assert (lote.status, lote.in_flight_for) == (LoteStatus.CANCELLED, None)


def test_who_read_the_lote_before_another_process_began_does_not_begin() -> None:
    lote = make_lote(LoteStatus.READY, tries=0)
    in_lote(lote, None)
    Lote.objects.filter(pk=lote.pk).update(tries=1)
    assert start_sending(conf.account("default"), lote) is None
    assert Lote.objects.get().status == LoteStatus.READY


def test_nothing_begins_while_another_process_calls() -> None:
    lote = make_lote(LoteStatus.READY, tries=0)
    in_lote(lote, None)
    take("default")
    assert isinstance(start_sending(conf.account("default"), lote), Busy)
    assert Lote.objects.get().status == LoteStatus.READY
