"""Invoices that the sandbox issued, once or twice."""

from __future__ import annotations

import datetime as dt
from typing import Any

import time_machine
from django.utils import timezone

from django_tusfacturas_lotes import operations
from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote, LoteItem
from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoice, queue_invoices
from django_tusfacturas_lotes.reconciliation import look_up
from django_tusfacturas_lotes.submission import flush
from tests.support import builders
from tests.support.builders import documento
from tests.support.provider import Provider
from tests.support.webhook import post, success

LINE = builders.DOCUMENTO["comprobante"]["detalle"][0]


def issued(provider: Provider, **changes: Any) -> Invoice:
    invoice = queue_invoice(comprobante=documento(**changes), key=f"k{Invoice.objects.count()}")
    assert invoice is not None
    assert invoice.status == InvoiceStatus.PENDING, invoice.reasons
    flush()
    provider.settle()
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.ISSUED
    return invoice


def issued_twice(provider: Provider, modality: str = "lotes") -> Invoice:
    """A person was wrong: the lote that was said not to be received was, and is told of late."""
    provider.use(modality)
    queue_invoices([ToInvoice(documento(), "erp-1")])
    provider.fault("answer=none")
    provider.fault("webhook=never")
    flush()
    provider.settle()
    operations.confirm_not_received(Lote.objects.get())
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=2)):
        flush()
        provider.settle()
        look_up("default")
    first = LoteItem.objects.order_by("pk")[0]
    provider.sandbox.resend(first.reference)
    provider.settle()
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=5)):
        look_up("default")
    return Invoice.objects.get()


def issued_by_two_tries(provider: Provider) -> tuple[Invoice, LoteItem]:
    invoice = issued(provider)
    item = LoteItem.objects.get()
    post({**success(item, cae="22222222222222", comprobante_nro="0003-00000008"), **provider.credentials})
    return invoice, item
