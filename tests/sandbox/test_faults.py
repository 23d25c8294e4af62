"""Every fault, over real HTTP."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from django_tusfacturas_lotes.sandbox import FAST, Account, Clock, Pace, Sandbox
from django_tusfacturas_lotes.sandbox.faults import parse
from django_tusfacturas_lotes.sandbox.modalities import LOTES
from django_tusfacturas_lotes.sandbox.queue.backend import Backend
from django_tusfacturas_lotes.sandbox.server.sending_calls import receive_call
from tests.support.sandbox.receiver import Receiver
from tests.support.sandbox.sending import TODAY, Answer, Shop, item, request, until
from tests.support.sandbox.stopwatch import Stopwatch


def in_thread(call: Callable[[], Answer]) -> Future[Answer]:
    """Calls in a thread that ends by itself."""
    with_result: Future[Answer] = Future()

    def run() -> None:
        try:
            with_result.set_result(call())
        except Exception as error:  # noqa: BLE001 - it is raised again where the result is asked for
            with_result.set_exception(error)

    threading.Thread(target=run).start()
    return with_result


def test_refuse_rows(shop: Shop) -> None:
    shop.sandbox.fault("refuse_rows=0,2")
    answer = shop.settle(item("A"), item("B"), item("C"))
    assert answer["procesados"] == 1
    assert [f"fila {row} " in text for row, text in zip((0, 2), answer["validaciones"], strict=True)] == [True, True]
    assert [shop.sandbox.issued(name) for name in "ABC"] == [0, 1, 0]
    assert shop.settle(item("A"))["procesados"] == 1


def test_fail_rows(shop: Shop, receiver: Receiver) -> None:
    shop.sandbox.fault("fail_rows=1")
    assert shop.settle(item("A"), item("B"))["procesados"] == 2
    assert shop.sandbox.ledger()["references"]["B"]["tries"] == 10
    assert {notice["facturacion_lote_id_referencia"]: notice["error"] for notice in receiver.notices} == {
        "A": "N",
        "B": "S",
    }


def test_fail_for_good_and_for_a_number_of_tries(shop: Shop) -> None:
    shop.sandbox.fault("fail=BAD-*", "fail=SLOW-**3")
    shop.settle(item("BAD-1"), item("SLOW-1"), item("OK-1"))
    found = {name: (entry["status"], entry["tries"]) for name, entry in shop.sandbox.ledger()["references"].items()}
    assert found == {"BAD-1": ("failed", 10), "SLOW-1": ("issued", 4), "OK-1": ("issued", 1)}


@pytest.mark.parametrize("status", [500, 502, 524])
def test_a_5xx_answer_to_a_call_that_was_taken(shop: Shop, status: int) -> None:
    shop.sandbox.fault(f"answer={status}")
    assert shop.post(shop.body(item("A"))).status == status
    shop.sandbox.wait_idle()
    assert shop.sandbox.issued("A") == 1
    assert shop.sandbox.ledger()["calls"][0]["answer"] == str(status)


@pytest.mark.parametrize(("word", "taken"), [("answer", 1), ("reject", 0)])
def test_no_answer(shop: Shop, word: str, taken: int) -> None:
    shop.sandbox.fault(f"{word}=none")
    with pytest.raises(http.client.RemoteDisconnected):
        shop.post(shop.body(item("A")))
    shop.sandbox.wait_idle()
    assert shop.sandbox.issued("A") == taken
    assert shop.sandbox.ledger()["references"]["A"]["received"] == 1


@pytest.mark.parametrize(("word", "taken"), [("answer", 1), ("reject", 0)])
def test_an_html_page(shop: Shop, word: str, taken: int) -> None:
    shop.sandbox.fault(f"{word}=html")
    answer = shop.post(shop.body(item("A")))
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert b"<html>" in answer.raw
    shop.sandbox.wait_idle()
    assert shop.sandbox.issued("A") == taken


@pytest.mark.parametrize(("word", "taken"), [("answer", 1), ("reject", 0)])
def test_half_of_the_json(shop: Shop, word: str, taken: int) -> None:
    shop.sandbox.fault(f"{word}=half")
    answer = shop.post(shop.body(item("A")))
    assert answer.raw.startswith(b'{"error"')
    with pytest.raises(json.JSONDecodeError):
        _ = answer.json
    shop.sandbox.wait_idle()
    assert shop.sandbox.issued("A") == taken


def test_a_connection_cut_in_the_middle_of_the_answer(shop: Shop) -> None:
    shop.sandbox.fault("answer=cut")
    with pytest.raises(http.client.IncompleteRead):
        shop.post(shop.body(item("A")))
    shop.sandbox.wait_idle()
    assert shop.sandbox.issued("A") == 1


@pytest.mark.parametrize(
    ("fault", "status", "retry_after"),
    [
        ("answer=429", 429, None),
        ("answer=429:30", 429, "30"),
        ("reject=429:5", 429, "5"),
        ("reject=400", 400, None),
        ("reject=401", 401, None),
        ("reject=403", 403, None),
        ("reject=404", 404, None),
        ("reject=405", 405, None),
        ("reject=503:7", 503, None),
        ("reject=302", 302, None),
    ],
)
def test_a_status_for_a_call_that_is_not_taken(shop: Shop, fault: str, status: int, retry_after: str | None) -> None:
    shop.sandbox.fault(fault)
    answer = shop.post(shop.body(item("A")))
    assert answer.status == status
    if status < 500:
        assert answer.headers.get("Retry-After") == retry_after
    assert shop.sandbox.ledger()["references"]["A"]["taken"] == 0
    assert shop.settle(item("A"))["procesados"] == 1
    assert shop.sandbox.ledger()["references"]["A"]["received"] == 2


def test_refused_whole(shop: Shop) -> None:
    shop.sandbox.fault("reject=S")
    answer = shop.settle(item("A"))
    assert answer["error"] == "S"
    assert answer["errores"]
    assert shop.sandbox.issued("A") == 0


def test_a_wrong_count(shop: Shop) -> None:
    shop.sandbox.fault("answer=miscount")
    assert shop.settle(item("A"))["procesados"] == 2


def test_a_text_that_names_no_row(shop: Shop) -> None:
    shop.sandbox.fault("answer=rowless")
    answer = shop.settle(item("A"))
    assert len(answer["validaciones"]) == 1
    assert "fila" not in answer["validaciones"][0]


@pytest.mark.parametrize(("word", "issued"), [("answer", 1), ("reject", 0)])
def test_a_held_answer_waits_for_its_release(shop: Shop, word: str, issued: int) -> None:
    shop.sandbox.fault(f"{word}=hold")
    pending = in_thread(lambda: shop.post(shop.body(item("A"))))
    shop.sandbox.wait_held()
    shop.sandbox.wait_idle()
    assert shop.sandbox.issued("A") == issued
    assert not pending.done()
    assert request(shop.sandbox.url + "/_sandbox/release", "POST").json == {"released": 1}
    if issued:
        assert pending.result(30).json["procesados"] == 1
    else:
        with pytest.raises(http.client.RemoteDisconnected):
            pending.result(30)
    assert shop.sandbox.state()["held_answers"] == 0


@pytest.mark.parametrize(("word", "issued"), [("answer", 1), ("reject", 0)])
def test_a_late_answer_keeps_nobody_from_issuing(shop: Shop, stopwatch: Stopwatch, word: str, issued: int) -> None:
    shop.sandbox.fault(f"{word}=late:3600")
    pending = in_thread(lambda: shop.post(shop.body(item("A"))))
    until(lambda: shop.sandbox._backend.delayed == 1)
    shop.sandbox.wait_idle()
    assert shop.sandbox.issued("A") == issued
    assert not pending.done()
    stopwatch.added += 3601
    shop.sandbox.advance_days(0)  # the sandbox looks at its clock again
    if issued:
        assert pending.result(30).json["procesados"] == 1
    else:
        with pytest.raises(http.client.RemoteDisconnected):
            pending.result(30)


def test_a_late_answer_is_the_right_one(shop: Shop) -> None:
    shop.sandbox.fault("answer=late:0.01")
    assert shop.send(item("A"))["procesados"] == 1


def test_webhooks_before_the_answer(shop: Shop, receiver: Receiver) -> None:
    shop.sandbox.fault("webhook=early")
    receiver.gate.clear()
    pending = in_thread(lambda: shop.post(shop.body(item("A"), item("B"))))
    until(lambda: webhook_tries(shop) > 0)
    assert not pending.done()
    receiver.gate.set()
    assert pending.result(30).json["procesados"] == 2
    assert sorted(receiver.references) == ["A", "B"]


class QueueWatcher:
    """Looks, at the moment of the answer, at how many jobs are queued to be issued."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.queued: object = None

    def send(
        self,
        status: int,
        body: bytes,
        content_type: str = "",
        headers: Mapping[str, str] | None = None,
        length: int | None = None,
    ) -> None:
        self.queued = self._backend.state()["queued"]

    def drop(self) -> None:
        self.queued = self._backend.state()["queued"]


@pytest.mark.parametrize(("fault", "queued"), [("fail=X", 0), ("answer=500", 0), ("answer=late:0", 1)])
def test_only_a_late_answer_comes_after_the_issuing_has_begun(shop: Shop, fault: str, queued: int) -> None:
    backend = Backend([Account()], FAST, Clock(), webhook_workers=1, allow_remote_webhooks=False, keep_bodies=False)
    backend.faults.add(parse(fault))
    watcher = QueueWatcher(backend)
    receive_call(backend, LOTES, json.dumps(shop.body(item("A"))).encode(), {}, watcher)
    assert watcher.queued == queued
    assert backend.state()["queued"] == 1


def test_webhooks_before_the_answer_do_not_wait_for_ever(receiver: Receiver) -> None:
    with Sandbox(pace=Pace(early_limit=0.01)) as sandbox:
        sandbox.set_date(TODAY)
        sandbox.fault("webhook=early")
        sandbox.pause()
        assert Shop(sandbox, receiver.url).send(item("A"))["procesados"] == 1


def test_late_webhooks(shop: Shop, receiver: Receiver, stopwatch: Stopwatch) -> None:
    shop.sandbox.fault("webhook=late:3600")
    shop.send(item("A"))
    until(lambda: shop.sandbox.state()["notices"] == 1)
    assert shop.sandbox.issued("A") == 1
    assert receiver.notices == []
    stopwatch.added = 3601
    shop.sandbox.advance_days(0)
    shop.sandbox.wait_idle()
    assert receiver.references == ["A"]


def test_webhooks_twice(shop: Shop, receiver: Receiver) -> None:
    shop.sandbox.fault("webhook=twice")
    shop.settle(item("A"))
    assert receiver.notices[0] == receiver.notices[1]
    assert len(receiver.notices) == 2
    shop.settle(item("B"))
    assert len(receiver.notices) == 3


def test_shuffled_webhooks(receiver: Receiver) -> None:
    with Sandbox(webhook_workers=1) as sandbox:
        sandbox.set_date(TODAY)
        shop = Shop(sandbox, receiver.url)
        names = [f"R{number}" for number in range(10)]
        shop.settle(*map(item, names))
        assert receiver.references == names
        sandbox.fault("webhook=shuffled")
        shop.settle(*map(item, names))
        assert receiver.references[10:] != names
        assert sorted(receiver.references[10:]) == names


def test_no_webhooks_for_one_call_and_for_all(shop: Shop, receiver: Receiver) -> None:
    shop.sandbox.fault("webhook=never")
    shop.settle(item("A"))
    shop.settle(item("B"))
    assert receiver.references == ["B"]
    shop.sandbox.fault("webhook=never*always")
    shop.settle(item("C"))
    shop.settle(item("D"))
    assert receiver.references == ["B"]
    assert shop.sandbox.issued("D") == 1
    shop.sandbox.resend("D")
    shop.sandbox.wait_idle()
    assert receiver.references == ["B", "D"]


def test_faults_of_one_call_are_used_together_and_the_ledger_names_them(shop: Shop, receiver: Receiver) -> None:
    shop.sandbox.fault("answer=500", "webhook=early+twice", "refuse_rows=0", "fail_rows=1")
    assert shop.post(shop.body(item("A"), item("B"), item("C"))).status == 500
    assert sorted(receiver.references) == ["B", "B", "C", "C"]
    assert shop.sandbox.ledger()["calls"][0]["fault"] == "answer=500 webhook=early+twice fail_rows=1 refuse_rows=0"
    assert shop.sandbox.faults() == []


def test_a_fault_for_what_is_taken_waits_for_a_call_that_is(shop: Shop) -> None:
    shop.sandbox.fault("reject=401", "answer=500", "refuse_rows=0")
    assert shop.post(shop.body(item("A"))).status == 401
    assert shop.send(item("A"), usertoken="x")["error"] == "S"
    assert shop.sandbox.faults() == ["answer=500", "refuse_rows=0"]
    assert shop.post(shop.body(item("A"))).status == 500


def test_calls_at_the_same_time_are_seen(shop: Shop) -> None:
    shop.sandbox.fault("answer=hold*3")
    with ThreadPoolExecutor(3) as pool:
        for name in "ABC":
            pool.submit(shop.post, shop.body(item(name)))
        shop.sandbox.wait_held(3)
        shop.sandbox.release()
    assert shop.sandbox.ledger()["max_concurrent_calls"] == {"90817": 3}


def webhook_tries(shop: Shop) -> int:
    return shop.sandbox.ledger()["totals"]["webhook_attempts"]
