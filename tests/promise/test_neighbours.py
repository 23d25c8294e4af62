"""What is decided of one invoice, or of one lote, leaves every other as it is."""

from __future__ import annotations

import pytest

from django_tusfacturas_lotes.models import Lote
from tests.support.decisions import DECISIONS, Decision
from tests.support.neighbours import others_stay, rows

pytestmark = pytest.mark.django_db(transaction=True)

# These are about an account, or about all that is old.
ABOUT_MORE = ("expedite look-ups", "nothing to look up", "claim", "prune")


@pytest.mark.parametrize("decision", [one for one in DECISIONS if one.about not in ABOUT_MORE], ids=str)
def test_a_decision_changes_no_row_of_another_invoice_or_lote(decision: Decision) -> None:
    decision.prepare()
    neighbours = set(rows())
    # Of one account only one lote is in flight.
    Lote.objects.exclude(in_flight_for=None).update(in_flight_for="another", account="another")
    what = decision.prepare()
    with others_stay({key: row for key, row in rows().items() if key in neighbours}):
        decision.decide(what)
