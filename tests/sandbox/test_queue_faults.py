"""Every fault that the encola modalities, the look-ups and the operations know, over real HTTP."""

from __future__ import annotations

import http.client
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.sandbox.queue_shop import NUEVO_ENCOLA, QueueShop, encolado
from tests.support.sandbox.receiver import Receiver
from tests.support.sandbox.sending import KEYS, Shop, item, until
from tests.support.sandbox.stopwatch import Stopwatch


@pytest.mark.parametrize("fault", ["answer=500", "answer=524", "answer=html", "answer=half"])
def test_an_answer_that_says_nothing_of_what_was_taken(either_queue: QueueShop, fault: str) -> None:
    either_queue.sandbox.fault(fault)
    answer = either_queue.post(encolado("A"))
    with pytest.raises(json.JSONDecodeError):
        _ = answer.json
    either_queue.sandbox.wait_idle()
    assert either_queue.found("A")["status"] == "EMITIDO"


@pytest.mark.parametrize("kind", ["none", "cut"])
@pytest.mark.parametrize(("word", "issued"), [("answer", 1), ("reject", 0)])
def test_a_connection_that_breaks(either_queue: QueueShop, word: str, kind: str, issued: int) -> None:
    either_queue.sandbox.fault(f"{word}={kind}")
    with pytest.raises((http.client.RemoteDisconnected, http.client.IncompleteRead)):
        either_queue.post(encolado("A"))
    either_queue.sandbox.wait_idle()
    assert either_queue.sandbox.issued("A") == issued


@pytest.mark.parametrize(("fault", "status"), [("answer=429:30", 429), ("reject=401", 401), ("reject=S", 200)])
def test_a_call_that_is_not_taken(either_queue: QueueShop, fault: str, status: int) -> None:
    either_queue.sandbox.fault(fault)
    answer = either_queue.post(encolado("A"))
    assert (answer.status, answer.json["error"]) == (status, "S")
    assert "external_reference" not in answer.json
    assert answer.json.get("response", []) == []
    either_queue.sandbox.wait_idle()
    assert either_queue.sandbox.issued("A") == 0


def test_refused_and_failing_rows(queue: QueueShop) -> None:
    queue.sandbox.fault("refuse_rows=0", "fail_rows=1", "fail=D*2")
    answer = queue.settle(*map(encolado, "ABCD"))
    assert [entry["external_reference"] for entry in answer["response"]] == ["B", "C", "D", "A"]
    assert "orden 0 (comenzando en 0)" in answer["response"][3]["errores"][0]
    statuses = {name: entry["status"] for name, entry in queue.sandbox.ledger()["references"].items()}
    assert statuses == {"A": "refused", "B": "failed", "C": "issued", "D": "issued"}


def test_a_refused_row_of_nuevo_encola(queue: QueueShop) -> None:
    queue.modality = NUEVO_ENCOLA
    queue.sandbox.fault("refuse_rows=0")
    answer = queue.settle(encolado("A"))
    assert (answer["error"], answer["external_reference"]) == ("S", "A")


@pytest.mark.parametrize("modality", ["lotes", "lotes_encola", NUEVO_ENCOLA])
def test_a_524_that_is_taken_only_later(queue: QueueShop, shop: Shop, stopwatch: Stopwatch, modality: str) -> None:
    queue.sandbox.fault("answer=524:30")
    queue.modality = modality
    answer = shop.post(shop.body(item("A"))) if modality == "lotes" else queue.post(encolado("A"))
    assert answer.status == 524
    entry = queue.entry("A")
    assert (entry["received"], entry["taken"]) == (1, 0)
    assert queue.look_up("A")["error"] == "S"
    assert queue.sandbox.state()["idle"] is False
    stopwatch.added += 31
    queue.sandbox.advance_days(0)
    queue.sandbox.wait_idle()
    assert queue.found("A")["status"] == "EMITIDO"
    assert queue.sandbox.ledger()["calls"][0]["taken"] == 1


def test_a_524_for_later_does_not_outlive_a_reset(queue: QueueShop) -> None:
    queue.sandbox.fault("answer=524:3600")
    queue.post(encolado("A"))
    queue.sandbox.reset()
    queue.sandbox.wait_idle()
    assert queue.sandbox.ledger()["references"] == {}


def references(answer: Any) -> list[Any]:
    return [entry["external_reference"] for entry in answer["response"]]


def test_a_partial_answer(queue: QueueShop) -> None:
    queue.sandbox.fault("answer=partial", "refuse_rows=0")
    answer = queue.settle(encolado("A"), encolado("B"))
    assert (answer["error"], references(answer)) == ("PARCIAL", ["B", "A"])


def test_entries_in_another_order_missing_and_too_many(queue: QueueShop) -> None:
    names = list("ABCD")
    queue.sandbox.fault("answer=shuffled", "answer=missing", "answer=miscount", "answer=rowless")
    shuffled, missing, miscount, rowless = (queue.settle(*map(encolado, names)) for _ in range(4))
    assert references(shuffled) != names
    assert sorted(references(shuffled)) == names
    assert references(missing) == names[:3]
    assert references(miscount) == [*names, "sandbox-nobody-sent-this"]
    assert references(rowless) == [*names, ""]
    assert (rowless["error"], rowless["response"][-1]["error"]) == ("S", "S")
    assert queue.sandbox.issued("D") == 4


def test_the_distortions_of_nuevo_encola(queue: QueueShop) -> None:
    queue.modality = NUEVO_ENCOLA
    queue.sandbox.fault("answer=partial", "answer=missing", "answer=shuffled")
    partial, missing, shuffled = (queue.settle(encolado("A")) for _ in range(3))
    assert partial["error"] == "PARCIAL"
    assert "external_reference" not in missing
    assert shuffled["external_reference"] == "A"


def test_the_distortions_of_lotes(shop: Shop) -> None:
    for fault in ("partial", "missing", "shuffled"):
        shop.sandbox.fault(f"answer={fault}", "refuse_rows=0,1")
    partial, missing, shuffled = (shop.settle(item("A"), item("B"), item("C")) for _ in range(3))
    assert (partial["error"], partial["procesados"]) == ("PARCIAL", 1)
    assert len(missing["validaciones"]) == 1
    assert shuffled["validaciones"] == partial["validaciones"][::-1]


@pytest.mark.parametrize(
    ("fault", "status"),
    [("500", 500), ("502", 502), ("524", 524), ("429", 429), ("429:30", 429), ("html", 200), ("half", 200)],
)
def test_a_look_up_that_answers_nothing_of_use(queue: QueueShop, fault: str, status: int) -> None:
    queue.settle(encolado("A"))
    queue.sandbox.fault(f"lookup={fault}")
    answer = queue.call("consulta_avanzada", queue.asking("A"))
    assert answer.status == status
    assert answer.headers.get("Retry-After") == ("30" if fault == "429:30" else None)
    assert b"EMITIDO" not in answer.raw or fault == "half"
    assert queue.found("A")["status"] == "EMITIDO"
    assert queue.sandbox.ledger()["lookups"]["total"] == 2


@pytest.mark.parametrize("word", ["lookup", "operation"])
@pytest.mark.parametrize("kind", ["none", "cut"])
def test_a_connection_that_breaks_while_one_asks(queue: QueueShop, word: str, kind: str) -> None:
    queue.settle(encolado("A", fecha="30/03/2018"))
    queue.sandbox.fault(f"{word}={kind}")
    with pytest.raises((http.client.RemoteDisconnected, http.client.IncompleteRead)):
        queue.look_up("A") if word == "lookup" else queue.operate("eliminar_encolado", "A")
    assert queue.entry("A")["status"] == ("scheduled" if word == "lookup" else "deleted")


@pytest.mark.parametrize("word", ["lookup", "operation"])
def test_an_answer_that_is_held_and_one_that_is_late(queue: QueueShop, stopwatch: Stopwatch, word: str) -> None:
    queue.settle(encolado("A", detalle=[]))
    queue.sandbox.fault(f"{word}=hold", f"{word}=late:3600")

    def ask() -> Any:
        if word == "lookup":
            return queue.call("consulta_avanzada", queue.asking("A")).json
        return queue.call("reenviar_encolado", {**KEYS, "external_reference": "A"}).json

    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(ask)
        queue.sandbox.wait_held()
        queue.sandbox.wait_idle()
        assert not pending.done()
        queue.sandbox.release()
        assert pending.result(30)["error"] == "N"
        late = pool.submit(ask)
        until(lambda: queue.sandbox._backend.delayed == 1)
        assert not late.done()
        stopwatch.added += 3601
        queue.sandbox.advance_days(0)  # the sandbox looks at its clock again
        assert late.result(30)["error"] == "N"


def test_a_look_up_that_refuses_and_one_that_lies(queue: QueueShop) -> None:
    queue.settle(encolado("A"))
    queue.sandbox.fault("lookup=S", "lookup=absent", "lookup=absent+empty")
    refused, absent, empty = (queue.look_up("A") for _ in range(3))
    assert refused["error"] == "S"
    assert refused["errores"] != ["No se han encontrado comprobantes."]
    assert (absent["error"], absent["errores"]) == ("S", ["No se han encontrado comprobantes."])
    assert (empty["error"], empty["total"], empty["comprobantes"]) == ("N", 0, [])
    assert queue.sandbox.faults() == []


@pytest.mark.parametrize("fault", ["500", "502", "524", "html", "half"])
def test_an_operation_that_is_done_and_answered_badly(queue: QueueShop, fault: str) -> None:
    queue.settle(encolado("A", fecha="30/03/2018"))
    queue.sandbox.fault(f"operation={fault}")
    answer = queue.call("eliminar_encolado", {**KEYS, "external_reference": "A"})
    assert answer.status == (int(fault) if fault.isdigit() else 200)
    with pytest.raises(json.JSONDecodeError):
        _ = answer.json
    (operation,) = queue.sandbox.ledger()["operations"]
    assert (operation["done"], operation["fault"], operation["answer"]) == (True, f"operation={fault}", fault)
    assert queue.entry("A")["status"] == "deleted"


@pytest.mark.parametrize(("fault", "status"), [("401", 401), ("429:5", 429), ("503", 503), ("S", 200)])
@pytest.mark.parametrize("operation", ["eliminar_encolado", "cambiar_fecha_encolado"])
def test_an_operation_that_is_not_done(queue: QueueShop, operation: str, fault: str, status: int) -> None:
    queue.settle(encolado("A", fecha="30/03/2018"))
    queue.sandbox.fault(f"operation=reject:{fault}")
    body = {**KEYS, "external_reference": "A", "fecha": "30/03/2018"}
    answer = queue.call(operation, body)
    assert answer.status == status
    if status < 500:
        assert answer.json["error"] == "S"
    assert queue.entry("A")["status"] == "scheduled"
    assert queue.sandbox.ledger()["operations"][0]["done"] is False
    assert queue.call(operation, body).json["error"] == "N"


def test_an_operation_that_is_not_done_nor_answered(queue: QueueShop) -> None:
    queue.settle(encolado("A", fecha="30/03/2018"))
    queue.sandbox.fault("operation=reject:none")
    with pytest.raises(http.client.RemoteDisconnected):
        queue.operate("eliminar_encolado", "A")
    assert queue.entry("A")["status"] == "scheduled"


def test_faults_of_other_kinds_are_left_for_their_call(queue: QueueShop) -> None:
    queue.sandbox.fault("lookup=500", "operation=500", "answer=500")
    assert queue.post(encolado("A")).status == 500
    assert queue.sandbox.faults() == ["lookup=500", "operation=500"]
    assert queue.look_up("A", usertoken="x")["error"] == "S"
    assert len(queue.sandbox.faults()) == 2


def test_no_notices_of_the_items_of_a_call(either_queue: QueueShop, receiver: Receiver) -> None:
    either_queue.sandbox.fault("webhook=never", "fail=A*10")
    either_queue.settle(encolado("A"))
    either_queue.operate("reenviar_encolado", "A")
    either_queue.sandbox.wait_idle()
    assert either_queue.sandbox.issued("A") == 1
    assert receiver.notices == []


def test_notices_with_a_wrong_token(either_queue: QueueShop, receiver: Receiver) -> None:
    either_queue.sandbox.fault("webhook=wrong_token")
    either_queue.settle(encolado("A"))
    assert {headers["TF-WebhookToken"] for headers in receiver.headers} == {"sandbox-wrong-token"}
    either_queue.sandbox.resend("A")
    either_queue.sandbox.wait_idle()
    assert receiver.headers[-1]["TF-WebhookToken"] != "sandbox-wrong-token"


def test_lotes_has_its_proof_in_the_body(shop: Shop, receiver: Receiver) -> None:
    shop.sandbox.fault("webhook=wrong_token")
    shop.settle(item("A"))
    assert receiver.notices[0]["apitoken"] == "sandbox-wrong-token"
    assert receiver.notices[0]["usertoken"] == KEYS["usertoken"]


def test_notices_twice_are_the_same_ones(queue: QueueShop, receiver: Receiver) -> None:
    queue.sandbox.fault("webhook=twice")
    queue.settle(encolado("A"))
    assert queue.events() == ["encolado", "encolado", "emitido", "emitido"]
    assert receiver.notices[0] == receiver.notices[1]


def test_notices_before_the_answer(queue: QueueShop, receiver: Receiver) -> None:
    queue.sandbox.fault("webhook=early")
    queue.send(encolado("A"), encolado("B", fecha="30/03/2018"))
    assert (queue.events("A"), queue.events("B")) == (["encolado", "emitido"], ["encolado"])


def test_late_notices(queue: QueueShop, receiver: Receiver, stopwatch: Stopwatch) -> None:
    queue.sandbox.fault("webhook=late:3600")
    queue.send(encolado("A"))
    until(lambda: queue.sandbox.state()["notices"] == 2)
    assert receiver.notices == []
    stopwatch.added += 3601
    queue.sandbox.advance_days(0)
    queue.sandbox.wait_idle()
    assert queue.events() == ["encolado", "emitido"]


def test_shuffled_notices_wait_for_all_of_the_call(queue: QueueShop, receiver: Receiver) -> None:
    queue.sandbox.fault("webhook=shuffled", "fail=R3*10")
    names = [f"R{number}" for number in range(8)]
    queue.settle(*map(encolado, names))
    told = [(notice["external_reference"], notice["evento"]) for notice in receiver.notices]
    assert len(told) == 16
    assert [name for name, event in told if event == "encolado"] != names
    queue.operate("reenviar_encolado", "R3")
    queue.sandbox.wait_idle()
    assert queue.events("R3")[-2:] == ["encolado", "emitido"]
