"""Notas de crédito of what was issued twice."""

from __future__ import annotations

import datetime as dt

import pytest

from django_tusfacturas_lotes import operations
from django_tusfacturas_lotes.models import Attention, Invoice, InvoiceStatus, LoteItem
from django_tusfacturas_lotes.queueing import queue_invoice
from django_tusfacturas_lotes.queueing.paid_orders import queue_credit_note
from django_tusfacturas_lotes.signals import order_paid
from django_tusfacturas_lotes.submission import flush
from django_tusfacturas_lotes.wire.dates import argentine_day
from django_tusfacturas_lotes.wire.orders.credit_note import NotCreditableError
from tests.support.builders import day, documento, order
from tests.support.encola import later
from tests.support.issued import LINE, issued_by_two_tries
from tests.support.provider import Provider
from tests.support.webhook import failure, post, success
from tests.testshop.models import Order

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_third_document_that_comes_while_the_second_is_credited_is_shown(
    provider: Provider,
) -> None:
    invoice, item = issued_by_two_tries(provider)
    operations.credit_duplicate(invoice)
    post({**success(item, cae="33333333333333", comprobante_nro="0003-00000009"), **provider.credentials})
    assert Invoice.objects.needing_a_person().filter(pk=invoice.pk).exists()
    assert len(operations.credit_duplicate(invoice)) == 2
    assert not Invoice.objects.needing_a_person().exists()


def test_a_cancelled_nota_of_a_duplicate_is_queued_again(provider: Provider) -> None:
    invoice, _ = issued_by_two_tries(provider)
    (nota,) = operations.credit_duplicate(invoice)
    operations.cancel(nota)
    (again,) = operations.credit_duplicate(invoice)
    assert (again.pk, again.status) == (nota.pk, InvoiceStatus.PENDING)


def test_an_invoice_issued_with_other_data_is_not_credited_by_its_own_also_once_it_is_issued_twice(
    provider: Provider,
) -> None:
    paid = order()
    order_paid.send(sender=Order, order=paid)
    provider.fault("webhook=never*always")
    flush()
    invoice = Invoice.objects.get()
    post({**failure(f"{invoice.public_id}-1"), **provider.credentials})
    paid.documento = documento(detalle=[{**LINE, "cantidad": 2}], total=None)
    paid.save()
    operations.retry(invoice, rebuild=True)
    flush()
    for number, cae in ((1, "1" * 14), (2, "2" * 14)):
        notice = success(f"{invoice.public_id}-{number}", cae=cae, comprobante_nro=f"0003-0000000{number}")
        post({**notice, **provider.credentials})
        invoice.refresh_from_db()
        with pytest.raises(NotCreditableError, match="by hand"):
            queue_credit_note(invoice, key=f"refund-{number}")
    assert invoice.attention == Attention.DUPLICATE


@pytest.mark.parametrize("way", ["send_on", "redated"])
def test_the_nota_of_a_duplicate_names_the_day_that_was_sent(provider: Provider, way: str) -> None:
    provider.fault("webhook=never*always")
    if way == "send_on":
        send_on = argentine_day() + dt.timedelta(days=3)
        invoice = queue_invoice(comprobante=documento(), key="x", send_on=send_on)
        flush()
    else:
        provider.configure(DATE_POLICY="today")
        invoice = queue_invoice(comprobante=documento(fecha=day()), key="x")
        with later(days=1):
            flush()
    assert invoice is not None
    item = LoteItem.objects.get()
    sent = provider.sandbox.calls[0].body["requests"][0]["comprobante"]["fecha"]
    for number in (7, 8):
        notice = success(item, cae=f"{number}" * 14, comprobante_nro=f"0003-0000000{number}")
        post({**notice, **provider.credentials})
    (nota,) = operations.credit_duplicate(invoice)
    assert nota.comprobante["comprobante"]["comprobantes_asociados"][0]["comprobante_fecha"] == sent
