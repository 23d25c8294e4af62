"""Queue notas de crédito: of what was issued, once for a refund, and in sum never more than the invoice."""

from __future__ import annotations

import datetime as dt
import logging
from decimal import Decimal
from typing import Any

from django.db import models

from ..models import Attention, FailureStage, Invoice, InvoiceStatus, LoteItem, LoteItemStatus
from ..models.issue_dates import issue_date_of_document
from ..transactions import again_on_deadlock, atomic
from ..wire.answers.decode import storable
from ..wire.orders.credit_note import Lines, NotCreditableError, credit_note_of, lines_as_json
from .building import Batch, build, mark_as_failed
from .identity import (
    KIND_LENGTH,
    InvoiceRequest,
    already_queued,
    existing_invoices,
    insert,
    invoice_request,
    new_invoice,
)

logger = logging.getLogger(__name__)

CREDIT_NOTE = "nota_de_credito"
# By how much the parts of an invoice, each rounded by itself, may exceed it; and how many thousandths of a peso are
# taken off the last one's price at most to make up for that.
_ROUNDING = Decimal("0.05")
_STEPS = 60


@again_on_deadlock
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
    `key` names what it is for: asked for again with the same, it is queued once. Without either it is the only nota of
    the whole invoice.
    Returns the nota, an `Invoice` of its own of kind "nota_de_credito": pending, or failed with its reasons. In sum,
    the notas of an invoice never come to more than it. Raises `NotCreditableError` for an invoice that isn't issued.
    """
    if refund is None and key is None:
        key = f"credit-{invoice.public_id}"
    request = invoice_request(refund, {} if refund is None else None, key, invoice.account, send_on, _kind_of(invoice))
    with atomic():
        # One nota at a time, so that their sum can be held to the invoice's total.
        credited = Invoice.objects.select_for_update().get(pk=invoice.pk)
        existing = existing_invoices([request]).get(request.identity)
        if existing is not None:
            return _the_same_nota(request, existing, credited, lines)
        if why := _why_not_creditable(credited):
            raise NotCreditableError(why)
        nota = _new_credit_note(request, credited, lines)
        made, new = insert(request, fill_in(nota, credited, lines))
        return made if new else _the_same_nota(request, made, credited, lines)


@again_on_deadlock
def credit_duplicate(invoice: Invoice) -> list[Invoice]:
    """Queue a nota de crédito for each surplus document of an invoice that was issued more than once.

    In one transaction, and once for each document. Returns the notas: pending, or failed with their reasons. Unlike the
    invoice's own notas they do not count against its total. Raises `NotCreditableError` if there is no such document.
    """
    with atomic():
        credited = Invoice.objects.select_for_update().get(pk=invoice.pk)
        notas = [_nota_of(credited, item, documento) for item, documento in _other_documents(credited)]
    if not notas:
        raise NotCreditableError(f"invoice {credited.public_id} was not issued twice, as far as is known here")
    return notas


def _other_documents(credited: Invoice) -> list[tuple[LoteItem, dict[str, Any]]]:
    own = (credited.cae, credited.numero)
    issued = LoteItem.objects.filter(invoice=credited, status=LoteItemStatus.ISSUED)
    return [
        (item, documento)
        for item in issued.select_related("lote").order_by("pk")
        if item.result
        for documento in (item.result, *item.result.get("others", []))
        if (documento["cae"], documento["numero"]) != own
    ]


def _nota_of(credited: Invoice, item: LoteItem, documento: dict[str, Any]) -> Invoice:
    key = f"duplicate-{item.reference}-{documento['numero']}"
    request = invoice_request(None, {}, key, credited.account, None, CREDIT_NOTE)
    existing = existing_invoices([request]).get(request.identity)
    if existing is not None:
        return existing
    nota = new_invoice(request)
    sent = item.comprobante or credited.comprobante
    fecha = issue_date_of_document(item.lote, sent)
    if documento["numero"] is None:
        text = "its number is not known here: credit it by hand in TusFacturas"
        return insert(request, mark_as_failed(nota, FailureStage.BUILD, text))[0]
    try:
        asked = credit_note_of(
            sent, tipo=documento["comprobante_tipo"] or credited.tipo,
            punto_venta=documento["punto_venta"] or credited.punto_venta or 0, numero=documento["numero"], fecha=fecha,
            lines=None,
        )  # fmt: skip
    except NotCreditableError as exc:
        return insert(request, mark_as_failed(nota, FailureStage.BUILD, str(exc)))[0]
    return insert(request, _built(nota, credited, asked))[0]


def _the_same_nota(request: InvoiceRequest, existing: Invoice, credited: Invoice, lines: Lines | None) -> Invoice:
    """Return the nota that was queued before; raise if it credits another invoice, warn if other lines."""
    if existing.credits_id != credited.pk:
        raise NotCreditableError(f"{request} names the nota of another invoice already")
    if existing.credited_lines != (None if lines is None else storable(lines_as_json(lines))):
        logger.warning("%s has a nota of other lines already, %s; nothing was queued", request, existing.public_id)
    return already_queued(request, existing)


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
        # A refund goes on, as a payment does, whatever is wrong with its nota, and a person sees why.
        key = None if refund is not None else f"credit-{credited.public_id}"
        request = invoice_request(
            refund, {} if refund is None else None, key, credited.account, None, _kind_of(credited)
        )
        made, new = insert(
            request, mark_as_failed(_new_credit_note(request, credited, lines), FailureStage.BUILD, str(exc))
        )
        if not new and made.credits_id != credited.pk:
            # The refund has another invoice's nota already: this failed one needs a key of its own, to be seen.
            request = invoice_request(
                None, {}, f"refund-{credited.public_id}", credited.account, None, _kind_of(credited)
            )
            insert(request, mark_as_failed(_new_credit_note(request, credited, lines), FailureStage.BUILD, str(exc)))
            logger.error("The refund of %s %s has no nota de crédito: %s", order._meta.label, order.pk, exc)  # noqa: TRY400 - the text says it all


def _why_not_creditable(credited: Invoice) -> str:
    if credited.status != InvoiceStatus.ISSUED:
        return f"invoice {credited.public_id} is {credited.status}: only what is issued can be credited"
    if _may_differ(credited) or credited.numero is None or credited.fecha is None:
        return (
            f"what is known of invoice {credited.public_id} may not be what was issued (number, date or amounts): "
            "credit it by hand in TusFacturas"
        )
    return ""


def _may_differ(credited: Invoice) -> bool:
    """Whether the issued document may differ from the invoice, because its try was sent with other data."""
    if credited.attention == Attention.OLDER_TRY:
        return True
    own = (credited.cae, credited.numero)
    sent_with_others = LoteItem.objects.filter(
        invoice=credited, status=LoteItemStatus.ISSUED, comprobante__isnull=False, result__isnull=False
    )
    return any((item.result["cae"], item.result["numero"]) == own for item in sent_with_others if item.result)


def _kind_of(credited: Invoice) -> str:
    """Return the kind of an invoice's nota: one refund may credit several invoices of an order, of different kinds."""
    return CREDIT_NOTE if credited.kind == "factura" else f"{CREDIT_NOTE}_{credited.kind}"[:KIND_LENGTH]


def _new_credit_note(request: InvoiceRequest, credited: Invoice, lines: Lines | None) -> Invoice:
    nota = new_invoice(request)
    nota.credits = credited
    nota.credited_lines = None if lines is None else storable(lines_as_json(lines))
    return nota


def fill_in(nota: Invoice, credited: Invoice, lines: Lines | None) -> Invoice:
    """Fill in an unsaved nota de crédito of `credited`, or fail it with its reasons."""
    why, numero, fecha = _why_not_creditable(credited), credited.numero, credited.fecha
    if why or numero is None or fecha is None:
        return mark_as_failed(nota, FailureStage.BUILD, why)
    try:
        documento = credit_note_of(
            credited.comprobante, tipo=credited.tipo, punto_venta=credited.punto_venta or 0, numero=numero,
            fecha=fecha, lines=lines,
        )  # fmt: skip
    except NotCreditableError as exc:
        return mark_as_failed(nota, FailureStage.VALIDATION, str(exc))
    made = _built(nota, credited, documento)
    if made.status == InvoiceStatus.FAILED:
        return made
    others = Invoice.objects.filter(credits=credited).exclude(status=InvoiceStatus.CANCELLED)
    # A locking read, which sees what others have committed since this transaction began.
    totals = others.exclude(public_id=nota.public_id).select_for_update().values_list("total", flat=True)
    before = sum((one for one in totals if one is not None), Decimal(0))
    total, most = made.total or Decimal(0), credited.total or Decimal(0)
    if lines is not None and 0 < before + total - most <= _ROUNDING:
        # Each part was rounded by itself: the last one is lowered to what is left.
        made = _lowered(nota, credited, most - before) or made
        total = made.total or Decimal(0)
    if before + total > most:
        text = (
            f"the notas de crédito of {credited} would come to {before} + {total} = {before + total}, more than its "
            f"total of {credited.total}"
        )
        # Without a total, so that it does not count against the next nota.
        made.total = None
        return mark_as_failed(made, FailureStage.VALIDATION, text)
    return made


def _built(nota: Invoice, credited: Invoice, documento: dict[str, Any]) -> Invoice:
    made = build(nota, None, documento, Batch(), savepoint=True, moneda_asociados=credited.moneda)
    assert made is not None  # noqa: S101 - only a builder says that there is nothing to invoice
    return made


def _lowered(nota: Invoice, credited: Invoice, most: Decimal) -> Invoice | None:
    """Take thousandths off the last line's price until the nota comes to no more than `most`."""
    documento = nota.comprobante
    *before, last = documento["comprobante"]["detalle"]
    price = Decimal(str(last["producto"]["precio_unitario_sin_iva"]))
    rest = {name: value for name, value in documento["comprobante"].items() if name != "total"}
    for thousandths in range(1, _STEPS + 1):
        lower = {**last["producto"], "precio_unitario_sin_iva": float(price - Decimal(thousandths) / 1000)}
        lines = [*before, {**last, "producto": lower}]
        made = _built(nota, credited, {**documento, "comprobante": {**rest, "detalle": lines}})
        if made.status == InvoiceStatus.PENDING and (made.total or Decimal(0)) <= most:
            return made
    return None
