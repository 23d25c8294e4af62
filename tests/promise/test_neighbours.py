"""What is decided of one invoice, or of one lote, leaves every other as it is."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from django_tusfacturas_lotes.models import Invoice, Lote, LoteItem, QueueOperation, WebhookEvent
from tests.support.decisions import DECISIONS, Decision
from tests.support.locks import locks
from tests.support.neighbours import others_stay, rows

pytestmark = pytest.mark.django_db(transaction=True)

# So that whatever is written to it by mistake is another value.
OF_A_NEIGHBOUR: dict[Any, Any] = {
    Lote: lambda now: {"look_up_at": now, "discrepancies": ["one"], "seen_at": now, "error": "an error"},
    LoteItem: lambda now: {"finding": "queued", "look_up_at": now, "lookups": 3, "absences": 2, "told": "changed"},
    Invoice: lambda now: {"seen_at": now, "errors": ["an error"], "pdf_url": "https://x.example/x.pdf"},
    QueueOperation: lambda now: {"error": "an error", "next_try_at": now},
    WebhookEvent: lambda now: {"error": "an error", "deliveries": 3},
}
# These are about an account, or about all that is old.
ABOUT_MORE = ("expedite look-ups", "nothing to look up", "claim", "prune")


@pytest.mark.parametrize("decision", [one for one in DECISIONS if one.about not in ABOUT_MORE], ids=str)
def test_a_decision_changes_and_locks_no_row_of_another_invoice_or_lote(decision: Decision) -> None:
    decision.prepare()
    neighbours = set(rows())
    now = timezone.now()
    for model, columns in OF_A_NEIGHBOUR.items():
        model._default_manager.update(**columns(now))
    # Of one account only one lote is in flight.
    Lote.objects.exclude(in_flight_for=None).update(in_flight_for="another", account="another")
    what = decision.prepare()
    with others_stay({key: row for key, row in rows().items() if key in neighbours}), locks() as locked:
        decision.decide(what)
    assert not {(lock.model, key) for lock in locked for key in lock.keys} & neighbours
