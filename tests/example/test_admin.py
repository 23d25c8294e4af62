import pytest
from django.test import Client
from shop.models import Order


@pytest.mark.parametrize("url", ["/admin/shop/order/", "/admin/shop/product/", "/admin/shop/order/?q=Sosa"])
def test_the_back_office_lists_what_the_shop_has(admin_client: Client, orders: list[Order], url: str) -> None:
    assert admin_client.get(url).status_code == 200


def test_an_order_can_not_be_paid_by_typing_a_date(admin_client: Client, orders: list[Order]) -> None:
    page = admin_client.get(f"/admin/shop/order/{orders[0].pk}/change/")
    assert page.status_code == 200
    assert 'name="paid_at_0"' not in page.content.decode()
