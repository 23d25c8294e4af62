"""Commit a lote as `sending`, with its try counted, before the call, and work out what is sent, with which date.

Killed before the commit: the lote is `ready`, and known not to have been sent. Killed after it: it may have been sent.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from ..conf import Account, conf
from ..models import Invoice, InvoiceStatus, Lote, LoteItem, LoteItemStatus
from ..provider.pace import Busy, Lease, take
from ..signals import invoice_failed, send_after_commit
from ..transactions import again_on_deadlock, durable
from ..wire.dates import argentine_day
from ..wire.modalities import Outgoing, modalities
from ..wire.orders.redate import day_of, without_day
from .claiming import TakenError
from .recording import Call, Row


@again_on_deadlock
def start_sending(account: Account, lote: Lote) -> tuple[Call, Lease] | Busy | None:
    """Commit the lote as `sending`, in the account's turn, and return what is to be sent.

    `Busy` if somebody else has the turn, None if another process was faster with this lote.
    """
    try:
        with durable():
            return _start(account, lote)
    except TakenError:
        return None


def _start(account: Account, lote: Lote) -> tuple[Call, Lease] | Busy:
    today = argentine_day()
    send_on = lote.send_on if lote.send_on is not None and lote.send_on > today else None
    modality = modalities()[lote.modality]
    webhook_url = "" if modality.webhook_at_provider else conf.webhook_url
    lease = take(account.alias)
    if isinstance(lease, Busy):
        return lease
    now = timezone.now()
    if not Lote.objects.filter(pk=lote.pk, tries=lote.tries).start_sending(now, account.sent_as[0]):
        raise TakenError
    rows, outgoing = _what_goes(account, lote, send_on or today)
    if not rows:
        Lote.objects.filter(pk=lote.pk).close_empty()
        return Call(lote, lote.tries, now, [], {}), lease
    body = modality.body(account.credentials, outgoing, webhook_url=webhook_url, send_on=send_on)
    return Call(lote, lote.tries + 1, now, rows, body), lease


def _what_goes(account: Account, lote: Lote, day: dt.date) -> tuple[list[Row], list[Outgoing]]:
    """Return the items to send, and each as it is sent; their invoices get its date. Other items are withdrawn."""
    claimed = (
        LoteItem.objects.filter(lote=lote, status=LoteItemStatus.CLAIMED)
        .select_for_update()
        .order_by("position")
        .values_list("pk", "invoice_id", "reference", "invoice__status", "invoice__fecha", "invoice__comprobante")
    )
    rows: list[Row] = []
    outgoing: list[Outgoing] = []
    redated: list[int] = []
    on_their_own_day: dict[dt.date, list[int]] = {}
    left_out: list[int] = []
    unsendable: list[int] = []
    for pk, invoice_id, reference, status, fecha, documento in list(claimed):
        if status != InvoiceStatus.CLAIMED:
            # While the lote waited, a notification told that an older try was issued after all.
            left_out.append(pk)
            continue
        if not isinstance(documento.get("comprobante"), Mapping):
            # No invoice becomes pending without one; if one is here all the same, it must not hold up the others.
            left_out.append(pk)
            unsendable.append(invoice_id)
            continue
        out = _outgoing(reference, documento, day, redates=account.redates)
        rows.append(Row(pk, invoice_id, reference, out.fecha))
        outgoing.append(out)
        if fecha != out.fecha and day_of(documento) == out.fecha:
            on_their_own_day.setdefault(out.fecha, []).append(invoice_id)
        elif fecha != out.fecha:
            redated.append(invoice_id)
    if left_out:
        LoteItem.objects.filter(pk__in=left_out).withdraw()
        _reject(unsendable)
    if redated:
        Invoice.objects.filter(pk__in=redated).set_fecha(day)
    for own_day, pks in on_their_own_day.items():
        Invoice.objects.filter(pk__in=pks).update(fecha=own_day, redated_from=None)
    return rows, outgoing


def _reject(invoice_ids: list[int]) -> None:
    rejected = Invoice.objects.filter(pk__in=invoice_ids)
    if rejected.reject("it has no comprobante: retry it with its order's data"):
        for invoice in rejected:
            send_after_commit(invoice_failed, Invoice, invoice=invoice)


def _outgoing(reference: str, documento: dict[str, Any], day: dt.date, *, redates: bool) -> Outgoing:
    """Return an item as it is sent: with its own date, or with `day` if that is open, or is past and may change."""
    own = day_of(documento)
    if own is not None and not (redates and own < day):
        return Outgoing(reference, documento, own)
    return Outgoing(reference, without_day(documento, day), day)
