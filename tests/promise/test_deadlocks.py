"""What the database ended to break a deadlock begins anew; nothing else does, and not for ever."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from django_tusfacturas_lotes import operations, reconciliation
from django_tusfacturas_lotes.models import (
    FailureStage,
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    LoteStatus,
    QueueOperation,
    Told,
)
from django_tusfacturas_lotes.operations import pruning
from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoice, queue_invoices
from django_tusfacturas_lotes.queueing.paid_orders import queue_credit_note
from django_tusfacturas_lotes.transactions import again_on_deadlock, is_deadlock
from django_tusfacturas_lotes.wire.dates import argentine_day
from tests.support.builders import documento
from tests.support.encola import queue
from tests.support.locks import WAITS_FOR_A_LOCK, ask, on_its_own_connection
from tests.support.provider import Provider
from tests.support.rows import make_event, make_invoice, make_item, make_lote
from tests.support.tries import tell_of

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 30  # seconds until a thread that waits for another gives up, and the test fails


class DriverError(Exception):
    """What a driver raises, and Django makes an `OperationalError` of."""

    def __init__(self, sqlstate: str | None) -> None:
        self.sqlstate = sqlstate


def error(*args: object, sqlstate: str | None = None) -> OperationalError:
    raised = OperationalError(*args)
    raised.__cause__ = DriverError(sqlstate)
    return raised


DEADLOCKS: dict[str, OperationalError] = {
    "PostgreSQL: deadlock_detected": error("deadlock detected", sqlstate="40P01"),
    "PostgreSQL: serialization_failure": error("could not serialize access", sqlstate="40001"),
    "MariaDB: ER_LOCK_DEADLOCK": error(1213, "Deadlock found when trying to get lock"),
}
OTHERS: dict[str, OperationalError] = {
    "PostgreSQL: lock_not_available": error("canceling statement due to lock timeout", sqlstate="55P03"),
    "PostgreSQL: admin_shutdown": error("terminating connection", sqlstate="57P01"),
    # It ends the statement, and leaves the transaction.
    "MariaDB: ER_LOCK_WAIT_TIMEOUT": error(1205, "Lock wait timeout exceeded"),
    "MariaDB: CR_SERVER_GONE_ERROR": error(2006, "Server has gone away"),
    "MariaDB: the number in the text": error("(1213, 'Deadlock found')"),
    "SQLite: busy": error("database is locked"),
    "of nobody, and with no words": OperationalError(),
}
deadlocks = pytest.mark.parametrize("broken", DEADLOCKS.values(), ids=DEADLOCKS)
others = pytest.mark.parametrize("broken", OTHERS.values(), ids=OTHERS)


class Work:
    """Something that fails with an error so many times, and then returns what it was given."""

    def __init__(self, times: int, broken: Exception) -> None:
        self.times = times
        self.broken = broken
        self.tries = 0

    def run(self, value: str, *, more: str) -> str:
        self.tries += 1
        if self.tries <= self.times:
            raise self.broken
        return value + more


@deadlocks
def test_a_broken_deadlock_is_known(broken: OperationalError) -> None:
    assert is_deadlock(broken)


@others
def test_nothing_else_is_taken_for_a_deadlock(broken: OperationalError) -> None:
    assert not is_deadlock(broken)


@deadlocks
@pytest.mark.parametrize("times", [1, 3])
def test_what_a_deadlock_ended_begins_anew_until_it_succeeds(
    broken: OperationalError, times: int, caplog: pytest.LogCaptureFixture
) -> None:
    work = Work(times, broken)
    assert again_on_deadlock(work.run)("what is ", more="given") == "what is given"
    assert work.tries == times + 1
    assert caplog.messages == ["A deadlock was broken here; Work.run begins anew"] * times


@deadlocks
def test_after_four_deadlocks_it_is_given_up(broken: OperationalError) -> None:
    work = Work(100, broken)
    with pytest.raises(OperationalError) as raised:
        again_on_deadlock(work.run)("", more="")
    assert raised.value is broken
    assert work.tries == 4


@pytest.mark.parametrize("broken", [*OTHERS.values(), LookupError("40P01")], ids=[*OTHERS, "no OperationalError"])
def test_anything_else_is_raised_at_once(broken: Exception) -> None:
    work = Work(1, broken)
    with pytest.raises(type(broken)) as raised:
        again_on_deadlock(work.run)("", more="")
    assert raised.value is broken
    assert work.tries == 1


@deadlocks
def test_inside_the_callers_transaction_which_is_gone_with_it_a_deadlock_is_raised_at_once(
    broken: OperationalError,
) -> None:
    work = Work(1, broken)
    with pytest.raises(OperationalError) as raised, transaction.atomic():
        again_on_deadlock(work.run)("", more="")
    assert raised.value is broken
    assert work.tries == 1


def item_of(status: LoteItemStatus, invoice_status: InvoiceStatus, **columns: Any) -> LoteItem:
    return make_item(status, invoice_status, make_lote(modality="nuevo_encola"), **columns)


def waiting() -> Invoice:
    return item_of(LoteItemStatus.SUBMITTED, InvoiceStatus.SUBMITTED, due_at=timezone.now()).invoice


def lote_to_look_up() -> Lote:
    return waiting().items.get().lote


def told_of() -> None:
    item_of(LoteItemStatus.SUBMITTED, InvoiceStatus.SUBMITTED, told=Told.CHANGED)


def in_error() -> Invoice:
    return item_of(LoteItemStatus.FAILED, InvoiceStatus.FAILED).invoice


def issued() -> Invoice:
    invoice = make_item().invoice
    Invoice.objects.filter(pk=invoice.pk).update(numero=7, cae="1", fecha=argentine_day())
    return Invoice.objects.get(pk=invoice.pk)


def old_event() -> None:
    make_event(make_item(), last_received_at=timezone.now() - dt.timedelta(days=500))


WRITERS: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
    "retry": (lambda: make_invoice(InvoiceStatus.FAILED, failure_stage=FailureStage.EMISSION), operations.retry),
    "cancel": (make_invoice, operations.cancel),
    "delete": (waiting, operations.delete),
    "redate": (waiting, lambda invoice: operations.redate(invoice, argentine_day())),
    "resend": (in_error, operations.resend),
    "look up": (waiting, operations.look_up_now),
    "look up a lote": (lote_to_look_up, operations.look_up_lote),
    "hurry": (told_of, lambda _: reconciliation.expedite()),
    "queue": (lambda: None, lambda _: queue_invoice(comprobante=documento(), key="one")),
    "queue many": (
        lambda: None,
        lambda _: queue_invoices(ToInvoice(documento(), f"{n}") for n in range(3)).queued == 3,
    ),
    "credit": (issued, queue_credit_note),
    "prune": (old_event, lambda _: pruning.prune(dt.timedelta(days=400)).events),
}


@pytest.mark.parametrize(("prepare", "write"), WRITERS.values(), ids=WRITERS)
def test_whoever_writes_begins_anew_after_a_deadlock(
    prepare: Callable[[], Any], write: Callable[[Any], object], caplog: pytest.LogCaptureFixture
) -> None:
    what = prepare()
    ended: list[str] = []

    def end_the_first(run: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if not ended and sql.startswith(("INSERT", "UPDATE", "DELETE")):
            ended.append(sql)
            raise DEADLOCKS["MariaDB: ER_LOCK_DEADLOCK"]
        return run(sql, params, many, context)

    with connection.execute_wrapper(end_the_first):
        assert write(what)
    assert ended
    assert len([message for message in caplog.messages if "begins anew" in message]) == 1


def wait_until_it_waits(connection_id: int, *running: Future[None]) -> None:
    """Return once a connection waits for a lock, or one of those that run has ended."""
    _, waits = WAITS_FOR_A_LOCK[connection.vendor]
    # MariaDB looks anew only where nobody has looked for a tenth of a second.
    while not ask(waits, [connection_id]) and not wait(running, timeout=0.2, return_when=FIRST_COMPLETED).done:
        pass


def lock(invoice: Invoice) -> None:
    Invoice.objects.select_for_update().get(pk=invoice.pk)


def note(invoice: Invoice, text: str) -> None:
    row = Invoice.objects.filter(pk=invoice.pk)
    row.update(observaciones=f"{row.get().observaciones}{text} ")


nobody_locks_a_row = pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite has one writer at a time: nobody locks a row"
)


@nobody_locks_a_row
def test_a_real_deadlock_with_a_transaction_of_the_host_ends_well_for_both(caplog: pytest.LogCaptureFixture) -> None:
    first, second, *rest = queue(8)
    name, _ = WAITS_FOR_A_LOCK[connection.vendor]
    host_has_one, we_have_one, we_wait = threading.Event(), threading.Event(), threading.Event()
    tries: list[int] = []

    # PostgreSQL breaks the transaction that looks first, a second after it began to wait: either may be the one.
    @again_on_deadlock
    def host() -> None:
        with transaction.atomic():
            lock(second)
            # MariaDB breaks the transaction that has changed less, so that it is ours.
            for invoice in [second, *rest]:
                note(invoice, "host")
            host_has_one.set()
            assert we_wait.wait(PATIENCE)
            lock(first)
            note(first, "host")

    @again_on_deadlock
    def ours() -> str:
        with transaction.atomic():
            tries.append(ask(name))
            lock(first)
            note(first, f"try{len(tries)}")
            assert host_has_one.wait(PATIENCE)
            we_have_one.set()
            lock(second)
            note(second, f"try{len(tries)}")
        return "done"

    returned: list[str] = []
    with ThreadPoolExecutor(2) as pool:
        running = [
            pool.submit(on_its_own_connection, host),
            pool.submit(on_its_own_connection, lambda: returned.append(ours())),
        ]
        assert we_have_one.wait(PATIENCE)
        wait_until_it_waits(tries[0], *running)
        we_wait.set()
        for one in running:
            one.result(PATIENCE)

    assert returned == ["done"]
    begun_anew = [record for record in caplog.records if "A deadlock was broken here" in record.message]
    assert [(record.levelno, record.name) for record in begun_anew] == [
        (logging.WARNING, "django_tusfacturas_lotes.transactions"),
    ]  # fmt: skip
    assert len(tries) == (2 if "ours" in begun_anew[0].message else 1)
    for invoice in (first, second):
        invoice.refresh_from_db()
        # Nothing is left of a try that was broken, and nobody's change is lost.
        assert sorted(invoice.observaciones.split()) == ["host", f"try{len(tries)}"]


def being_sent_beside_one_that_was_given_up() -> tuple[LoteItem, LoteItem]:
    """Two tries of one invoice: of the first TusFacturas may still tell; the second is on its way."""
    older = make_item(
        LoteItemStatus.WITHDRAWN, InvoiceStatus.CLAIMED, make_lote(LoteStatus.CANCELLED, modality="lotes_encola")
    )
    Invoice.objects.update(tries=2)
    newer = LoteItem.objects.create(
        lote=make_lote(LoteStatus.SENDING, modality="lotes_encola"), invoice=older.invoice, position=0,
        reference=f"{older.invoice.public_id}-2",
    )  # fmt: skip
    return older, newer


@nobody_locks_a_row
@pytest.mark.parametrize("what", ["a notification", "a person"])
def test_who_changes_an_invoice_for_one_try_waits_for_the_lotes_of_all_before_it_locks_the_invoice(
    provider: Provider, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    older, newer = being_sent_beside_one_that_was_given_up()
    name, _ = WAITS_FOR_A_LOCK[connection.vendor]
    started = threading.Event()
    connections_of: list[int] = []

    def other() -> None:
        connections_of.append(ask(name))
        started.set()
        if what == "a notification":
            tell_of(older, provider)
        else:
            operations.look_up_now(older.invoice)

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():  # as the answer to the newer try is recorded
            Lote.objects.lock().get(pk=newer.lote_id)
            running = pool.submit(on_its_own_connection, other)
            assert started.wait(PATIENCE)
            wait_until_it_waits(connections_of[0], running)
            lock(older.invoice)
            LoteItem.objects.filter(pk=newer.pk).update(status=LoteItemStatus.SUBMITTED)
        running.result(PATIENCE)
    assert not [record for record in caplog.records if "deadlock" in record.message]
    spared = QueueOperation.objects.filter(item=newer)
    assert spared.exists() == (what == "a notification"), "its invoice is issued"
