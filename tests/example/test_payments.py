import pytest
from django.db import transaction
from shop import payments
from shop.models import Order

from django_tusfacturas_lotes.models import Invoice


def test_a_paid_order_has_one_invoice_waiting(orders: list[Order]) -> None:
    order = orders[0]
    assert payments.pay(order)
    invoice = Invoice.objects.get()
    assert invoice.source == order
    assert invoice.status == "pending", invoice.reasons
    assert invoice.total == order.total


def test_paying_twice_does_nothing_twice(orders: list[Order]) -> None:
    order = orders[0]
    # Two browsers: each has read the order before the other one pays.
    same_order = Order.objects.get(pk=order.pk)
    assert payments.pay(order)
    paid_at = Order.objects.get(pk=order.pk).paid_at
    assert not payments.pay(same_order)
    assert Order.objects.get(pk=order.pk).paid_at == paid_at
    assert Invoice.objects.count() == 1


def test_a_payment_that_is_rolled_back_leaves_no_invoice(orders: list[Order]) -> None:
    class CardDeclinedError(Exception):
        pass

    with pytest.raises(CardDeclinedError), transaction.atomic():  # noqa: PT012 - the block is what is tested
        payments.pay(orders[0])
        raise CardDeclinedError
    assert not Invoice.objects.exists()
    assert Order.objects.get(pk=orders[0].pk).paid_at is None
