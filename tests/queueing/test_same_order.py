"""Law 17: an order is the same one whatever type its key has in memory."""

from __future__ import annotations

import pytest

from django_tusfacturas_lotes.models import Invoice
from django_tusfacturas_lotes.queueing import queue_invoice
from django_tusfacturas_lotes.signals import order_paid
from tests.support.builders import order
from tests.testshop.models import Order

pytestmark = pytest.mark.django_db


def test_an_order_whose_key_is_a_text_in_memory_is_the_same_order() -> None:
    paid = order()
    first = queue_invoice(paid)
    again = Order(pk=str(paid.pk), documento=paid.documento)
    assert queue_invoice(again) == first
    order_paid.send(sender=Order, order=again)
    assert Invoice.objects.count() == 1
