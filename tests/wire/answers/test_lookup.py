"""What a look-up proves: where a comprobante stands, that there is none, or nothing at all."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_tusfacturas_lotes.wire.answers.decode import decode_object
from django_tusfacturas_lotes.wire.answers.lookup import HOST, PATH, Found, Standing, lookup_body, read_lookup
from django_tusfacturas_lotes.wire.modalities import Result, Unreadable
from tests.support.wire.answers import CREDENTIALS, json_objects, json_values, patient

ASKED = "17032"
NOT_FOUND = "No se han encontrado comprobantes."

# As protocol/README.md has it; the reference as a number, the CAE with the space at its end.
GOLDEN_ISSUED = """
{"error": "N", "errores": [], "rta": "OK", "total": 1, "comprobantes": [{
  "cliente": {"razon_social": "Ana Pérez", "documento_tipo": "DNI", "documento_nro": "27111222"},
  "comprobante": {"fecha": "20/05/2021", "tipo": "FACTURA B", "operacion": "V", "numero": 6, "punto_venta": 2,
    "cae": "71234567890123 ", "vencimiento_cae": "30/05/2021", "external_reference": 17032, "status": "EMITIDO",
    "comprobante_pdf_url": "https://www.tusfacturas.app/pdf/x.pdf", "afip_qr": "https://www.afip.gob.ar/fe/qr/?p=x "}}]}
"""
GOLDEN_IN_ERROR = """
{"error": "N", "errores": [], "rta": "OK", "total": 1, "comprobantes": [{"cliente": {}, "comprobante": {
  "numero": 0, "punto_venta": 2, "cae": " ", "vencimiento_cae": "01/01/2000", "external_reference": "17032",
  "status": "ENVIADO A PROCESAR - CON ERROR", "errores": ["Cod. Error: #6661145.10016 - La fecha es anterior."]}}]}
"""
GOLDEN_QUEUED = """
{"error": "N", "errores": [], "rta": "OK", "total": 1, "comprobantes": [{"cliente": {}, "comprobante": {
  "numero": 0, "punto_venta": 2, "cae": "", "vencimiento_cae": null, "external_reference": "17032",
  "status": "APROBADO Y EN COLA. SE EMITE EL 05/01/2026"}}]}
"""

statuses = st.sampled_from(
    ["EMITIDO", "ENVIADO A PROCESAR - CON ERROR", "APROBADO Y EN COLA. SE EMITE EL 05/01/2026", "ANULADO", "", None]
)
comprobantes = st.fixed_dictionaries(
    {},
    optional={
        "external_reference": st.sampled_from([ASKED, 17032, "17032-1", "", None, 17032.0]),
        "status": statuses | json_values,
        **dict.fromkeys(
            ("cae", "tipo", "numero", "punto_venta", "vencimiento_cae", "comprobante_pdf_url", "observaciones"),
            st.sampled_from(["", " ", None, 6, "6 ", "30/05/2021"]) | json_values,
        ),
        "errores": json_values,
        "error_details": json_values,
    },
)
answers = st.fixed_dictionaries(
    {},
    optional={
        "error": st.sampled_from(["N", "S"]) | json_values,
        "errores": st.sampled_from([[], [NOT_FOUND], NOT_FOUND, [NOT_FOUND, "El apikey no es válido."]]) | json_values,
        "total": st.sampled_from([0, "0", 1]) | json_values,
        "comprobantes": st.sampled_from([[], None, "", {}])
        | st.lists(st.fixed_dictionaries({"comprobante": comprobantes}) | json_values, max_size=3)
        | json_values,
    },
)


def listing(*comprobantes: dict[str, Any]) -> dict[str, Any]:
    entries = [{"cliente": {}, "comprobante": one} for one in comprobantes]
    return {"error": "N", "errores": [], "rta": "OK", "total": len(entries), "comprobantes": entries}


def issued(**change: Any) -> dict[str, Any]:
    made = {
        "external_reference": ASKED, "status": "EMITIDO", "cae": "71234567890123 ", "tipo": "FACTURA B",
        "punto_venta": 2, "numero": 6, "vencimiento_cae": "30/05/2021",
    }  # fmt: skip
    return {**made, **change}


def result_of(**change: Any) -> Result:
    (found,) = read_lookup(listing(issued(**change)), ASKED)
    assert found.standing is Standing.ISSUED
    assert found.result is not None
    return found.result


def says_not_found(answer: dict[str, Any]) -> bool:
    """The two documented forms and no other, from protocol/README.md."""
    if answer.get("comprobantes") not in (None, [], "", {}):
        return False
    told = answer.get("errores")
    members = told if isinstance(told, list) else [] if told in (None, {}) else [told]
    if not all(isinstance(one, str) for one in members):
        return False
    texts = {one.strip().rstrip(".").lower() for one in members} - {""}
    if texts - {"no se han encontrado comprobantes"}:
        return False
    total = answer.get("total")
    none = isinstance(total, str | int) and re.fullmatch(r"0+", str(total).strip()) is not None
    if answer.get("error") == "S":
        return bool(texts) and (none or total in (None, ""))
    return answer.get("error") == "N" and none


# --- the question


def test_a_look_up_asks_by_our_reference_as_documented() -> None:
    assert lookup_body(CREDENTIALS, ASKED) == {
        "apikey": "1234",
        "apitoken": "an-apitoken",
        "usertoken": "a-usertoken",
        "busqueda_tipo": "EXT_REF",
        "pagina": 0,
        "limite": 100,
        "comprobante": {"external_reference": "17032", "operacion": "V"},
    }
    assert HOST + PATH == "https://www.tusfacturas.app/app/api/v2/facturacion/consulta_avanzada"


# --- found


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            GOLDEN_ISSUED,
            Found(
                Standing.ISSUED,
                Result(
                    cae="71234567890123",
                    tipo="FACTURA B",
                    punto_venta=2,
                    numero=6,
                    cae_expires_on=dt.date(2021, 5, 30),
                    pdf_url="https://www.tusfacturas.app/pdf/x.pdf",
                ),
            ),
        ),
        (GOLDEN_IN_ERROR, Found(Standing.IN_ERROR, errors=("Cod. Error: #6661145.10016 - La fecha es anterior.",))),
        (GOLDEN_QUEUED, Found(Standing.QUEUED, issue_on=dt.date(2026, 1, 5))),
    ],
)
def test_the_documented_answers_are_read(answer: str, expected: Found) -> None:
    assert read_lookup(decode_object(answer.encode()), ASKED) == (expected,)


@pytest.mark.parametrize(
    ("status", "standing", "issue_on"),
    [
        ("EMITIDO", Standing.ISSUED, None),
        (" Emitido ", Standing.ISSUED, None),
        ("ENVIADO A PROCESAR - CON ERROR", Standing.IN_ERROR, None),
        ("enviado a procesar - con error ", Standing.IN_ERROR, None),
        ("APROBADO Y EN COLA. SE EMITE EL 05/01/2026", Standing.QUEUED, dt.date(2026, 1, 5)),
        ("Aprobado y en cola. Se emite el 5/1/2026.", Standing.QUEUED, dt.date(2026, 1, 5)),
    ],
)
def test_a_status_says_where_it_stands(status: str, standing: Standing, issue_on: dt.date | None) -> None:
    (found,) = read_lookup(listing(issued(status=status)), ASKED)
    assert (found.standing, found.issue_on) == (standing, issue_on)
    assert (found.result is not None) == (standing is Standing.ISSUED)


@pytest.mark.parametrize(
    "status",
    [
        "", " ", None, 1, True, [], {}, ["EMITIDO"], "ANULADO", "NO EMITIDO",
        "EMITIDO - CON ERROR", "EMITIDO?", "EMITIDOS",
        "ENVIADO A PROCESAR", "CON ERROR", "APROBADO", "EN COLA", "NO APROBADO Y EN COLA", "APROBADO Y EN COLADERA",
        "ENVIADO A PROCESAR - SIN ERROR", "ENVIADO A PROCESAR - SIN ERRORES",
        "ENVIADO A PROCESAR - ERROR CORREGIDO, EMITIDO",
        "APROBADO Y EN COLA" + " " * 200_000 + "x",
    ],
)  # fmt: skip
def test_a_status_that_is_not_documented_says_nothing(status: Any) -> None:
    with pytest.raises(Unreadable):
        read_lookup(listing(issued(status=status)), ASKED)


@pytest.mark.parametrize(
    ("change", "attribute", "expected"),
    [
        ({"cae": "71234567890123 "}, "cae", "71234567890123"),
        ({"cae": 71234567890123}, "cae", "71234567890123"),
        ({"cae": ""}, "cae", ""),
        ({"cae": " "}, "cae", ""),
        ({"cae": None}, "cae", ""),
        ({"vencimiento_cae": "30/05/2021 "}, "cae_expires_on", dt.date(2021, 5, 30)),
        ({"vencimiento_cae": None}, "cae_expires_on", None),
        ({"vencimiento_cae": ""}, "cae_expires_on", None),
        ({"vencimiento_cae": " "}, "cae_expires_on", None),
        ({"vencimiento_cae": "01/01/2000"}, "cae_expires_on", None),
        ({"vencimiento_cae": "31/02/2021"}, "cae_expires_on", None),
        ({"vencimiento_cae": 20210530}, "cae_expires_on", None),
        ({"numero": "6"}, "numero", 6),
        ({"numero": "00000006 "}, "numero", 6),
        ({"numero": 0}, "numero", None),
        ({"numero": ""}, "numero", None),
        ({"numero": None}, "numero", None),
        ({"numero": -6}, "numero", None),
        ({"numero": "seis"}, "numero", None),
        ({"punto_venta": "00010"}, "punto_venta", 10),
        ({"punto_venta": None}, "punto_venta", None),
        ({"tipo": "FACTURA A "}, "tipo", "FACTURA A"),
        ({"comprobante_pdf_url": None}, "pdf_url", ""),
        ({"observaciones": " x "}, "observaciones", "x"),
    ],
)
def test_a_result_is_read_as_far_as_it_can_be(change: dict[str, Any], attribute: str, expected: object) -> None:
    assert getattr(result_of(**change), attribute) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"cae": ["7"]}, {"cae": {}}, {"cae": True}, {"cae": 7.5}, {"cae": "9" * 41}, {"tipo": []}, {"tipo": "x" * 61},
        {"comprobante_pdf_url": ["x"]}, {"observaciones": {"x": 1}},
        {"comprobante_pdf_url": "x" * 100_001}, {"observaciones": "x" * 100_001},
    ],
)  # fmt: skip
def test_an_issued_one_whose_texts_are_none_is_unreadable(change: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        result_of(**change)


@pytest.mark.parametrize(
    ("reference", "borne"), [("17032", 17032), ("17032", " 17032 "), ("ref_A-1", "ref_A-1"), ("0017", "0017")]
)
def test_ours_is_the_one_that_bears_the_exact_reference(reference: str, borne: Any) -> None:
    others = [issued(external_reference=other, cae="9") for other in (f"{reference}1", f"x{reference}", "", None, 17)]
    answer = listing(*others[:3], issued(external_reference=borne), *others[3:])
    (found,) = read_lookup(answer, reference)
    assert found.result is not None
    assert found.result.cae == "71234567890123"


@pytest.mark.parametrize("borne", ["ref-A", "ref-a-1", "ref", "", None, [], {}, True, 1.0])
def test_a_listing_without_our_reference_is_not_a_not_found(borne: Any) -> None:
    with pytest.raises(Unreadable):
        read_lookup(listing(issued(external_reference=borne)), "ref-a")


def test_every_one_with_our_reference_is_told() -> None:
    queued = issued(status="APROBADO Y EN COLA. SE EMITE EL 05/01/2026")
    found = read_lookup(listing(issued(numero=6), issued(numero=7, external_reference=17032), queued), ASKED)
    assert [one.standing for one in found] == [Standing.ISSUED, Standing.ISSUED, Standing.QUEUED]
    assert [one.result.numero for one in found if one.result] == [6, 7]


def test_the_status_of_somebody_elses_does_not_matter() -> None:
    (found,) = read_lookup(listing(issued(external_reference="other", status="ANULADO"), issued()), ASKED)
    assert found.standing is Standing.ISSUED


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"errores": ["a", "a", "b"]}, ("a", "b")),
        ({"errores": "a"}, ("a",)),
        ({"errores": [], "error_details": [{"code": "TFC-1", "text": "a"}]}, ("TFC-1 a",)),
        ({"errores": None, "error_details": None}, ()),
        ({}, ()),
        ({"errores": [], "error_details": [{}]}, ()),
        ({"errores": [], "error_details": [{"code": "", "text": " "}]}, ()),
    ],
)
def test_one_in_error_has_the_providers_texts_and_no_blank_ones(
    change: dict[str, Any], errors: tuple[str, ...]
) -> None:
    (found,) = read_lookup(listing(issued(status="ENVIADO A PROCESAR - CON ERROR", **change)), ASKED)
    assert found.errors == errors


# --- not found


@pytest.mark.parametrize(
    "answer",
    [
        {"error": "N", "errores": [], "rta": "OK", "total": 0, "comprobantes": []},
        {"error": "N", "errores": [], "rta": "OK", "total": "0", "comprobantes": []},
        {"error": "N", "total": 0},
        {"error": "S", "errores": [NOT_FOUND]},
        {"error": "S", "errores": NOT_FOUND},
        {"error": "S", "errores": [NOT_FOUND], "total": 0, "comprobantes": []},
        {"error": "S", "errores": [" no se han encontrado comprobantes "]},
    ],
)
def test_the_documented_forms_say_not_found(answer: dict[str, Any]) -> None:
    assert read_lookup(answer, ASKED) == ()


@pytest.mark.parametrize(
    "answer",
    [
        {}, {"error": None}, {"error": "X", "total": 0}, {"error": "n", "total": 0}, {"total": 0, "comprobantes": []},
        {"error": ["S"], "errores": [NOT_FOUND]}, {"error": "PARCIAL", "errores": [NOT_FOUND]},
        {"errores": [NOT_FOUND]},
        {"error": "N"}, {"error": "N", "comprobantes": []}, {"error": "N", "total": 1, "comprobantes": []},
        {"error": "N", "total": None, "comprobantes": []}, {"error": "N", "total": "", "comprobantes": []},
        {"error": "N", "total": False, "comprobantes": []}, {"error": "N", "total": 0.0, "comprobantes": []},
        {"error": "N", "total": [], "comprobantes": []}, {"error": "N", "total": -1, "comprobantes": []},
        {"error": "N", "errores": [NOT_FOUND]},
        {"error": "S"}, {"error": "S", "total": 0, "comprobantes": []}, {"error": "S", "errores": ["x"], "total": 0},
        {"error": "S", "errores": ["El apikey no es válido."]}, {"error": "S", "rta": NOT_FOUND},
        {**listing(issued()), "error": "S", "errores": [NOT_FOUND]},
        {"error": "N", "total": 1, "comprobantes": {"0": {"comprobante": issued()}}},
        {"error": "N", "total": 0, "comprobantes": "x"}, {"error": "N", "total": 0, "comprobantes": 1},
        {"error": "N", "total": 0, "comprobantes": [None]}, {"error": "N", "total": 0, "comprobantes": [{}]},
        {"error": "N", "total": 0, "comprobantes": [{"comprobante": []}]},
        {"error": "N", "total": 0, "comprobantes": [issued()]},
        {**listing(issued()), "comprobantes": [{"comprobante": issued()}, None]},
    ],
)  # fmt: skip
def test_an_answer_that_proves_nothing_is_unreadable_and_never_a_not_found(answer: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        read_lookup(answer, ASKED)


@pytest.mark.parametrize(
    "told",
    [
        [NOT_FOUND, "El apikey no es válido."],
        ["El apikey no es válido.", NOT_FOUND],
        ["El usertoken no es válido: no se han encontrado comprobantes para estas credenciales."],
        ["No se han encontrado comprobantes porque el servicio no está disponible. Reintente."],
        [[NOT_FOUND]],
        {"0": NOT_FOUND, "1": "Reintente."},
    ],
)
def test_a_refusal_that_says_not_found_among_other_things_is_not_a_not_found(told: Any) -> None:
    with pytest.raises(Unreadable):
        read_lookup({"error": "S", "errores": told}, ASKED)


@pytest.mark.parametrize(
    "answer",
    [
        {"error": "S", "errores": [NOT_FOUND], "total": 1},
        {"error": "S", "errores": [NOT_FOUND], "total": 1, "comprobantes": []},
        {"error": "N", "errores": ["El servicio no está disponible."], "total": 0, "comprobantes": []},
    ],
)
def test_a_not_found_that_contradicts_itself_proves_nothing(answer: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        read_lookup(answer, ASKED)


@pytest.mark.parametrize("listed", [False, 0, 0.0])
def test_a_listing_that_is_none_proves_nothing(listed: Any) -> None:
    with pytest.raises(Unreadable):
        read_lookup({"error": "N", "errores": [], "total": 0, "comprobantes": listed}, ASKED)


@patient
@given(answers | json_objects)
def test_whatever_is_in_an_answer_it_is_read_or_unreadable_and_not_found_only_as_documented(
    answer: dict[str, Any],
) -> None:
    try:
        found = read_lookup(answer, ASKED)
    except Unreadable:
        return
    if not found:
        assert says_not_found(answer)
    for one in found:
        assert (one.result is not None) == (one.standing is Standing.ISSUED)
        assert all(text.strip() for text in one.errors)


@patient
@given(st.data(), st.lists(comprobantes, min_size=1, max_size=4))
def test_a_listing_never_says_not_found_and_its_order_does_not_matter(
    data: st.DataObject, members: list[dict[str, Any]]
) -> None:
    seen: list[list[str] | None] = []
    for order in (members, data.draw(st.permutations(members))):
        try:
            found = read_lookup({**listing(*order), "total": 0}, ASKED)
        except Unreadable:
            seen.append(None)
        else:
            assert found
            seen.append(sorted(map(repr, found)))
    assert seen[0] == seen[1]
