"""A refund becomes a nota de crédito: of what was issued, once, and in sum never more than the invoice."""

from __future__ import annotations

import datetime as dt
import logging
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import Sum

from .building import Batch, build, failed
from .identity import Wish, existing_of, insert, new_invoice, same, wish
from .models import FailureStage, Invoice, InvoiceStatus
from .transactions import atomic
from .wire.credit_note import Lines, NotCreditableError, credit_note_of, lines_as_json
from .wire.decode import storable

logger = logging.getLogger(__name__)

CREDIT_NOTE = "nota_de_credito"


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
    request = wish(refund, {} if refund is None else None, key, invoice.account, send_on, CREDIT_NOTE)
    with atomic():
        # One nota after the other, so that in sum they can be held to what the invoice comes to.
        credited = Invoice.objects.select_for_update().get(pk=invoice.pk)
        existing = existing_of([request], latest=True).get(request.identity)
        if existing is not None:
            return same(request, existing)
        if credited.status != InvoiceStatus.ISSUED or credited.numero is None or credited.fecha is None:
            raise NotCreditableError(
                f"invoice {credited.public_id} is {credited.status}: only what is issued can be credited"
            )
        nota = _new_credit_note(request, credited, lines)
        return insert(request, fill_in(nota, credited, lines))[0]


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
        request = wish(refund, {} if refund is None else None, key, credited.account, None, CREDIT_NOTE)
        insert(request, failed(_new_credit_note(request, credited, lines), FailureStage.BUILD, str(exc)))


def _new_credit_note(request: Wish, credited: Invoice, lines: Lines | None) -> Invoice:
    nota = new_invoice(request)
    nota.credits = credited
    nota.credited_lines = None if lines is None else storable(lines_as_json(lines))
    return nota


def fill_in(nota: Invoice, credited: Invoice, lines: Lines | None) -> Invoice:
    """Fill in an unsaved nota de crédito of `credited`, or fail it with its reasons."""
    if credited.status != InvoiceStatus.ISSUED or credited.numero is None or credited.fecha is None:
        text = f"invoice {credited.public_id} is {credited.status}: only what is issued can be credited"
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
