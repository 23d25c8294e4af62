"""Law 14: who decides something of a row locks it before it reads it, lotes before items before invoices.

On SQLite, where nobody locks a row, the queries that ask for it are counted. On the other databases each waits for the
row that it is to lock first.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_tusfacturas_lotes import operations, reception
from django_tusfacturas_lotes.conf import conf
from django_tusfacturas_lotes.models import (
    Attention,
    FailureStage,
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    LoteStatus,
    WebhookEvent,
    WebhookEventStatus,
)
from django_tusfacturas_lotes.operations import pruning
from django_tusfacturas_lotes.outcomes import calls, late_proof, tries
from django_tusfacturas_lotes.provider.client import Outcome, Verdict
from django_tusfacturas_lotes.queueing import crediting
from django_tusfacturas_lotes.queueing.paid_orders import queue_credit_note
from django_tusfacturas_lotes.reconciliation import look_ups
from django_tusfacturas_lotes.submission import claiming, recording, sending
from django_tusfacturas_lotes.wire.dates import argentine_day
from tests.rows import make_event, make_invoice, make_item, make_lote
from tests.support.locks import locks

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 30  # seconds until a thread that waits for another gives up, and the test fails
I, L, T = InvoiceStatus, LoteStatus, LoteItemStatus  # noqa: E741


def item_of(status: str, invoice_status: str, lote: Lote | None = None, **columns: Any) -> LoteItem:
    return make_item(status, invoice_status, lote or make_lote(modality="nuevo_encola"), **columns)  # type: ignore[arg-type]


def invoice_of(status: str, invoice_status: str, lote: Lote | None = None, **columns: Any) -> Invoice:
    """An invoice with one try."""
    invoice = item_of(status, invoice_status, lote).invoice
    Invoice.objects.filter(pk=invoice.pk).update(**columns)
    return Invoice.objects.get(pk=invoice.pk)


def in_lote(
    lote_status: LoteStatus, status: str = T.UNCERTAIN, invoice_status: str = I.UNCERTAIN, **columns: Any
) -> Lote:
    return item_of(status, invoice_status, make_lote(lote_status, modality="nuevo_encola", **columns)).lote


def issued(**columns: Any) -> Invoice:
    return invoice_of(T.ISSUED, I.ISSUED, numero=7, cae="1", fecha=argentine_day(), **columns)


def issued_twice() -> Invoice:
    invoice = issued(attention=Attention.DUPLICATE)
    result = {"cae": "1", "numero": 7, "comprobante_tipo": "FACTURA B", "punto_venta": 3}
    LoteItem.objects.update(result={**result, "others": [{**result, "cae": "2", "numero": 8}]})
    return invoice


def failed_nota() -> Invoice:
    nota = make_invoice(I.FAILED, failure_stage=FailureStage.VALIDATION, credits=issued())
    Invoice.objects.filter(pk=nota.pk).update(kind=crediting.CREDIT_NOTE)
    return Invoice.objects.get(pk=nota.pk)


def told_of() -> None:
    item_of(T.SUBMITTED, I.SUBMITTED, told="changed")


def given_up_with_a_newer_try() -> Lote:
    """Its invoice waits for a newer try, in a lote that was not sent."""
    lote = make_lote(L.CANCELLED, modality="nuevo_encola")
    older = item_of(T.WITHDRAWN, I.CLAIMED, lote, due_at=timezone.now())
    ready = make_lote(L.READY, modality="nuevo_encola", tries=0)
    LoteItem.objects.create(lote=ready, invoice=older.invoice, position=0, reference=f"{older.invoice.public_id}-2")
    return lote


def old_event() -> None:
    make_event(make_item(), last_received_at=timezone.now() - dt.timedelta(days=500))


def reopened(lote: Lote) -> None:
    with transaction.atomic():
        late_proof.reopen_lote(lote, LoteItem.objects.all(), "a test")


def answered_late(lote: Lote) -> None:
    """Its answer, that it was taken, comes once it was given up."""
    account, outcome = conf.account("default"), Outcome(Verdict.ACCEPTED)
    recording.record_answer(account, recording.Call(lote, lote.tries, timezone.now(), [], {}), outcome)


def locked_try(item: LoteItem) -> None:
    with transaction.atomic():
        tries.lock_try(item.reference)


@dataclass(frozen=True)
class Decision:
    """What is decided, of what, and the models whose rows it locks, in order.

    `first`: what it has to wait for, where that is not the first of them; "nothing" where a change comes before.
    """

    about: str
    prepare: Callable[[], Any]
    decide: Callable[[Any], object]
    locks: list[str]
    first: str = field(default="")

    def __str__(self) -> str:
        return self.about


DECISIONS = [
    Decision(
        "retry", lambda: invoice_of(T.FAILED, I.FAILED, make_lote(), failure_stage=FailureStage.EMISSION),
        operations.retry, ["Lote", "LoteItem"],
    ),
    Decision("retry a nota", failed_nota, operations.retry, ["Lote", "Invoice", "LoteItem", "Invoice"], "Invoice"),
    Decision(
        "cancel", lambda: invoice_of(T.CLAIMED, I.CLAIMED, make_lote(L.READY, tries=0)), operations.cancel,
        ["Lote", "Lote", "Invoice"],
    ),
    Decision("say received", lambda: in_lote(L.UNCERTAIN), operations.confirm_received, ["Lote"]),
    Decision("say not received", lambda: in_lote(L.UNCERTAIN), operations.confirm_not_received, ["Lote", "Lote"]),
    Decision("seen", lambda: make_lote(L.ACCEPTED, discrepancies=["one"]), operations.mark_seen, ["Lote"]),
    Decision(
        "say not issued", lambda: invoice_of(T.SUBMITTED, I.SUBMITTED, attention=Attention.OVERDUE),
        operations.confirm_not_issued, ["Lote", "LoteItem", "Invoice"],
    ),
    Decision("delete", lambda: invoice_of(T.SUBMITTED, I.SUBMITTED), operations.delete, ["Lote"]),
    Decision("resend", lambda: invoice_of(T.FAILED, I.FAILED), operations.resend, ["Lote"]),
    Decision(
        "redate", lambda: invoice_of(T.SUBMITTED, I.SUBMITTED),
        lambda invoice: operations.redate(invoice, argentine_day()), ["Lote"],
    ),
    Decision("look up", lambda: invoice_of(T.SUBMITTED, I.SUBMITTED), operations.look_up_now, ["Lote"]),
    Decision("look up a lote", lambda: in_lote(L.UNCERTAIN), operations.look_up_lote, ["Lote"]),
    Decision("credit a duplicate", issued_twice, operations.credit_duplicate, ["Lote", "Invoice"]),
    Decision("credit", issued, queue_credit_note, ["Invoice", "Invoice"]),
    Decision(
        "not received", lambda: in_lote(L.UNCERTAIN), lambda lote: calls.mark_not_received(lote.pk, "a test"),
        ["Lote"],
    ),
    Decision(
        "a discrepancy", lambda: make_lote(L.ACCEPTED), lambda lote: calls.add_discrepancy(lote.pk, "a test"),
        ["Lote"],
    ),
    Decision("a try", lambda: item_of(T.SUBMITTED, I.SUBMITTED), locked_try, ["Lote", "LoteItem"]),
    Decision("received after all", given_up_with_a_newer_try, reopened, ["Lote", "Lote", "Invoice"], "nothing"),
    Decision("answered late", lambda: make_lote(L.CANCELLED), answered_late, ["Lote", "Lote", "Lote"]),
    Decision("expedite look-ups", told_of, lambda _: look_ups.expedite(), ["Lote"]),
    Decision(
        "nothing to look up", lambda: make_lote(L.ACCEPTED, look_up_at=timezone.now()),
        lambda _: look_ups._next("default"), ["Lote"],
    ),
    Decision("claim", make_invoice, lambda _: claiming.claim(conf.account("default"), None), ["Invoice"], "nothing"),
    Decision(
        "begin to send", lambda: in_lote(L.READY, T.CLAIMED, I.CLAIMED, tries=0),
        lambda lote: sending._start(conf.account("default"), lote), ["LoteItem"],
    ),
    Decision(
        "prune", old_event, lambda _: pruning.prune(dt.timedelta(days=400)), ["WebhookEvent"]
    ),
]  # fmt: skip


@pytest.mark.parametrize("decision", DECISIONS, ids=str)
def test_who_decides_locks_first_and_in_one_order(decision: Decision) -> None:
    what = decision.prepare()
    with locks() as locked:
        decision.decide(what)
    assert locked == decision.locks


def test_who_acts_on_a_notification_writes_its_row_before_anything_else() -> None:
    """So that on SQLite, too, two who act on one come after each other."""
    event = make_event(item_of(T.SUBMITTED, I.SUBMITTED), WebhookEventStatus.RECEIVED, modality="nuevo_encola")
    with CaptureQueriesContext(connection) as queries:
        reception.process(event.pk)
    statements = [one["sql"] for one in queries]
    wrote = next(at for at, sql in enumerate(statements) if sql.startswith("UPDATE"))
    looked = next(
        at for at, sql in enumerate(statements) if f'FROM "{LoteItem._meta.db_table}"' in sql.replace("`", '"')
    )
    assert WebhookEvent._meta.db_table in statements[wrote]
    assert wrote < looked


def on_its_own_connection(action: Callable[[], object]) -> None:
    try:
        action()
    finally:
        connections.close_all()


WAITS_FOR_A_LOCK = {
    "postgresql": ("SELECT pg_backend_pid()", "SELECT 1 FROM pg_locks WHERE NOT granted AND pid = %s"),
    "mysql": (
        "SELECT CONNECTION_ID()",
        "SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT' AND trx_mysql_thread_id = %s",
    ),
}


def ask(sql: str, *params: object) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        row = cursor.fetchone()
    return None if row is None else row[0]


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
                waits_for = queries[-1] if ask(waits, connection_ids[0]) else None
        running.result(PATIENCE)
    assert waits_for is not None, "it did not wait"
    assert waits_for.startswith("SELECT"), waits_for
    assert "FOR UPDATE" in waits_for
