"""Law 14: who decides something of a row locks it before it reads it, lotes before items before invoices.

On SQLite, where nobody locks a row, the queries that ask for it are counted. On the other databases each waits for the
row that it is to lock first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from django_tusfacturas_lotes import reception
from django_tusfacturas_lotes.models import (
    InvoiceStatus,
    LoteItem,
    LoteItemStatus,
    WebhookEvent,
    WebhookEventStatus,
)
from tests.support.decisions import DECISIONS, Decision, item_of
from tests.support.locks import WAITS_FOR_A_LOCK, ask, locks, on_its_own_connection
from tests.support.rows import make_event

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 30  # seconds until a thread that waits for another gives up, and the test fails


@pytest.mark.parametrize("decision", DECISIONS, ids=str)
def test_who_decides_locks_first_and_in_one_order(decision: Decision) -> None:
    what = decision.prepare()
    with locks() as locked:
        decision.decide(what)
    assert [lock.model for lock in locked] == decision.locks


@pytest.mark.parametrize(
    ("about", "model"),
    [
        ("retry", "Lote"), ("retry", "LoteItem"), ("cancel", "Lote"), ("a try", "Lote"), ("begin to send", "LoteItem"),
        ("claim", "Invoice"), ("prune", "WebhookEvent"),
    ],
)  # fmt: skip
def test_rows_that_may_be_several_are_locked_in_one_order(about: str, model: str) -> None:
    decision = next(one for one in DECISIONS if one.about == about)
    what = decision.prepare()
    with locks() as locked:
        decision.decide(what)
    assert next(lock for lock in locked if lock.model == model).is_ordered


def test_who_acts_on_a_notification_writes_its_row_before_anything_else() -> None:
    """So that on SQLite, too, two who act on one come after each other."""
    event = make_event(
        item_of(LoteItemStatus.SUBMITTED, InvoiceStatus.SUBMITTED), WebhookEventStatus.RECEIVED, modality="nuevo_encola"
    )
    with CaptureQueriesContext(connection) as queries:
        reception.process(event.pk)
    statements = [one["sql"] for one in queries]
    wrote = next(at for at, sql in enumerate(statements) if sql.startswith("UPDATE"))
    looked = next(
        at for at, sql in enumerate(statements) if f'FROM "{LoteItem._meta.db_table}"' in sql.replace("`", '"')
    )
    assert WebhookEvent._meta.db_table in statements[wrote]
    assert wrote < looked


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time: nobody locks a row")
@pytest.mark.parametrize("decision", [one for one in DECISIONS if one.first != "nothing"], ids=str)
def test_who_decides_waits_for_the_row_before_it_has_read_it(decision: Decision) -> None:
    what = decision.prepare()
    which, waits = WAITS_FOR_A_LOCK[connection.vendor]
    first = apps.get_model("django_tusfacturas_lotes", decision.first or decision.locks[0])
    connection_ids: list[int] = []
    started = threading.Event()
    queries: list[str] = []

    def note(run: Callable[..., Any], sql: str, *others: Any) -> Any:
        queries.append(sql)
        return run(sql, *others)

    def decide() -> None:
        connection_ids.append(ask(which))
        started.set()
        with connection.execute_wrapper(note):
            decision.decide(what)

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            list(first._default_manager.select_for_update())
            running = pool.submit(on_its_own_connection, decide)
            assert started.wait(PATIENCE)
            waits_for = None
            while waits_for is None and not wait([running], timeout=0.2, return_when=FIRST_COMPLETED).done:
                waits_for = queries[-1] if ask(waits, [connection_ids[0]]) else None
        running.result(PATIENCE)
    assert waits_for is not None, "it did not wait"
    assert waits_for.startswith("SELECT"), waits_for
    assert "FOR UPDATE" in waits_for
