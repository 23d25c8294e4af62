import random
from typing import Any

import pytest
from shop.demo.data import create_orders, make_cuit
from shop.models import CustomerKind, IvaRate, Order, OrderLine
from stdnum.ar import cuit, dni


def facts(orders: list[Order]) -> list[Any]:
    return [
        (
            order.customer_kind,
            order.customer_name,
            order.document,
            order.discount_percent,
            order.shipping,
            list(order.lines.values_list("description", "quantity", "unit_price")),
        )
        for order in orders
    ]


@pytest.mark.django_db
def test_the_same_seed_makes_the_same_orders() -> None:
    assert facts(create_orders(20, random.Random(3))) == facts(create_orders(20, random.Random(3)))


def test_the_orders_show_all_that_a_shop_sells(orders: list[Order]) -> None:
    assert {order.customer_kind for order in orders} == set(CustomerKind)
    assert set(OrderLine.objects.values_list("iva_rate", flat=True)) == set(IvaRate)
    assert any(order.discount for order in orders)
    assert any(order.shipping for order in orders)


def test_documents_pass_the_check_that_arca_makes(orders: list[Order]) -> None:
    for order in orders:
        if order.customer_kind == CustomerKind.CONSUMER:
            assert dni.is_valid(order.document)
        elif order.customer_kind != CustomerKind.ANONYMOUS:
            assert cuit.is_valid(order.document)


@pytest.mark.parametrize("number", range(20_000_000, 20_000_050))
def test_every_number_makes_a_valid_cuit(number: int) -> None:
    assert cuit.is_valid(make_cuit("20", number))
