"""Queue the `Invoice` of a paid order, once, in the transaction of the caller who says that it is paid."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, models

from ..models import FailureStage, Invoice, InvoiceStatus
from ..transactions import again_on_deadlock, atomic
from ..wire.answers.decode import clean_text
from ..wire.comprobante import Comprobante
from ..wire.dates import argentine_day
from . import crediting
from .building import Batch, build, mark_as_failed
from .crediting import queue_credit_note
from .identity import (
    KIND_LENGTH,
    InvoiceRequest,
    already_queued,
    announce_failure,
    existing_invoices,
    insert,
    invoice_request,
    new_invoice,
)

__all__ = ["QueueReport", "ToInvoice", "queue_credit_note", "queue_invoice", "queue_invoices"]

CHUNK = 1000


@dataclass(frozen=True)
class ToInvoice:
    """What is to be invoiced, for callers without a model: a comprobante and the caller's own name for it."""

    comprobante: Comprobante | Mapping[str, Any]
    key: str
    account: str | None = None
    send_on: dt.date | None = None


@dataclass
class QueueReport:
    """What `queue_invoices` did: how many were queued, failed at once, existed already, or need no invoice."""

    queued: int = 0
    failed: int = 0
    existing: int = 0
    nothing: int = 0


def queue_invoice(
    order: models.Model | None = None,
    *,
    comprobante: Comprobante | Mapping[str, Any] | None = None,
    key: str | None = None,
    account: str | None = None,
    send_on: dt.date | None = None,
    kind: str = "factura",
) -> Invoice | None:
    """Queue the invoice of an `order`, or of a `comprobante` under the caller's own `key`, in the current transaction.

    The comprobante of an order comes from `COMPROBANTE_BUILDER`, unless it is given. `account` is an alias of
    `ACCOUNTS` (by default "default"); `send_on` a day in Argentina from which to issue, today at the earliest (in
    `lotes` it is `fecha_envio_inicial`); `kind` tells several invoices of one order apart.

    Returns the invoice: a new one, or the one that exists already; None if the builder says that there is nothing to
    invoice. A builder that fails or a comprobante that is not valid does not raise: the invoice is `failed`, with its
    stage and reasons. Raises `ValueError` for a call that names nothing to invoice.
    """
    request = invoice_request(order, comprobante, key, account, send_on, kind)
    existing = existing_invoices([request]).get(request.identity)
    if existing is not None:
        return already_queued(request, existing)
    invoice = _build(request, Batch(), savepoint=True)
    return None if invoice is None else insert(request, invoice)[0]


def queue_invoices(
    orders: Iterable[models.Model | ToInvoice],
    *,
    account: str | None = None,
    send_on: dt.date | None = None,
    kind: str = "factura",
) -> QueueReport:
    """Queue many invoices, for imports and ERPs: of orders (through the builder) or `ToInvoice`, from any iterable.

    Works in chunks of 1,000, each in a transaction of its own unless the caller is in one; the number of queries does
    not depend on a chunk's size. Otherwise as `queue_invoice`; a database error of a builder is raised.
    """
    report = QueueReport()
    requests = (
        invoice_request(None, one.comprobante, one.key, one.account or account, one.send_on or send_on, kind)
        if isinstance(one, ToInvoice)
        else invoice_request(one, None, None, account, send_on, kind)
        for one in orders
    )
    while chunk := list(itertools.islice(requests, CHUNK)):
        _queue_chunk(chunk, report)
    return report


def on_order_paid(sender: Any, order: models.Model, **named: Any) -> None:
    """Receiver of `signals.order_paid`."""
    account, kind = named.get("account"), named.get("kind") or "factura"
    try:
        queue_invoice(order, account=account, send_on=named.get("send_on"), kind=kind)
    except ValueError as exc:
        if order.pk is None or not isinstance(kind, str) or len(kind) > KIND_LENGTH:
            raise
        # Law 15: what the signal was sent with is wrong; the checkout goes on, and a person sees why.
        request = invoice_request(order, None, None, clean_text(str(account or "default"))[:50], None, kind)
        insert(request, mark_as_failed(new_invoice(request), FailureStage.BUILD, str(exc)))


def rebuild(invoice: Invoice, *, redate: bool = False) -> Invoice | None:
    """Return a new, unsaved invoice for the same as `invoice`: built anew from its order, or from its own data.

    Its status is `pending` or `failed`. Returns None if the builder says that there is nothing to invoice any more.
    `redate`: leave its date open, if that has passed.
    """
    if invoice.credits is not None:
        return crediting.fill_in(_empty_copy(invoice), invoice.credits, invoice.credited_lines)
    order = _order_of(invoice)
    given = None if order is not None else invoice.comprobante
    return build(_empty_copy(invoice), order, given, Batch(), savepoint=True, redate=redate)


def _order_of(invoice: Invoice) -> models.Model | None:
    """Return the order, from wherever the host's routers keep it."""
    model = invoice.source_type.model_class() if invoice.source_type is not None else None
    return None if model is None else model._base_manager.filter(pk=invoice.source_id).first()


def _empty_copy(invoice: Invoice) -> Invoice:
    """Return an unsaved invoice for the same thing, with nothing filled in."""
    send_on = invoice.send_on if invoice.send_on and invoice.send_on > argentine_day() else None
    return Invoice(
        public_id=invoice.public_id, account=invoice.account, kind=invoice.kind, key=invoice.key, send_on=send_on,
        source_type=invoice.source_type, source_id=invoice.source_id, credits=invoice.credits,
        credited_lines=invoice.credited_lines,
    )  # fmt: skip


def _build(request: InvoiceRequest, batch: Batch, *, savepoint: bool) -> Invoice | None:
    """Return the unsaved invoice of a request, pending or failed with its reasons; None if none is due."""
    return build(new_invoice(request), request.order, request.comprobante, batch, savepoint=savepoint)


def _queue_chunk(requests: list[InvoiceRequest], report: QueueReport) -> None:
    existing = existing_invoices(requests)
    known = set(existing)
    batch = Batch()
    built: list[tuple[InvoiceRequest, Invoice]] = []
    for request in requests:
        if request.identity in known:
            report.existing += 1
            if request.identity in existing:
                already_queued(request, existing[request.identity])
            continue
        known.add(request.identity)
        invoice = _build(request, batch, savepoint=False)
        if invoice is None:
            report.nothing += 1
        else:
            built.append((request, invoice))
    try:
        created = _insert_all([invoice for _, invoice in built])
    except IntegrityError:
        # Somebody queued one of them since we looked: insert them one by one, each idempotent.
        outcomes = [insert(request, invoice) for request, invoice in built]
        created = [invoice for invoice, new in outcomes if new]
        report.existing += len(outcomes) - len(created)
    failed = sum(invoice.status == InvoiceStatus.FAILED for invoice in created)
    report.failed += failed
    report.queued += len(created) - failed


@again_on_deadlock
def _insert_all(invoices: list[Invoice]) -> list[Invoice]:
    for invoice in invoices:
        invoice.pk = None  # it may be set by an attempt that was rolled back
    with atomic():
        Invoice.objects.bulk_create(invoices)
        for invoice in invoices:
            announce_failure(invoice)
    return invoices
