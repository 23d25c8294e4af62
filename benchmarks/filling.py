"""Tables as they are after years: invoices, each with its item, its lote and its notification."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from django_tusfacturas_lotes.models import (
    FailureStage,
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    LoteStatus,
    WebhookEvent,
    WebhookEventStatus,
)
from django_tusfacturas_lotes.wire.answers.redact import redact

from .documents import answer, documento, notification
from .progress import say
from .tables import Router, analyze

_LOTE = 500
_LOTES_AT_ONCE = 10
# One in so many was not issued.
_FAILED = 50
_ERRORS = [{"text": "10016: the date is earlier than that of the last one"}]


def fill(invoices: int) -> None:
    """Add `invoices` invoices, one in 50 of them failed, the others issued, in lotes of 500."""
    for first in range(0, invoices, _LOTE * _LOTES_AT_ONCE):
        say(f"filling the tables: {first:,} of {invoices:,} invoices")
        with transaction.atomic(using=Router.current):
            _add(range(first, min(first + _LOTE * _LOTES_AT_ONCE, invoices)))
    analyze()


def _add(numbers: range) -> None:
    lotes = Lote.objects.bulk_create(_lote() for _ in range(0, len(numbers), _LOTE))
    invoices = Invoice.objects.bulk_create(_invoice(number) for number in numbers)
    items = LoteItem.objects.bulk_create(
        _item(lotes[index // _LOTE], index % _LOTE, invoice) for index, invoice in enumerate(invoices)
    )
    WebhookEvent.objects.bulk_create(_event(item, number) for item, number in zip(items, numbers, strict=True))


def _lote() -> Lote:
    now = timezone.now()
    return Lote(
        account="default", modality="lotes", status=LoteStatus.ACCEPTED, tries=1, sent_at=now, answered_at=now,
        http_status=200, response=answer(_LOTE),
    )  # fmt: skip


def _invoice(number: int) -> Invoice:
    document = documento()
    columns: dict[str, Any] = {
        "key": f"old-{number}", "comprobante": document, "tipo": "FACTURA B", "punto_venta": 3,
        "fecha": dt.date(2020, 1, 1) + dt.timedelta(days=number % 1500), "total": Decimal("417.01"), "moneda": "PES",
        "razon_social": document["cliente"]["razon_social"], "documento_nro": f"{20_000_000 + number}", "tries": 1,
    }  # fmt: skip
    if number % _FAILED == 0:
        columns |= {"status": InvoiceStatus.FAILED, "failure_stage": FailureStage.EMISSION, "errors": _ERRORS}
    else:
        columns |= {
            "status": InvoiceStatus.ISSUED, "numero": number + 1, "cae": str(71_000_000_000_000 + number),
            "cae_expires_on": dt.date(2030, 1, 6), "issued_at": timezone.now(),
            "pdf_url": f"https://provider.invalid/{number}.pdf",
        }  # fmt: skip
    return Invoice(account="default", **columns)


def _item(lote: Lote, position: int, invoice: Invoice) -> LoteItem:
    failed = invoice.status == InvoiceStatus.FAILED
    return LoteItem(
        lote=lote, invoice=invoice, position=position, reference=f"{invoice.public_id}-1",
        status=LoteItemStatus.FAILED if failed else LoteItemStatus.ISSUED,
        errors=_ERRORS if failed else [], result=None if failed else {"cae": invoice.cae, "numero": invoice.numero},
    )  # fmt: skip


def _event(item: LoteItem, number: int) -> WebhookEvent:
    return WebhookEvent(
        account="default", reference=item.reference, item=item, kind="issued" if item.result else "failed",
        payload=redact(notification(item.reference, number)), digest=f"{number:032x}"[::-1] * 2,
        status=WebhookEventStatus.PROCESSED,
    )  # fmt: skip
