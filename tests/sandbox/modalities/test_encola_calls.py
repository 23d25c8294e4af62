"""``lotes_encola`` and ``nuevo_encola``: what is checked, and how it is answered."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.sandbox.queue_shop import NUEVO_ENCOLA, QueueShop, encolado
from tests.support.sandbox.receiver import Receiver
from tests.support.sandbox.sending import KEYS, request


@pytest.fixture
def single(queue: QueueShop) -> QueueShop:
    """A shop that speaks ``nuevo_encola``."""
    queue.modality = NUEVO_ENCOLA
    return queue


ACCEPTED = {
    "error": "N",
    "errores": [],
    "external_reference": "A",
    "rta": "El comprobante se ha recibido correctamente. Será procesado.",
    "cae": " ",
    "requiere_fec": "NO",
    "vencimiento_cae": "",
    "vencimiento_pago": "",
    "comprobante_nro": "00003-00000000",
    "comprobante_tipo": "FACTURA B",
    "observaciones": "",
    "envio_x_mail": "N",
    "comprobante_pdf_url": "",
    "error_details": [],
}


def test_an_accepted_item_has_an_entry_with_zeroes_for_its_number(queue: QueueShop) -> None:
    answer = queue.settle(encolado("A"), encolado("B"))
    assert (answer["error"], answer["errores"]) == ("N", [])
    assert answer["response"] == [ACCEPTED, {**ACCEPTED, "external_reference": "B"}]
    assert [queue.sandbox.issued(name) for name in "AB"] == [1, 1]


def test_nuevo_encola_answers_with_the_one_entry_at_the_top(single: QueueShop) -> None:
    assert single.settle(encolado("A")) == ACCEPTED
    assert single.sandbox.issued("A") == 1


def test_refused_entries_come_after_the_accepted_ones_and_the_flag_at_the_top_is_s(queue: QueueShop) -> None:
    answer = queue.settle(encolado("A", numero=7), encolado("B"), {**encolado("C"), "apitoken": "x"}, encolado("D"))
    assert answer["error"] == "S"
    assert [(entry["external_reference"], entry["error"]) for entry in answer["response"]] == [
        ("B", "N"),
        ("D", "N"),
        ("A", "S"),
        ("C", "S"),
    ]
    assert "orden 0 (comenzando en 0)" in answer["response"][2]["errores"][0]
    assert "orden 2 (comenzando en 0)" in answer["response"][3]["errores"][0]
    assert answer["response"][2]["error_details"] == [{"code": "TFC-8002", "text": answer["response"][2]["errores"][0]}]
    assert [queue.sandbox.issued(name) for name in "ABCD"] == [0, 1, 0, 1]
    assert queue.entry("A")["status"] == "refused"


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"numero": 1}, "numero"),
    ({"numero": None}, "numero"),
    ({"external_reference": ""}, "external_reference"),
    ({"external_reference": " A"}, "external_reference"),
    ({"external_reference": "ñ"}, "external_reference"),
    ({"external_reference": "x" * 256}, "external_reference"),
    ({"external_reference": True}, "external_reference"),
    ({"tipo": "FACTURA E"}, "tipo E"),
    ({"tipo": "FACTURA DE CREDITO ELECTRONICA A"}, "tipo de comprobante"),
    ({"tipo": None}, "tipo de comprobante"),
    ({"fecha": None}, "fecha"),
    ({"fecha": "2018-03-28"}, "dd/mm/aaaa"),
    ({"fecha": "31/02/2018"}, "dd/mm/aaaa"),
]


@pytest.mark.parametrize(("fields", "text"), REFUSED)
def test_what_is_checked_before_the_answer(
    either_queue: QueueShop, receiver: Receiver, fields: dict[str, Any], text: str
) -> None:
    answer = either_queue.settle(encolado("A", **fields))
    entry = answer if either_queue.modality == NUEVO_ENCOLA else answer["response"][0]
    assert (answer["error"], entry["error"]) == ("S", "S")
    assert text in entry["errores"][0]
    assert "external_reference" in entry
    assert either_queue.sandbox.ledger()["totals"]["taken"] == 0
    assert receiver.notices == []


@pytest.mark.parametrize("request_", ["text", None, [], {}, {**encolado("A"), "comprobante": "x"}])
def test_a_malformed_item_is_refused_by_its_order(queue: QueueShop, request_: Any) -> None:
    answer = queue.settle(request_, encolado("B"))
    assert [entry["error"] for entry in answer["response"]] == ["N", "S"]
    assert "orden 0 (comenzando en 0)" in answer["response"][1]["errores"][0]


@pytest.mark.parametrize("reference", ["x" * 255, "a-B_9", 17032, "0017", 0])
def test_a_good_reference_is_taken(either_queue: QueueShop, reference: Any) -> None:
    assert either_queue.settle(encolado(reference))["error"] == "N"
    assert either_queue.sandbox.issued(str(reference)) == 1


@pytest.mark.parametrize(
    ("sent", "answered"), [("17032", 17032), (17032, 17032), ("0017", "0017"), ("9" * 40, "9" * 40), ("A1", "A1")]
)
def test_a_reference_of_digits_comes_back_as_a_number_as_long_as_it_stays_the_same(
    queue: QueueShop, receiver: Receiver, sent: Any, answered: Any
) -> None:
    answer = queue.settle(encolado(sent))
    assert answer["response"][0]["external_reference"] == answered
    assert queue.found(sent)["external_reference"] == answered
    assert {notice["external_reference"] for notice in receiver.notices} == {str(sent)}


def test_a_reference_is_not_checked_for_being_unique(queue: QueueShop) -> None:
    queue.settle(encolado("A"), encolado("A"))
    assert queue.sandbox.issued("A") == 2
    answer = queue.look_up("A")
    assert answer["total"] == 2
    assert [found["comprobante"]["numero"] for found in answer["comprobantes"]] == [1, 2]


@pytest.mark.parametrize("name", ["apikey", "apitoken", "usertoken"])
def test_wrong_credentials_are_answered_without_an_item(queue: QueueShop, name: str) -> None:
    answer = queue.send(encolado("A"), **{name: "other"})
    assert (answer["error"], answer["response"]) == ("S", [])
    assert "credenciales" in answer["errores"][0]


def test_wrong_credentials_of_nuevo_encola_are_answered_without_our_reference(single: QueueShop) -> None:
    whole = single.send(encolado("A"), usertoken="other")
    item = single.send(encolado("A", numero=7))
    assert (whole["error"], item["error"]) == ("S", "S")
    assert "external_reference" not in whole
    assert item["external_reference"] == "A"
    assert whole["error_details"][0]["text"] == whole["errores"][0]


def test_100_are_taken_and_101_are_not(queue: QueueShop) -> None:
    assert queue.send(*[encolado()] * 101)["errores"] == ["No se pueden enviar más de 100 requests por llamada."]
    assert len(queue.settle(*(encolado(f"R{row}") for row in range(100)))["response"]) == 100
    assert queue.sandbox.ledger()["totals"]["issued"] == 100


@pytest.mark.parametrize("body", [[], "text", {**KEYS}, {**KEYS, "requests": {}}, {**KEYS, "requests": []}])
def test_a_call_without_comprobantes_is_refused_whole(either_queue: QueueShop, body: Any) -> None:
    answer = either_queue.call(either_queue.modality, body).json
    assert answer["error"] == "S"
    assert answer["errores"]


def test_only_post_and_only_json(either_queue: QueueShop) -> None:
    url = f"{either_queue.sandbox.url}/v2/facturacion/{either_queue.modality}"
    assert request(url).status == 405
    answer = request(url, "POST", raw=b"{")
    assert (answer.status, answer.json["error"]) == (400, "S")


def test_the_comprobantes_own_fecha_says_when_it_is_issued(either_queue: QueueShop) -> None:
    either_queue.settle(encolado("LATER", fecha="30/03/2018"))
    either_queue.settle(encolado("NOW"))
    assert [either_queue.entry(name)["status"] for name in ("LATER", "NOW")] == ["scheduled", "issued"]
    either_queue.sandbox.advance_days(2)
    either_queue.sandbox.wait_idle()
    assert either_queue.sandbox.issued("LATER") == 1


def test_arcas_rules_on_dates_hold(queue: QueueShop) -> None:
    queue.settle(encolado("FIRST"), encolado("EARLIER", fecha="27/03/2018"))
    assert queue.entry("EARLIER")["status"] == "failed"
    assert "10016" in queue.entry("EARLIER")["last_error"]


def test_both_kinds_of_modality_share_the_numbers_of_a_point_of_sale(queue: QueueShop) -> None:
    queue.settle(encolado("A"))
    queue.modality = NUEVO_ENCOLA
    queue.settle(encolado("B"))
    assert queue.entry("B")["numbers"] == ["0003-00000002"]
