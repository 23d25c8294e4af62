"""`nuevo_encola` speaks as TusFacturas documents it: one comprobante a call, one entry at the top of the answer."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_tusfacturas_lotes.wire.answers.decode import decode_object
from django_tusfacturas_lotes.wire.modalities import Answer, Unreadable, modalities
from tests.support.wire.answers import (
    CREDENTIALS,
    entries,
    error_details,
    json_objects,
    json_values,
    outgoing,
    patient,
    references,
    said,
)

nuevo_encola = modalities()["nuevo_encola"]
SENT = ["17032"]

# As protocol/README.md has it: the entry of `lotes_encola`, at the top level.
GOLDEN_TAKEN = """
{"error": "N", "errores": [], "external_reference": 17032, "rta": "El comprobante se ha recibido correctamente.",
 "cae": " ", "requiere_fec": "NO", "vencimiento_cae": "", "vencimiento_pago": "", "comprobante_nro": "00010-00000000",
 "comprobante_tipo": "FACTURA B", "observaciones": "", "comprobante_pdf_url": "", "error_details": []}
"""
GOLDEN_REFUSED = """
{"error": "S", "errores": ["La fecha no es válida."], "external_reference": "17032", "rta": "", "cae": "",
 "comprobante_nro": "", "error_details": [{"code": "TFC-8002", "text": "La fecha no es válida."}]}
"""
GOLDEN_ACCOUNT_REFUSED = """
{"error": "S", "errores": ["Las credenciales de acceso no son válidas."], "rta": "", "cae": "", "comprobante_nro": "",
 "error_details": [{"code": "TFC-8002", "text": "Las credenciales de acceso no son válidas."}]}
"""

answers = st.fixed_dictionaries(
    {},
    optional={
        "error": st.sampled_from(["N", "S", "PARCIAL"]) | json_values,
        "external_reference": references,
        "errores": said,
        "error_details": error_details,
        "rta": json_values,
        "response": st.just([]) | st.lists(entries, max_size=2) | json_values,
    },
)


def taken(**change: Any) -> dict[str, Any]:
    return {"error": "N", "errores": [], "external_reference": "17032", **change}


def refused(*texts: str, **change: Any) -> dict[str, Any]:
    return {"error": "S", "errores": list(texts), "external_reference": "17032", **change}


# --- the body


def test_the_body_is_one_comprobante_at_the_top_with_the_credentials_beside_it() -> None:
    out = outgoing("17032", numero=77, fecha="01/01/1999")
    body = nuevo_encola.body(CREDENTIALS, [out], webhook_url="https://shop.example/hook", send_on=dt.date(2026, 2, 1))
    assert body == {
        "apikey": "1234",
        "apitoken": "an-apitoken",
        "usertoken": "a-usertoken",
        "cliente": out.documento["cliente"],
        "comprobante": {
            **out.documento["comprobante"],
            "fecha": "05/01/2026",
            "numero": 0,
            "external_reference": "17032",
        },
    }
    assert "shop.example" not in json.dumps(body)


@pytest.mark.parametrize("count", [0, 2])
def test_it_takes_exactly_one(count: int) -> None:
    with pytest.raises(ValueError, match="unpack"):
        nuevo_encola.body(CREDENTIALS, [outgoing("a")] * count, webhook_url="", send_on=None)
    assert nuevo_encola.max_items == 1


def test_its_address_is_the_documented_one() -> None:
    address = nuevo_encola.base_url + nuevo_encola.path
    assert address == "https://www.tusfacturas.app/app/api/v2/facturacion/nuevo_encola"


# --- the answer


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (GOLDEN_TAKEN, Answer()),
        (GOLDEN_REFUSED, Answer(refused={0: ("TFC-8002 La fecha no es válida.",)})),
        (
            GOLDEN_ACCOUNT_REFUSED,
            Answer(refused_whole=True, errors=("TFC-8002 Las credenciales de acceso no son válidas.",)),
        ),
    ],
)
def test_the_documented_answers_are_read(answer: str, expected: Answer) -> None:
    assert nuevo_encola.read_answer(decode_object(answer.encode()), SENT) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (taken(), Answer()),
        (taken(external_reference=17032), Answer()),
        (taken(external_reference=" 17032 "), Answer()),
        (taken(response=[]), Answer()),
        # A refusal that bears our reference is about this comprobante …
        (refused("x"), Answer(refused={0: ("x",)})),
        (refused("x", external_reference=17032), Answer(refused={0: ("x",)})),
        (refused("x", response=[]), Answer(refused={0: ("x",)})),
        (refused("x en el orden 7 (comenzando en 0)"), Answer(refused={0: ("x en el orden 7 (comenzando en 0)",)})),
        (refused(rta="No se pudo."), Answer(refused={0: ("No se pudo.",)})),
        (refused(), Answer(refused={0: ("error S without a text",)})),
        # … and one that does not, about the account: nothing was taken.
        (refused("x", external_reference=""), Answer(refused_whole=True, errors=("x",))),
        (refused("x", external_reference=None), Answer(refused_whole=True, errors=("x",))),
        ({"error": "S", "errores": "x"}, Answer(refused_whole=True, errors=("x",))),
        ({"error": "S", "errores": ["x"], "response": []}, Answer(refused_whole=True, errors=("x",))),
        ({"error": "S", "rta": "x"}, Answer(refused_whole=True, errors=("x",))),
        ({"error": "S"}, Answer(refused_whole=True, errors=("error S without a text",))),
        ({"error": "S", "error_details": [{"code": "TFC-1", "text": "x"}]},
         Answer(refused_whole=True, errors=("TFC-1 x",))),
        # The entry may come in `response`, as in `lotes_encola`: then it counts, and not the flag at the top.
        ({"error": "N", "response": [taken()]}, Answer()),
        ({"error": "S", "errores": ["x"], "response": [taken(external_reference=17032)]}, Answer()),
        ({"error": "S", "response": [refused("x")]}, Answer(refused={0: ("x",)})),
        ({"error": "N", "response": [refused("x")]}, Answer(refused={0: ("x",)})),
    ],
)  # fmt: skip
def test_an_answer_takes_or_refuses_the_one_that_was_sent(answer: dict[str, Any], expected: Answer) -> None:
    assert nuevo_encola.read_answer(answer, SENT) == expected


@pytest.mark.parametrize(
    "answer",
    [
        {}, {"error": None}, {"error": "X"}, {"error": "n"}, {"error": ["S"]}, {"error": {}}, {"error": True},
        {"external_reference": "17032"}, taken(error="PARCIAL"), taken(error=""), refused("x", error="s"),
        taken(external_reference="1703"), taken(external_reference="017032"), taken(external_reference=17033),
        refused("x", external_reference="not-ours"),
        {"error": "N", "response": [taken(external_reference="not-ours")]},
        {"error": "S", "response": [refused("x", external_reference="not-ours")]},
        {"error": "S", "response": [refused("x", external_reference="")]},
        {"error": "S", "response": [taken(external_reference="")]},
        {"error": "S", "response": [None]}, {"error": "N", "response": [[]]}, {"error": "S", "response": [{}]},
        {"error": "S", "response": ["17032"]}, {"error": "N", "response": [taken(error="PARCIAL")]},
    ],
)  # fmt: skip
def test_an_answer_that_proves_nothing_is_unreadable(answer: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        nuevo_encola.read_answer(answer, SENT)


@pytest.mark.parametrize("response", [{"0": taken()}, taken(), "OK", 1, True, {"entries": [taken()]}])
@pytest.mark.parametrize("top", [{}, {"external_reference": "17032"}])
def test_an_error_s_over_a_response_that_can_not_be_read_refuses_nothing(top: dict[str, Any], response: Any) -> None:
    with pytest.raises(Unreadable):
        nuevo_encola.read_answer({"error": "S", "errores": ["x"], "response": response, **top}, SENT)


@pytest.mark.parametrize("reference", [["17032"], {"external_reference": "17032"}, 17032.0, True, False])
def test_an_error_s_about_a_reference_that_can_not_be_read_refuses_nothing(reference: Any) -> None:
    with pytest.raises(Unreadable):
        nuevo_encola.read_answer(refused("x", external_reference=reference), SENT)


@pytest.mark.parametrize("top", [{}, {"external_reference": "17032"}])
@pytest.mark.parametrize("issued", [{"cae": "71234567890123"}, {"comprobante_nro": "00010-00000006"}])
def test_an_answer_that_says_both_error_s_and_issued_refuses_nothing(
    top: dict[str, Any], issued: dict[str, Any]
) -> None:
    with pytest.raises(Unreadable):
        nuevo_encola.read_answer({"error": "S", "errores": ["x"], **top, **issued}, SENT)


def test_an_item_that_is_both_taken_and_refused_is_taken_and_a_person_sees_it() -> None:
    read = nuevo_encola.read_answer({"error": "N", "response": [refused("x"), taken()]}, SENT)
    assert not read.refused
    assert not read.refused_whole
    (discrepancy,) = read.discrepancies
    assert "17032" in discrepancy
    assert "x" in discrepancy


@pytest.mark.parametrize("error_details", [[{}], [{"code": "", "text": ""}], [" "]])
@pytest.mark.parametrize("top", [{}, {"external_reference": "17032"}])
def test_a_refusal_with_blank_details_has_a_reason_that_can_be_read(top: dict[str, Any], error_details: Any) -> None:
    read = nuevo_encola.read_answer({"error": "S", "errores": [], "error_details": error_details, **top}, SENT)
    reasons = read.errors if read.refused_whole else read.refused[0]
    assert reasons
    assert all(reason.strip() for reason in reasons)


@patient
@given(answers | json_objects)
def test_whatever_is_in_an_answer_it_is_read_or_unreadable(answer: dict[str, Any]) -> None:
    try:
        read = nuevo_encola.read_answer(answer, SENT)
    except Unreadable:
        return
    assert set(read.refused) <= {0}
    assert not (read.refused_whole and read.refused)
    for reasons in (*read.refused.values(), *([read.errors] if read.refused_whole else [])):
        assert reasons
        assert all(reason.strip() for reason in reasons)


@patient
@given(answers)
def test_nothing_is_refused_unless_the_answer_or_its_entry_says_error_s_and_no_entry_accepts(
    answer: dict[str, Any],
) -> None:
    try:
        read = nuevo_encola.read_answer(answer, SENT)
    except Unreadable:
        return
    if read.refused_whole or read.refused:
        response = answer.get("response")
        assert not response or isinstance(response, list)
        told = response or [answer]
        assert any(one["error"] == "S" for one in told)
        assert not any(one["error"] == "N" and str(one.get("external_reference")).strip() == "17032" for one in told)
