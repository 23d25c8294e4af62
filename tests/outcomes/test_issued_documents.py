"""What an invoice says once one of its tries is issued: its day, and what a person must look at."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from django_tusfacturas_lotes.models import Attention, Invoice, InvoiceStatus, LoteItem, LoteItemStatus
from django_tusfacturas_lotes.outcomes import tries
from django_tusfacturas_lotes.wire.dates import argentine_day
from django_tusfacturas_lotes.wire.modalities import Result
from tests.support.builders import documento
from tests.support.rows import make_invoice, make_lote

pytestmark = pytest.mark.django_db

I, T = InvoiceStatus, LoteItemStatus  # noqa: E741
NOW = timezone.now()
CAE = Result(cae="71234567890123", tipo="FACTURA B", punto_venta=3, numero=7)


def one_try(
    newer: str | None = None, sent: Any = None, status: InvoiceStatus = I.SUBMITTED, **columns: Any
) -> LoteItem:
    """A try of three days ago; with `newer`, another one since, in that status."""
    invoice = make_invoice(status, tries=1 if newer is None else 2, **columns)
    lote = make_lote(sent_at=NOW - dt.timedelta(days=3))
    item = LoteItem.objects.create(
        lote=lote, invoice=invoice, position=0, reference=f"{invoice.public_id}-1", status=T.SUBMITTED, comprobante=sent
    )
    if newer is not None:
        LoteItem.objects.create(
            lote=make_lote(), invoice=invoice, position=0, reference=f"{invoice.public_id}-2", status=newer
        )
    return LoteItem.objects.select_related("invoice", "lote").get(pk=item.pk)


def issue(item: LoteItem, result: Result = CAE) -> Invoice:
    tries.mark_issued(item.lote, item, result, NOW)
    return Invoice.objects.get(pk=item.invoice_id)


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("newer", [None, T.WITHDRAWN])
@pytest.mark.parametrize("bears", [None, 0])
def test_it_bears_the_day_that_it_was_sent_with(own: bool, newer: str | None, bears: int | None) -> None:
    today = argentine_day()
    asked = documento(fecha="09/05/2026") if own else documento()
    invoice = issue(one_try(newer, comprobante=asked, fecha=None if bears is None else today))
    # What the invoice says is of its newest try; an older one bore the day that its lote was sent on.
    is_of_this_try = newer is None and bears is not None
    sent_on = argentine_day(NOW - dt.timedelta(days=3))
    kept = today if bears is not None else None
    assert invoice.fecha == (kept if own or is_of_this_try else sent_on)


@pytest.mark.parametrize("newer", [None, *LoteItemStatus])
@pytest.mark.parametrize("sent", [None, documento()])
@pytest.mark.parametrize("status", [I.SUBMITTED, I.CANCELLED, I.FAILED, I.PENDING])
def test_a_person_looks_at_what_may_have_other_data_or_was_cancelled(status: I, sent: Any, newer: str | None) -> None:
    invoice = issue(one_try(newer, sent, status))
    taken = newer is not None and newer not in (T.WITHDRAWN, T.REFUSED)
    if sent is not None or taken:
        assert invoice.attention == Attention.OLDER_TRY
    else:
        assert invoice.attention == (Attention.CANCELLED if status == I.CANCELLED else "")


@pytest.mark.parametrize(
    ("others", "own", "over"),
    [
        ([], "100", False), ([], "100.01", True), (["40"], "60", False), (["40"], "60.01", True),
        ([None], "1", True), (["40"], None, True), ([], None, True), (["40", "60"], "0.01", True),
    ],
)  # fmt: skip
def test_a_person_looks_at_notas_that_come_to_more_than_the_invoice(
    others: list[str | None], own: str | None, over: bool
) -> None:
    credited, another = (make_invoice(I.ISSUED, total=Decimal(100)) for _ in range(2))
    for total in others:
        make_invoice(I.ISSUED, credits=credited, total=None if total is None else Decimal(total))
    make_invoice(I.ISSUED, credits=another, total=Decimal(100))
    for status in InvoiceStatus:
        if status != I.ISSUED:
            make_invoice(status, credits=credited, total=Decimal(100))
    nota = issue(one_try(credits=credited, total=None if own is None else Decimal(own)))
    assert nota.attention == (Attention.OVER_CREDITED if over else "")


@pytest.mark.parametrize(
    ("result", "columns"),
    [
        (CAE, ("FACTURA B", 3, 7)),
        (Result(cae=CAE.cae, numero=8), ("FACTURA X", 9, 8)),
        (Result(cae=CAE.cae, numero=8, punto_venta=0), ("FACTURA X", 0, 8)),
        (Result(cae=CAE.cae, tipo="FACTURA A", numero=None), ("FACTURA A", 9, None)),
    ],
)
def test_what_the_provider_does_not_say_is_as_it_was_asked_for(result: Result, columns: tuple[Any, ...]) -> None:
    invoice = issue(one_try(tipo="FACTURA X", punto_venta=9), result)
    assert (invoice.tipo, invoice.punto_venta, invoice.numero) == columns


@pytest.mark.parametrize("keeps", [False, True])
@pytest.mark.parametrize("url", ["", "https://x.example/a.pdf"])
def test_its_pdf_is_wanted_from_now_on_where_pdfs_are_kept(settings: Any, url: str, keeps: bool) -> None:
    settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "KEEP_PDF": keeps}
    invoice = issue(one_try(pdf_tries=4, pdf_error="no"), Result(cae=CAE.cae, numero=7, pdf_url=url))
    assert (invoice.pdf_url, invoice.pdf_tries, invoice.pdf_error) == (url, 0, "")
    assert invoice.pdf_url_on == (argentine_day(NOW) if url else None)
    assert invoice.pdf_try_at == (NOW if keeps else None)


@pytest.mark.parametrize("kept", ["", "a.pdf"])
@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize(("url", "cae"), [("https://x.example/b.pdf", CAE.cae), ("", CAE.cae)])
def test_a_new_address_is_kept_where_the_pdf_is_still_wanted(url: str, cae: str, waits: bool, kept: str) -> None:
    item = one_try()
    issue(item, Result(cae=CAE.cae, numero=7, pdf_url="https://x.example/a.pdf"))
    Invoice.objects.filter(pk=item.invoice_id).update(pdf=kept, pdf_try_at=NOW if waits else None, pdf_tries=4)
    other = one_try()
    before = Invoice.objects.filter(pk=other.invoice_id).values().get()
    again = LoteItem.objects.select_related("invoice", "lote").get(pk=item.pk)
    invoice = issue(again, Result(cae=cae, numero=7, pdf_url=url))
    is_new = url != "" and not (kept and not waits)
    assert invoice.pdf_url == (url if is_new else "https://x.example/a.pdf")
    assert invoice.pdf_tries == 4
    assert Invoice.objects.filter(pk=other.invoice_id).values().get() == before
