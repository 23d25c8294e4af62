"""What the parts of a credited invoice come to, to the cent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from django_tusfacturas_lotes import operations
from django_tusfacturas_lotes.models import Invoice, InvoiceStatus
from django_tusfacturas_lotes.queueing import queue_invoice
from django_tusfacturas_lotes.queueing.paid_orders import queue_credit_note
from django_tusfacturas_lotes.wire.dates import argentine_day
from tests.support import builders

pytestmark = pytest.mark.django_db

D = Decimal
PRODUCTO = builders.DOCUMENTO["comprobante"]["detalle"][0]["producto"]


def line(price: str, quantity: int = 1, alicuota: float = 21) -> dict[str, Any]:
    producto = {**PRODUCTO, "precio_unitario_sin_iva": float(price), "alicuota": alicuota}
    return {"cantidad": quantity, "producto": producto}


def issued(*lines: dict[str, Any]) -> Invoice:
    documento = builders.documento(detalle=list(lines), total=None)
    invoice = queue_invoice(comprobante=documento, key=f"k{Invoice.objects.count()}")
    assert invoice is not None
    assert invoice.status == InvoiceStatus.PENDING, invoice.reasons
    row = Invoice.objects.filter(pk=invoice.pk)
    row.update(status=InvoiceStatus.ISSUED, numero=7, cae="1", fecha=argentine_day())
    return row.get()


def price_of(nota: Invoice) -> D:
    return D(str(nota.comprobante["comprobante"]["detalle"][0]["producto"]["precio_unitario_sin_iva"]))


def cents(amount: D) -> D:
    return amount.quantize(D("0.01"))


@pytest.mark.parametrize("parts", [2, 3, 5, 7])
@pytest.mark.parametrize("price", ["10.335", "0.335", "33.333", "7.777", "99.999", "100", "12.5"])
def test_the_last_of_many_parts_is_what_is_left_to_the_cent(price: str, parts: int) -> None:
    invoice = issued(line(price, parts))
    each = cents(D(price) * D("1.21"))
    assert invoice.total == cents(D(price) * D("1.21") * parts)
    left = invoice.total
    for part in range(parts):
        nota = queue_credit_note(invoice, {0: 1}, key=f"r-{part}")
        # Each is rounded by itself. One that would be a cent too much is that cent less, and not another one.
        assert (nota.status, nota.total) == (InvoiceStatus.PENDING, min(each, left)), nota.reasons
        assert nota.comprobante["comprobante"]["total"] == float(min(each, left))
        # Its price is the invoice's, or less by as many thousandths as it takes.
        lower = (D(price) - D(thousandths) / 1000 for thousandths in range(1000))
        assert price_of(nota) == next(one for one in lower if cents(one * D("1.21")) <= left)
        left -= nota.total
    assert queue_credit_note(invoice, {0: parts}, key="r-more").status == InvoiceStatus.FAILED


@pytest.mark.parametrize(
    ("second", "comes_to"),
    [
        ("39.98", "39.98"), ("39.99", "39.99"), ("40.00", "40.00"), ("40.01", "40.00"), ("40.04", "40.00"),
        ("40.05", "40.00"), ("40.06", None), ("41", None),
    ],
)  # fmt: skip
def test_what_is_over_by_a_few_cents_is_mended_and_by_more_refused(second: str, comes_to: str | None) -> None:
    invoice = issued(line("100", alicuota=0))
    assert queue_credit_note(invoice, [line("60", alicuota=0)], key="r-1").total == D(60)
    nota = queue_credit_note(invoice, [line(second, alicuota=0)], key="r-2")
    if comes_to is None:
        assert (nota.status, nota.total) == (InvoiceStatus.FAILED, None)
        assert "more than its total of 100.00" in nota.reasons[0]
        # It does not count against the next one.
        nota = queue_credit_note(invoice, [line("40", alicuota=0)], key="r-3")
        comes_to = "40"
    assert (nota.status, nota.total) == (InvoiceStatus.PENDING, D(comes_to)), nota.reasons
    assert price_of(nota) == (D("40.005") if second > "40.00" and nota.key == "r-2" else D(comes_to))


def test_the_whole_invoice_is_never_lowered_to_fit() -> None:
    invoice = issued(line("100", alicuota=0))
    assert queue_credit_note(invoice, [line("0.01", alicuota=0)], key="r-1").total == D("0.01")
    assert queue_credit_note(invoice).status == InvoiceStatus.FAILED


@pytest.mark.parametrize(("status", "leaves_room"), [(one, one == InvoiceStatus.CANCELLED) for one in InvoiceStatus])
def test_every_nota_counts_but_a_cancelled_one(status: InvoiceStatus, leaves_room: bool) -> None:
    invoice, other = issued(line("100", alicuota=0)), issued(line("100", alicuota=0))
    one = queue_credit_note(invoice, [line("60", alicuota=0)], key="r-1")
    of_another = queue_credit_note(other, [line("60", alicuota=0)], key="of another invoice")
    assert of_another.status == InvoiceStatus.PENDING, of_another.reasons
    Invoice.objects.filter(pk=one.pk).update(status=status)
    two = queue_credit_note(invoice, [line("60", alicuota=0)], key="r-2")
    assert two.status == (InvoiceStatus.PENDING if leaves_room else InvoiceStatus.FAILED), two.reasons


def test_a_nota_that_is_retried_does_not_count_against_itself() -> None:
    invoice = issued(line("100", alicuota=0))
    nota = queue_credit_note(invoice, [line("60", alicuota=0)], key="r-1")
    Invoice.objects.filter(pk=nota.pk).update(status=InvoiceStatus.FAILED, failure_stage="emission")
    again = operations.retry(nota)
    assert (again.status, again.total) == (InvoiceStatus.PENDING, D(60)), again.reasons
