"""What may be thrown away, what never, and that nothing happens if it comes again."""

from __future__ import annotations

import datetime as dt
import io
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client as HttpClient
from django.utils import timezone

from django_tusfacturas_lotes.models import (
    Attention,
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    LoteStatus,
    OperationStatus,
    QueueOperation,
    WebhookEvent,
    WebhookEventStatus,
)
from django_tusfacturas_lotes.operations.pruning import Pruned, prune
from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoices
from django_tusfacturas_lotes.submission import flush
from tests.support.builders import documento
from tests.support.notices import failure, success
from tests.support.provider import Provider
from tests.support.rows import make_event, make_item, make_lote, make_operation

pytestmark = pytest.mark.django_db(transaction=True)

OLD = dt.timedelta(days=40)


def old(**columns: Any) -> dict[str, Any]:
    moment = timezone.now() - OLD - dt.timedelta(hours=1)
    return {"received_at": moment, "last_received_at": moment, **columns}


def old_lote(status: LoteStatus = LoteStatus.ACCEPTED, **columns: Any) -> Lote:
    moment = timezone.now() - OLD - dt.timedelta(hours=1)
    return make_lote(status, **{"sent_at": moment, "answered_at": moment, **columns})


def run(*options: str) -> str:
    out = io.StringIO()
    call_command("prune_lotes", *options, stdout=out)
    return out.getvalue()


def event_of(
    item_status: LoteItemStatus,
    invoice_status: InvoiceStatus,
    lote_status: LoteStatus = LoteStatus.ACCEPTED,
    event_status: WebhookEventStatus = WebhookEventStatus.PROCESSED,
    **columns: Any,
) -> WebhookEvent:
    item = make_item(item_status, invoice_status, old_lote(lote_status))
    return make_event(item, event_status, **old(**columns))


E, L, T, I = WebhookEventStatus, LoteStatus, LoteItemStatus, InvoiceStatus  # noqa: E741
EVENTS: list[tuple[str, Callable[[], WebhookEvent], bool]] = [
    ("of an issued invoice", lambda: event_of(T.ISSUED, I.ISSUED), True),
    ("of a try that failed, of an invoice that was issued by the next", lambda: event_of(T.FAILED, I.ISSUED), True),
    ("of a cancelled invoice", lambda: event_of(T.FAILED, I.CANCELLED), True),
    ("of a try that was given up", lambda: event_of(T.WITHDRAWN, I.ISSUED, L.CANCELLED), True),
    ("ignored", lambda: event_of(T.ISSUED, I.ISSUED, event_status=E.IGNORED, error="issued already"), True),
    ("a test of the address", lambda: make_event(None, E.IGNORED, **old()), True),
    ("young", lambda: make_event(make_item()), False),
    ("old, and delivered again of late", lambda: event_of(T.ISSUED, I.ISSUED, last_received_at=timezone.now()), False),
    ("of a failed invoice", lambda: event_of(T.FAILED, I.FAILED), False),
    ("of a submitted invoice", lambda: event_of(T.SUBMITTED, I.SUBMITTED), False),
    ("of an invoice that is pending again", lambda: event_of(T.FAILED, I.PENDING), False),
    ("of a try whose result is still to come", lambda: event_of(T.SUBMITTED, I.ISSUED), False),
    ("of an uncertain lote", lambda: event_of(T.ISSUED, I.ISSUED, L.UNCERTAIN), False),
    ("of a lote being sent", lambda: event_of(T.ISSUED, I.ISSUED, L.SENDING), False),
    ("of a lote to be sent", lambda: event_of(T.ISSUED, I.ISSUED, L.READY), False),
    ("stored, and not acted on", lambda: event_of(T.ISSUED, I.ISSUED, event_status=E.RECEIVED), False),
]  # fmt: skip


@pytest.mark.parametrize(("make", "goes"), [case[1:] for case in EVENTS], ids=[case[0] for case in EVENTS])
def test_only_old_notifications_of_finished_work_go(make: Callable[[], WebhookEvent], goes: bool) -> None:
    event = make()
    kept = (Invoice.objects.values().first(), LoteItem.objects.values().first())
    counted = prune(OLD, dry_run=True)
    assert WebhookEvent.objects.filter(pk=event.pk).exists()
    assert counted.events == prune(OLD).events == int(goes)
    assert WebhookEvent.objects.filter(pk=event.pk).exists() is not goes
    assert kept == (Invoice.objects.values().first(), LoteItem.objects.values().first())


def test_what_asked_for_attention_keeps_its_notifications_also_once_seen() -> None:
    event = event_of(T.ISSUED, I.ISSUED)
    Invoice.objects.update(attention=Attention.DUPLICATE, seen_at=timezone.now())
    assert prune(OLD).events == 0
    assert WebhookEvent.objects.get() == event


def test_what_is_still_to_be_looked_up_keeps_its_notifications() -> None:
    event_of(T.ISSUED, I.ISSUED)
    LoteItem.objects.update(look_up_at=timezone.now())
    assert prune(OLD).events == 0


@pytest.mark.parametrize("status", [E.UNMATCHED, E.ERROR])
def test_what_matched_nothing_or_failed_goes_only_if_asked_for(status: WebhookEventStatus) -> None:
    make_event(None, status, **old())
    event_of(T.FAILED, I.FAILED, event_status=status)
    assert prune(OLD).events == 0
    assert prune(OLD, all_events=True).events == 1
    assert WebhookEvent.objects.get().item is not None


LOTES: list[tuple[str, Callable[[], object], bool]] = [
    ("all issued", lambda: make_item(lote=old_lote()), True),
    ("without items", old_lote, True),
    ("all given up, and issued otherwise", lambda: make_item(T.WITHDRAWN, I.ISSUED, old_lote(L.CANCELLED)), True),
    ("discrepancies that were seen",
     lambda: make_item(lote=old_lote(discrepancies=["4 of 5"], seen_at=timezone.now())), True),
    ("discrepancies that were not", lambda: make_item(lote=old_lote(discrepancies=["4 of 5"])), False),
    ("one refused, and not mended", lambda: make_item(T.REFUSED, I.FAILED, make_item(lote=old_lote()).lote), False),
    ("one submitted", lambda: make_item(T.SUBMITTED, I.SUBMITTED, make_item(lote=old_lote()).lote), False),
    ("uncertain", lambda: make_item(lote=old_lote(L.UNCERTAIN)), False),
    ("answered of late", lambda: make_item(lote=old_lote(answered_at=timezone.now())), False),
    ("young", lambda: make_item(lote=make_lote()), False),
]  # fmt: skip


@pytest.mark.parametrize(("make", "goes"), [case[1:] for case in LOTES], ids=[case[0] for case in LOTES])
def test_an_answer_is_emptied_once_all_of_its_invoices_are_finished(make: Callable[[], object], goes: bool) -> None:
    make()
    before = Lote.objects.values().get()
    assert prune(OLD, dry_run=True).lotes == prune(OLD).lotes == int(goes)
    assert Lote.objects.values().get() == {**before, "response": None if goes else {"error": "N"}}
    assert prune(OLD).lotes == 0


@pytest.mark.parametrize(
    ("columns", "invoice_status", "goes"),
    [
        ({"status": OperationStatus.DONE}, I.CANCELLED, True),
        ({"status": OperationStatus.REFUSED, "seen_at": timezone.now()}, I.ISSUED, True),
        ({"status": OperationStatus.REFUSED}, I.ISSUED, False),
        ({"status": OperationStatus.ACCEPTED}, I.ISSUED, False),
        ({"status": OperationStatus.DONE}, I.SUBMITTED, False),
    ],
)
def test_an_operations_answer_is_emptied_once_it_ended(
    columns: dict[str, Any], invoice_status: InvoiceStatus, goes: bool
) -> None:
    make_operation(make_item(T.WITHDRAWN, invoice_status), ended_at=timezone.now() - OLD * 2, **columns)
    assert prune(OLD).operations == int(goes)
    assert (QueueOperation.objects.get().response is None) is goes


@pytest.mark.parametrize("batch", [1, 2, 3, 500])
def test_it_goes_in_batches_each_in_its_own_transaction(batch: int) -> None:
    item = make_item(lote=old_lote())
    for _ in range(3):
        make_event(item, **old())
        make_event(make_item(T.FAILED, I.FAILED), **old())
    taken: list[tuple[int, bool]] = []
    pruned = prune(OLD, batch=batch, on_batch=lambda rows: taken.append((rows, connection.in_atomic_block)))
    assert pruned == Pruned(events=3, lotes=1)
    assert sum(rows for rows, _ in taken) == 4
    assert all(rows <= batch and not within for rows, within in taken)
    assert WebhookEvent.objects.count() == 3


def test_killed_on_the_way_it_has_done_what_it_did_and_does_the_rest_next_time() -> None:
    item = make_item(lote=old_lote())
    for _ in range(5):
        make_event(item, **old())

    def die(rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prune(OLD, batch=2, on_batch=die)
    assert WebhookEvent.objects.count() == 3
    assert prune(OLD, batch=2) == Pruned(events=3, lotes=1)


def test_two_at_once_take_each_row_once() -> None:
    item = make_item(lote=old_lote())
    for _ in range(60):
        make_event(item, **old())
    found: list[Pruned] = []
    both = threading.Barrier(2)

    def go() -> None:
        both.wait()
        try:
            found.append(prune(OLD, batch=5))
        finally:
            connection.close()

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(pruned.events for pruned in found) == 60
    assert sum(pruned.lotes for pruned in found) == 1
    assert not WebhookEvent.objects.exists()


@pytest.mark.parametrize("days", ["0", "-1", "34", "99999999999"])
def test_what_may_still_be_needed_is_refused_with_the_reason(days: str) -> None:
    event = make_event(make_item(lote=old_lote()), **old())
    with pytest.raises(CommandError):
        run("--older-than", days)
    assert WebhookEvent.objects.get() == event


@pytest.mark.parametrize("batch", ["0", "-5", "10001"])
def test_a_batch_has_its_limits(batch: str) -> None:
    with pytest.raises(CommandError, match="1 to 10000"):
        run("--older-than", "40", "--batch", batch)


def test_the_least_is_said() -> None:
    with pytest.raises(CommandError, match="Nothing younger than 35 days"):
        run("--older-than", "34")
    assert run("--older-than", "35").startswith("Deleted 0")


def post(payload: dict[str, Any]) -> int:
    url = "/tusfacturas/webhook/"
    return HttpClient().post(url, json.dumps(payload), content_type="application/json").status_code


def test_a_pruned_notification_that_comes_again_changes_nothing(provider: Provider, heard: list[Any]) -> None:
    queue_invoices(ToInvoice(documento(), f"erp-{number}") for number in range(3))
    flush()
    provider.settle()
    assert Invoice.objects.filter(status=InvoiceStatus.ISSUED).count() == 3
    results = ("public_id", "status", "comprobante", "numero", "cae", "cae_expires_on", "issued_at", "attention")
    before = list(Invoice.objects.order_by("pk").values(*results))
    LoteItem.objects.update(look_up_at=None)
    items = list(LoteItem.objects.order_by("pk").values())
    heard.clear()
    with time_machine.travel(timezone.now() + OLD + dt.timedelta(days=1)):
        assert "Would delete 3 notifications" in run("--older-than", "40", "--dry-run")
        said = "Deleted 3 notifications, emptied the answers of 1 lotes and 0 operations."
        assert run("--older-than", "40").strip() == said
        assert not WebhookEvent.objects.exists()
        assert Lote.objects.get().response is None
        reference = LoteItem.objects.order_by("pk")[0].reference
        for payload in (success(provider, reference), failure(provider, reference)):
            assert post(payload) == 200
    assert [event.status for event in WebhookEvent.objects.all()] == [E.IGNORED, E.IGNORED]
    assert list(Invoice.objects.order_by("pk").values(*results)) == before
    assert list(LoteItem.objects.order_by("pk").values()) == items
    assert heard == []
    provider.assert_the_promise()
