"""A paid order becomes an `Invoice`, once, in the transaction of whoever says that it is paid."""

from __future__ import annotations

import datetime as dt
import itertools
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, IntegrityError, models

from .conf import Account, conf
from .models import FailureStage, Invoice, InvoiceStatus
from .signals import invoice_failed, send_after_commit
from .transactions import atomic
from .wire.comprobante import Comprobante, ComprobanteInvalido, read
from .wire.dates import ARGENTINA, argentine_day, read_day
from .wire.decode import clean_text, storable
from .wire.redact import redact, redact_text
from .wire.rules import Facts

logger = logging.getLogger(__name__)

CHUNK = 1000
_KEY_LENGTH = 255
_KIND_LENGTH = 50


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
    invoice = _build(request, savepoint=True)
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
    queue_invoice(
        order, account=named.get("account"), send_on=named.get("send_on"), kind=named.get("kind") or "factura"
    )


def rebuild(invoice: Invoice) -> Invoice | None:
    """Return a new, unsaved invoice of what `invoice` is for: built anew from its order, or its data read again.

    None where the builder says that there is nothing to invoice any more. Its status is `pending` or `failed`.
    """
    order = invoice.source
    given = None if order is not None else invoice.comprobante
    key = invoice.key if order is None else None
    send_on = invoice.send_on if invoice.send_on and invoice.send_on > argentine_day() else None
    return _build(_Request(order, given, key, invoice.account, send_on, invoice.kind), savepoint=True)


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
    for source_type, name in {request.identity for request in requests} - found.keys():
        # A database whose collation ignores case holds "ERP-1" and "erp-1" for one key; for us they are two.
        alike = next((known for _, known in found if source_type is None and known.casefold() == name.casefold()), None)
        if alike is not None:
            raise ValueError(f"key {name!r} differs only in case from {alike!r}, which has an invoice already")
    return found


def _same(request: _Request, existing: Invoice) -> Invoice:
    if existing.account != request.account:
        logger.warning(
            "%s has invoice %s in account %s already; nothing was queued in account %s",
            request, existing.public_id, existing.account, request.account,
        )  # fmt: skip
    return existing


def _build(request: _Request, *, savepoint: bool) -> Invoice | None:
    """Return the unsaved invoice of a request, pending or failed with its reasons; None where there is none due."""
    invoice = Invoice(account=request.account, kind=request.kind, key=request.key, send_on=request.send_on)
    if request.order is not None:
        invoice.source_type, invoice.source_id = _source_type(request.order), str(request.order.pk)
    try:
        account = conf.account(request.account)
        given = request.comprobante if request.comprobante is not None else _ask_builder(request.order, savepoint)
    except ImproperlyConfigured as exc:
        logger.error("%s can't be invoiced: %s", request, exc)  # noqa: TRY400 - the text says it all
        return _failed(invoice, FailureStage.BUILD, [{"text": str(exc)}])
    except Exception as exc:
        # Law 15: whatever the host's builder raises, the checkout goes on and a person sees why.
        if isinstance(exc, DatabaseError) and not savepoint:
            raise
        logger.exception("The builder failed for %s", request)
        text = redact_text(f"{conf.builder_path} raised {type(exc).__name__}: {exc}", conf.secrets())
        return _failed(invoice, FailureStage.BUILD, [{"text": clean_text(text)[:2000]}])
    if given is None:
        logger.info("Nothing to invoice for %s", request)
        return None
    return _validate(invoice, given, account)


def _ask_builder(order: models.Model | None, savepoint: bool) -> Any:
    """Call the host's builder; with a savepoint, its failed query does not take the caller's transaction with it."""
    if not savepoint:
        return conf.builder(order)
    with atomic():
        return conf.builder(order)


def _validate(invoice: Invoice, given: Any, account: Account) -> Invoice:
    """Fill in an unsaved invoice with its comprobante, or fail it with everything that is wrong."""
    today = argentine_day()
    problems: list[dict[str, str]] = []
    if invoice.send_on is not None and invoice.send_on < today:
        problems.append({"path": "send_on", "text": f"send_on: {invoice.send_on} is before today, {today}"})
    documento: Mapping[str, Any]
    try:
        documento = read(given, Facts(today=today, send_on=invoice.send_on, punto_venta=account.punto_venta)).wire()
    except ComprobanteInvalido as exc:
        problems += [{"path": problem.path, "text": str(problem)} for problem in exc.problems]
        documento = given.wire() if isinstance(given, Comprobante) else given if isinstance(given, Mapping) else {}
    invoice.comprobante = redact(storable(documento), account.secrets)
    if problems:
        logger.warning("The comprobante of %s is not valid: %s", invoice, ", ".join(one["path"] for one in problems))
        cliente = documento.get("cliente")
        if isinstance(cliente, Mapping):
            invoice.razon_social = clean_text(str(cliente.get("razon_social", "")))[:255]
            invoice.documento_nro = clean_text(str(cliente.get("documento_nro", "")))[:30]
        return _failed(invoice, FailureStage.VALIDATION, redact(storable(problems), account.secrets))
    comprobante, cliente = documento["comprobante"], documento["cliente"]
    invoice.tipo = comprobante["tipo"]
    invoice.punto_venta = int(comprobante["punto_venta"])
    invoice.fecha = read_day(comprobante.get("fecha")) or invoice.send_on
    invoice.total = Decimal(str(comprobante["total"]))
    invoice.moneda = str(comprobante.get("moneda", ""))
    invoice.razon_social = str(cliente.get("razon_social", ""))
    invoice.documento_nro = str(cliente.get("documento_nro", ""))
    return invoice


def _failed(invoice: Invoice, stage: FailureStage, errors: list[dict[str, str]]) -> Invoice:
    invoice.status = InvoiceStatus.FAILED
    invoice.failure_stage = stage
    invoice.errors = errors
    return invoice


def _insert(request: _Request, invoice: Invoice) -> tuple[Invoice, bool]:
    """Insert one, or return the one that somebody else inserted since we looked; and whether it is new."""
    try:
        with atomic():
            invoice.save(force_insert=True)
    except IntegrityError:
        existing = _existing([request], latest=True).get(request.identity)
        if existing is None:
            raise
        return _same(request, existing), False
    _tell(invoice)
    return invoice, True


def _tell(invoice: Invoice) -> None:
    if invoice.status == InvoiceStatus.FAILED:
        send_after_commit(invoice_failed, Invoice, invoice=invoice)


def _queue_chunk(requests: list[_Request], report: QueueReport) -> None:
    known = set(_existing(requests))
    built: list[tuple[_Request, Invoice]] = []
    for request in requests:
        if request.identity in known:
            report.existing += 1
            continue
        known.add(request.identity)
        invoice = _build(request, savepoint=False)
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
