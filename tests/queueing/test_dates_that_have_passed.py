"""A date that has passed is left open, where the account's policy says so; a due date goes along."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from django_tusfacturas_lotes.models import InvoiceStatus
from django_tusfacturas_lotes.queueing import queue_invoice
from django_tusfacturas_lotes.wire.dates import argentine_day, format_day
from django_tusfacturas_lotes.wire.validation import read
from tests.support.builders import documento

pytestmark = pytest.mark.django_db


def day(days: int | None) -> dt.date | None:
    return None if days is None else argentine_day() + dt.timedelta(days=days)


def shown(days: int | None) -> str | None:
    moment = day(days)
    return None if moment is None else format_day(moment)


@pytest.mark.parametrize("as_a_model", [False, True])
@pytest.mark.parametrize(
    ("own", "due"),
    [
        (None, None), (None, 0), (None, 3), (-2, None), (-2, -1), (-2, 0), (-2, 3), (0, None), (0, 0), (0, 3),
        (2, None), (2, 3),
    ],
)  # fmt: skip
def test_what_is_queued_with_the_policy_today(
    settings: Any, own: int | None, due: int | None, as_a_model: bool
) -> None:
    settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "DATE_POLICY": "today"}
    given: Any = documento(fecha=shown(own), vencimiento=shown(due))
    send_on = day(own) if own == 2 else None
    invoice = queue_invoice(comprobante=read(given) if as_a_model else given, key="k", send_on=send_on)
    assert invoice is not None
    assert invoice.status == InvoiceStatus.PENDING, invoice.reasons
    passed = own is not None and own < 0
    kept = invoice.comprobante["comprobante"]
    assert kept.get("fecha") == (None if passed else shown(own))
    assert invoice.redated_from == (day(own) if passed else None)
    # A due date that has passed is dropped with it.
    assert kept.get("vencimiento") == (None if passed and due == -1 else shown(due))
