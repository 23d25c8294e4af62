"""Delivery: until 200 or 201, up to 15 times."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from django_tusfacturas_lotes.sandbox import Sandbox
from tests.support.sandbox.receiver import Receiver
from tests.support.sandbox.sending import TODAY, Shop, item, until


def counts(shop: Shop, reference: str = "A") -> tuple[int, int]:
    found = shop.sandbox.ledger()["references"][reference]["webhooks"]
    return found["attempts"], found["delivered"]


@pytest.mark.parametrize("status", [200, 201])
def test_200_and_201_end_it(shop: Shop, receiver: Receiver, status: int) -> None:
    receiver.statuses = [status]
    shop.settle(item("A"))
    assert counts(shop) == (1, 1)


@pytest.mark.parametrize("status", [202, 204, 301, 307, 400, 403, 404, 500, 503])
def test_any_other_status_is_tried_again(shop: Shop, receiver: Receiver, status: int) -> None:
    receiver.statuses = [status, status]
    shop.settle(item("A"))
    assert counts(shop) == (3, 1)
    assert receiver.notices[0] == receiver.notices[2]


def test_it_is_given_up_after_fifteen_tries(shop: Shop, receiver: Receiver) -> None:
    receiver.statuses = [500] * 100
    shop.settle(item("A"))
    assert counts(shop) == (15, 0)
    assert len(receiver.notices) == 15
    assert shop.sandbox.issued("A") == 1


def test_a_receiver_that_is_not_there_is_tried_fifteen_times(shop: Shop) -> None:
    with socket.socket() as nobody_listens:  # and nobody else can meanwhile
        nobody_listens.bind(("127.0.0.1", 0))
        port = nobody_listens.getsockname()[1]
        shop.settle(item("A"), webhook_url=f"http://127.0.0.1:{port}/")
    assert counts(shop) == (15, 0)


def test_it_is_a_json_post_to_the_whole_address(shop: Shop, receiver: Receiver) -> None:
    shop.settle(item("A"))
    (headers,) = receiver.headers
    assert headers["Content-Type"] == "application/json"
    assert headers["target"] == "/tusfacturas/webhook/?shop=1"


def test_each_call_has_its_own_address(shop: Shop, receiver: Receiver) -> None:
    with Receiver() as second:
        shop.settle(item("A"))
        shop.settle(item("B"), webhook_url=second.url)
        assert (receiver.references, second.references) == (["A"], ["B"])


def test_a_notice_can_be_asked_for_again(shop: Shop, receiver: Receiver) -> None:
    shop.settle(item("A"))
    shop.sandbox.resend("A")
    shop.sandbox.wait_idle()
    assert receiver.notices[0] == receiver.notices[1]
    assert counts(shop) == (2, 2)


def test_only_what_is_settled_can_be_told_again(shop: Shop) -> None:
    shop.sandbox.pause()
    shop.send(item("A"))
    for reference in ("A", "UNKNOWN"):
        with pytest.raises(LookupError, match=reference):
            shop.sandbox.resend(reference)


@pytest.fixture
def slow_shop(receiver: Receiver) -> Iterator[Shop]:
    receiver.gate.clear()
    with Sandbox(webhook_workers=3) as sandbox:
        sandbox.set_date(TODAY)
        yield Shop(sandbox, receiver.url)


def test_as_many_are_sent_at_once_as_there_are_workers(slow_shop: Shop, receiver: Receiver) -> None:
    slow_shop.send(*(item(f"R{number}") for number in range(6)))
    until(lambda: slow_shop.sandbox.ledger()["totals"]["webhook_attempts"] == 3)
    assert slow_shop.sandbox.state()["notices"] == 6
    receiver.gate.set()
    slow_shop.sandbox.wait_idle()
    assert len(receiver.notices) == 6


def test_stop_breaks_what_is_being_sent(slow_shop: Shop, receiver: Receiver) -> None:
    slow_shop.send(item("A"))
    until(lambda: slow_shop.sandbox.ledger()["totals"]["webhook_attempts"] == 1)
    slow_shop.sandbox.stop()
    assert receiver.notices == []
