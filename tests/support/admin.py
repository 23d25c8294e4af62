"""What the tests of the admin do over HTTP, and the rows that they do it to."""

from __future__ import annotations

from typing import Any

from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote, LoteItem, QueueOperation, WebhookEvent
from django_tusfacturas_lotes.queueing import queue_invoice
from django_tusfacturas_lotes.submission import flush
from tests.support.builders import documento
from tests.support.provider import Provider

APP = "/admin/django_tusfacturas_lotes"


def act(client: Any, model: str, action: str, objects: list[Any], **data: str) -> str:
    """Post an admin action on these objects and return the page that follows, with its messages."""
    response = client.post(
        f"{APP}/{model}/", {"action": action, "_selected_action": [str(one.pk) for one in objects], **data}, follow=True
    )
    assert response.status_code == 200
    return str(response.content.decode())


def invoice_in(status: InvoiceStatus, **changes: Any) -> Invoice:
    invoice = queue_invoice(comprobante=documento(**changes), key=f"k{Invoice.objects.count()}")
    assert invoice is not None
    Invoice.objects.filter(pk=invoice.pk).update(status=status)
    invoice.refresh_from_db()
    return invoice


def uncertain_lote(provider: Provider, fault: str = "reject=500") -> Lote:
    invoice_in(InvoiceStatus.PENDING)
    provider.fault(fault)
    flush()
    return Lote.objects.latest("pk")


MODELS: dict[str, Any] = {
    "invoice": Invoice, "lote": Lote, "loteitem": LoteItem, "webhookevent": WebhookEvent,
    "queueoperation": QueueOperation,
}  # fmt: skip


def lists_and_rows() -> list[str]:
    rows = [f"{APP}/{model}/{row.pk}/change/" for model, rows in MODELS.items() for row in rows.objects.all()]
    return [*(f"{APP}/{model}/" for model in MODELS), *rows]


def admin_pages() -> list[str]:
    pages = lists_and_rows()
    found = [f"{APP}/{model}/?q=%3Cscript%3Ealert(1)" for model in MODELS]
    needing = [f"{APP}/{model}/?needs=me" for model in MODELS if model != "loteitem"]
    return ["/admin/", f"{APP}/", *pages, *found, *needing, *(page.replace("/change/", "/history/") for page in pages)]
