"""What is known of a lote whose answer was lost."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from django_tusfacturas_lotes.models import Finding, InvoiceStatus, LoteItemStatus, LoteStatus, WebhookEventStatus
from django_tusfacturas_lotes.operations.evidence import lote_evidence
from tests.support.rows import make_event, make_item, make_lote

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.mark.parametrize("heard", [False, True])
@pytest.mark.parametrize("finding", ["", *Finding])
@pytest.mark.parametrize("status", LoteItemStatus)
def test_of_one_item(status: LoteItemStatus, finding: str, heard: bool) -> None:
    item = make_item(status, InvoiceStatus.UNCERTAIN, make_lote(LoteStatus.UNCERTAIN), finding=finding)
    other = make_item(LoteItemStatus.ISSUED, finding=Finding.ISSUED)  # of another lote
    make_event(other)
    if heard:
        make_event(None, WebhookEventStatus.ERROR, reference=item.reference)
    known = lote_evidence(item.lote)
    settled = status in (LoteItemStatus.ISSUED, LoteItemStatus.FAILED)
    found = finding in (Finding.ISSUED, Finding.QUEUED, Finding.IN_ERROR) or settled
    assert (known.items, known.heard_of, known.found) == (1, heard, found)
    assert known.proves_receipt is (heard or found)
    assert known.findings == {finding: 1}
    assert [one.reference for one in known.known] == ([item.reference] if heard or found else [])
    for one in known.known:
        assert (one.status, one.heard_of, one.finding) == (status, heard, finding)


@pytest.mark.parametrize("count", [1, 10, 11, 12])
def test_of_many_items_the_first_ten_are_named_in_order(count: int) -> None:
    lote = make_lote(LoteStatus.UNCERTAIN)
    items = [
        make_item(
            LoteItemStatus.UNCERTAIN, InvoiceStatus.UNCERTAIN, lote, finding=Finding.QUEUED,
            looked_up_at=NOW - dt.timedelta(minutes=number),
        )
        for number in range(count)
    ]  # fmt: skip
    known = lote_evidence(lote)
    assert [one.reference for one in known.known] == [item.reference for item in items[:10]]
    assert (known.items, known.found, known.looked_up_at) == (count, count, NOW)
    assert known.findings == {Finding.QUEUED: count}


def test_nothing_is_known_of_what_nobody_looked_up_or_told_of() -> None:
    lote = make_lote(LoteStatus.UNCERTAIN, error="no answer", http_status=500)
    make_item(LoteItemStatus.UNCERTAIN, InvoiceStatus.UNCERTAIN, lote)
    known = lote_evidence(lote)
    assert (known.looked_up_at, known.known, known.proves_receipt) == (None, (), False)
    lines = known.lines()
    assert lines[0].startswith("1 item of account default (lotes), sent: ")
    assert lines[1:] == [
        "How it ended: no answer (HTTP status: 500).", "Heard of by notification: 0 of 1.", "Looked up: not yet.",
    ]  # fmt: skip
