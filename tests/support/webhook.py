"""Notifications as `lotes` makes them, posted to our webhook, and the rows that they are about."""

from __future__ import annotations

import itertools
import json
from typing import Any

from django.test import Client as HttpClient

from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote, LoteItem, LoteItemStatus, LoteStatus
from django_tusfacturas_lotes.queueing import queue_invoice
from django_tusfacturas_lotes.wire.dates import argentine_day
from tests import settings as test_settings
from tests.support import documented
from tests.support.builders import documento

URL = "/tusfacturas/webhook/"
CREDENTIALS = {
    "apikey": test_settings.APIKEY,
    "apitoken": test_settings.APITOKEN,
    "usertoken": test_settings.USERTOKEN,
}
_keys = itertools.count()


def item_in(
    lote_status: LoteStatus = LoteStatus.ACCEPTED,
    item_status: LoteItemStatus = LoteItemStatus.SUBMITTED,
    invoice_status: InvoiceStatus = InvoiceStatus.SUBMITTED,
) -> LoteItem:
    """An item of a lote of one, in these states."""
    invoice = queue_invoice(comprobante=documento(), key=f"erp-{next(_keys)}")
    assert invoice is not None
    Invoice.objects.filter(pk=invoice.pk).update(status=invoice_status, tries=1, fecha=argentine_day())
    in_flight = "default" if lote_status in (LoteStatus.READY, LoteStatus.SENDING) else None
    lote = Lote.objects.create(
        account="default", modality="lotes", status=lote_status, in_flight_for=in_flight, tries=1
    )
    return LoteItem.objects.create(
        lote=lote, invoice=invoice, position=0, reference=f"{invoice.public_id}-1", status=item_status
    )


def success(item: LoteItem | str, **changes: Any) -> dict[str, Any]:
    return {
        **documented.lotes_webhook(),
        **CREDENTIALS, "facturacion_lote_id_referencia": str(item), "cae": "71234567890123 ",
        **changes,
    }  # fmt: skip


def failure(item: LoteItem | str, *errors: str) -> dict[str, Any]:
    return success(item, error="S", errores=list(errors) or ["10016"], cae="", comprobante_nro="")


def post(payload: Any, **options: Any) -> Any:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return HttpClient().post(URL, body, **{"content_type": "application/json", **options})
