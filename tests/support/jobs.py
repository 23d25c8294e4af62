"""What a worker process does in the tests that kill it, or set several of them upon the same rows.

Each job is a function of JSON values that returns one, so that it can be asked for over a pipe.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable
from typing import Any

import time_machine
from django.db import transaction
from django.test import Client as HttpClient
from django.urls import reverse
from django.utils import timezone

from django_tusfacturas_lotes import operations, pdfs, reception, reconciliation
from django_tusfacturas_lotes.conf import conf
from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote
from django_tusfacturas_lotes.queueing import queue_invoice
from django_tusfacturas_lotes.signals import order_paid
from django_tusfacturas_lotes.submission import expire_leases, flush, queue_operations
from tests.testshop.models import Order


def send_all(account: str | None = None) -> int:
    """Flush once. Returns how many calls were made."""
    return len(flush(account).sent)


def send_until_empty() -> int:
    """Flush again and again while others do the same, until nothing is left. Returns how many calls were made."""
    made = 0
    while (
        Invoice.objects.filter(status=InvoiceStatus.PENDING).exists()
        or Lote.objects.exclude(in_flight_for=None).exists()
    ):
        made += len(flush().sent)
    return made


def come_by(minutes: Iterable[int]) -> int:
    """Wake up so many minutes from now, as the schedule does it, and do what is to be done. Returns the calls made."""
    made = 0
    now = timezone.now()
    for after in minutes:
        with time_machine.travel(now + dt.timedelta(minutes=after)):
            reception.process_again()
            expire_leases()
            made += len(flush().sent)
    return made


def serve(minutes: Iterable[int]) -> None:
    """Do once, so many minutes from now, all that the schedule does, look-ups, operations and PDFs too."""
    now = timezone.now()
    for after in minutes:
        with time_machine.travel(now + dt.timedelta(minutes=after)):
            reception.process_again()
            expire_leases()
            flush()
            for alias in conf.aliases:
                queue_operations.send_requested(alias)
                reconciliation.look_up(alias)
            pdfs.keep_due()


def notify(*payloads: dict[str, Any]) -> list[int]:
    """POST notifications to the real view, in this process. Returns the statuses that the sender hears."""
    client = HttpClient()
    url = reverse("tusfacturas_lotes:webhook")
    return [
        client.post(url, json.dumps(payload).encode(), content_type="application/json").status_code
        for payload in payloads
    ]


def notice(payload: dict[str, Any], token: str) -> int:
    """POST a notice of the encola modalities to the real view, in this process. Returns what the sender hears."""
    url = reverse("tusfacturas_lotes:webhook")
    return (
        HttpClient()
        .post(url, json.dumps(payload).encode(), content_type="application/json", headers={"TF-WebhookToken": token})
        .status_code
    )


def queue(key: str, comprobante: dict[str, Any]) -> str:
    invoice = queue_invoice(comprobante=comprobante, key=key)
    return invoice.public_id if invoice is not None else ""


def pay(order_pk: int) -> None:
    """What a shop does that marks its order first, and tells of it after its own commit."""
    order_paid.send(sender=Order, order=Order.objects.get(pk=order_pk))


def pay_in_a_transaction(order_pk: int) -> None:
    """What a shop does that marks its order and tells of it in one transaction."""
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=order_pk)
        order.mishap = "paid"
        order.save()
        order_paid.send(sender=Order, order=order)


def checkout(order_pk: int) -> None:
    """As `pay_in_a_transaction`, without a lock of the shop's own to keep two apart."""
    with transaction.atomic():
        order_paid.send(sender=Order, order=Order.objects.get(pk=order_pk))


def retry(invoice_pk: int) -> bool:
    return _decide(operations.retry, Invoice.objects.get(pk=invoice_pk))


def cancel(invoice_pk: int) -> bool:
    return _decide(operations.cancel, Invoice.objects.get(pk=invoice_pk))


def resend(invoice_pk: int) -> bool:
    return _decide(operations.resend, Invoice.objects.get(pk=invoice_pk))


def confirm_not_issued(invoice_pk: int) -> bool:
    return _decide(operations.confirm_not_issued, Invoice.objects.get(pk=invoice_pk))


def confirm_received(lote_pk: int) -> bool:
    return _decide(operations.confirm_received, Lote.objects.get(pk=lote_pk))


def confirm_not_received(lote_pk: int) -> bool:
    return _decide(operations.confirm_not_received, Lote.objects.get(pk=lote_pk))


def decide_on_all(invoice_pks: Iterable[int], rounds: int) -> int:
    """What impatient people press, on every invoice and lote, again and again. Returns how much of it was done."""
    done = 0
    for _ in range(rounds):
        for invoice_pk in invoice_pks:
            done += cancel(invoice_pk)
            done += retry(invoice_pk)
        for lote in Lote.objects.all():
            done += confirm_received(lote.pk)
    return done


def come_by_often(minutes: Iterable[int], rounds: int) -> int:
    return sum(come_by(minutes) for _ in range(rounds))


def _decide(decision: Callable[[Any], object], about: Invoice | Lote) -> bool:
    """Whether a person's decision was taken; one that came too late is told to the person, and is no error."""
    try:
        decision(about)
    except operations.NotPossibleError:
        return False
    return True


JOBS: dict[str, Callable[..., Any]] = {
    job.__name__: job
    for job in (
        send_all, send_until_empty, come_by, notify, queue, pay, pay_in_a_transaction, checkout, retry, cancel,
        confirm_received, confirm_not_received, decide_on_all, come_by_often, serve, notice, resend,
        confirm_not_issued,
    )
}  # fmt: skip
