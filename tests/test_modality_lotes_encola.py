"""`lotes_encola` speaks as the protocol notes say; and so do the notices, which both modalities of the queue share."""

from __future__ import annotations

import copy
import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_tusfacturas_lotes.conf.accounts import read_account
from django_tusfacturas_lotes.wire.answers.decode import decode_object
from django_tusfacturas_lotes.wire.modalities import (
    Answer,
    Credentials,
    NotificationKind,
    Outgoing,
    Unreadable,
    modalities,
)
from tests.builders import documento

lotes_encola = modalities()["lotes_encola"]
ENCOLA = ("lotes_encola", "nuevo_encola")
CREDENTIALS = Credentials("1234", "an-apitoken", "a-usertoken")
SENT = ["ref-a", "17032", "ref-c", "ref_D", "0017"]

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
GOLDEN_NOTICE = """
{"creado": "18/03/2022 15:58:11", "evento": "emitido", "recurso": "facturacion", "external_reference": "17032",
 "intento": 1, "msg": [], "hook_id": "xxxx"}
"""

# On a busy machine the first text alone takes seconds: hypothesis makes its table of characters then.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

plain_values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
json_values = st.recursive(
    plain_values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
json_objects = st.dictionaries(st.text(max_size=12), json_values, max_size=4)

# What an entry may say, from what is documented to nonsense.
errors: st.SearchStrategy[Any] = st.sampled_from(["N", "S"]) | st.sampled_from(
    ["", "n", "PARCIAL", None, True, 0, [], {}]
)
references: st.SearchStrategy[Any] = st.sampled_from(
    [*SENT, 17032, " ref-c ", "not-ours", "", None, 17, 17032.0, True, ["ref-a"], {}]
)
said: st.SearchStrategy[Any] = (
    st.sampled_from(
        [
            [],
            "",
            None,
            {},
            ["a"],
            "b",
            ["  "],
            ["a", "b"],
            ["en el orden 2 (comenzando en 0)"],
            [None],
            [{}],
            0,
            [" ", "a"],
        ]
    )
    | st.sampled_from(
        [["en el orden 1 (comenzando en 0)", "en el orden 2 (comenzando en 0)"], ["orden 99 (comenzando en 0)"]]
    )
    | json_values.filter(lambda value: "orden" not in str(value))
)
error_details: st.SearchStrategy[Any] = st.sampled_from(
    [[], [{}], [{"code": "TFC-8002", "text": "b"}], [{"code": None}], None, "", "x", [0]]
)
entries = st.fixed_dictionaries(
    {"error": errors},
    optional={"external_reference": references, "errores": said, "error_details": error_details, "rta": json_values},
)
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


def outgoing(reference: str, **comprobante: Any) -> Outgoing:
    return Outgoing(reference, documento(**comprobante), dt.date(2026, 1, 5))


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


# --- the body


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


# --- the answer


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


# --- the notices


def notice(**change: Any) -> dict[str, Any]:
    return {**decode_object(GOLDEN_NOTICE.encode()), **change}


@pytest.mark.parametrize("name", ENCOLA)
def test_the_documented_notice_is_read(name: str) -> None:
    read = modalities()[name].read_notification(notice())
    assert (read.reference, read.kind, read.result, read.errors) == ("17032", NotificationKind.TOLD_ISSUED, None, ())


@pytest.mark.parametrize("name", ENCOLA)
@pytest.mark.parametrize(
    ("recurso", "evento", "kind"),
    [
        ("facturacion", "encolado", NotificationKind.QUEUED),
        ("facturacion", "emitido", NotificationKind.TOLD_ISSUED),
        ("facturacion", "error", NotificationKind.FAILED),
        ("facturacion", "eliminado", NotificationKind.DELETED),
        ("facturacion", "cambio_fecha", NotificationKind.REDATED),
        ("test", "test", NotificationKind.TEST),
        ("Facturacion", " EMITIDO ", NotificationKind.TOLD_ISSUED),
        ("test", "emitido", NotificationKind.UNKNOWN),
        ("test", "error", NotificationKind.UNKNOWN),
        ("facturacion", "test", NotificationKind.UNKNOWN),
        ("cobranzas", "emitido", NotificationKind.UNKNOWN),
        ("facturacion", "reemitido", NotificationKind.UNKNOWN),
        ("facturacion", "emitido con error", NotificationKind.UNKNOWN),
        ("facturacion", "", NotificationKind.UNKNOWN),
        ("facturacion", None, NotificationKind.UNKNOWN),
        (None, "emitido", NotificationKind.UNKNOWN),
        ("facturacion", ["emitido"], NotificationKind.UNKNOWN),
        ({}, {}, NotificationKind.UNKNOWN),
        (0, True, NotificationKind.UNKNOWN),
    ],
)
def test_a_notice_says_what_its_recurso_and_evento_say_together(
    name: str, recurso: Any, evento: Any, kind: NotificationKind
) -> None:
    read = modalities()[name].read_notification(notice(recurso=recurso, evento=evento))
    assert read.kind is kind
    assert read.result is None
    assert read.reference == "17032"


@pytest.mark.parametrize("name", ENCOLA)
@pytest.mark.parametrize(
    ("reference", "expected"),
    [(17032, "17032"), ("17032 ", "17032"), ("0017", "0017"), (0, "0"), (None, ""), (True, ""), (1.5, ""), ([], "")],
)
def test_a_notices_reference_may_be_a_number(name: str, reference: Any, expected: str) -> None:
    modality = modalities()[name]
    told = notice(external_reference=reference, facturacion_lote_id_referencia="of-the-other-modality")
    assert modality.reference_of(told) == expected
    assert modality.read_notification(told).reference == expected


@pytest.mark.parametrize("name", ENCOLA)
@pytest.mark.parametrize(
    ("msg", "errors"),
    [
        (["Cod. Error: #6661145.10016 - a", "b"], ("Cod. Error: #6661145.10016 - a", "b")),
        ("Cod. Error: #6661145.10016 - a ", ("Cod. Error: #6661145.10016 - a",)),
        (["", " ", "a"], ("a",)),
        ({"texto": "a"}, ("{'texto': 'a'}",)),
        ([{"texto": "a"}, ["b"], 3], ("{'texto': 'a'}", "['b']", "3")),
        (10016, ("10016",)),
    ],
)
def test_a_notice_of_an_error_has_its_texts_whatever_their_form(name: str, msg: Any, errors: tuple[str, ...]) -> None:
    read = modalities()[name].read_notification(notice(evento="error", msg=msg))
    assert (read.kind, read.errors) == (NotificationKind.FAILED, errors)


@pytest.mark.parametrize("msg", [None, "", [], {}, " ", [""], [" ", ""]])
def test_a_notice_of_an_error_without_a_text_still_has_a_reason(msg: Any) -> None:
    (reason,) = lotes_encola.read_notification(notice(evento="error", msg=msg)).errors
    assert reason
    without = notice(evento="error")
    del without["msg"]
    assert lotes_encola.read_notification(without).errors == (reason,)


@patient
@given(json_objects | st.fixed_dictionaries({}, optional=dict.fromkeys(json.loads(GOLDEN_NOTICE), json_values)))
def test_whatever_is_in_a_notice_it_is_read_and_harms_nothing(payload: dict[str, Any]) -> None:
    read = lotes_encola.read_notification(payload)
    assert isinstance(read.reference, str)
    assert read.kind is not NotificationKind.ISSUED
    if not isinstance(payload.get("recurso"), str) or not isinstance(payload.get("evento"), str):
        assert read.kind is NotificationKind.UNKNOWN
    json.dumps(lotes_encola.identity_of(payload))


@patient
@given(
    st.fixed_dictionaries(
        {"recurso": st.just("facturacion"), "evento": st.sampled_from(["emitido", "error", "eliminado", "encolado"])},
        optional=dict.fromkeys(("external_reference", "msg", "hook_id", "intento", "creado"), json_values),
    )
)
def test_a_notice_of_an_error_and_no_other_is_a_failure_and_always_has_a_reason(payload: dict[str, Any]) -> None:
    read = lotes_encola.read_notification(payload)
    assert (read.kind is NotificationKind.FAILED) == (payload["evento"] == "error")
    assert read.kind is not NotificationKind.ISSUED
    if read.kind is NotificationKind.FAILED:
        assert read.errors
        assert all(reason.strip() for reason in read.errors)


@pytest.mark.parametrize("name", ENCOLA)
@pytest.mark.parametrize("hook_id", ["xxxx", 7, None, "", [], {}])
def test_a_notice_is_the_same_in_each_of_its_deliveries(name: str, hook_id: Any) -> None:
    modality = modalities()[name]
    first = modality.identity_of(notice(hook_id=hook_id))
    assert all(modality.identity_of(notice(hook_id=hook_id, intento=intento)) == first for intento in (2, "3", None))
    without = notice(hook_id=hook_id)
    del without["intento"]
    assert modality.identity_of(without) == first


@pytest.mark.parametrize("name", ENCOLA)
@pytest.mark.parametrize(
    ("given", "change"),
    [
        ({}, {"hook_id": "yyyy"}),
        ({}, {"hook_id": ""}),
        ({}, {"evento": "error"}),
        ({}, {"recurso": "test"}),
        ({}, {"external_reference": "17033"}),
        ({"hook_id": ""}, {"creado": "18/03/2022 15:58:12"}),
        ({"hook_id": ""}, {"msg": ["x"]}),
    ],
)
def test_another_notice_is_another_one(name: str, given: dict[str, Any], change: dict[str, Any]) -> None:
    modality = modalities()[name]
    assert modality.identity_of(notice(**given, **({} if given else change)) | change) != modality.identity_of(
        notice(**given)
    )


def test_a_notice_that_is_told_once_by_a_number_and_once_by_a_text_is_the_same() -> None:
    assert lotes_encola.identity_of(notice(external_reference=17032)) == lotes_encola.identity_of(notice())


# --- the proof


def account(webhook_token: Any) -> Any:
    settings = {"APIKEY": "1234", "APITOKEN": "an-apitoken", "USERTOKEN": "a-usertoken", "PUNTO_VENTA": 3}
    return read_account("default", {**settings, "MODALITY": "lotes_encola", "WEBHOOK_TOKEN": webhook_token}, "keep")


@pytest.mark.parametrize("name", ENCOLA)
@pytest.mark.parametrize(
    ("configured", "header", "is_proof"),
    [
        ("secret", {"TF-WebhookToken": "secret"}, True),
        (["new", "old"], {"TF-WebhookToken": "new"}, True),
        (["new", "old"], {"TF-WebhookToken": "old"}, True),
        (12345, {"TF-WebhookToken": "12345"}, True),
        ("ñandú", {"TF-WebhookToken": "ñandú"}, True),
        ("secret", {"TF-WebhookToken": "Secret"}, False),
        ("secret", {"TF-WebhookToken": "secre"}, False),
        ("secret", {"TF-WebhookToken": "secrets"}, False),
        ("secret", {"TF-WebhookToken": ""}, False),
        ("secret", {"TF-WebhookToken": "\udcff"}, False),
        ("secret", {}, False),
        (["new", "old"], {"TF-WebhookToken": "newold"}, False),
        (["new", "old"], {"TF-WebhookToken": "new,old"}, False),
        (["new", ""], {"TF-WebhookToken": ""}, False),
        *(
            (none, header, False)
            for none in (None, "", " ", [], [""], [None, " "])
            for header in ({}, {"TF-WebhookToken": ""}, {"TF-WebhookToken": "None"}, {"TF-WebhookToken": "x"})
        ),
    ],
)
def test_only_a_configured_token_in_the_header_proves_a_notice(
    name: str, configured: Any, header: dict[str, str], is_proof: bool
) -> None:
    assert modalities()[name].is_proof(notice(), header, account(configured)) is is_proof


@pytest.mark.parametrize("name", ENCOLA)
def test_nothing_in_a_notices_body_proves_it(name: str) -> None:
    told = notice(
        apikey="1234",
        apitoken="an-apitoken",
        usertoken="a-usertoken",
        **{"TF-WebhookToken": "secret", "token": "secret"},
    )
    assert not modalities()[name].is_proof(told, {"User-Agent": "TusFacturasAPP-webhook/1.0"}, account("secret"))
