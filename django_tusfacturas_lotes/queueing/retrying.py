"""Put a failed invoice back into the queue, with the data that it has or with its order's data of today."""

from __future__ import annotations

from typing import Any

from ..exceptions import NotPossibleError
from ..models import FailureStage, Invoice, InvoiceStatus, LoteItem
from ..signals import invoice_failed, send_after_commit
from ..transactions import atomic
from ..wire.dates import argentine_day
from ..wire.orders.redate import day_of, without_day
from . import paid_orders


def requeue(invoice: Invoice, *, today: bool = False, rebuild: bool = False) -> Invoice:
    """Put a failed or cancelled invoice back into the queue, if the provider has nothing of it any more.

    `today`, `rebuild`, what is returned and raised: as `operations.retry`.
    """
    with atomic():
        invoice = Invoice.objects.get(pk=invoice.pk)
        if invoice.credits_id is not None:
            # One nota of an invoice at a time, so that their sum can be held to its total.
            Invoice.objects.select_for_update().get(pk=invoice.credits_id)
        under_way = LoteItem.objects.filter(invoice=invoice).under_way().first()
        if under_way is not None and invoice.status in (InvoiceStatus.FAILED, InvoiceStatus.CANCELLED):
            raise NotPossibleError(
                f"the try {under_way} may still be issued: retry it once it is deleted at TusFacturas, or look it up"
            )
        # Law 14: the tries, whose comprobante is kept below, before the invoice.
        list(LoteItem.objects.select_for_update().filter(invoice=invoice).order_by("pk").values_list("pk"))
        # What never became a comprobante can't be sent as it is; a nota must fit beside the others of its invoice.
        unbuilt = invoice.failure_stage in (FailureStage.BUILD, FailureStage.VALIDATION)
        if unbuilt or rebuild or invoice.credits_id is not None:
            columns = _rebuilt(invoice, redate=today)
        else:
            columns = _as_it_is(invoice, today=today)
        failed = columns.pop("status", None) == InvoiceStatus.FAILED
        row = Invoice.objects.filter(pk=invoice.pk, failure_stage=invoice.failure_stage)
        changed = row.fail_again(**columns) if failed else row.retry(**columns)
        if changed and columns.get("comprobante", invoice.comprobante) != invoice.comprobante:
            # Keep what the earlier tries were sent with, in case one of them is issued after all.
            LoteItem.objects.filter(invoice=invoice, comprobante__isnull=True).update(comprobante=invoice.comprobante)
        after = Invoice.objects.get(pk=invoice.pk)
        if not changed:
            raise NotPossibleError(f"invoice {after.public_id} is {after.status}, not failed")
        if failed:
            send_after_commit(invoice_failed, Invoice, invoice=after)
    return after


_REBUILT_COLUMNS = (
    "account", "status", "failure_stage", "errors", "comprobante", "tipo", "punto_venta", "fecha", "total", "moneda",
    "razon_social", "documento_nro", "send_on", "redated_from",
)  # fmt: skip


def _as_it_is(invoice: Invoice, *, today: bool) -> dict[str, Any]:
    """Return the columns of an invoice that is sent with the data that it has."""
    own = day_of(invoice.comprobante)
    if not today:
        return {"fecha": own, "redated_from": None if own else invoice.redated_from}
    return {
        "comprobante": without_day(invoice.comprobante, argentine_day()),
        "fecha": None,
        "redated_from": own or invoice.redated_from,
    }


def _rebuilt(invoice: Invoice, *, redate: bool) -> dict[str, Any]:
    """Return the columns of `invoice`, built anew from its order or its data."""
    anew = paid_orders.rebuild(invoice, redate=redate)
    if anew is None:
        raise NotPossibleError(f"the builder says that there is nothing to invoice for {invoice.source_label}")
    columns = {column: getattr(anew, column) for column in _REBUILT_COLUMNS}
    if anew.status == InvoiceStatus.FAILED:
        columns["stage"] = columns.pop("failure_stage")
    else:
        del columns["failure_stage"], columns["errors"]
    return columns
