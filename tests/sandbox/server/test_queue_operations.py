"""``reenviar_encolado``, ``eliminar_encolado``, ``cambiar_fecha_encolado``."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from django_tusfacturas_lotes.sandbox import Account, Pace, Sandbox
from tests.support.sandbox.queue_shop import QueueShop, encolado
from tests.support.sandbox.receiver import Receiver
from tests.support.sandbox.sending import TODAY, Shop, item, request, until
from tests.support.sandbox.stopwatch import QUICK, Stopwatch

DONE = {"error": "N", "errores": []}
OPERATIONS = ["reenviar_encolado", "eliminar_encolado", "cambiar_fecha_encolado"]


def test_what_is_in_error_is_sent_again(either_queue: QueueShop) -> None:
    either_queue.sandbox.fault("fail=A*15")
    either_queue.settle(encolado("A"))
    assert either_queue.entry("A")["status"] == "failed"
    assert either_queue.operate("reenviar_encolado", "A") == DONE
    either_queue.sandbox.wait_idle()
    assert (either_queue.entry("A")["status"], either_queue.entry("A")["tries"]) == ("issued", 16)
    assert either_queue.events() == ["encolado", "error", "encolado", "emitido"]


def test_sent_again_it_may_fail_again(queue: QueueShop) -> None:
    queue.sandbox.fault("fail=A")
    queue.settle(encolado("A"))
    queue.operate("reenviar_encolado", "A")
    queue.sandbox.wait_idle()
    assert (queue.entry("A")["status"], queue.entry("A")["tries"]) == ("failed", 20)


def test_a_failing_row_fails_until_it_is_sent_again(queue: QueueShop) -> None:
    queue.sandbox.fault("fail_rows=0")
    queue.settle(encolado("A"))
    assert queue.found("A")["status"] == "ENVIADO A PROCESAR - CON ERROR"
    queue.operate("reenviar_encolado", "A")
    queue.sandbox.wait_idle()
    assert queue.sandbox.issued("A") == 1


@pytest.mark.parametrize("state", ["scheduled", "queued", "failed"])
def test_what_is_deleted_is_gone_and_never_issued(queue: QueueShop, state: str) -> None:
    if state == "queued":
        queue.sandbox.pause()
    if state == "failed":
        queue.sandbox.fault("fail=A")
    queue.send(encolado("A", fecha="30/03/2018" if state == "scheduled" else "28/03/2018"))
    until(lambda: queue.entry("A")["status"] == state)
    answer = queue.operate("eliminar_encolado", "A")
    assert answer == {**DONE, "procesados_cant": 1, "procesados": ["A"]}
    queue.sandbox.clear_faults()
    queue.sandbox.resume()
    queue.sandbox.advance_days(2)
    queue.sandbox.wait_idle()
    assert queue.look_up("A")["errores"] == ["No se han encontrado comprobantes."]
    assert (queue.entry("A")["status"], queue.sandbox.issued("A")) == ("deleted", 0)
    assert queue.events()[-1] == "eliminado"


def test_one_that_is_between_two_tries_can_be_deleted(receiver: Receiver) -> None:
    with Sandbox(pace=Pace(emission_retry=3600)) as sandbox:
        sandbox.set_date(TODAY)
        sandbox.fault("fail=A")
        queue = QueueShop(sandbox, receiver)
        queue.send(encolado("A"))
        until(lambda: queue.entry("A")["tries"] == 1)
        assert queue.operate("eliminar_encolado", "A")["procesados_cant"] == 1
        sandbox.wait_idle()


def test_one_that_is_being_issued_can_not_be_deleted_any_more(receiver: Receiver) -> None:
    with Sandbox(pace=Pace(emission=3600)) as sandbox:
        sandbox.set_date(TODAY)
        queue = QueueShop(sandbox, receiver)
        queue.send(encolado("A"))
        until(lambda: sandbox._backend.queue._current is not None)
        assert queue.operate("eliminar_encolado", "A")["error"] == "S"
        assert queue.operate("cambiar_fecha_encolado", "A", fecha="30/03/2018")["error"] == "S"


def test_what_is_not_taken_yet_is_unknown_and_what_is_taken_is_not(queue: QueueShop, stopwatch: Stopwatch) -> None:
    queue.sandbox.fault("answer=524:3600")
    queue.post(encolado("A", fecha="30/03/2018"))
    assert queue.operate("eliminar_encolado", "A")["error"] == "S"
    stopwatch.added = 3601
    queue.sandbox.advance_days(0)
    queue.sandbox.wait_idle()
    assert queue.operate("eliminar_encolado", "A")["error"] == "N"


def test_what_is_deleted_before_its_call_is_answered_is_not_queued(queue: QueueShop) -> None:
    queue.sandbox.fault("webhook=early")
    queue.sandbox.pause()
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(queue.send, encolado("A"))
        until(lambda: queue.events() == ["encolado"])
        assert queue.operate("eliminar_encolado", "A")["error"] == "N"
        assert pending.result(30)["error"] == "N"
    queue.sandbox.resume()
    queue.sandbox.wait_idle()
    assert queue.entry("A")["status"] == "deleted"


def test_of_two_with_one_reference_the_queued_one_is_deleted(queue: QueueShop) -> None:
    queue.settle(encolado("A"), encolado("A", fecha="30/03/2018"))
    answer = queue.operate("eliminar_encolado", "A")
    assert (answer["error"], answer["procesados_cant"]) == ("PARCIAL", 1)
    assert queue.look_up("A")["total"] == 1


@pytest.mark.parametrize(("fecha", "error"), [("x", "S"), ("2018-03-30", "S"), ("30/03/2018", "N"), ("", "N")])
def test_what_is_deleted_may_be_named_with_a_fecha(queue: QueueShop, fecha: str, error: str) -> None:
    queue.settle(encolado("A", fecha="30/03/2018"))
    answer = queue.operate("eliminar_encolado", "A", fecha=fecha)
    assert (answer["error"], answer.get("procesados_cant", 0)) == (error, int(error == "N"))


def test_another_day(either_queue: QueueShop) -> None:
    either_queue.settle(encolado("A", fecha="30/03/2018"))
    fields = {"fecha": "29/03/2018", "vencimiento": "05/04/2018"}
    assert either_queue.operate("cambiar_fecha_encolado", "A", **fields) == DONE
    found = either_queue.found("A")
    assert (found["status"], found["vencimiento"]) == ("APROBADO Y EN COLA. SE EMITE EL 29/03/2018", "05/04/2018")
    either_queue.sandbox.advance_days(1)
    either_queue.sandbox.wait_idle()
    assert either_queue.found("A")["fecha"] == "29/03/2018"
    assert either_queue.events() == ["encolado", "cambio_fecha", "emitido"]


def test_a_later_day_for_what_is_queued_for_today(queue: QueueShop) -> None:
    queue.sandbox.pause()
    queue.send(encolado("A"))
    queue.operate("cambiar_fecha_encolado", "A", fecha="29/03/2018")
    queue.sandbox.resume()
    queue.sandbox.wait_idle()
    assert queue.entry("A")["status"] == "scheduled"


@pytest.mark.parametrize("fields", [{}, {"fecha": "2018-03-29"}, {"fecha": "29/03/2018", "vencimiento": "x"}])
def test_a_day_that_can_not_be_read_changes_nothing(queue: QueueShop, fields: dict[str, Any]) -> None:
    queue.settle(encolado("A", fecha="30/03/2018"))
    assert queue.operate("cambiar_fecha_encolado", "A", **fields)["error"] == "S"
    assert queue.found("A")["fecha"] == "30/03/2018"


@pytest.mark.parametrize(
    ("operation", "states"),
    [
        ("reenviar_encolado", ["issued", "scheduled", "deleted", "unknown", "lotes"]),
        ("eliminar_encolado", ["issued", "deleted", "unknown", "lotes"]),
        ("cambiar_fecha_encolado", ["issued", "failed", "deleted", "unknown", "lotes"]),
    ],
)
def test_what_is_not_in_a_state_for_it(queue: QueueShop, shop: Shop, operation: str, states: list[str]) -> None:
    queue.settle(
        encolado("issued"),
        encolado("scheduled", fecha="30/03/2018"),
        encolado("failed", detalle=[]),
        encolado("deleted", detalle=[]),
    )
    shop.settle(item("lotes", detalle=[]))
    queue.operate("eliminar_encolado", "deleted")
    before = queue.sandbox.ledger()["references"]
    for state in states:
        answer = queue.operate(operation, state, fecha="30/03/2018")
        assert answer["error"] == "S", state
        assert answer["errores"]
    queue.sandbox.wait_idle()
    assert {name: entry["status"] for name, entry in queue.sandbox.ledger()["references"].items()} == {
        name: entry["status"] for name, entry in before.items()
    }


@pytest.mark.parametrize("operation", OPERATIONS)
def test_nobody_operates_on_what_is_not_theirs(receiver: Receiver, operation: str) -> None:
    theirs = {"apikey": "55501", "apitoken": "b", "usertoken": "c"}
    with Sandbox(accounts=[Account(), Account(**theirs)], pace=QUICK) as sandbox:
        sandbox.set_date(TODAY)
        queue = QueueShop(sandbox, receiver)
        queue.settle(encolado("A", fecha="30/03/2018"), encolado("B", detalle=[]))
        for reference in "AB":
            for keys in (theirs, {"apitoken": "x"}):
                assert queue.operate(operation, reference, fecha="30/03/2018", **keys)["error"] == "S"
        assert not any(operation["done"] for operation in sandbox.ledger()["operations"])


@pytest.mark.parametrize("operation", OPERATIONS)
def test_only_post_and_only_json(queue: QueueShop, operation: str) -> None:
    url = f"{queue.sandbox.url}/v2/facturacion/{operation}"
    assert request(url).status == 405
    assert request(url, "POST", raw=b"{").status == 400


def test_a_reference_may_be_a_number(queue: QueueShop) -> None:
    queue.settle(encolado(17032, fecha="30/03/2018"))
    assert queue.operate("eliminar_encolado", 17032)["procesados"] == [17032]


def test_the_ledger_lists_operations(queue: QueueShop) -> None:
    queue.settle(encolado("A", fecha="30/03/2018"))
    queue.operate("eliminar_encolado", "A")
    queue.operate("reenviar_encolado", "A")
    first, second = queue.sandbox.ledger()["operations"]
    assert first["at"].startswith("2018-03-2")
    assert {name: first[name] for name in first if name != "at"} == {
        "index": 0,
        "operation": "eliminar_encolado",
        "apikey": "90817",
        "reference": "A",
        "done": True,
        "fault": "",
        "answer": "200",
    }
    assert (second["operation"], second["done"]) == ("reenviar_encolado", False)
