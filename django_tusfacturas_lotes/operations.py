"""What a person may decide about an invoice or a lote.

Each function is one transaction, safe against a webhook or another person at the same instant, and tells by its
return value whether it changed anything. None of them makes a call.
"""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from . import queueing, reconciliation
from .models import FailureStage, Invoice, InvoiceStatus, Lote, LoteItem, LoteItemStatus, LoteStatus
from .signals import invoice_failed, send_after_commit
from .transactions import atomic
from .wire.dates import argentine_day
from .wire.redate import day_of, without_day


class NotPossibleError(Exception):
    """The invoice or the lote is not in a state that allows this; the text says why, for a person."""


def retry(invoice: Invoice, *, today: bool = False, rebuild: bool = False) -> Invoice:
    """Put a failed or cancelled invoice back into the queue, for a new try with a new reference.

    `today`: date it on the day that it is sent, instead of the day that it bears. `rebuild`: make its comprobante
    anew from the order, with what was mended there; where the builder or the validation failed, it always is.
    Returns the invoice as it is afterwards: `pending`, or `failed` again with the reasons. Raises `NotPossibleError`.
    """
    with atomic():
        invoice = Invoice.objects.get(pk=invoice.pk)
        if invoice.credits_id is not None:
            # One nota of an invoice after the other, so that in sum they can be held to what it comes to.
            Invoice.objects.select_for_update().get(pk=invoice.credits_id)
        # What never became a comprobante can't be sent as it is; a nota must fit beside the others of its invoice.
        unbuilt = invoice.failure_stage in (FailureStage.BUILD, FailureStage.VALIDATION)
        if unbuilt or rebuild or invoice.credits_id is not None:
            columns = _rebuilt(invoice, redate=today)
        else:
            columns = _as_it_is(invoice, today=today)
        failed = columns.pop("status", None) == InvoiceStatus.FAILED
        row = Invoice.objects.filter(pk=invoice.pk, failure_stage=invoice.failure_stage)
        changed = row.fail_again(**columns) if failed else row.retry(**columns)
        after = Invoice.objects.get(pk=invoice.pk)
        if not changed:
            raise NotPossibleError(f"invoice {after.public_id} is {after.status}, not failed")
        if failed:
            send_after_commit(invoice_failed, Invoice, invoice=after)
    return after


def cancel(invoice: Invoice) -> Invoice:
    """Decide that an invoice is not to be issued: one that is pending, failed, or in a lote known not to be sent.

    Returns the invoice as it is afterwards. Raises `NotPossibleError` for one that may have reached the provider: what
    is issued is undone only by a nota de crédito.
    """
    with atomic():
        # Law 14: the lote first. Once it is locked, it can't begin to be sent.
        waiting = LoteItem.objects.filter(invoice=invoice, status=LoteItemStatus.CLAIMED).values("lote_id")
        lotes = Lote.objects.lock().filter(pk__in=list(waiting.values_list("lote_id", flat=True)))
        ready = [lote.pk for lote in lotes if lote.status == LoteStatus.READY]
        row = Invoice.objects.select_for_update().get(pk=invoice.pk)
        if row.status == InvoiceStatus.CLAIMED and not ready:
            raise NotPossibleError(f"invoice {row.public_id} is in a lote that is being sent")
        LoteItem.objects.filter(invoice=invoice, lote_id__in=ready).withdraw()
        if not Invoice.objects.filter(pk=invoice.pk).cancel():
            raise NotPossibleError(f"invoice {row.public_id} is {row.status}: it can't be cancelled")
        return Invoice.objects.get(pk=invoice.pk)


def send_now(lote: Lote) -> Lote:
    """End the pause of a lote that waits: it goes at the next occasion. Raises `NotPossibleError`."""
    if not Lote.objects.filter(pk=lote.pk).stop_waiting():
        raise NotPossibleError(f"{lote} is {Lote.objects.get(pk=lote.pk).status}, not ready")
    return Lote.objects.get(pk=lote.pk)


def confirm_received(lote: Lote) -> Lote:
    """Say of an uncertain lote that TusFacturas has it: its invoices wait for their results. Never sends anything.

    Raises `NotPossibleError` if the lote is not uncertain.
    """
    with atomic():
        uncertain = Lote.objects.lock().filter(pk=lote.pk, status=LoteStatus.UNCERTAIN).exists()
        settled = uncertain and reconciliation.received(lote.pk)
    if not settled:
        raise NotPossibleError(f"{lote} is {Lote.objects.get(pk=lote.pk).status}, not uncertain")
    return Lote.objects.get(pk=lote.pk)


def confirm_not_received(lote: Lote) -> int:
    """Say of an uncertain lote that TusFacturas never got it: its invoices go out again, with new references.

    If that is wrong, they are issued twice: look in TusFacturas first. Returns how many went back into the queue.
    Raises `NotPossibleError` if the lote is not uncertain.
    """
    requeued = reconciliation.not_received(lote.pk, "a person confirmed that TusFacturas did not receive it")
    if requeued is None:
        raise NotPossibleError(f"{lote} is {Lote.objects.get(pk=lote.pk).status}, not uncertain")
    return requeued


def mark_seen(lote: Lote) -> Lote:
    """Say of a lote's discrepancies that a person has seen them. Raises `NotPossibleError` where there are none."""
    if not Lote.objects.filter(pk=lote.pk).exclude(discrepancies=[]).update(seen_at=timezone.now()):
        raise NotPossibleError(f"{lote} has no discrepancies")
    return Lote.objects.get(pk=lote.pk)


def mark_invoice_seen(invoice: Invoice) -> Invoice:
    """Say of what asks for attention on an invoice that a person has seen to it. Raises `NotPossibleError`.

    It goes on saying so; it only needs nobody any more.
    """
    if not Invoice.objects.filter(pk=invoice.pk).exclude(attention="").update(seen_at=timezone.now()):
        raise NotPossibleError(f"invoice {invoice.public_id} does not ask for attention")
    return Invoice.objects.get(pk=invoice.pk)


_REBUILT_COLUMNS = (
    "status", "failure_stage", "errors", "comprobante", "tipo", "punto_venta", "fecha", "total", "moneda",
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
    """Return the columns of `invoice` as its order, or its data, give them today."""
    anew = queueing.rebuild(invoice, redate=redate)
    if anew is None:
        raise NotPossibleError(f"the builder says that there is nothing to invoice for {invoice.source_label}")
    columns = {column: getattr(anew, column) for column in _REBUILT_COLUMNS}
    if anew.status == InvoiceStatus.FAILED:
        columns["stage"] = columns.pop("failure_stage")
    else:
        del columns["failure_stage"], columns["errors"]
    return columns
