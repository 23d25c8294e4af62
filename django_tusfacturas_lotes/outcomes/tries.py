"""Record what a notification or a look-up tells of one try.

Each function runs in the caller's transaction, with the try locked by `lock_try`, after the lotes of all tries of its
invoice (law 14), and returns what a `WebhookEvent` would say of it.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Collection, Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Subquery
from django.utils import timezone

from ..conf import conf
from ..models import Attention, Invoice, InvoiceStatus, Lote, LoteItem, LoteItemStatus, Told, WebhookEventStatus
from ..models.issue_dates import issue_date_of
from ..signals import duplicate_issued, invoice_failed, invoice_issued, send_after_commit
from ..wire.answers.error_catalogue import explain
from ..wire.dates import argentine_day
from ..wire.modalities import Result
from ..wire.orders.redate import day_of
from .calls import give_up_try
from .late_proof import reopen_try

logger = logging.getLogger(__name__)

EventOutcome = tuple[WebhookEventStatus, str]
_DONE: EventOutcome = (WebhookEventStatus.PROCESSED, "")


def lock_try(reference: str) -> tuple[Lote, LoteItem] | None:
    """Lock the try of a reference, and return its lote and the try; None if it is not ours.

    The lotes of all tries of its invoice are locked before it.
    """
    invoice_of_reference = Subquery(LoteItem.objects.filter(reference=reference).values("invoice_id")[:1])
    lotes = LoteItem.objects.filter(invoice=invoice_of_reference).lock_lotes()
    if not lotes:
        return None
    item = LoteItem.objects.select_related("invoice").select_for_update().get(reference=reference)
    # A database that compares without case finds more than what we sent.
    if item.reference != reference:
        return None
    return next(lote for lote in lotes if lote.pk == item.lote_id), item


def mark_issued(lote: Lote, item: LoteItem, result: Result, at: dt.datetime) -> EventOutcome:
    """Record the document that a try was issued as; `at` is when the provider told of it."""
    if not result.cae and not _is_trial(lote.account):
        # Law 13: without a CAE there is no legal document, whatever the rest says.
        if item.invoice.status == InvoiceStatus.ISSUED:
            return WebhookEventStatus.IGNORED, "a success without a CAE, for an invoice that is issued"
        # Only once: each look-up finds the same, and a person who has seen it is not asked again.
        invoice = Invoice.objects.filter(pk=item.invoice_id).exclude(attention=Attention.NO_CAE)
        invoice.ask_for_attention(Attention.NO_CAE)
        return WebhookEventStatus.ERROR, "a success without a CAE: the invoice is not issued"
    documento = _documento(result)
    if item.status == LoteItemStatus.ISSUED:
        if _is_another(documento, item.result or {}):
            _tell_duplicate(item, documento)
            return WebhookEventStatus.PROCESSED, "a second document for a reference that is issued already"
        _keep_new_address(item, result, at)
        return WebhookEventStatus.IGNORED, "the item is issued already"
    LoteItem.objects.filter(pk=item.pk).issue(documento)
    left_open = day_of(item.invoice.comprobante) is None
    day = {"fecha": issue_date_of(lote)} if left_open and not (item.is_newest_try and item.invoice.fecha) else {}
    issued = Invoice.objects.filter(pk=item.invoice_id).issue(
        numero=result.numero,
        punto_venta=result.punto_venta if result.punto_venta is not None else item.invoice.punto_venta,
        tipo=result.tipo or item.invoice.tipo,
        cae=result.cae,
        cae_expires_on=result.cae_expires_on,
        issued_at=at,
        observaciones=result.observaciones,
        **_address(result, at),
        **day,
    )
    if issued:
        _check_what_was_issued(item)
        _tell(invoice_issued, item.invoice_id)
        return _DONE
    _tell_duplicate(item, documento)
    return WebhookEventStatus.PROCESSED, "the invoice was issued already, by another try"


def mark_failed(item: LoteItem, texts: Collection[str]) -> EventOutcome:
    """Record that a try failed, with the provider's texts."""
    errors = [explain(text) for text in texts]
    is_awaited = item.is_awaited
    if not LoteItem.objects.filter(pk=item.pk).fail(errors):
        return WebhookEventStatus.IGNORED, f"an error for an item that is {item.status}"
    # News of another try says nothing of the one that the invoice waits for.
    if is_awaited and Invoice.objects.filter(pk=item.invoice_id).fail(errors):
        _tell(invoice_failed, item.invoice_id)
    return _DONE


def request_look_up(lote: Lote, item: LoteItem, told: Told) -> EventOutcome:
    """Have a try looked up as soon as possible, to confirm what a notification told of it."""
    now = timezone.now()
    if item.status == LoteItemStatus.ISSUED:
        if told is not Told.ISSUED:
            return WebhookEventStatus.IGNORED, "the item is issued already"
        # Another notification tells it once more: it may be a second document.
        LoteItem.objects.filter(pk=item.pk).look_up_soon(now)
        Lote.objects.filter(pk=lote.pk).look_up_by(now)
        return _DONE
    reopened = told is not Told.DELETED and reopen_try(
        lote, item, certain=told is Told.ISSUED, queued=told is Told.ISSUED
    )
    if told is Told.CHANGED and not reopened and item.status in (LoteItemStatus.WITHDRAWN, LoteItemStatus.REFUSED):
        # Most likely an old notification: it is looked up, but nothing has to confirm it.
        LoteItem.objects.filter(pk=item.pk).look_up_soon(now)
        Lote.objects.filter(pk=lote.pk).look_up_by(now)
        return _DONE
    LoteItem.objects.filter(pk=item.pk).mark_told(told, now)
    Lote.objects.filter(pk=lote.pk).look_up_by(now)
    return _DONE


def mark_queued_again(item: LoteItem, due_at: dt.datetime, look_up_at: dt.datetime) -> None:
    """Record that a failed try is in the provider's queue again, unless its invoice waits for another one."""
    if item.is_awaited and LoteItem.objects.filter(pk=item.pk).queue_again(due_at, look_up_at):
        Invoice.objects.filter(pk=item.invoice_id).queue_again()


def mark_deleted(item: LoteItem, why: str) -> None:
    """Record that the provider has deleted a try although nobody here asked for that: its invoice fails."""
    is_awaited = item.is_awaited
    if not give_up_try(item) or not is_awaited:
        return
    errors = [{"code": "", "text": why, "hint": "Retry it, or cancel it."}]
    if Invoice.objects.filter(pk=item.invoice_id).fail(errors):
        _tell(invoice_failed, item.invoice_id)


def set_issue_date(item: LoteItem, day: dt.date) -> None:
    """Record on which day the provider issues a queued try."""
    invoice = Invoice.objects.filter(pk=item.invoice_id, status=InvoiceStatus.SUBMITTED)
    if item.invoice.fecha != day and item.is_awaited:
        invoice.set_fecha(day)


def _is_trial(alias: str) -> bool:
    try:
        return conf.account(alias).trial
    except ImproperlyConfigured:  # it has another alias by now, or is gone
        return False


def _check_what_was_issued(item: LoteItem) -> None:
    """Ask for attention if the issued document may differ from the invoice, was cancelled, or credits too much."""
    invoice = Invoice.objects.filter(pk=item.invoice_id)
    newer = LoteItem.objects.filter(invoice_id=item.invoice_id, pk__gt=item.pk)
    # A try keeps what it was sent with once its invoice has other data.
    if item.comprobante is not None or (not item.is_newest_try and newer.taken().exists()):
        invoice.ask_for_attention(Attention.OLDER_TRY)
    elif item.invoice.status == InvoiceStatus.CANCELLED:
        invoice.ask_for_attention(Attention.CANCELLED)
    if item.invoice.credits_id is not None:
        notas = Invoice.objects.filter(credits_id=item.invoice.credits_id, status=InvoiceStatus.ISSUED)
        credited = Invoice.objects.get(pk=item.invoice.credits_id)
        # The amount of a nota without a total is not known: somebody must look.
        totals = [nota.total for nota in notas]
        if None in totals or sum(total or 0 for total in totals) > (credited.total or 0):
            invoice.ask_for_attention(Attention.OVER_CREDITED)


def _address(result: Result, at: dt.datetime) -> dict[str, Any]:
    """Return the columns of the PDF's address, which is good on the day that it was given."""
    wanted = conf.keep_pdf and result.cae != ""
    return {
        "pdf_url": result.pdf_url,
        "pdf_url_on": argentine_day(at) if result.pdf_url else None,
        "pdf_try_at": at if wanted else None,
        "pdf_tries": 0,
        "pdf_error": "",
    }


def _keep_new_address(item: LoteItem, result: Result, at: dt.datetime) -> None:
    """Keep the new PDF address of a document that is told of again, if its PDF is still wanted."""
    invoice = item.invoice
    kept = bool(invoice.pdf) and invoice.pdf_try_at is None
    if invoice.cae == result.cae and result.pdf_url and not kept:
        columns = {**_address(result, at), "pdf_tries": invoice.pdf_tries}
        Invoice.objects.filter(pk=invoice.pk).update(**columns)


def _documento(result: Result) -> dict[str, Any]:
    return {
        "comprobante_tipo": result.tipo,
        "punto_venta": result.punto_venta,
        "numero": result.numero,
        "cae": result.cae,
        "cae_expires_on": result.cae_expires_on.isoformat() if result.cae_expires_on else None,
        "comprobante_pdf_url": result.pdf_url,
        "observaciones": result.observaciones,
    }


def _is_another(documento: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Whether two reports about one reference are of two legal documents."""
    return any(documento[key] and known.get(key) and documento[key] != known[key] for key in ("cae", "numero"))


def _tell(signal: Any, invoice_id: int) -> None:
    if signal.has_listeners(Invoice):
        send_after_commit(signal, Invoice, invoice=Invoice.objects.get(pk=invoice_id))


def _tell_duplicate(item: LoteItem, documento: Mapping[str, Any]) -> None:
    """Tell a person and the host that an invoice has two legal documents (law 10), once for each document."""
    others = list(item.result.get("others", [])) if item.result and item.status == LoteItemStatus.ISSUED else []
    if item.status == LoteItemStatus.ISSUED:
        if any(not _is_another(documento, other) for other in others):
            return
        kept = {**(item.result or {}), "others": [*others, dict(documento)]}
        LoteItem.objects.filter(pk=item.pk).update(result=kept)
    Invoice.objects.filter(pk=item.invoice_id).ask_for_attention(Attention.DUPLICATE)
    logger.error("Invoice %s was issued twice; the second document is of item %s", item.invoice.public_id, item)
    send_after_commit(
        duplicate_issued,
        Invoice,
        invoice=Invoice.objects.get(pk=item.invoice_id),
        item=LoteItem.objects.get(pk=item.pk),
    )
