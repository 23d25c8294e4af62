"""An invoice in the provider's queue: how it gets there, what is done with it, and time that goes by."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import time_machine
from django.utils import timezone

from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, QueueOperation, WebhookEvent
from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoices
from django_tusfacturas_lotes.reconciliation import look_up
from django_tusfacturas_lotes.submission import expire_leases, flush, queue_operations
from tests.support.builders import documento
from tests.support.provider import PATIENCE, Provider

ENCOLA = ["lotes_encola", "nuevo_encola"]
ALL = ["lotes", *ENCOLA]


def queue(count: int = 1, **changes: Any) -> list[Invoice]:
    start = Invoice.objects.count()
    queue_invoices(ToInvoice(documento(**changes), f"erp-{start + number}") for number in range(count))
    return list(Invoice.objects.order_by("pk")[start:])


@contextmanager
def later(**ahead: float) -> Iterator[None]:
    with time_machine.travel(timezone.now() + dt.timedelta(**ahead)):
        yield


def statuses() -> list[str]:
    return list(Invoice.objects.order_by("pk").values_list("status", flat=True))


def in_error(provider: Provider, modality: str) -> Invoice:
    """Return an invoice that lies in the provider's queue, in error."""
    provider.use(modality)
    (invoice,) = queue(1)
    provider.fault("fail_rows=0")
    flush()
    provider.settle()
    assert statuses() == [InvoiceStatus.FAILED]
    return invoice


def waiting(provider: Provider, modality: str) -> Invoice:
    """Return an invoice that waits in the provider's queue."""
    provider.use(modality)
    provider.sandbox.pause()
    (invoice,) = queue(1)
    flush()
    assert statuses() == [InvoiceStatus.SUBMITTED]
    return invoice


def go_on(provider: Provider, days: float = 1) -> None:
    """Let the schedule do all that it does in a day."""
    now = timezone.now()
    for minutes in (0, 1, 2, 5, 10, 30, 90, 200, int(days * 1440)):
        with time_machine.travel(now + dt.timedelta(minutes=minutes)):
            provider.sandbox.advance_days(0)  # it looks at the day anew
            expire_leases()
            queue_operations.send_requested("default")
            provider.settle()
            look_up("default")
            flush()
            provider.settle()


def done() -> list[str]:
    return list(QueueOperation.objects.order_by("pk").values_list("status", flat=True))


def told(provider: Provider, evento: str, reference: str) -> None:
    """Have the provider notify, and wait until that was acted on."""
    like_it = WebhookEvent.objects.filter(reference=reference, payload__evento=evento).exclude(status="received")
    before = like_it.count()
    provider.sandbox.notify(reference, evento, msg=["no"] if evento == "error" else [])
    provider.sandbox._wait(lambda: like_it.count() > before, PATIENCE, "told nothing")


def rounds(minutes: Iterator[int] | range) -> None:
    now = timezone.now()
    for after in minutes:
        with time_machine.travel(now + dt.timedelta(minutes=after)):
            look_up("default")
