import pytest
from django.db import transaction
from django.utils import timezone
from shop import payments
from shop.models import CustomerKind, Order, Refund

from django_tusfacturas_lotes.models import Invoice, InvoiceStatus
from django_tusfacturas_lotes.submission import flush
from tests.support.provider import Provider

CREDIT_NOTE = "nota_de_credito"


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


def test_refunding_twice_does_nothing_twice(orders: list[Order], issued: None) -> None:
    order = orders[0]
    # Two browsers: each has read the order before the other one refunds.
    same_order = Order.objects.get(pk=order.pk)
    assert payments.refund(order)
    assert not payments.refund(same_order)
    refund = Refund.objects.get()
    assert (refund.order, refund.amount) == (order, order.total)
    note = Invoice.objects.get(kind=CREDIT_NOTE)
    assert note.source == refund
    assert (note.status, note.reasons, note.total) == (InvoiceStatus.PENDING, [], order.total)


def test_an_order_that_is_not_paid_is_not_refunded(orders: list[Order]) -> None:
    assert not payments.refund(orders[0])
    assert not Refund.objects.exists()


def test_a_refund_before_the_invoice_is_issued_goes_on_and_its_nota_says_why_it_waits(orders: list[Order]) -> None:
    payments.pay(orders[0])
    assert payments.refund(orders[0])
    note = Invoice.objects.for_sources(Refund.objects.all(), kind=CREDIT_NOTE).get()
    assert note.status == InvoiceStatus.FAILED
    assert "only what is issued can be credited" in note.reasons[0]


def test_a_refund_that_is_rolled_back_leaves_no_credit_note(orders: list[Order], issued: None) -> None:
    class BankClosedError(Exception):
        pass

    with pytest.raises(BankClosedError), transaction.atomic():  # noqa: PT012 - the block is what is tested
        payments.refund(orders[0])
        raise BankClosedError
    assert not Refund.objects.exists()
    assert not Invoice.objects.filter(kind=CREDIT_NOTE).exists()


@pytest.fixture
def issued(orders: list[Order]) -> None:
    """The first order is paid, and its invoice issued."""
    payments.pay(orders[0])
    Invoice.objects.update(
        status=InvoiceStatus.ISSUED,
        numero=7,
        cae="71234567890123",
        fecha=timezone.localdate(),
        issued_at=timezone.now(),
    )


@pytest.mark.django_db(transaction=True)
def test_every_kind_of_customer_gets_an_invoice_and_the_nota_that_cancels_it(
    provider: Provider, order_of: dict[CustomerKind, Order]
) -> None:
    for order in order_of.values():
        payments.pay(order)
    flush()
    provider.settle()
    for order in order_of.values():
        assert payments.refund(order)
    flush()
    provider.settle()
    refunds = Refund.objects.all()
    notes = {note.source.order_id: note for note in Invoice.objects.for_sources(refunds, kind=CREDIT_NOTE)}
    for invoice in Invoice.objects.for_sources(order_of.values()):
        note = notes[int(invoice.source_id)]
        assert (invoice.status, note.status) == (InvoiceStatus.ISSUED, InvoiceStatus.ISSUED), note.reasons
        assert (note.tipo, note.total) == (f"NOTA DE CREDITO {invoice.tipo[-1]}", invoice.total)
        assert note.cae
    provider.assert_the_promise()
