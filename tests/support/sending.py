"""Invoices to send, their statuses, and time that goes by."""

from __future__ import annotations

import datetime as dt
from typing import Any

import time_machine
from django.utils import timezone

from django_tusfacturas_lotes.models import Invoice
from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoices
from tests.support.builders import documento


def queue(count: int, **changes: Any) -> None:
    start = Invoice.objects.count()
    queue_invoices(ToInvoice(documento(**changes), f"erp-{start + number}") for number in range(count))


def statuses(model: Any) -> list[str]:
    return list(model.objects.order_by("pk").values_list("status", flat=True))


def later(seconds: float) -> Any:
    return time_machine.travel(timezone.now() + dt.timedelta(seconds=seconds))
