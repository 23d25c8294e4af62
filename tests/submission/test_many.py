"""A day's work of the modality that sends one invoice a call, stopped in the middle and taken up again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote
from django_tusfacturas_lotes.reconciliation import look_up
from django_tusfacturas_lotes.sandbox import Pace, Sandbox
from django_tusfacturas_lotes.submission import Sent, flush
from tests.support.crashing import assert_nothing_twice, assert_whole
from tests.support.encola import later, queue, statuses
from tests.support.provider import Provider

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 500
STOPPED_AFTER = 200


@pytest.fixture
def tusfacturas_sandbox() -> Iterator[Sandbox]:
    """One that is as fast as it can."""
    with Sandbox(pace=Pace(emission_retry=0)) as sandbox:
        yield sandbox


class StoppedError(Exception):
    """What ends a flush in the middle, as Ctrl-C would."""


@pytest.mark.thorough
def test_a_flush_of_five_hundred_calls_that_is_stopped_goes_on_where_it_was_and_sends_each_invoice_once(
    provider: Provider,
) -> None:
    provider.use("nuevo_encola")
    provider.configure(CALL_GAP=0)
    # So that it is the look-ups alone that tell of all of them, once they are overdue.
    provider.fault("webhook=never*always")
    queue(MANY)
    sent: list[Sent] = []

    def stop(step: Sent) -> None:
        sent.append(step)
        if len(sent) == STOPPED_AFTER:
            raise StoppedError

    with pytest.raises(StoppedError):
        flush(on_step=stop)
    assert len(provider.sandbox.calls) == STOPPED_AFTER
    assert not Lote.objects.exclude(in_flight_for=None).exists(), "nothing keeps the next flush waiting"
    assert statuses().count(InvoiceStatus.PENDING) == MANY - STOPPED_AFTER

    report = flush()
    assert (len(report.sent), report.waiting, report.needs_person) == (MANY - STOPPED_AFTER, [], False)
    assert set(statuses()) == {InvoiceStatus.SUBMITTED}
    provider.settle()
    references = provider.sandbox.ledger()["references"]
    assert len(references) == MANY
    assert {(entry["received"], entry["issued"]) for entry in references.values()} == {(1, 1)}

    asked = 0
    with later(hours=4):
        while (looked := look_up("default", most=MANY)).asked:
            assert looked.stopped == ""
            asked += looked.asked
    assert asked == MANY, "one look-up settles one invoice"
    assert set(statuses()) == {InvoiceStatus.ISSUED}
    assert not Invoice.objects.needing_a_person().exists()
    assert_whole(provider)
    assert_nothing_twice(provider)
