"""A notification becomes a stored event, and the event a change of state.

Two steps, each in a transaction of its own: what was stored is never lost because acting on it failed, and the same
notification coming again, or a person, makes up for it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import traceback
from collections.abc import Mapping
from typing import Any

from django.db import DatabaseError, IntegrityError
from django.db.models import Subquery

from .accounts import Account
from .conf import conf
from .models import (
    Attention,
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    LoteStatus,
    WebhookEvent,
    WebhookEventStatus,
)
from .reconciliation import contradict, received
from .signals import duplicate_issued, invoice_failed, invoice_issued, send_after_commit
from .transactions import atomic, durable
from .wire.decode import clean_text
from .wire.error_catalogue import explain
from .wire.modalities import Modality, Notification, NotificationKind, Result, Unreadable, modalities
from .wire.redact import redact, redact_text

logger = logging.getLogger(__name__)


def authenticate(payload: Mapping[str, Any], headers: Mapping[str, str]) -> list[Account]:
    """Return the accounts that a notification proves to be for; none where it proves nothing.

    Every account is compared, in constant time, so that the time tells nothing.
    """
    return [account for account in conf.accounts() if account.modality.is_proof(payload, headers, account.is_ours)]


def receive(payload: Mapping[str, Any], accounts: list[Account]) -> WebhookEvent:
    """Store an authenticated notification without its credentials, commit it, then act on it.

    `accounts` are those that it was proven to be for. Returns the event as it was stored; acting on it does not raise.
    """
    secrets = frozenset().union(*(account.secrets for account in accounts))
    account = accounts[0]
    event = _store(redact(payload, secrets), account.modality, account.alias)
    _try_to_process(event, {one.alias for one in accounts}, secrets)
    return event


def process(event_id: int) -> WebhookEventStatus:
    """Act on a stored event, in one transaction; once it is processed or ignored, do nothing more.

    Returns what became of the event. Raises what the database raises.
    """
    event = WebhookEvent.objects.get(pk=event_id)
    return _process(event, conf.aliases_sharing(event.account))


def process_again(most: int = 100) -> int:
    """Act on events that were stored and not acted on: left by a killed process, or failed for a passing reason.

    Called by the schedule. Returns how many were looked at, at most `most`.
    """
    secrets = conf.secrets()
    waiting = WebhookEvent.objects.to_process_again()
    # What fails again and again must not keep the rest waiting: those that failed come in any order.
    events = [
        *waiting.filter(status=WebhookEventStatus.RECEIVED).order_by("pk")[:most],
        *waiting.filter(status=WebhookEventStatus.ERROR).order_by("?")[:most],
    ]
    for event in events:
        _try_to_process(event, conf.aliases_sharing(event.account), secrets)
    return len(events)


def _try_to_process(event: WebhookEvent, aliases: set[str], secrets: frozenset[str]) -> None:
    try:
        _process(event, aliases)
    except Exception as exc:  # noqa: BLE001 - whatever it is, the event is stored, and says so
        # It comes again, the schedule takes it, or a person does.
        told = redact_text(traceback.format_exc(), secrets)
        logger.error("Webhook event %s could not be processed\n%s", event.pk, told)  # noqa: TRY400 - without credentials
        text = clean_text(redact_text(f"{type(exc).__name__}: {exc}", secrets))
        with contextlib.suppress(DatabaseError), atomic():
            WebhookEvent.objects.filter(pk=event.pk).close(WebhookEventStatus.ERROR, error=text)


def _process(event: WebhookEvent, aliases: set[str]) -> WebhookEventStatus:
    if event.status in (WebhookEventStatus.PROCESSED, WebhookEventStatus.IGNORED):
        return WebhookEventStatus(event.status)
    with atomic():
        row = WebhookEvent.objects.filter(pk=event.pk)
        row.lock()
        status, text, item, kind = _act(event, aliases)
        row.close(status, error=text, item=item, kind=kind)
    if text and (status, text) != (event.status, event.error):
        logger.warning("Webhook event %s about %r: %s", event.pk, event.reference, text)
    return status


def _store(payload: dict[str, Any], modality: Modality, alias: str) -> WebhookEvent:
    canonical = json.dumps([alias, payload], sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    try:
        with durable():
            return WebhookEvent.objects.create(
                account=alias, reference=modality.reference_of(payload)[:255], payload=payload, digest=digest
            )
    except IntegrityError:
        with durable():
            again = WebhookEvent.objects.filter(digest=digest)
            again.deliver_again()
            return again.get()


def _act(event: WebhookEvent, aliases: set[str]) -> tuple[WebhookEventStatus, str, LoteItem | None, str]:
    """Change what the event says. Returns the event's status and error, its item, and its kind."""
    # Law 14: the lote is locked before its item, although the item is what names it.
    lote_of_reference = Subquery(LoteItem.objects.filter(reference=event.reference).values("lote_id")[:1])
    lote = Lote.objects.lock().filter(pk=lote_of_reference).first()
    item = (
        LoteItem.objects.select_related("invoice").select_for_update().get(reference=event.reference)
        if lote is not None
        else None
    )
    # A database that compares without case finds more than what we sent.
    if lote is None or item is None or item.reference != event.reference or lote.account not in aliases:
        return WebhookEventStatus.UNMATCHED, "no item of this account has this reference", None, ""
    # Whatever it says: that it speaks of an item of this lote proves that the lote was received.
    if lote.status == LoteStatus.UNCERTAIN:
        received(lote.pk)
    elif lote.status == LoteStatus.READY and lote.tries:
        received(lote.pk)
        contradict(lote.pk, f"the answer said that it was not taken ({lote.error}), a notification that it was")
    try:
        notification = _modality_of(lote).read_notification(event.payload)
    except Unreadable as exc:
        return WebhookEventStatus.ERROR, str(exc), item, ""
    if notification.kind is NotificationKind.FAILED or notification.result is None:
        status, text = _fail(item, notification)
    else:
        status, text = _issue(item, notification.result, event, lote)
    return status, text, item, notification.kind.value


def _modality_of(lote: Lote) -> Modality:
    return modalities()[lote.modality]


def _fail(item: LoteItem, notification: Notification) -> tuple[WebhookEventStatus, str]:
    errors = [explain(text) for text in notification.errors]
    if not LoteItem.objects.filter(pk=item.pk).fail(errors):
        return WebhookEventStatus.IGNORED, f"an error for an item that is {item.status}"
    # A word about an older try says nothing of the one that is under way.
    if item.is_latest_try and Invoice.objects.filter(pk=item.invoice_id).fail(errors):
        _tell(invoice_failed, item.invoice_id)
    return WebhookEventStatus.PROCESSED, ""


def _issue(item: LoteItem, result: Result, event: WebhookEvent, lote: Lote) -> tuple[WebhookEventStatus, str]:
    if not result.cae and not conf.account(lote.account).trial:
        # Law 13: without a CAE there is no legal document, whatever the rest says.
        if item.invoice.status == InvoiceStatus.ISSUED:
            return WebhookEventStatus.IGNORED, "a success without a CAE, for an invoice that is issued"
        Invoice.objects.filter(pk=item.invoice_id).ask_for_attention(Attention.NO_CAE)
        return WebhookEventStatus.ERROR, "a success without a CAE: the invoice is not issued"
    documento = _documento(result)
    if item.status == LoteItemStatus.ISSUED:
        if _is_another(documento, item.result or {}):
            _tell_duplicate(item)
            return WebhookEventStatus.PROCESSED, "a second document for a reference that is issued already"
        return WebhookEventStatus.IGNORED, "the item is issued already"
    LoteItem.objects.filter(pk=item.pk).issue(documento)
    issued = Invoice.objects.filter(pk=item.invoice_id).issue(
        numero=result.numero,
        punto_venta=result.punto_venta if result.punto_venta is not None else item.invoice.punto_venta,
        tipo=result.tipo or item.invoice.tipo,
        cae=result.cae,
        cae_expires_on=result.cae_expires_on,
        issued_at=event.received_at,
        pdf_url=result.pdf_url,
        observaciones=result.observaciones,
    )
    if issued:
        _look_at_what_was_issued(item)
        _tell(invoice_issued, item.invoice_id)
        return WebhookEventStatus.PROCESSED, ""
    _tell_duplicate(item)
    return WebhookEventStatus.PROCESSED, "the invoice was issued already, by another try"


def _look_at_what_was_issued(item: LoteItem) -> None:
    """Ask for attention where what is legally issued now may not be what the invoice says, or is more than was due."""
    invoice = Invoice.objects.filter(pk=item.invoice_id)
    if not item.is_latest_try:
        invoice.ask_for_attention(Attention.OLDER_TRY)
    if item.invoice.credits_id is not None:
        notas = Invoice.objects.filter(credits_id=item.invoice.credits_id, status=InvoiceStatus.ISSUED)
        credited = Invoice.objects.get(pk=item.invoice.credits_id)
        if sum(nota.total or 0 for nota in notas) > (credited.total or 0):
            invoice.ask_for_attention(Attention.OVER_CREDITED)


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
    """Whether two notices about one reference tell of two legal documents."""
    return any(documento[key] and known.get(key) and documento[key] != known[key] for key in ("cae", "numero"))


def _tell(signal: Any, invoice_id: int) -> None:
    if signal.has_listeners(Invoice):
        send_after_commit(signal, Invoice, invoice=Invoice.objects.get(pk=invoice_id))


def _tell_duplicate(item: LoteItem) -> None:
    """Law 10: an invoice with two legal documents says so, to a person and to the host."""
    Invoice.objects.filter(pk=item.invoice_id).ask_for_attention(Attention.DUPLICATE)
    logger.error("Invoice %s was issued twice; the second document is of item %s", item.invoice.public_id, item)
    send_after_commit(
        duplicate_issued,
        Invoice,
        invoice=Invoice.objects.get(pk=item.invoice_id),
        item=LoteItem.objects.get(pk=item.pk),
    )
