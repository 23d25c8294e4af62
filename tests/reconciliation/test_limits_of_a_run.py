"""How many look-ups a run makes, and where it stops."""

from __future__ import annotations

import math
import time

import pytest

from django_tusfacturas_lotes.models import LoteItem
from django_tusfacturas_lotes.reconciliation import look_up
from django_tusfacturas_lotes.submission import flush
from tests.support.encola import later, queue
from tests.support.provider import Provider

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("until", "asked"), [(-math.inf, 1), ("now", 1), ("in an hour", 4), (math.inf, 4), (None, 4)], ids=str
)
def test_after_the_first_look_up_none_is_begun_from_a_moment_on(
    provider: Provider, until: float | str | None, asked: int
) -> None:
    provider.use("nuevo_encola")
    queue(4)
    provider.fault("webhook=never*4")
    flush()
    provider.settle()
    moments = {"now": time.monotonic(), "in an hour": time.monotonic() + 3600}
    moment = moments[until] if isinstance(until, str) else until
    with later(hours=30):
        report = look_up("default") if moment is None else look_up("default", until=moment)
        assert (report.asked, report.stopped) == (asked, "")
        assert LoteItem.objects.filter(lookups=1).count() == asked
        # The next run goes on with the others.
        assert look_up("default").asked == 4 - asked


@pytest.mark.parametrize("most", [0, 1, 3])
def test_no_more_are_made_than_was_asked_for(provider: Provider, most: int) -> None:
    provider.use("nuevo_encola")
    queue(4)
    provider.fault("webhook=never*4")
    flush()
    provider.settle()
    with later(hours=30):
        assert look_up("default", most).asked == most
    assert provider.sandbox.ledger()["lookups"]["total"] == most
