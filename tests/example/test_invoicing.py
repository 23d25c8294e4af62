"""The builder, through the app's own door: what it makes of an order must be good to send, and come to its price."""

from decimal import Decimal

import pytest
from shop.models import CENT, CustomerKind, IvaRate, Order, OrderLine, Product

from django_tusfacturas_lotes.models import Invoice, InvoiceStatus
from django_tusfacturas_lotes.queueing import queue_invoice, queue_invoices


@pytest.mark.parametrize(
    ("kind", "tipo"),
    [
        (CustomerKind.ANONYMOUS, "FACTURA B"),
        (CustomerKind.CONSUMER, "FACTURA B"),
        (CustomerKind.MONOTRIBUTISTA, "FACTURA A"),
        (CustomerKind.RESPONSABLE_INSCRIPTO, "FACTURA A"),
    ],
)
def test_each_kind_of_customer_gets_a_valid_invoice_of_its_letter(
    order_of: dict[CustomerKind, Order], kind: CustomerKind, tipo: str
) -> None:
    order = order_of[kind]
    invoice = queue_invoice(order)
    assert invoice is not None
    assert (invoice.status, invoice.reasons) == (InvoiceStatus.PENDING, [])
    assert (invoice.tipo, invoice.total) == (tipo, order.total)
    assert invoice.documento_nro == (order.document or "0")


def test_every_invoice_comes_to_what_was_charged(orders: list[Order]) -> None:
    report = queue_invoices(orders)
    assert (report.queued, report.failed) == (len(orders), 0)
    totals = {int(source_id): total for source_id, total in Invoice.objects.values_list("source_id", "total")}
    assert totals == {order.pk: order.total for order in orders}


@pytest.mark.django_db
@pytest.mark.parametrize("quantity", [1, 2, 3, 7, 24, 1000])
@pytest.mark.parametrize("discount", ["0", "5", "12.5", "33.33"])
def test_awkward_prices_come_out_to_the_cent(quantity: int, discount: str) -> None:
    orders = []
    for index, price in enumerate(("0.99", "1.01", "333.33", "1999.99", "10000.07", "84033.61")):
        rate = IvaRate.REDUCED if index % 2 else IvaRate.GENERAL
        name = f"Product {index}"
        product = Product.objects.create(sku=f"SKU-{index}", name=name, price=Decimal(price), iva_rate=rate)
        order = Order.objects.create(discount_percent=Decimal(discount), shipping=index * Decimal("1234.57"))
        OrderLine.objects.create(
            order=order,
            product=product,
            description=name,
            unit_price=product.price,
            iva_rate=rate,
            quantity=quantity,
        )
        orders.append(order)
    for order in orders:
        invoice = queue_invoice(order)
        assert invoice is not None
        assert (invoice.status, invoice.reasons) == (InvoiceStatus.PENDING, [])
        assert invoice.total == order.total == order.total.quantize(CENT)
