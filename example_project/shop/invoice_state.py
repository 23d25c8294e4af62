"""What became of an order's invoice, and of the nota de crédito of its refund, in the words of a shop."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse
from django.utils import timezone

from django_tusfacturas_lotes.models import FailureStage, Invoice, InvoiceStatus, Lote, LoteStatus
from shop.models import Order, Refund

CREDIT_NOTE = "nota_de_credito"
"""The `kind` of the invoices that credit one."""
WAITING_FOR_A_LOTE = (InvoiceStatus.PENDING, InvoiceStatus.CLAIMED)

# What a status means to the shop, and how loudly to say it: good, wait or bad.
WORDS: dict[str, tuple[str, str]] = {
    InvoiceStatus.PENDING: ("Waiting to be sent", "wait"),
    InvoiceStatus.CLAIMED: ("Being sent", "wait"),
    InvoiceStatus.SUBMITTED: ("Sent, not issued yet", "wait"),
    InvoiceStatus.ISSUED: ("Issued", "good"),
    InvoiceStatus.FAILED: ("Not issued", "bad"),
    InvoiceStatus.UNCERTAIN: ("Not known if it was issued", "bad"),
    InvoiceStatus.CANCELLED: ("Cancelled", ""),
}
STAGES: dict[str, str] = {
    FailureStage.BUILD: "It could not be made from the order.",
    FailureStage.VALIDATION: "The order's data is not good for an invoice.",
    FailureStage.INTAKE: "TusFacturas did not take it.",
    FailureStage.EMISSION: "ARCA did not issue it.",
}


@dataclass(frozen=True)
class InvoiceState:
    """One invoice as a page shows it. `reasons` says why it failed or waits, and what to do."""

    label: str
    tone: str = ""
    reasons: tuple[str, ...] = ()
    tipo: str = ""
    numero: str = ""
    cae: str = ""
    pdf_url: str = ""
    """Of the PDF that is kept; until there is one, TusFacturas' own address, which is good on that day only."""
    admin_url: str = ""
    invoice_pk: int | None = None


@dataclass(frozen=True)
class OrderState:
    """What an order has on paper: its invoice and, once it is refunded, its nota de crédito."""

    invoice: InvoiceState
    credit_note: InvoiceState | None = None
    is_refundable: bool = False


NOTHING_YET = InvoiceState("Invoiced after payment", "none")
NOTHING_TO_INVOICE = InvoiceState("Nothing to invoice", "none")
NOTHING_TO_CREDIT = InvoiceState("Nothing to credit", "none")


def states_of(orders: Iterable[Order]) -> dict[int, OrderState]:
    """What to show for each order, by its key: at most three queries, however many orders there are.

    The orders come with their refunds (`select_related("refund")`), or it is a query more for each.
    """
    orders = list(orders)
    refunds = [refund for order in orders if (refund := refund_of(order)) is not None]
    invoices = _by_source(Invoice.objects.for_sources(orders))
    credit_notes = _by_source(Invoice.objects.for_sources(refunds, kind=CREDIT_NOTE)) if refunds else {}
    is_waiting = any(one.status in WAITING_FOR_A_LOTE for one in (*invoices.values(), *credit_notes.values()))
    reasons = _waiting_reasons() if is_waiting else {}
    return {order.pk: _order_state(order, invoices.get(order.pk), credit_notes, reasons) for order in orders}


def latest_lote(state: InvoiceState) -> Lote | None:
    """The lote of an invoice's latest try, which knows by which modality it went. One query."""
    return Lote.objects.filter(items__invoice=state.invoice_pk).order_by("-pk").first() if state.invoice_pk else None


def refund_of(order: Order) -> Refund | None:
    return getattr(order, "refund", None)


def _by_source(invoices: Iterable[Invoice]) -> dict[int, Invoice]:
    return {int(invoice.source_id): invoice for invoice in invoices}


def _waiting_reasons() -> dict[str, str]:
    """Why an account's queue stands still, by account: its lote that could not be sent holds the ones behind it."""
    return {
        lote.account: f"{lote.error} {_next_try(lote)}".strip()
        for lote in Lote.objects.filter(in_flight_for__isnull=False, status=LoteStatus.READY).exclude(error="")
    }


def _next_try(lote: Lote) -> str:
    return f"Next try at {timezone.localtime(lote.next_try_at):%H:%M}." if lote.next_try_at else ""


def _order_state(
    order: Order, invoice: Invoice | None, credit_notes: dict[int, Invoice], waiting_reasons: dict[str, str]
) -> OrderState:
    none = NOTHING_TO_INVOICE if order.paid_at else NOTHING_YET
    state = none if invoice is None else _state(invoice, waiting_reasons)
    refund = refund_of(order)
    if refund is None:
        return OrderState(state, is_refundable=invoice is not None and invoice.status == InvoiceStatus.ISSUED)
    credit_note = credit_notes.get(refund.pk)
    return OrderState(state, NOTHING_TO_CREDIT if credit_note is None else _state(credit_note, waiting_reasons))


def _state(invoice: Invoice, waiting_reasons: dict[str, str]) -> InvoiceState:
    label, tone = WORDS.get(invoice.status, (invoice.get_status_display(), ""))
    reasons = [reason for reason in (_first_words(invoice, waiting_reasons), *invoice.reasons) if reason]
    return InvoiceState(
        label=label,
        # What needs a person although its status sounds well: issued twice, or issued without a CAE.
        tone="bad" if invoice.attention else tone,
        reasons=tuple(reasons),
        tipo=invoice.tipo,
        numero=invoice.comprobante_nro,
        cae=invoice.cae,
        pdf_url=_pdf_url(invoice),
        admin_url=reverse("admin:django_tusfacturas_lotes_invoice_change", args=[invoice.pk]),
        invoice_pk=invoice.pk,
    )


def _pdf_url(invoice: Invoice) -> str:
    if invoice.pdf:
        return str(invoice.pdf.url)
    return invoice.pdf_url if invoice.pdf_url.startswith(("https://", "http://")) else ""


def _first_words(invoice: Invoice, waiting_reasons: dict[str, str]) -> str:
    if invoice.status == InvoiceStatus.FAILED:
        return STAGES.get(invoice.failure_stage, "")
    if invoice.status == InvoiceStatus.UNCERTAIN:
        return "The provider's answer was lost. It is not sent again before somebody has looked."
    if invoice.status in WAITING_FOR_A_LOTE:
        if reason := waiting_reasons.get(invoice.account):
            return reason
        if invoice.send_on and invoice.send_on > timezone.localdate():
            return f"To be sent on {invoice.send_on:%d/%m/%Y}."
    return ""
