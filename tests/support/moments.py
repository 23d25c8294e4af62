"""Invoices that have waited for a while."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone

from django_tusfacturas_lotes.models import Invoice, InvoiceStatus
from tests.support.rows import make_invoice


def ago(**span: float) -> dt.datetime:
    return timezone.now() - dt.timedelta(**span)


def ahead(**span: float) -> dt.datetime:
    return timezone.now() + dt.timedelta(**span)


def pending(**columns: Any) -> Invoice:
    return make_invoice(InvoiceStatus.PENDING, **columns)
