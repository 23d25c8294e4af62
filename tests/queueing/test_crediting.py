"""Notas de crédito: of what was issued, once for each refund, and never more than the invoice."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from django_tusfacturas_lotes import operations
from django_tusfacturas_lotes.models import Attention, Invoice, InvoiceStatus
from django_tusfacturas_lotes.queueing import queue_invoice
from django_tusfacturas_lotes.queueing.paid_orders import queue_credit_note
from django_tusfacturas_lotes.signals import order_paid, order_refunded
from django_tusfacturas_lotes.submission import flush
from django_tusfacturas_lotes.wire.comprobante import Linea, Producto
from django_tusfacturas_lotes.wire.dates import argentine_day, format_day
from django_tusfacturas_lotes.wire.orders.credit_note import NotCreditableError, credit_note_of
from django_tusfacturas_lotes.wire.rules import Facts
from django_tusfacturas_lotes.wire.validation import read
from tests.support.builders import documento, order
from tests.support.issued import LINE, issued
from tests.support.provider import Provider
from tests.support.webhook import failure, post, success
from tests.testshop.models import Order

pytestmark = pytest.mark.django_db(transaction=True)

THREE = [{**LINE, "cantidad": 3}, {**LINE, "cantidad": 2, "bonificacion_porcentaje": 10}]


def test_a_whole_invoice_is_credited_and_the_nota_is_issued(provider: Provider) -> None:
    invoice = issued(provider)
    nota = queue_credit_note(invoice)
    assert (nota.status, nota.tipo, nota.total, nota.kind) == (
        InvoiceStatus.PENDING, "NOTA DE CREDITO B", invoice.total, "nota_de_credito",
    )  # fmt: skip
    assert nota.comprobante["comprobante"]["comprobantes_asociados"] == [
        {
            "tipo_comprobante": "FACTURA B", "punto_venta": 3, "numero": invoice.numero,
            "comprobante_fecha": format_day(argentine_day()),
        }
    ]  # fmt: skip
    flush()
    provider.settle()
    nota.refresh_from_db()
    assert (nota.status, nota.credits) == (InvoiceStatus.ISSUED, invoice)
    provider.assert_the_promise()


def test_asked_for_twice_it_is_one_nota(provider: Provider) -> None:
    invoice = issued(provider)
    assert queue_credit_note(invoice) == queue_credit_note(invoice)
    assert queue_credit_note(invoice, {0: 1}, key="r-1").status == InvoiceStatus.FAILED
    assert Invoice.objects.filter(kind="nota_de_credito").count() == 2


def test_a_part_by_row_and_quantity_in_sum_never_more_than_the_invoice(provider: Provider) -> None:
    invoice = issued(provider, detalle=THREE, total=None)
    one = queue_credit_note(invoice, {0: 1}, key="r-1")
    assert (one.status, one.total) == (InvoiceStatus.PENDING, Decimal("139.00"))
    two = queue_credit_note(invoice, {0: 2, 1: 2}, key="r-2")
    assert two.status == InvoiceStatus.PENDING, two.reasons
    assert one.total + two.total <= invoice.total
    three = queue_credit_note(invoice, {1: 1}, key="r-3")
    assert three.status == InvoiceStatus.FAILED
    assert "more than its total" in three.reasons[0]
    # What was cancelled leaves room again.
    operations.cancel(one)
    assert operations.retry(three).status == InvoiceStatus.PENDING
    assert queue_credit_note(invoice).status == InvoiceStatus.FAILED


def test_a_part_by_lines_of_ones_own(provider: Provider) -> None:
    invoice = issued(provider)
    producto = Producto(
        descripcion="Devolución parcial", lista_precios="standard", alicuota=21,
        precio_unitario_sin_iva=Decimal("10.00"),
    )  # fmt: skip
    nota = queue_credit_note(invoice, [Linea(cantidad=1, producto=producto)], key="r-1")
    assert (nota.status, nota.total) == (InvoiceStatus.PENDING, Decimal("12.10")), nota.reasons
    mapping = {**LINE, "producto": {**LINE["producto"], "precio_unitario_sin_iva": 5}}
    assert queue_credit_note(invoice, [mapping], key="r-2").total == Decimal("6.05")


def test_a_general_discount_is_credited_in_proportion(provider: Provider) -> None:
    invoice = issued(provider, detalle=[{**LINE, "cantidad": 4}], bonificacion=100, total=None)
    nota = queue_credit_note(invoice, {0: 1}, key="r-1")
    assert nota.comprobante["comprobante"]["bonificacion"] == 25
    assert nota.total * 4 - invoice.total < Decimal("0.05")


@pytest.mark.parametrize("lines", [{7: 1}, {0: 4}, {0: 0}, {0: -1}, {}, []])
def test_lines_that_are_not_there_are_a_failed_nota_with_its_reason(provider: Provider, lines: Any) -> None:
    nota = queue_credit_note(issued(provider), lines, key="r-1")
    assert nota.status == InvoiceStatus.FAILED
    assert nota.reasons


@pytest.mark.parametrize("status", [status for status in InvoiceStatus if status != InvoiceStatus.ISSUED])
def test_what_is_not_issued_can_not_be_credited(status: InvoiceStatus) -> None:
    invoice = queue_invoice(comprobante=documento(), key="x")
    assert invoice is not None
    Invoice.objects.update(status=status)
    with pytest.raises(NotCreditableError, match=f"invoice {invoice.public_id} is .*: only what is issued"):
        queue_credit_note(invoice)
    assert Invoice.objects.count() == 1


def test_order_refunded_credits_the_orders_invoice_once_for_each_refund(provider: Provider) -> None:
    paid = order()
    order_paid.send(sender=Order, order=paid)
    flush()
    provider.settle()
    refund = Order.objects.create(documento=None)
    for _ in range(2):
        order_refunded.send(sender=Order, order=paid, refund=refund)
    nota = Invoice.objects.get(kind="nota_de_credito")
    assert (nota.source, nota.status) == (refund, InvoiceStatus.PENDING)


def test_order_refunded_never_breaks_the_refund_and_says_why_there_is_no_nota(provider: Provider) -> None:
    paid = order()
    order_refunded.send(sender=Order, order=paid)
    assert not Invoice.objects.exists()
    order_paid.send(sender=Order, order=paid)
    order_refunded.send(sender=Order, order=paid, lines={0: 1})
    nota = Invoice.objects.get(kind="nota_de_credito")
    assert nota.status == InvoiceStatus.FAILED
    assert "only what is issued can be credited" in nota.reasons[0]
    # Once the invoice is issued, a retry makes the nota, of the lines that were asked for.
    flush()
    provider.settle()
    assert operations.retry(nota).status == InvoiceStatus.PENDING
    assert Invoice.objects.get(pk=nota.pk).tipo == "NOTA DE CREDITO B"


@pytest.mark.parametrize(
    ("tipo", "nota"),
    [
        ("FACTURA A", "NOTA DE CREDITO A"), ("FACTURA B", "NOTA DE CREDITO B"), ("FACTURA C", "NOTA DE CREDITO C"),
        ("FACTURA M", "NOTA DE CREDITO M"), ("NOTA DE DEBITO B", "NOTA DE CREDITO B"),
        ("RECIBO C", "NOTA DE CREDITO C"),
    ],
)  # fmt: skip
def test_each_type_has_its_nota(tipo: str, nota: str) -> None:
    made = credit_note_of(documento(), tipo=tipo, punto_venta=3, numero=7, fecha=argentine_day(), lines=None)
    assert made["comprobante"]["tipo"] == nota


def test_a_nota_de_credito_can_not_be_credited() -> None:
    with pytest.raises(NotCreditableError, match="can't be cancelled"):
        credit_note_of(
            documento(), tipo="NOTA DE CREDITO B", punto_venta=3, numero=7, fecha=argentine_day(), lines=None
        )


def test_a_nota_is_a_valid_comprobante() -> None:
    made = credit_note_of(documento(), tipo="FACTURA B", punto_venta=3, numero=7, fecha=argentine_day(), lines=None)
    assert read(made, Facts(punto_venta=4)).wire()["comprobante"]["total"] == 139.0


def test_invoice_and_nota_are_linked_in_the_admin(provider: Provider, admin_client: Any) -> None:
    invoice = issued(provider)
    nota = queue_credit_note(invoice)
    page = admin_client.get(f"/admin/django_tusfacturas_lotes/invoice/{invoice.pk}/change/").content.decode()
    assert f"/invoice/{nota.pk}/change/" in page
    page = admin_client.get(f"/admin/django_tusfacturas_lotes/invoice/{nota.pk}/change/").content.decode()
    assert f"/invoice/{invoice.pk}/change/" in page


def test_cancelling_and_retrying_does_not_get_past_the_sum(provider: Provider) -> None:
    invoice = issued(provider)
    one = queue_credit_note(invoice, key="r-1")
    operations.cancel(one)
    two = queue_credit_note(invoice, key="r-2")
    assert two.status == InvoiceStatus.PENDING
    again = operations.retry(one)
    assert (again.status, again.failure_stage) == (InvoiceStatus.FAILED, "validation")
    assert "more than its total" in again.reasons[0]


def test_the_last_of_many_parts_is_what_is_left(provider: Provider) -> None:
    producto = {**LINE["producto"], "precio_unitario_sin_iva": 10.335}
    invoice = issued(provider, detalle=[{"cantidad": 3, "producto": producto}], total=None)
    assert str(invoice.total) == "37.52"
    notas = [queue_credit_note(invoice, {0: 1}, key=f"r-{part}") for part in range(3)]
    assert [nota.status for nota in notas] == [InvoiceStatus.PENDING] * 3, notas[-1].reasons
    assert sum(nota.total for nota in notas) <= invoice.total
    assert queue_credit_note(invoice, {0: 1}, key="r-4").status == InvoiceStatus.FAILED


def test_one_name_for_the_notas_of_two_invoices_is_refused(provider: Provider) -> None:
    one, two = issued(provider), issued(provider)
    queue_credit_note(one, key="refund-1")
    with pytest.raises(NotCreditableError, match="another invoice"):
        queue_credit_note(two, key="refund-1")


def test_one_refund_of_two_invoices_of_an_order_gives_two_notas(provider: Provider) -> None:
    paid, refund = order(), Order.objects.create(documento=None)
    for kind in ("factura", "envio"):
        order_paid.send(sender=Order, order=paid, kind=kind)
    flush()
    provider.settle()
    for kind in ("factura", "envio"):
        order_refunded.send(sender=Order, order=paid, refund=refund, kind=kind)
    assert Invoice.objects.exclude(credits=None).count() == 2


@pytest.mark.parametrize("lines", [{0: "abc"}, {0: None}, {0: float("nan")}, {"x": 1}, [5], 5, [{"cantidad": 1}]])
def test_lines_of_any_kind_never_break_the_refund(provider: Provider, lines: Any) -> None:
    paid = order(bonificacion=10, total=None)
    order_paid.send(sender=Order, order=paid)
    order_refunded.send(sender=Order, order=paid, lines=lines, refund=Order.objects.create(documento=None))
    flush()
    provider.settle()
    order_refunded.send(sender=Order, order=paid, lines=lines, refund=Order.objects.create(documento=None))
    notas = Invoice.objects.exclude(credits=None)
    assert [nota.status for nota in notas] == [InvoiceStatus.FAILED] * 2
    assert operations.retry(notas[0]).status == InvoiceStatus.FAILED


def test_an_invoice_of_a_point_of_sale_that_was_left_can_be_credited(provider: Provider) -> None:
    invoice = issued(provider)
    provider.configure(ACCOUNTS={"default": {**provider.sandbox.account, "PUNTO_VENTA": 4}})
    nota = queue_credit_note(invoice)
    assert (nota.status, nota.punto_venta) == (InvoiceStatus.PENDING, 4), nota.reasons
    assert nota.comprobante["comprobante"]["comprobantes_asociados"][0]["punto_venta"] == 3


def test_what_an_older_try_issued_is_for_a_person_to_compare_and_to_credit(provider: Provider) -> None:
    invoice = queue_invoice(comprobante=documento(), key="x")
    assert invoice is not None
    provider.fault("webhook=never")
    flush()
    post({**failure(f"{invoice.public_id}-1"), **provider.credentials})
    operations.retry(invoice, today=True)
    provider.fault("reject=401")
    flush()
    post({**success(f"{invoice.public_id}-1"), **provider.credentials})
    invoice.refresh_from_db()
    assert (invoice.status, invoice.attention) == (InvoiceStatus.ISSUED, Attention.OLDER_TRY)
    assert invoice in Invoice.objects.needing_a_person()
    with pytest.raises(NotCreditableError, match="by hand"):
        queue_credit_note(invoice)
    operations.mark_invoice_seen(invoice)
    assert invoice not in Invoice.objects.needing_a_person()


def test_a_nota_that_was_given_up_and_issued_after_all_is_told(provider: Provider) -> None:
    invoice = issued(provider)
    one = queue_credit_note(invoice, key="r-1")
    provider.fault("webhook=never")
    flush()
    post({**failure(f"{one.public_id}-1"), **provider.credentials})
    operations.cancel(one)
    two = queue_credit_note(invoice, key="r-2")
    flush()
    provider.settle()
    two.refresh_from_db()
    assert two.status == InvoiceStatus.ISSUED
    post({**success(f"{one.public_id}-1", cae="99999999999999"), **provider.credentials})
    one.refresh_from_db()
    assert (one.status, one.attention) == (InvoiceStatus.ISSUED, Attention.OVER_CREDITED)


def test_one_refund_of_two_orders_leaves_neither_without_a_word(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = order(), order()
    for paid in (one, two):
        order_paid.send(sender=Order, order=paid)
    flush()
    provider.settle()
    refund = Order.objects.create(documento=None)
    for _ in range(2):
        for paid in (one, two):
            order_refunded.send(sender=Order, order=paid, refund=refund)
    first, second = Invoice.objects.exclude(credits=None).order_by("pk")
    assert (first.status, second.status) == (InvoiceStatus.PENDING, InvoiceStatus.FAILED)
    assert first.credits != second.credits
    assert "another invoice" in second.reasons[0]
    assert "has no nota de crédito" in caplog.text
