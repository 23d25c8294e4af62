"""`lotes_encola`: the body of a call, and what its answer says of each item."""

from __future__ import annotations

import copy
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
    SENT,
    entries,
    error_details,
    json_objects,
    json_values,
    outgoing,
    patient,
    references,
    said,
)

lotes_encola = modalities()["lotes_encola"]

# As protocol/README.md has it, with what a real answer has around it: row 0 and 1 taken, 2 and 3 refused, those last.
GOLDEN_ANSWER = """
{"error": "S", "errores": ["El numero del comprobante enviado en el orden 2 (comenzando en 0) debe estar en cero."],
 "response": [
  {"error": "N", "errores": [], "external_reference": 17032, "rta": "El comprobante se ha recibido correctamente.",
   "cae": " ", "requiere_fec": "NO", "vencimiento_cae": "", "vencimiento_pago": "", "comprobante_nro": "00010-00000000",
   "comprobante_tipo": "FACTURA B", "observaciones": "", "envio_x_mail": "N", "comprobante_pdf_url": "",
   "error_details": []},
  {"error": "N", "errores": [], "external_reference": "ref-a", "rta": "OK", "cae": "",
   "comprobante_nro": "00010-00000000"},
  {"error": "S", "errores": ["La fecha no es válida."], "external_reference": "ref_D", "rta": "", "cae": "",
   "error_details": [{"code": "TFC-8002", "text": "La fecha no es válida."}]},
  {"error": "S", "errores": ["El numero del comprobante enviado en el orden 2 (comenzando en 0) debe estar en cero."]}
 ]}
"""

documented_entries = st.fixed_dictionaries(
    {"error": st.sampled_from(["N", "S"])},
    optional={"external_reference": references, "errores": said, "error_details": error_details, "rta": json_values},
)
answers = st.fixed_dictionaries(
    {},
    optional={
        "error": st.sampled_from(["N", "S", "PARCIAL"]) | json_values,
        "errores": said,
        "response": st.lists(documented_entries, max_size=8)
        | st.lists(entries | json_values, max_size=4)
        | json_values,
    },
)


def taken(reference: Any) -> dict[str, Any]:
    return {"error": "N", "errores": [], "external_reference": reference, "comprobante_nro": "00010-00000000"}


def refused(reference: Any, *texts: str) -> dict[str, Any]:
    return {"error": "S", "errores": list(texts), "external_reference": reference, "comprobante_nro": ""}


def answer_of(*entries: object, error: str = "N") -> dict[str, Any]:
    return {"error": error, "errores": [], "response": list(entries)}


def rows_taken(answer: dict[str, Any]) -> set[int]:
    """The rows of which an entry says, by our reference, that they were taken."""
    told = {str(one.get("external_reference")).strip() for one in answer["response"] if one["error"] == "N"}
    return {row for row, reference in enumerate(SENT) if reference in told}


def test_the_body_has_the_credentials_at_the_top_and_in_every_item() -> None:
    body = lotes_encola.body(CREDENTIALS, [outgoing("a"), outgoing("b")], webhook_url="https://x", send_on=None)
    proof = {"apikey": "1234", "apitoken": "an-apitoken", "usertoken": "a-usertoken"}
    assert set(body) == {*proof, "requests"}
    assert all(set(item) == {*proof, "cliente", "comprobante"} for item in body["requests"])
    for part in (body, *body["requests"]):
        assert {key: part[key] for key in proof} == proof


def test_an_item_leaves_with_number_0_its_reference_and_its_day_as_the_provider_writes_it() -> None:
    out = outgoing("b-1", numero=77, fecha="01/01/1999", external_reference="of-another-system")
    body = lotes_encola.body(CREDENTIALS, [outgoing("a-1"), out], webhook_url="https://x", send_on=None)
    assert [item["comprobante"]["external_reference"] for item in body["requests"]] == ["a-1", "b-1"]
    (_, item) = body["requests"]
    assert item["cliente"] == out.documento["cliente"]
    assert item["comprobante"] == {
        **out.documento["comprobante"],
        "fecha": "05/01/2026",
        "numero": 0,
        "external_reference": "b-1",
    }
    assert type(item["comprobante"]["numero"]) is int


@pytest.mark.parametrize("send_on", [None, dt.date(2026, 2, 1)])
def test_the_body_says_nothing_of_a_webhook_nor_of_a_day_to_start(send_on: dt.date | None) -> None:
    body = lotes_encola.body(CREDENTIALS, [outgoing("a")], webhook_url="https://shop.example/hook", send_on=send_on)
    text = json.dumps(body)
    assert "shop.example" not in text
    assert "fecha_envio_inicial" not in text
    assert "facturacion_lote_id_referencia" not in text


def test_making_a_body_changes_nothing_of_what_goes_into_it() -> None:
    out = outgoing("a")
    before = copy.deepcopy(out.documento)
    lotes_encola.body(CREDENTIALS, [out], webhook_url="", send_on=None)
    assert out.documento == before


def test_it_takes_100_at_the_documented_address() -> None:
    assert lotes_encola.max_items == 100
    address = lotes_encola.base_url + lotes_encola.path
    assert address == "https://www.tusfacturas.app/app/api/v2/facturacion/lotes_encola"


def test_the_documented_answer_is_read_entry_by_entry() -> None:
    read = lotes_encola.read_answer(decode_object(GOLDEN_ANSWER.encode()), SENT[:4])
    assert not read.refused_whole
    assert read.refused == {
        2: ("El numero del comprobante enviado en el orden 2 (comenzando en 0) debe estar en cero.",),
        3: ("TFC-8002 La fecha no es válida.",),
    }
    assert not read.discrepancies
    assert read.errors == ("El numero del comprobante enviado en el orden 2 (comenzando en 0) debe estar en cero.",)


ALL_TAKEN = [taken(reference) for reference in SENT]


@pytest.mark.parametrize(
    ("answer", "refusals", "discrepancies"),
    [
        (answer_of(*ALL_TAKEN), {}, 0),
        ({"error": "N", "response": ALL_TAKEN}, {}, 0),
        # The entries count, not the flag at the top.
        (answer_of(refused("ref-a", "x"), *ALL_TAKEN[1:], error="N"), {0: ("x",)}, 0),
        (answer_of(*ALL_TAKEN[1:], refused("ref-a", "x"), error="S"), {0: ("x",)}, 0),
        (answer_of(*ALL_TAKEN[1:], refused("ref-a", "x"), error="PARCIAL"), {0: ("x",)}, 0),
        (answer_of(*(refused(one, "x") for one in SENT), error="S"), dict.fromkeys(range(5), ("x",)), 0),
        # Partly filled: what is not named waits, in front of a person.
        (answer_of(taken("ref-a"), taken("17032"), error="S"), {}, 1),
        (answer_of(refused("ref-a", "x"), error="S"), {0: ("x",)}, 1),
        (answer_of(refused("ref-a", "x"), taken("ref-c"), error="PARCIAL"), {0: ("x",)}, 1),
        # The exact reference, as a text or a number.
        (answer_of(*ALL_TAKEN[:1], taken(17032), *ALL_TAKEN[2:]), {}, 0),
        (answer_of(*ALL_TAKEN[:1], refused(17032, "x"), *ALL_TAKEN[2:]), {1: ("x",)}, 0),
        (answer_of(*ALL_TAKEN[:1], refused(" 17032 ", "x"), *ALL_TAKEN[2:]), {1: ("x",)}, 0),
        (answer_of(*ALL_TAKEN[:4], refused(17, "x")), {}, 2),  # 0017 is another one
        (answer_of(*ALL_TAKEN[:3], refused("ref_d", "x"), *ALL_TAKEN[4:]), {}, 2),
        (answer_of(refused("ref", "x"), *ALL_TAKEN[1:]), {}, 2),
        (answer_of(refused("ref-a-1", "x"), *ALL_TAKEN[1:]), {}, 2),
        (answer_of(*ALL_TAKEN, taken("nobody-sent-this")), {}, 1),
        (answer_of(*ALL_TAKEN, refused("nobody-sent-this", "x")), {}, 1),
        # Without a reference, by its order; never against a reference that it bears.
        (answer_of(*ALL_TAKEN[1:], refused("", "x en el orden 0 (comenzando en 0)")),
         {0: ("x en el orden 0 (comenzando en 0)",)}, 0),
        (answer_of(*ALL_TAKEN[:4], refused(None, "Orden  4 (Comenzando en 0)")),
         {4: ("Orden  4 (Comenzando en 0)",)}, 0),
        (answer_of(*ALL_TAKEN[1:], refused("other", "orden 0 (comenzando en 0)")), {}, 2),
        (answer_of(*ALL_TAKEN[1:], refused("", "orden 0")), {}, 2),
        (answer_of(*ALL_TAKEN[1:], refused("", "orden 5 (comenzando en 0)")), {}, 2),
        (answer_of(*ALL_TAKEN[1:], refused("", "orden 0 (comenzando en 0), orden 1 (comenzando en 0)")), {}, 2),
        (answer_of(*ALL_TAKEN, refused("", "Uno de los comprobantes no es válido.")), {}, 1),
        # More than once.
        (answer_of(*ALL_TAKEN, taken("ref-a")), {}, 0),
        (answer_of(refused("ref-a", "x"), refused("ref-a", "y"), *ALL_TAKEN[1:]), {0: ("x", "y")}, 0),
        (answer_of(refused("ref-a", "x"), *ALL_TAKEN), {}, 1),
        (answer_of(*ALL_TAKEN, refused("", "en el orden 3 (comenzando en 0)")), {}, 1),
    ],
)  # fmt: skip
def test_each_entry_is_matched_to_its_item_and_what_does_not_add_up_is_told(
    answer: dict[str, Any], refusals: dict[int, tuple[str, ...]], discrepancies: int
) -> None:
    read = lotes_encola.read_answer(answer, SENT)
    assert not read.refused_whole
    assert read.refused == refusals
    assert len(read.discrepancies) == discrepancies, read.discrepancies


@pytest.mark.parametrize(
    ("answer", "errors"),
    [
        ({"error": "S", "errores": ["El apikey no es válido."], "response": []}, ("El apikey no es válido.",)),
        ({"error": "S", "errores": "El apikey no es válido."}, ("El apikey no es válido.",)),
        ({"error": "S", "errores": [], "response": None}, ("error S without a text",)),
        ({"error": "S", "response": {}}, ("error S without a text",)),
        ({"error": "S", "errores": [" "], "response": ""}, ("error S without a text",)),
    ],
)
def test_an_error_s_with_an_empty_response_means_that_nothing_was_taken(
    answer: dict[str, Any], errors: tuple[str, ...]
) -> None:
    assert lotes_encola.read_answer(answer, SENT) == Answer(refused_whole=True, errors=errors)


@pytest.mark.parametrize(
    "answer",
    [
        {}, {"error": None}, {"error": "X", "response": ALL_TAKEN}, {"error": "n", "response": ALL_TAKEN},
        {"response": ALL_TAKEN}, {"error": ["S"], "response": []}, {"error": True, "response": []},
        {"error": "N"}, {"error": "N", "errores": ["x"], "response": []}, {"error": "N", "response": None},
        {"error": "PARCIAL", "errores": ["x"], "response": []}, {"error": "PARCIAL"},
        {"error": "S", "response": "OK"}, {"error": "S", "response": 1}, {"error": "S", "response": True},
        {"error": "S", "response": {"0": taken("ref-a")}}, {"error": "N", "response": {"0": taken("ref-a")}},
        answer_of(None), answer_of([]), answer_of({}), answer_of("ref-a"), answer_of(*ALL_TAKEN, None),
        answer_of(*ALL_TAKEN[1:], {"external_reference": "ref-a"}),
        answer_of(*ALL_TAKEN[1:], {"external_reference": "ref-a", "error": "PARCIAL"}),
        answer_of(*ALL_TAKEN[1:], {"external_reference": "ref-a", "error": {}}),
        answer_of(taken("not-ours")), answer_of(refused("not-ours", "x"), error="S"), answer_of(taken("")),
        answer_of(refused("", "El plan no lo permite."), error="S"),
    ],
)  # fmt: skip
def test_an_answer_that_proves_nothing_is_unreadable(answer: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        lotes_encola.read_answer(answer, SENT)


@pytest.mark.parametrize(
    ("entry", "texts"),
    [
        ({"errores": ["a", "b", "a"]}, ("a", "b")),
        ({"errores": " a "}, ("a",)),
        ({"errores": [], "rta": "No se pudo."}, ("No se pudo.",)),
        ({"errores": None, "rta": ""}, ("error S without a text",)),
        ({}, ("error S without a text",)),
        ({"errores": ["b"], "error_details": [{"code": "TFC-8002", "text": "b"}]}, ("TFC-8002 b",)),
        ({"errores": ["a"], "error_details": [{"code": "TFC-8002", "text": "b"}]}, ("TFC-8002 b", "a")),
        ({"errores": ["b"], "error_details": [{"code": "TFC-1", "text": "ab"}]}, ("TFC-1 ab", "b")),
        ({"errores": [], "error_details": [{"code": 8002, "text": "b"}]}, ("8002 b",)),
        ({"errores": [], "error_details": [{"text": "b"}]}, ("b",)),
        ({"errores": ["b"], "error_details": "TFC-8002"}, ("TFC-8002", "b")),
        ({"errores": [{"texto": "a"}]}, ("{'texto': 'a'}",)),
        ({"errores": {"0": "a"}}, ("{'0': 'a'}",)),
    ],
)
def test_a_refusal_has_the_providers_texts_each_once(entry: dict[str, Any], texts: tuple[str, ...]) -> None:
    answer = answer_of({"error": "S", "external_reference": "ref-a", **entry}, *ALL_TAKEN[1:])
    assert lotes_encola.read_answer(answer, SENT).refused == {0: texts}


@pytest.mark.parametrize("error_details", [[{}], [{"code": "", "text": ""}], [{"code": None, "text": " "}], [" "]])
def test_a_refusal_with_blank_details_has_a_reason_that_can_be_read(error_details: list[Any]) -> None:
    entry = {"error": "S", "external_reference": "ref-a", "errores": [], "error_details": error_details}
    (reasons,) = lotes_encola.read_answer(answer_of(entry), SENT[:1]).refused.values()
    assert all(reason.strip() for reason in reasons)


def test_what_a_stray_entry_says_is_not_lost() -> None:
    answer = answer_of(*ALL_TAKEN, refused("", "Uno de los comprobantes no es válido."))
    (discrepancy,) = lotes_encola.read_answer(answer, SENT).discrepancies
    assert "Uno de los comprobantes no es válido." in discrepancy


@pytest.mark.parametrize("issued", [{"cae": "71234567890123"}, {"comprobante_nro": "00010-00000006"}])
def test_an_entry_that_says_both_error_s_and_issued_refuses_nothing(issued: dict[str, Any]) -> None:
    answer = answer_of({**refused("ref-a", "x"), **issued}, *ALL_TAKEN[1:], error="S")
    try:
        read = lotes_encola.read_answer(answer, SENT)
    except Unreadable:
        return
    assert 0 not in read.refused
    assert any("ref-a" in one for one in read.discrepancies)


@pytest.mark.parametrize("rows", [(0, 8), (8, 0)])
def test_contradictions_are_told_in_the_order_of_the_rows(rows: tuple[int, ...]) -> None:
    sent = [f"ref-{row}" for row in range(9)]
    both = [*(taken(one) for one in sent), *(refused(sent[row], "x") for row in rows)]
    read = lotes_encola.read_answer(answer_of(*both), sent)
    assert not read.refused
    assert [one.split()[0] for one in read.discrepancies] == ["ref-0", "ref-8"]


@patient
@given(answers)
def test_whatever_is_in_an_answer_it_is_read_or_unreadable(answer: dict[str, Any]) -> None:
    try:
        read = lotes_encola.read_answer(answer, SENT)
    except Unreadable:
        return
    assert set(read.refused) <= set(range(len(SENT)))
    assert not (read.refused_whole and read.refused)
    if read.refused_whole:
        assert answer["error"] == "S"
        assert not answer.get("response")
        assert read.errors


@patient
@given(json_objects)
def test_any_json_object_is_read_or_unreadable(answer: dict[str, Any]) -> None:
    try:
        read = lotes_encola.read_answer(answer, SENT)
    except Unreadable:
        return
    assert answer["error"] == "S"
    assert read.refused_whole


@patient
@given(st.lists(documented_entries, min_size=1, max_size=8), st.sampled_from(["N", "S", "PARCIAL"]))
def test_an_answer_never_refuses_a_row_that_an_entry_accepts(members: list[dict[str, Any]], error: str) -> None:
    answer = answer_of(*members, error=error)
    try:
        read = lotes_encola.read_answer(answer, SENT)
    except Unreadable:
        return
    assert not read.refused_whole
    assert not rows_taken(answer) & set(read.refused)


@patient
@given(st.lists(documented_entries, min_size=1, max_size=8))
def test_every_row_that_was_sent_is_taken_refused_or_named_in_a_discrepancy(members: list[dict[str, Any]]) -> None:
    answer = answer_of(*members)
    try:
        read = lotes_encola.read_answer(answer, SENT)
    except Unreadable:
        return
    for row in set(range(len(SENT))) - rows_taken(answer) - set(read.refused):
        assert any(SENT[row] in one for one in read.discrepancies)


@patient
@given(st.lists(documented_entries, min_size=1, max_size=8))
def test_a_refusal_always_has_a_reason(members: list[dict[str, Any]]) -> None:
    try:
        read = lotes_encola.read_answer(answer_of(*members), SENT)
    except Unreadable:
        return
    for reasons in read.refused.values():
        assert reasons
        assert all(reason.strip() for reason in reasons)


@patient
@given(st.data(), st.lists(st.sampled_from([taken, refused, None]), min_size=len(SENT), max_size=len(SENT)))
def test_entries_in_any_order_give_the_same_answer(data: st.DataObject, kinds: list[Any]) -> None:
    told = [kind(reference) for kind, reference in zip(kinds, SENT, strict=True) if kind is not None]
    if not told:
        told = [taken("ref-a")]
    shuffled = data.draw(st.permutations(told))
    read = lotes_encola.read_answer(answer_of(*told, error="S"), SENT)
    assert lotes_encola.read_answer(answer_of(*shuffled, error="S"), SENT) == read
    assert set(read.refused) == {SENT.index(one["external_reference"]) for one in told if one["error"] == "S"}
    assert bool(read.discrepancies) == (len(told) < len(SENT))


@patient
@given(st.data(), st.lists(documented_entries, min_size=1, max_size=6))
def test_strange_entries_in_any_order_settle_the_same_rows(data: st.DataObject, members: list[dict[str, Any]]) -> None:
    seen: list[tuple[dict[int, list[str]], int] | None] = []
    for order in (members, data.draw(st.permutations(members))):
        try:
            read = lotes_encola.read_answer(answer_of(*order), SENT)
        except Unreadable:
            seen.append(None)
        else:
            refusals = {row: sorted(texts) for row, texts in read.refused.items()}
            seen.append((refusals, len(read.discrepancies)))
    assert seen[0] == seen[1]
