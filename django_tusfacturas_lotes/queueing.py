"""A paid order becomes an `Invoice`, once, in the transaction of whoever says that it is paid; a refund a nota."""

from __future__ import annotations

import datetime as dt
import itertools
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, connections, models
from django.db.models import Sum

from .building import Batch, build, failed
from .models import FailureStage, Invoice, InvoiceStatus
from .signals import invoice_failed, send_after_commit
from .transactions import atomic, database
from .wire.comprobante import Comprobante
from .wire.credit_note import Lines, NotCreditableError, credit_note_of, lines_as_json
from .wire.dates import ARGENTINA, argentine_day
from .wire.decode import storable

logger = logging.getLogger(__name__)

CHUNK = 1000
_KEY_LENGTH = 255
_KIND_LENGTH = 50
CREDIT_NOTE = "nota_de_credito"


@dataclass(frozen=True)
class ToInvoice:
    """What is to be invoiced, for callers without a model: a comprobante and the caller's own name for it."""

    comprobante: Comprobante | Mapping[str, Any]
    key: str
    account: str | None = None
    send_on: dt.date | None = None


@dataclass
class QueueReport:
    """What `queue_invoices` did: how many were queued, failed at once, were there already, or need no invoice."""

    queued: int = 0
    failed: int = 0
    existing: int = 0
    nothing: int = 0


@dataclass(frozen=True)
class _Request:
    """One wish for an invoice, whoever made it."""

    order: models.Model | None
    comprobante: Comprobante | Mapping[str, Any] | None
    key: str | None
    account: str
    send_on: dt.date | None
    kind: str

    @property
    def identity(self) -> tuple[int | None, str]:
        """What makes two wishes one invoice, beside `kind`."""
        if self.order is not None:
            return _source_type(self.order).pk, str(self.order.pk)
        return None, str(self.key)

    def __str__(self) -> str:
        return f"{self.order._meta.label} {self.order.pk}" if self.order is not None else f"key {self.key!r}"


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
    `ACCOUNTS` (by default "default"); `send_on` a day in Argentina from which to issue, today at the earliest (the
    seed's `fecha_envio_inicial`); `kind` tells several invoices of one order apart.

    Returns the invoice: a new one, or the one that is there already; None where the builder says that there is
    nothing to invoice. What the builder or the comprobante gets wrong does not raise: it is an invoice in `failed`
    with its stage and reasons. Raises `ValueError` for a call that names nothing to invoice.
    """
    request = _request(order, comprobante, key, account, send_on, kind)
    existing = _existing([request]).get(request.identity)
    if existing is not None:
        return _same(request, existing)
    invoice = _build(request, Batch(), savepoint=True)
    return None if invoice is None else _insert(request, invoice)[0]


def queue_invoices(
    orders: Iterable[models.Model | ToInvoice],
    *,
    account: str | None = None,
    send_on: dt.date | None = None,
    kind: str = "factura",
) -> QueueReport:
    """Queue many, for imports and ERPs: orders (through the builder) or `ToInvoice`, from a list or a generator.

    Works in chunks of 1,000, each in a transaction of its own unless the caller is in one, with a number of queries
    that does not depend on how many there are in a chunk. Otherwise as `queue_invoice`; a database error of a builder
    is raised.
    """
    report = QueueReport()
    requests = (
        _request(None, one.comprobante, one.key, one.account or account, one.send_on or send_on, kind)
        if isinstance(one, ToInvoice)
        else _request(one, None, None, account, send_on, kind)
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
        if order.pk is None or not isinstance(kind, str) or len(kind) > _KIND_LENGTH:
            raise
        # Law 15: what the signal was sent with is wrong; the checkout goes on, and a person sees why.
        request = _request(order, None, None, str(account or "default")[:50], None, kind)
        _insert(request, failed(_new(request), FailureStage.BUILD, str(exc)))


def rebuild(invoice: Invoice, *, redate: bool = False) -> Invoice | None:
    """Return a new, unsaved invoice of what `invoice` is for: built anew from its order, or its data read again.

    None where the builder says that there is nothing to invoice any more. Its status is `pending` or `failed`.
    `redate`: leave its day open, if that has passed.
    """
    if invoice.credits is not None:
        return _credit_note(_empty_copy(invoice), invoice.credits, invoice.credited_lines)
    order = _order_of(invoice)
    given = None if order is not None else invoice.comprobante
    return build(_empty_copy(invoice), order, given, Batch(), savepoint=True, redate=redate)


def queue_credit_note(
    invoice: Invoice,
    lines: Lines | None = None,
    *,
    refund: models.Model | None = None,
    key: str | None = None,
    send_on: dt.date | None = None,
) -> Invoice:
    """Queue the nota de crédito that cancels an issued invoice, wholly or in part, in the current transaction.

    `lines` is part of it: `{row of detalle: cantidad}`, or lines of your own. `refund` (a saved model instance) or
    `key` names what it is for: asked for twice, it is one. Without either it is the one nota of the whole invoice.
    Returns the nota, an `Invoice` of its own of kind "nota_de_credito": pending, or failed with its reasons. In sum,
    the notas of an invoice never come to more than it. Raises `NotCreditableError` for an invoice that isn't issued.
    """
    if refund is None and key is None:
        key = f"credit-{invoice.public_id}"
    request = _request(refund, {} if refund is None else None, key, invoice.account, send_on, CREDIT_NOTE)
    with atomic():
        # One nota after the other, so that in sum they can be held to what the invoice comes to.
        credited = Invoice.objects.select_for_update().get(pk=invoice.pk)
        existing = _existing([request], latest=True).get(request.identity)
        if existing is not None:
            return _same(request, existing)
        if credited.status != InvoiceStatus.ISSUED or credited.numero is None or credited.fecha is None:
            raise NotCreditableError(
                f"invoice {credited.public_id} is {credited.get_status_display()}: only what is issued can be credited"
            )
        nota = _new_credit_note(request, credited, lines)
        return _insert(request, _credit_note(nota, credited, lines))[0]


def on_order_refunded(sender: Any, order: models.Model, **named: Any) -> None:
    """Receiver of `signals.order_refunded`."""
    refund, lines = named.get("refund"), named.get("lines")
    credited = Invoice.objects.for_sources([order], named.get("kind") or "factura").first()
    if credited is None:
        logger.warning("%s %s was refunded, but has no invoice to credit", order._meta.label, order.pk)
        return
    try:
        queue_credit_note(credited, lines, refund=refund)
    except NotCreditableError as exc:
        # As a payment, a refund goes on whatever is wrong with its papers, and a person sees why.
        key = None if refund is not None else f"credit-{credited.public_id}"
        request = _request(refund, {} if refund is None else None, key, credited.account, None, CREDIT_NOTE)
        _insert(request, failed(_new_credit_note(request, credited, lines), FailureStage.BUILD, str(exc)))


def _new_credit_note(request: _Request, credited: Invoice, lines: Lines | None) -> Invoice:
    nota = _new(request)
    nota.credits = credited
    nota.credited_lines = None if lines is None else storable(lines_as_json(lines))
    return nota


def _credit_note(nota: Invoice, credited: Invoice, lines: Lines | None) -> Invoice:
    """Fill in an unsaved nota de crédito of `credited`, or fail it with its reasons."""
    if credited.status != InvoiceStatus.ISSUED or credited.numero is None or credited.fecha is None:
        text = f"invoice {credited.public_id} is {credited.get_status_display()}: only what is issued can be credited"
        return failed(nota, FailureStage.BUILD, text)
    try:
        documento = credit_note_of(
            credited.comprobante, tipo=credited.tipo, punto_venta=credited.punto_venta or 0, numero=credited.numero,
            fecha=credited.fecha, lines=lines,
        )  # fmt: skip
    except NotCreditableError as exc:
        return failed(nota, FailureStage.VALIDATION, str(exc))
    made = build(nota, None, documento, Batch(), savepoint=True, moneda_asociados=credited.moneda)
    assert made is not None  # noqa: S101 - only a builder says that there is nothing to invoice
    if made.status == InvoiceStatus.FAILED:
        return made
    others = Invoice.objects.filter(credits=credited).exclude(status=InvoiceStatus.CANCELLED)
    before = others.exclude(public_id=nota.public_id).aggregate(sum=Sum("total"))["sum"] or Decimal(0)
    total = made.total or Decimal(0)
    if before + total > (credited.total or Decimal(0)):
        text = (
            f"the notas de crédito of {credited} would come to {before} + {total} = {before + total}, more than its "
            f"total of {credited.total}"
        )
        # Without a total, so that it does not count itself against the next one.
        made.total = None
        return failed(made, FailureStage.VALIDATION, text)
    return made


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


def _request(
    order: models.Model | None,
    comprobante: Comprobante | Mapping[str, Any] | None,
    key: str | None,
    account: str | None,
    send_on: dt.date | None,
    kind: str,
) -> _Request:
    if (order is None) == (key is None):
        raise ValueError("give an order, or a comprobante with a key of your own: one of the two names the invoice")
    if order is None and comprobante is None:
        raise ValueError(f"key {key!r} has no comprobante: without an order there is no builder to make one")
    if order is not None and (not isinstance(order, models.Model) or order.pk is None):
        raise ValueError(f"{order!r} is not a saved model instance, so it can't be told from another order")
    if key is not None and not 0 < len(key) <= _KEY_LENGTH:
        raise ValueError(f"a key has 1 to {_KEY_LENGTH} characters, this one has {len(key)}")
    if not 0 < len(kind) <= _KIND_LENGTH:
        raise ValueError(f"kind has 1 to {_KIND_LENGTH} characters, this one has {len(kind)}")
    if isinstance(send_on, dt.datetime):
        send_on = send_on.astimezone(ARGENTINA).date()
    if isinstance(send_on, str):
        send_on = dt.date.fromisoformat(send_on)
    if send_on is not None and not isinstance(send_on, dt.date):
        raise ValueError(f"send_on is {send_on!r}, not a date")
    return _Request(order, comprobante, key, account or "default", send_on, kind)


def _source_type(order: models.Model) -> ContentType:
    return ContentType.objects.get_for_model(order, for_concrete_model=True)


def _existing(requests: list[_Request], *, latest: bool = False) -> dict[tuple[int | None, str], Invoice]:
    """Return the invoices that are there already, by identity. `latest`: past the snapshot of this transaction."""
    by_type: dict[int | None, list[str]] = {}
    for request in requests:
        source_type, name = request.identity
        by_type.setdefault(source_type, []).append(name)
    found: dict[tuple[int | None, str], Invoice] = {}
    for source_type, names in by_type.items():
        invoices = Invoice.objects.filter(kind=requests[0].kind)
        if source_type is None:
            invoices = invoices.filter(key__in=names)
        else:
            invoices = invoices.filter(source_type_id=source_type, source_id__in=names)
        for invoice in invoices.read_latest() if latest else invoices:
            found[source_type, str(invoice.key if source_type is None else invoice.source_id)] = invoice
    return found


def _same(request: _Request, existing: Invoice) -> Invoice:
    if existing.account != request.account:
        logger.warning(
            "%s has invoice %s in account %s already; nothing was queued in account %s",
            request, existing.public_id, existing.account, request.account,
        )  # fmt: skip
    return existing


def _build(request: _Request, batch: Batch, *, savepoint: bool) -> Invoice | None:
    """Return the unsaved invoice of a request, pending or failed with its reasons; None where there is none due."""
    return build(_new(request), request.order, request.comprobante, batch, savepoint=savepoint)


def _new(request: _Request) -> Invoice:
    invoice = Invoice(account=request.account, kind=request.kind, key=request.key, send_on=request.send_on)
    if request.order is not None:
        invoice.source_type, invoice.source_id = _source_type(request.order), str(request.order.pk)
    return invoice


def _insert(request: _Request, invoice: Invoice) -> tuple[Invoice, bool]:
    """Insert one, or return the one that somebody else inserted since we looked; and whether it is new."""
    try:
        with atomic():
            invoice.save(force_insert=True)
    except IntegrityError:
        existing = _existing([request], latest=True).get(request.identity)
        if existing is None and connections[database()].vendor == "mysql":
            # Its collation ignores case, accents and spaces at the end; for us, and for an ERP, they are two.
            raise ValueError(
                f"{request}: the database takes it for the same as another key that is invoiced already; use keys that "
                "differ in more than case, accents or spaces"
            ) from None
        if existing is None:
            raise
        return _same(request, existing), False
    _tell(invoice)
    return invoice, True


def _tell(invoice: Invoice) -> None:
    if invoice.status == InvoiceStatus.FAILED:
        send_after_commit(invoice_failed, Invoice, invoice=invoice)


def _queue_chunk(requests: list[_Request], report: QueueReport) -> None:
    existing = _existing(requests)
    known = set(existing)
    batch = Batch()
    built: list[tuple[_Request, Invoice]] = []
    for request in requests:
        if request.identity in known:
            report.existing += 1
            if request.identity in existing:
                _same(request, existing[request.identity])
            continue
        known.add(request.identity)
        invoice = _build(request, batch, savepoint=False)
        if invoice is None:
            report.nothing += 1
        else:
            built.append((request, invoice))
    try:
        with atomic():
            Invoice.objects.bulk_create([invoice for _, invoice in built])
            for _, invoice in built:
                _tell(invoice)
        created = [invoice for _, invoice in built]
    except IntegrityError:
        # Somebody queued one of them since we looked: insert them one by one, each idempotent.
        outcomes = [_insert(request, invoice) for request, invoice in built]
        created = [invoice for invoice, new in outcomes if new]
        report.existing += len(outcomes) - len(created)
    failed = sum(invoice.status == InvoiceStatus.FAILED for invoice in created)
    report.failed += failed
    report.queued += len(created) - failed
