"""What each answer makes of each operation, and which operations are sent at all."""

from __future__ import annotations

import datetime as dt
import json
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import responses
from django.db import OperationalError, connection
from django.utils import timezone

from django_tusfacturas_lotes.models import (
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    OperationKind,
    OperationPurpose,
    OperationStatus,
    QueueOperation,
    Turn,
)
from django_tusfacturas_lotes.submission import queue_operations
from django_tusfacturas_lotes.wire.dates import argentine_day, format_day
from tests.support.neighbours import others_stay, rows
from tests.support.rows import make_item, make_lote

pytestmark = pytest.mark.django_db(transaction=True)

HOST = "https://provider.test"
K, O = OperationKind, OperationStatus  # noqa: E741
PATHS = {K.RESEND: "reenviar_encolado", K.DELETE: "eliminar_encolado", K.REDATE: "cambiar_fecha_encolado"}
DONE, REFUSED = {"error": "N", "errores": []}, {"error": "S", "errores": ["no"]}


@pytest.fixture(autouse=True)
def provider_over_there(settings: Any) -> Iterator[None]:
    (account,) = settings.TUSFACTURAS_LOTES["ACCOUNTS"].values()
    account = {**account, "BASE_URL": HOST, "MODALITY": "nuevo_encola", "WEBHOOK_TOKEN": "a" * 32}
    settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "ACCOUNTS": {"default": account}}
    with responses.mock:
        yield


def asked(kind: str, **columns: Any) -> QueueOperation:
    status = LoteItemStatus.FAILED if kind == K.RESEND else LoteItemStatus.SUBMITTED
    item = make_item(status, InvoiceStatus.SUBMITTED, make_lote(modality="nuevo_encola"))
    day = argentine_day() + dt.timedelta(days=2)
    given = {"fecha": day, "vencimiento": day} if kind == K.REDATE else {}
    return QueueOperation.objects.create(
        **{"item": item, "account": "default", "kind": kind, "open_for": item.pk, **given, **columns}
    )


def answer(kind: str, **given: Any) -> None:
    responses.post(f"{HOST}/v2/facturacion/{PATHS[kind]}", **given)  # type: ignore[index]


def bodies() -> list[dict[str, Any]]:
    return [json.loads(call.request.body) for call in responses.calls]


@pytest.mark.parametrize("kind", OperationKind)
@pytest.mark.parametrize(
    ("given", "became", "looked_up_in", "pause"),
    [
        ({"json": DONE}, O.ACCEPTED, 60, None),
        ({"json": REFUSED}, O.REFUSED, 0, None),
        ({"status": 500}, O.UNCERTAIN, 60, None),
        ({"body": "<html>"}, O.UNCERTAIN, 60, None),
        ({"status": 401}, O.REQUESTED, None, 60),
        ({"status": 429}, O.REQUESTED, None, 60),
        ({"status": 429, "headers": {"Retry-After": "7"}}, O.REQUESTED, None, 7),
        ({"status": 429, "headers": {"Retry-After": "0"}}, O.REQUESTED, None, 1),
    ],
    ids=["done", "refused", "500", "unreadable", "401", "429", "429 for 7 s", "429 for 0 s"],
)
def test_what_an_answer_makes_of_it(
    kind: str, given: dict[str, Any], became: str, looked_up_in: int | None, pause: int | None
) -> None:
    operation, other = asked(kind), make_item(lote=make_lote(modality="nuevo_encola"))
    answer(kind, **given)
    own = {("QueueOperation", operation.pk), ("LoteItem", operation.item_id), ("Lote", operation.item.lote_id)}
    with others_stay({key: row for key, row in rows().items() if key not in own}):
        assert queue_operations.send_requested("default") == 1
    (body,) = bodies()
    assert body["external_reference"] == operation.item.reference
    now = timezone.now()
    operation.refresh_from_db()
    item, lote = LoteItem.objects.get(pk=operation.item_id), Lote.objects.get(pk=operation.item.lote_id)
    # It may not be there to be deleted: a look-up tells.
    expected = O.UNCERTAIN if became == O.REFUSED and kind == K.DELETE else became
    assert (operation.status, operation.tries) == (expected, 1)
    assert operation.answered_at is not None
    assert operation.http_status == given.get("status", 200)
    assert (operation.open_for is None) == (expected == O.REFUSED)
    for moment in (item.look_up_at, lote.look_up_at):
        if looked_up_in is None:
            assert moment is None
        else:
            assert abs(moment - now - dt.timedelta(seconds=looked_up_in)) < dt.timedelta(seconds=20)
    if pause is not None:
        assert abs(operation.next_try_at - operation.answered_at - dt.timedelta(seconds=pause)) < dt.timedelta(
            seconds=1
        )
    if became == O.REFUSED:
        assert "no" in operation.error
    assert other.look_up_at is None


@pytest.mark.parametrize(("tries", "minutes"), [(0, 1), (1, 5), (2, 15), (3, 60), (9, 60)])
def test_the_pauses_after_calls_that_were_not_sent_grow(tries: int, minutes: int) -> None:
    operation = asked(K.DELETE, tries=tries)
    answer(K.DELETE, status=401)
    queue_operations.send_requested("default")
    operation.refresh_from_db()
    waits = operation.next_try_at - operation.answered_at
    assert abs(waits - dt.timedelta(minutes=minutes)) < dt.timedelta(seconds=1)


def test_what_goes_with_each() -> None:
    today = argentine_day()
    for kind, expected in (
        (K.RESEND, {}),
        (K.DELETE, {"fecha": format_day(today)}),
        (K.REDATE, dict.fromkeys(("fecha", "vencimiento"), format_day(today + dt.timedelta(days=2)))),
    ):
        asked(kind)
        answer(kind, json=DONE)
        queue_operations.send_requested("default")
        sent = bodies()[-1]
        assert {key: sent[key] for key in ("fecha", "vencimiento") if key in sent} == expected


@pytest.mark.parametrize(("until", "sent"), [(-math.inf, 1), (0, 1), (math.inf, 3), (None, 3)])
def test_after_the_first_none_is_begun_from_a_moment_on(until: float | None, sent: int) -> None:
    for _ in range(3):
        asked(K.DELETE)
    answer(K.DELETE, json=DONE)
    moment = {} if until is None else {"until": time.monotonic() + until}
    assert queue_operations.send_requested("default", **moment) == sent
    assert QueueOperation.objects.filter(status=O.ACCEPTED).count() == sent


@pytest.mark.parametrize("most", [0, 1, 2])
def test_no_more_are_sent_than_was_asked_for(most: int) -> None:
    first, second, third = asked(K.DELETE), asked(K.DELETE), asked(K.DELETE)
    answer(K.DELETE, json=DONE)
    assert queue_operations.send_requested("default", most) == most
    sent = QueueOperation.objects.filter(status=O.ACCEPTED).order_by("pk")
    assert list(sent) == [first, second, third][:most]


def test_after_one_that_was_not_sent_none_is_begun() -> None:
    asked(K.DELETE)
    asked(K.DELETE)
    answer(K.DELETE, status=401)
    assert queue_operations.send_requested("default") == 1


def test_only_what_is_asked_for_now_and_of_the_account_is_sent() -> None:
    now = timezone.now()
    due = [asked(K.DELETE), asked(K.DELETE, next_try_at=now)]
    asked(K.DELETE, next_try_at=now + dt.timedelta(minutes=1))
    asked(K.DELETE, account="b")
    for status in OperationStatus:
        if status != O.REQUESTED:
            asked(K.DELETE, status=status)
    answer(K.DELETE, json=DONE)
    assert queue_operations.accounts_with_operations() == ["b", "default"]
    assert queue_operations.send_requested("default") == 2
    assert {body["external_reference"] for body in bodies()} == {one.item.reference for one in due}
    assert queue_operations.accounts_with_operations() == ["b"]
    assert queue_operations.accounts_with_operations(now - dt.timedelta(days=1)) == ["b"]
    assert queue_operations.send_requested("b") == 0, "it is not configured"


def test_none_is_sent_while_the_provider_asks_for_a_pause() -> None:
    operation = asked(K.DELETE)
    Turn.objects.create(account="default", free_from=timezone.now() + dt.timedelta(seconds=30))
    assert queue_operations.send_requested("default") == 0
    operation.refresh_from_db()
    assert (operation.status, operation.tries) == (O.REQUESTED, 0)


def test_who_read_it_before_another_process_began_does_not_send_it() -> None:
    operation = asked(K.DELETE)
    QueueOperation.objects.update(tries=1)
    assert queue_operations._start(operation) is False
    operation.refresh_from_db()
    assert operation.status == O.REQUESTED


@pytest.mark.parametrize("purpose", ["", *OperationPurpose])
def test_what_can_not_be_done_any_more_is_refused_and_only_shown_where_a_person_asked(purpose: str) -> None:
    operation = asked(K.DELETE, purpose=purpose)
    LoteItem.objects.update(status=LoteItemStatus.ISSUED)
    assert queue_operations.send_requested("default") == 0
    operation.refresh_from_db()
    assert (operation.status, operation.open_for) == (O.REFUSED, None)
    assert operation.error.startswith("it was not sent: ")
    assert (operation.seen_at is None) == (purpose != OperationPurpose.UNNEEDED)
    assert not responses.calls


@pytest.mark.parametrize("status", OperationStatus)
def test_what_a_dead_process_was_sending_is_uncertain_and_looked_up(status: str) -> None:
    long_ago, just_now = timezone.now() - dt.timedelta(hours=1), timezone.now()
    old, young = asked(K.DELETE, status=status, sent_at=long_ago), asked(K.DELETE, status=status, sent_at=just_now)
    expired = queue_operations.expire_leases(timezone.now() - dt.timedelta(minutes=10))
    old.refresh_from_db()
    young.refresh_from_db()
    is_stale = status == O.SENDING
    assert expired == is_stale
    assert (old.status, young.status) == (O.UNCERTAIN if is_stale else status, status)
    assert ("stopped before" in old.error) is is_stale
    look_ups = LoteItem.objects.exclude(look_up_at=None)
    assert list(look_ups.values_list("pk", flat=True)) == ([old.item_id] if is_stale else [])


def test_one_that_can_not_be_expired_is_told_and_the_others_are(caplog: pytest.LogCaptureFixture) -> None:
    long_ago = timezone.now() - dt.timedelta(hours=1)
    stuck, other = (asked(K.DELETE, status=O.SENDING, sent_at=long_ago) for _ in range(2))
    failed: list[str] = []

    def fail_once(run: Callable[..., Any], sql: str, *others: Any) -> Any:
        if not failed and sql.startswith("UPDATE"):
            failed.append(sql)
            raise OperationalError("lock wait timeout")
        return run(sql, *others)

    with connection.execute_wrapper(fail_once):
        assert queue_operations.expire_leases(timezone.now()) == 1
    assert set(QueueOperation.objects.values_list("pk", "status")) == {(stuck.pk, O.SENDING), (other.pk, O.UNCERTAIN)}
    assert f"delete of {stuck.item} could not be expired" in caplog.messages
