"""One call at a time of one account, and not too soon after another."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from django_tusfacturas_lotes.sandbox import APIKEY, Account, Clock, Pace, Sandbox
from tests.support.sandbox.queue_shop import QueueShop, encolado
from tests.support.sandbox.receiver import Receiver
from tests.support.sandbox.sending import KEYS, TODAY, Shop, item, request
from tests.support.sandbox.stopwatch import Stopwatch

THEIRS = {"apikey": "55501", "apitoken": "b", "usertoken": "c"}


@pytest.fixture
def strict(receiver: Receiver, stopwatch: Stopwatch) -> Iterator[QueueShop]:
    """A sandbox that holds its callers to the limits, with an hour between calls so that no test is too slow for it."""
    accounts = [Account(), Account(**THEIRS)]
    pace = Pace(min_gap=3600, enforce_limits=True)
    with Sandbox(accounts=accounts, clock=Clock(monotonic=stopwatch), pace=pace) as sandbox:
        sandbox.set_date(TODAY)
        yield QueueShop(sandbox, receiver)


ENDPOINTS: list[tuple[str, dict[str, Any]]] = [
    ("lotes", {**KEYS, "webhook_url": "http://127.0.0.1/", "requests": [item("B")]}),
    ("lotes_encola", {**KEYS, "requests": [encolado("B")]}),
    ("nuevo_encola", encolado("B")),
    ("consulta_avanzada", {**KEYS}),
    ("reenviar_encolado", {**KEYS}),
    ("eliminar_encolado", {**KEYS}),
    ("cambiar_fecha_encolado", {**KEYS}),
    ("topecf", {**KEYS}),
]


@pytest.mark.parametrize(("name", "body"), ENDPOINTS, ids=[name for name, _ in ENDPOINTS])
def test_a_call_too_soon_is_answered_429(
    strict: QueueShop, stopwatch: Stopwatch, name: str, body: dict[str, Any]
) -> None:
    assert strict.post(encolado("A")).status == 200
    answer = strict.call(name, body)
    assert (answer.status, answer.json["error"]) == (429, "S")
    stopwatch.added += 3601
    assert strict.call(name, body).status == 200
    assert strict.sandbox.ledger()["max_concurrent_calls"] == {APIKEY: 1}


def test_what_came_too_soon_is_not_taken(strict: QueueShop) -> None:
    for name in "AB":
        strict.post(encolado(name))
    strict.sandbox.wait_idle()
    assert [strict.entry(name)["taken"] for name in "AB"] == [1, 0]
    assert [call["answer"] for call in strict.sandbox.ledger()["calls"]] == ["200", "429"]


def test_another_account_is_not_in_the_way_nor_is_one_that_nobody_knows(strict: QueueShop) -> None:
    assert strict.post(encolado("A")).status == 200
    assert strict.post({**encolado("B"), **THEIRS}, **THEIRS).status == 200
    for _ in range(2):
        assert strict.post(encolado("C"), apikey="1").status == 200


def test_a_call_beside_another_is_answered_429(strict: QueueShop, stopwatch: Stopwatch) -> None:
    strict.sandbox.fault("answer=hold")
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(strict.post, encolado("A"))
        strict.sandbox.wait_held()
        stopwatch.added += 3601
        assert strict.call("consulta_avanzada", strict.asking("A")).status == 429
        strict.sandbox.release()
        assert pending.result(30).status == 200
    ledger = strict.sandbox.ledger()
    assert (ledger["max_concurrent_calls"], ledger["shortest_gap_ms"]) == ({APIKEY: 2}, {APIKEY: 0.0})


def test_the_limits_are_watched_where_they_are_not_enforced(queue: QueueShop, shop: Shop, stopwatch: Stopwatch) -> None:
    assert queue.sandbox.ledger()["shortest_gap_ms"] == {}
    shop.send(item("A"))
    assert queue.sandbox.ledger()["shortest_gap_ms"] == {APIKEY: None}
    stopwatch.added += 100
    queue.look_up("A")
    gap = queue.sandbox.ledger()["shortest_gap_ms"][APIKEY]
    assert gap is not None
    assert 100_000 <= gap < 130_000
    stopwatch.added += 10
    queue.operate("reenviar_encolado", "A")
    shorter = queue.sandbox.ledger()["shortest_gap_ms"][APIKEY]
    assert shorter is not None
    assert 10_000 <= shorter < 40_000
    assert request(f"{queue.sandbox.url}/_sandbox/ledger").json["shortest_gap_ms"] == {APIKEY: shorter}


def test_all_endpoints_count_as_calls_at_once(queue: QueueShop) -> None:
    queue.sandbox.fault("lookup=hold", "operation=hold", "answer=hold")
    with ThreadPoolExecutor(3) as pool:
        pool.submit(queue.look_up, "A")
        pool.submit(queue.operate, "reenviar_encolado", "A")
        pool.submit(queue.post, encolado("A"))
        queue.sandbox.wait_held(3)
        queue.sandbox.release()
    assert queue.sandbox.ledger()["max_concurrent_calls"] == {APIKEY: 3}
