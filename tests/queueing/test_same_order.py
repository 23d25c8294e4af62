"""Law 17: an order is the same one whatever type its key has in memory."""

from __future__ import annotations

import pytest

from django_tusfacturas_lotes.models import Invoice
from django_tusfacturas_lotes.queueing import queue_invoice, queue_invoices
from django_tusfacturas_lotes.signals import order_paid
from tests.support.builders import order
from tests.testshop.models import Order

pytestmark = pytest.mark.django_db


def test_an_order_whose_key_is_a_text_in_memory_is_the_same_order() -> None:
    paid = order()
    again = Order(pk=str(paid.pk), documento=paid.documento)
    first = queue_invoice(again)
    assert queue_invoice(paid) == first
    order_paid.send(sender=Order, order=again)
    assert queue_invoices([paid, again]).existing == 2
    assert Invoice.objects.count() == 1
