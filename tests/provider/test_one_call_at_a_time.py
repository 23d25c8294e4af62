"""Calls of an account come one at a time, and wait as long as the provider says."""

from __future__ import annotations

import pytest
from django.utils import timezone

from django_tusfacturas_lotes.models import Lote, LoteItem
from django_tusfacturas_lotes.reconciliation import look_up
from django_tusfacturas_lotes.submission import flush
from tests.support.encola import later, queue
from tests.support.provider import Provider

pytestmark = pytest.mark.django_db(transaction=True)


def test_calls_of_an_account_come_one_at_a_time_and_apart(provider: Provider) -> None:
    provider.use("nuevo_encola")
    provider.configure(CALL_GAP=0.1)
    queue(4)
    flush()
    provider.settle()
    look_up("default")
    ledger = provider.sandbox.ledger()
    (gap,) = ledger["shortest_gap_ms"].values()
    assert gap is not None
    assert gap >= 95  # as the sandbox measures it, from the end of its answer
    assert set(ledger["max_concurrent_calls"].values()) == {1}


@pytest.mark.parametrize(("fault", "seconds"), [("answer=429:30", 31), ("answer=429", 61)])
def test_a_pause_that_the_provider_asks_for_holds_for_every_call(provider: Provider, fault: str, seconds: int) -> None:
    """Where it does not say how long, it is a minute."""
    provider.use("nuevo_encola")
    queue(2)
    provider.fault(fault)
    report = flush()
    assert report.waiting[0].until is not None
    LoteItem.objects.update(look_up_at=timezone.now())
    Lote.objects.update(look_up_at=timezone.now())
    assert "pause" in look_up("default").stopped
    assert not provider.sandbox.ledger()["lookups"]["total"]
    with later(seconds=seconds):
        flush()
    assert len(provider.sandbox.calls) == 3
