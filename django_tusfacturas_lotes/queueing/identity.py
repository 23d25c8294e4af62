"""Requests for an invoice: what makes two of them the same, and how its invoice is inserted only once."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, connections, models

from ..conf import conf
from ..models import Invoice, InvoiceStatus
from ..signals import invoice_failed, send_after_commit
from ..transactions import again_on_deadlock, atomic, database
from ..wire.comprobante import Comprobante
from ..wire.dates import ARGENTINA

logger = logging.getLogger(__name__)

_KEY_LENGTH = 255
_ACCOUNT_LENGTH = 50
KIND_LENGTH = 50


@dataclass(frozen=True)
class InvoiceRequest:
    """One request for an invoice, whoever made it."""

    order: models.Model | None
    comprobante: Comprobante | Mapping[str, Any] | None
    key: str | None
    account: str
    send_on: dt.date | None
    kind: str

    @property
    def identity(self) -> tuple[int | None, str]:
        """What, beside `kind`, makes two requests the same invoice."""
        if self.order is not None:
            return source_type_of(self.order).pk, str(self.order.pk)
        return None, str(self.key)

    def __str__(self) -> str:
        return f"{self.order._meta.label} {self.order.pk}" if self.order is not None else f"key {self.key!r}"


def invoice_request(
    order: models.Model | None,
    comprobante: Comprobante | Mapping[str, Any] | None,
    key: str | None,
    account: str | None,
    send_on: dt.date | None,
    kind: str,
) -> InvoiceRequest:
    if (order is None) == (key is None):
        raise ValueError("give an order, or a comprobante with a key of your own: one of the two names the invoice")
    if order is None and comprobante is None:
        raise ValueError(f"key {key!r} has no comprobante: without an order there is no builder to make one")
    if order is not None and (not isinstance(order, models.Model) or order.pk is None):
        raise ValueError(f"{order!r} is not a saved model instance, so it can't be told from another order")
    if key is not None and not 0 < len(key) <= _KEY_LENGTH:
        raise ValueError(f"a key has 1 to {_KEY_LENGTH} characters, this one has {len(key)}")
    if not 0 < len(kind) <= KIND_LENGTH:
        raise ValueError(f"kind has 1 to {KIND_LENGTH} characters, this one has {len(kind)}")
    if isinstance(send_on, dt.datetime):
        send_on = send_on.astimezone(ARGENTINA).date()
    if isinstance(send_on, str):
        send_on = dt.date.fromisoformat(send_on)
    if account is not None and (not isinstance(account, str) or len(account) > _ACCOUNT_LENGTH or "\0" in account):
        raise ValueError(f"account is {account!r}, not an alias of ACCOUNTS")
    if send_on is not None and not isinstance(send_on, dt.date):
        raise ValueError(f"send_on is {send_on!r}, not a date")
    # `ACCOUNT_FOR` may choose an order's account; it is asked when the invoice is built.
    asked_later = order is not None and conf.chooses_accounts
    return InvoiceRequest(order, comprobante, key, account or ("" if asked_later else "default"), send_on, kind)


def source_type_of(order: models.Model) -> ContentType:
    return ContentType.objects.get_for_model(order, for_concrete_model=True)


def existing_invoices(requests: list[InvoiceRequest], *, latest: bool = False) -> dict[tuple[int | None, str], Invoice]:
    """Return the invoices that exist already, by identity. `latest`: also those newer than the snapshot read from."""
    by_type: dict[int | None, list[str]] = {}
    for request in requests:
        source_type, name = request.identity
        by_type.setdefault(source_type, []).append(name)
    found: dict[tuple[int | None, str], Invoice] = {}
    for source_type, names in by_type.items():
        # Not from a replica: an invoice that it does not have yet would be queued again.
        invoices = Invoice.objects.using(database()).filter(kind=requests[0].kind)
        if source_type is None:
            invoices = invoices.filter(key__in=names)
        else:
            invoices = invoices.filter(source_type_id=source_type, source_id__in=names)
        for invoice in invoices.read_latest() if latest else invoices:
            found[source_type, str(invoice.key if source_type is None else invoice.source_id)] = invoice
    return found


def already_queued(request: InvoiceRequest, existing: Invoice) -> Invoice:
    if request.account and existing.account != request.account:
        logger.warning(
            "%s has invoice %s in account %s already; nothing was queued in account %s",
            request, existing.public_id, existing.account, request.account,
        )  # fmt: skip
    return existing


def new_invoice(request: InvoiceRequest) -> Invoice:
    invoice = Invoice(account=request.account, kind=request.kind, key=request.key, send_on=request.send_on)
    if request.order is not None:
        invoice.source_type, invoice.source_id = source_type_of(request.order), str(request.order.pk)
    return invoice


@again_on_deadlock
def insert(request: InvoiceRequest, invoice: Invoice) -> tuple[Invoice, bool]:
    """Insert an invoice, or return the one that another process inserted meanwhile; and whether it is new."""
    try:
        with atomic():
            invoice.save(force_insert=True)
    except IntegrityError:
        existing = existing_invoices([request], latest=True).get(request.identity)
        if existing is None and connections[database()].vendor == "mysql":
            # Its collation ignores case, accents and spaces at the end; for us, and for an ERP, the keys differ.
            raise ValueError(
                f"{request}: the database takes it for the same as another key that is invoiced already; use keys that "
                "differ in more than case, accents or spaces"
            ) from None
        if existing is None:
            raise
        return already_queued(request, existing), False
    announce_failure(invoice)
    return invoice, True


def announce_failure(invoice: Invoice) -> None:
    if invoice.status == InvoiceStatus.FAILED:
        send_after_commit(invoice_failed, Invoice, invoice=invoice)
