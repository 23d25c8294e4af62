"""The host is told of what is committed: once, in no transaction of ours, and never of what was rolled back."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection, transaction
from django.dispatch import Signal
from django.utils import timezone

from django_tusfacturas_lotes import operations, reception, signals
from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote, LoteItem, WebhookEvent, WebhookEventStatus
from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoice, queue_invoices
from django_tusfacturas_lotes.reconciliation import look_up
from django_tusfacturas_lotes.submission import expire_leases, flush
from tests.support import builders, notices
from tests.support.builders import documento
from tests.support.encola import later, queue, statuses
from tests.support.provider import Provider

pytestmark = pytest.mark.django_db(transaction=True)

ISSUED, FAILED, PENDING, UNCERTAIN = (
    InvoiceStatus.ISSUED, InvoiceStatus.FAILED, InvoiceStatus.PENDING, InvoiceStatus.UNCERTAIN,
)  # fmt: skip
NAMES = ("invoice_issued", "invoice_failed", "lote_uncertain", "duplicate_issued")
Act = Callable[[], object]


@contextlib.contextmanager
def connected(name: str, receiver: Callable[..., None]) -> Iterator[None]:
    signal: Signal = getattr(signals, name)
    signal.connect(receiver, weak=False)
    try:
        yield
    finally:
        signal.disconnect(receiver)


@contextlib.contextmanager
def hearing() -> Iterator[list[tuple[str, bool]]]:
    """Everything that the host is told, as (name, whether it was told inside a transaction)."""
    told: list[tuple[str, bool]] = []

    def hear(name: str) -> Callable[..., None]:
        # An assertion in here would be swallowed, as any error of a receiver is.
        return lambda **named: told.append((name, connection.in_atomic_block))

    with contextlib.ExitStack() as stack:
        for name in NAMES:
            stack.enter_context(connected(name, hear(name)))
        yield told


def queue_an_invalid_one() -> None:
    queue_invoice(comprobante=documento(tipo="FACTURA Z"), key="erp-invalid")


def queue_an_invalid_one_among_many() -> None:
    wishes = [documento(), documento(tipo="FACTURA Z"), documento()]
    queue_invoices(ToInvoice(comprobante, f"erp-{number}") for number, comprobante in enumerate(wishes))


def first_reference() -> str:
    return LoteItem.objects.order_by("pk")[0].reference


def sent_under(*faults: str, modality: str = "lotes") -> Callable[[Provider], Act]:
    """One invoice is sent under some faults of the provider, and all that it brings about is awaited."""

    def prepare(provider: Provider) -> Act:
        provider.use(modality)
        queue(1)
        provider.sandbox.fault(*faults)

        def act() -> None:
            flush()
            provider.settle()

        return act

    return prepare


def looked_up_after(*faults: str) -> Callable[[Provider], Act]:
    """One invoice was sent, of which nobody told what became: it is looked up when it is overdue."""

    def prepare(provider: Provider) -> Act:
        sent_under("webhook=never", *faults, modality="nuevo_encola")(provider)()

        def act() -> None:
            with later(hours=4):
                look_up("default")

        return act

    return prepare


def retried_in_vain(provider: Provider) -> Act:
    queue_invoices([builders.order("raise")])
    return lambda: operations.retry(Invoice.objects.get())


def left_by_a_killed_worker(provider: Provider) -> Act:
    sent_under("webhook=never")(provider)()
    # As the process leaves it that sent the lote, and was killed before it recorded the answer.
    long_ago = timezone.now() - dt.timedelta(hours=1)
    LoteItem.objects.update(status="claimed")
    Invoice.objects.update(status="claimed")
    Lote.objects.update(status="sending", in_flight_for="default", sent_at=long_ago, answered_at=None)
    return expire_leases


def given_up_and_issued_by_the_second_try(provider: Provider) -> None:
    """A person said that a lote was not received, and was wrong: its document is about to be told of."""
    sent_under("answer=none", "webhook=never")(provider)()
    operations.confirm_not_received(Lote.objects.get())
    with later(minutes=2):
        flush()
        provider.settle()
    assert statuses() == [ISSUED]


def told_of_the_first_try_too(provider: Provider) -> Act:
    given_up_and_issued_by_the_second_try(provider)

    def act() -> None:
        provider.sandbox.resend(first_reference())
        provider.settle()

    return act


def stored(payload: dict[str, Any]) -> Act:
    """A notification that was stored by a process that was killed then; to be acted on."""
    event = WebhookEvent.objects.create(
        account="default", modality="lotes", reference=payload["facturacion_lote_id_referencia"], payload=payload,
        digest="of a killed process",
    )  # fmt: skip
    return lambda: reception.process(event.pk)


def told_of_a_success(provider: Provider) -> Act:
    sent_under("webhook=never")(provider)()
    return stored(notices.success(provider, first_reference()))


def told_of_a_failure(provider: Provider) -> Act:
    sent_under("webhook=never", "fail_rows=0")(provider)()
    return stored(notices.failure(provider, first_reference()))


def told_of_a_duplicate(provider: Provider) -> Act:
    given_up_and_issued_by_the_second_try(provider)
    return stored(notices.success(provider, first_reference()))


@dataclass(frozen=True)
class Thing:
    """Something of which the host is told.

    `prepare` brings it so far that what it returns makes it happen; `ends` is what the invoices are then.
    """

    name: str
    prepare: Callable[[Provider], Act]
    ends: list[str]


HAPPENS: dict[str, Thing] = {
    "issued, by a notification": Thing("invoice_issued", sent_under(), [ISSUED]),
    "issued, by a look-up": Thing("invoice_issued", looked_up_after(), [ISSUED]),
    "invalid": Thing("invoice_failed", lambda provider: queue_an_invalid_one, [FAILED]),
    "invalid, among many": Thing(
        "invoice_failed", lambda provider: queue_an_invalid_one_among_many, [PENDING, FAILED, PENDING],
    ),
    "refused in the answer": Thing("invoice_failed", sent_under("refuse_rows=0"), [FAILED]),
    "failed, by a notification": Thing("invoice_failed", sent_under("fail_rows=0"), [FAILED]),
    "failed, by a look-up": Thing("invoice_failed", looked_up_after("fail_rows=0"), [FAILED]),
    "retried in vain": Thing("invoice_failed", retried_in_vain, [FAILED]),
    "the answer is lost": Thing("lote_uncertain", sent_under("answer=none", "webhook=never"), [UNCERTAIN]),
    "the worker was killed": Thing("lote_uncertain", left_by_a_killed_worker, [UNCERTAIN]),
    "issued twice": Thing("duplicate_issued", told_of_the_first_try_too, [ISSUED]),
}  # fmt: skip


# What can happen inside a transaction of the caller's, who may roll it back. No call to the provider can.
CAN_BE_ROLLED_BACK: dict[str, Thing] = {
    "issued, by a notification": Thing("invoice_issued", told_of_a_success, [ISSUED]),
    "failed, by a notification": Thing("invoice_failed", told_of_a_failure, [FAILED]),
    "issued twice": Thing("duplicate_issued", told_of_a_duplicate, [ISSUED]),
    **{
        name: HAPPENS[name]
        for name in ("invalid", "invalid, among many", "retried in vain", "the worker was killed")
    },
}  # fmt: skip
ONE_OF_EACH = ("issued, by a notification", "invalid", "the answer is lost", "issued twice")


class RolledBackError(Exception):
    """What the caller raises in a transaction of its own."""


@pytest.mark.parametrize("thing", HAPPENS.values(), ids=HAPPENS)
def test_the_host_hears_of_it_once_and_in_no_transaction(provider: Provider, thing: Thing) -> None:
    act = thing.prepare(provider)
    with hearing() as told:
        act()
    assert told == [(thing.name, False)]
    assert statuses() == thing.ends


@pytest.mark.parametrize("savepoint", [False, True], ids=["the transaction", "a savepoint"])
@pytest.mark.parametrize("thing", CAN_BE_ROLLED_BACK.values(), ids=CAN_BE_ROLLED_BACK)
def test_the_host_hears_nothing_of_what_is_rolled_back_and_all_once_it_is_committed(
    provider: Provider, thing: Thing, savepoint: bool
) -> None:
    act = thing.prepare(provider)
    before = statuses()
    callers = transaction.atomic if savepoint else contextlib.nullcontext
    with hearing() as told:
        with callers(), contextlib.suppress(RolledBackError), transaction.atomic():
            act()
            assert statuses() == thing.ends
            raise RolledBackError
        assert statuses() == before
        assert told == []
        with transaction.atomic():
            act()
            assert told == []
        assert told == [(thing.name, False)]
    assert statuses() == thing.ends


@pytest.mark.parametrize("thing", [HAPPENS[name] for name in ONE_OF_EACH], ids=ONE_OF_EACH)
def test_a_receiver_that_raises_is_logged_and_changes_nothing_for_us_or_for_the_next_receiver(
    provider: Provider, thing: Thing, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(**named: Any) -> None:
        raise LookupError("the host is broken")

    act = thing.prepare(provider)
    with connected(thing.name, broken), hearing() as told:
        act()
    assert told == [(thing.name, False)]
    assert statuses() == thing.ends
    assert not WebhookEvent.objects.exclude(status=WebhookEventStatus.PROCESSED).exists()
    (logged,) = (record for record in caplog.records if record.exc_info and record.exc_info[0] is LookupError)
    assert logged.levelname == "ERROR"
    assert "broken" in logged.getMessage()


def test_the_host_is_told_of_one_that_can_not_be_sent(provider: Provider, heard: list[Any]) -> None:
    queue(1)
    Invoice.objects.update(comprobante={})
    flush()
    assert statuses() == [InvoiceStatus.FAILED]
    assert [name for name, _ in heard] == ["invoice_failed"]
