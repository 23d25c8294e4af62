"""How the shop takes money and gives it back, and the one place where it tells the invoicing app that it did."""

from django.db import transaction
from django.utils import timezone

from django_tusfacturas_lotes.signals import order_paid, order_refunded
from shop.models import Order, Refund


def pay(order: Order) -> bool:
    """Mark `order` paid and announce it. True the first time; paying again does nothing and gives False.

    One transaction holds both, so a payment that is rolled back leaves no invoice behind. The conditional UPDATE, not
    what this process remembers of the order, decides who was first: two clicks in two browsers pay once.
    """
    paid_at = timezone.now()
    with transaction.atomic():
        if not Order.objects.filter(pk=order.pk, paid_at__isnull=True).update(paid_at=paid_at):
            return False
        order.paid_at = paid_at
        order_paid.send(sender=Order, order=order)
    return True


def refund(order: Order) -> bool:
    """Give the whole of `order` back and announce it. True the first time; False after that, and for an unpaid order.

    One transaction holds both. Two clicks in two browsers refund once, because an order has one `Refund` at most.
    """
    with transaction.atomic():
        if not Order.objects.filter(pk=order.pk, paid_at__isnull=False).exists():
            return False
        made, is_new = Refund.objects.get_or_create(order=order, defaults={"amount": order.total})
        if is_new:
            order_refunded.send(sender=Order, order=order, refund=made)
    return is_new
