"""Which PDFs are fetched next, and in which order."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from django_tusfacturas_lotes.models import Attention, Invoice, InvoiceStatus, LoteItem, LoteItemStatus
from django_tusfacturas_lotes.operations import NotPossibleError
from django_tusfacturas_lotes.pdfs import keeping
from django_tusfacturas_lotes.wire.dates import argentine_day
from tests.support.neighbours import others_stay, rows
from tests.support.rows import make_invoice, make_item

pytestmark = pytest.mark.django_db(transaction=True)

NOW = timezone.now()


def at(minutes: float | None) -> dt.datetime | None:
    return None if minutes is None else NOW + dt.timedelta(minutes=minutes)


def test_what_is_due_goes_by_its_moment_and_then_as_it_was_queued() -> None:
    moments = [-1, None, -5, 0, 1, -5, 60]
    made = [make_invoice(InvoiceStatus.ISSUED, pdf_try_at=at(minutes)) for minutes in moments]
    expected = [made[index] for index in (2, 5, 0, 3)]
    assert keeping._due(NOW, 10) == expected
    assert keeping._due(NOW, 3) == expected[:3]
    assert keeping._due(NOW, 0) == []


@pytest.mark.parametrize(
    ("url", "days", "is_good"),
    [("https://x.example/a.pdf", 0, True), ("https://x.example/a.pdf", 1, True), ("https://x.example/a.pdf", -1, False),
     ("https://x.example/a.pdf", None, False), ("", 0, False)],
)  # fmt: skip
def test_an_address_is_good_on_its_day(url: str, days: int | None, is_good: bool) -> None:
    on = None if days is None else argentine_day() + dt.timedelta(days=days)
    invoice = make_invoice(InvoiceStatus.ISSUED, pdf_url=url, pdf_url_on=on)
    assert keeping._has_good_address(invoice) is is_good


@pytest.mark.parametrize("is_good", [False, True])
@pytest.mark.parametrize("attention", ["", *Attention])
@pytest.mark.parametrize("status", InvoiceStatus)
def test_a_person_has_one_fetched_next(status: InvoiceStatus, attention: str, is_good: bool) -> None:
    url = {"pdf_url": "https://x.example/a.pdf", "pdf_url_on": argentine_day() if is_good else None}
    item, other = make_item(LoteItemStatus.ISSUED, status), make_item(LoteItemStatus.ISSUED)
    Invoice.objects.update(pdf_tries=4, pdf_error="no", attention=attention, **url)
    invoice = Invoice.objects.get(pk=item.invoice_id)
    beside = {("Invoice", other.invoice_id), ("LoteItem", other.pk), ("Lote", other.lote_id)}
    with others_stay({key: row for key, row in rows().items() if key in beside}):
        if status != InvoiceStatus.ISSUED:
            with pytest.raises(NotPossibleError, match="only an issued one has a PDF"):
                keeping.fetch_now(invoice)
            return
        after = keeping.fetch_now(invoice)
    assert abs(after.pdf_try_at - timezone.now()) < dt.timedelta(minutes=1)
    assert (after.pdf_tries, after.pdf_error) == (0, "")
    assert after.attention == ("" if attention == Attention.NO_PDF else attention)
    # Where its address is not good any more, a look-up gives a new one.
    assert (LoteItem.objects.get(pk=item.pk).look_up_at is None) is is_good


def test_nothing_is_fetched_where_pdfs_are_not_kept(settings: Any) -> None:
    settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "KEEP_PDF": False}
    invoice = make_invoice(InvoiceStatus.ISSUED, pdf_try_at=at(-1))
    assert keeping.keep_due() == 0
    with pytest.raises(NotPossibleError, match="KEEP_PDF is off"):
        keeping.fetch_now(invoice)
