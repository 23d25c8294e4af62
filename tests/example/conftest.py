import random

import pytest
from django.conf import LazySettings
from shop.demo.data import create_orders
from shop.models import CustomerKind, Order


@pytest.fixture(autouse=True)
def _as_the_shop(settings: LazySettings) -> None:
    """Everything here runs with the shop's pages and its builder, whatever the other tests are set up for."""
    settings.ROOT_URLCONF = "config.urls"
    settings.TIME_ZONE = "America/Argentina/Buenos_Aires"
    settings.TUSFACTURAS_LOTES = {
        **settings.TUSFACTURAS_LOTES,
        "COMPROBANTE_BUILDER": "shop.invoicing.build_comprobante",
    }


@pytest.fixture
def orders(db: None) -> list[Order]:
    """Enough orders for all kinds of customers, rates, discounts and shipping to be among them."""
    return create_orders(60, random.Random(7))


@pytest.fixture
def order_of(orders: list[Order]) -> dict[CustomerKind, Order]:
    """One order of each kind of customer."""
    return {CustomerKind(order.customer_kind): order for order in orders}
