"""What is asked of the provider's queue, and what its answer proves: done, refused, or nothing."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_tusfacturas_lotes.wire.answers.decode import decode_object
from django_tusfacturas_lotes.wire.answers.operations import DELETE, REDATE, RESEND, operation_body, read_operation
from django_tusfacturas_lotes.wire.modalities import Answer, Unreadable
from tests.support.wire.answers import CREDENTIALS, json_objects, json_values, patient, said

SENT = "17032"
PROOF = {"apikey": "1234", "apitoken": "an-apitoken", "usertoken": "a-usertoken", "external_reference": "17032"}

answers = st.fixed_dictionaries(
    {},
    optional={
        "error": st.sampled_from(["N", "S", "PARCIAL"]) | json_values,
        "errores": said,
        "procesados_cant": st.sampled_from([0, 1, "0", "1", None, ""]) | json_values,
        "procesados": st.lists(st.sampled_from([SENT, 17032, "not-ours"]), max_size=2) | json_values,
    },
)


def refusal(*errors: str) -> Answer:
    return Answer(refused_whole=True, errors=errors)


def test_the_operations_have_the_documented_addresses() -> None:
    assert RESEND == "/v2/facturacion/reenviar_encolado"
    assert DELETE == "/v2/facturacion/eliminar_encolado"
    assert REDATE == "/v2/facturacion/cambiar_fecha_encolado"


@pytest.mark.parametrize(
    ("days", "added"),
    [
        ({}, {}),
        ({"fecha": dt.date(2026, 1, 5)}, {"fecha": "05/01/2026"}),
        (
            {"fecha": dt.date(2026, 1, 5), "vencimiento": dt.date(2026, 12, 31)},
            {"fecha": "05/01/2026", "vencimiento": "31/12/2026"},
        ),
    ],
)
def test_an_operation_has_the_credentials_the_reference_and_the_days_that_it_needs(
    days: dict[str, dt.date], added: dict[str, str]
) -> None:
    assert operation_body(CREDENTIALS, SENT, **days) == {**PROOF, **added}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ('{"error": "N", "errores": []}', Answer()),
        ('{"error": "N", "errores": [], "procesados_cant": 1, "procesados": ["17032"]}', Answer()),
        ('{"error": "PARCIAL", "errores": ["x"], "procesados_cant": 1, "procesados": [17032]}', Answer(errors=("x",))),
        ('{"error": "S", "errores": ["x"], "procesados_cant": 0, "procesados": []}', refusal("x")),
        ('{"error": "S", "errores": ["x"]}', refusal("x")),
    ],
)
def test_the_documented_answers_are_read(answer: str, expected: Answer) -> None:
    assert read_operation(decode_object(answer.encode()), SENT) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"error": "N"}, Answer()),
        ({"error": "N", "procesados_cant": "1"}, Answer()),
        ({"error": "N", "procesados_cant": 2, "procesados": ["other", " 17032 "]}, Answer()),
        ({"error": "PARCIAL", "procesados": ["other", "17032"]}, Answer()),
        ({"error": "N", "procesados_cant": 0}, refusal("nothing was done, without a text")),
        ({"error": "N", "procesados_cant": "0", "errores": "x"}, refusal("x")),
        ({"error": "PARCIAL", "procesados_cant": 0, "procesados": [], "errores": ["x"]}, refusal("x")),
        ({"error": "S"}, refusal("error S without a text")),
        ({"error": "S", "errores": [" "]}, refusal("error S without a text")),
    ],
)
def test_an_operation_is_done_or_refused(answer: dict[str, Any], expected: Answer) -> None:
    assert read_operation(answer, SENT) == expected


@pytest.mark.parametrize(
    "answer",
    [
        {}, {"error": None}, {"error": "X"}, {"error": "n"}, {"error": ["S"]}, {"error": {}}, {"error": True},
        {"errores": []}, {"procesados_cant": 0}, {"procesados": [SENT]},
        # PARCIAL: somebody's was done, and it does not say that ours was.
        {"error": "PARCIAL"}, {"error": "PARCIAL", "procesados": []}, {"error": "PARCIAL", "procesados": ["1703"]},
        {"error": "PARCIAL", "procesados": ["170322"]}, {"error": "PARCIAL", "procesados": SENT},
        {"error": "PARCIAL", "procesados": {SENT: 1}}, {"error": "PARCIAL", "procesados": [[SENT]]},
        {"error": "PARCIAL", "procesados_cant": 1}, {"error": "PARCIAL", "procesados_cant": 1, "procesados": ["other"]},
    ],
)  # fmt: skip
def test_an_answer_that_proves_nothing_is_unreadable(answer: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        read_operation(answer, SENT)


@pytest.mark.parametrize("count", ["?", "ninguno", [], {}, False, -1, 0.5, [0]])
@pytest.mark.parametrize("error", ["N", "PARCIAL"])
def test_a_count_of_what_was_done_that_can_not_be_read_proves_nothing(error: str, count: Any) -> None:
    with pytest.raises(Unreadable):
        read_operation({"error": error, "procesados_cant": count, "procesados": [SENT]}, SENT)


@pytest.mark.parametrize(
    "answer",
    [
        {"error": "S", "procesados_cant": 1, "procesados": [SENT]},
        {"error": "S", "procesados": [17032]},
        {"error": "N", "procesados_cant": 0, "procesados": [SENT]},
        {"error": "PARCIAL", "procesados_cant": 0, "procesados": [SENT]},
        {"error": "N", "procesados_cant": 1, "procesados": ["not-ours"]},
    ],
)
def test_an_answer_that_contradicts_itself_proves_nothing(answer: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        read_operation(answer, SENT)


@patient
@given(answers | json_objects)
def test_whatever_is_in_an_answer_it_is_read_or_unreadable(answer: dict[str, Any]) -> None:
    try:
        read = read_operation(answer, SENT)
    except Unreadable:
        return
    assert not read.refused
    assert not read.discrepancies
    if read.refused_whole:
        assert all(reason.strip() for reason in read.errors)
        assert read.errors
        assert answer["error"] == "S" or not str(answer["procesados_cant"]).strip().strip("0")
    else:
        assert answer["error"] in ("N", "PARCIAL")


@patient
@given(st.lists(st.sampled_from([SENT, 17032, "not-ours", None, 1.5, [], {}]), max_size=4))
def test_a_partial_answer_is_a_success_only_where_it_names_our_reference(done: list[Any]) -> None:
    try:
        read = read_operation({"error": "PARCIAL", "procesados": done}, SENT)
    except Unreadable:
        assert SENT not in done
        assert 17032 not in done
    else:
        assert not read.refused_whole
        assert SENT in done or 17032 in done
