import pytest
from django.test import Client
from shop.models import Order, Refund


@pytest.mark.parametrize(
    "url", ["/admin/shop/order/", "/admin/shop/product/", "/admin/shop/refund/", "/admin/shop/order/?q=Sosa"]
)
def test_the_back_office_lists_what_the_shop_has(admin_client: Client, orders: list[Order], url: str) -> None:
    assert admin_client.get(url).status_code == 200


def test_an_order_can_not_be_paid_by_typing_a_date(admin_client: Client, orders: list[Order]) -> None:
    page = admin_client.get(f"/admin/shop/order/{orders[0].pk}/change/")
    assert page.status_code == 200
    assert 'name="paid_at_0"' not in page.content.decode()


def test_a_refund_can_only_be_looked_at(admin_client: Client, orders: list[Order]) -> None:
    refund = Refund.objects.create(order=orders[0], amount=orders[0].total)
    assert admin_client.get(f"/admin/shop/refund/{refund.pk}/change/").status_code == 200
    assert admin_client.get("/admin/shop/refund/add/").status_code == 403
    assert admin_client.post(f"/admin/shop/refund/{refund.pk}/delete/", {"post": "yes"}).status_code == 403
