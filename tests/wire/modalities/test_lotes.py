"""The `lotes` modality speaks as TusFacturas' page on it says."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_tusfacturas_lotes.wire.modalities import Credentials, NotificationKind, Outgoing, Unreadable, modalities
from tests.support import documented

lotes = modalities()["lotes"]
SENT = [f"ref-{row}" for row in range(8)]


def test_the_body_equals_the_documented_example_item_by_item() -> None:
    example = documented.lotes_call()
    outgoing = []
    for item in example["requests"]:
        comprobante = dict(item["comprobante"])
        reference = comprobante.pop("facturacion_lote_id_referencia")
        documento = {"cliente": item["cliente"], "comprobante": comprobante}
        outgoing.append(Outgoing(reference, documento, dt.date(2018, 3, 28)))
        # The one addition to the example: the same value where the provider's look-ups find it.
        item["comprobante"]["external_reference"] = reference
    body = lotes.body(
        Credentials(example["apikey"], example["apitoken"], example["usertoken"]),
        outgoing,
        webhook_url=example["webhook_url"],
        send_on=dt.date(2018, 3, 29),
    )
    assert body == example


def test_without_a_day_to_start_there_is_no_fecha_envio_inicial() -> None:
    assert "fecha_envio_inicial" not in lotes.body(Credentials("1", "2", "3"), [], webhook_url="x", send_on=None)


def test_the_documented_answer_refuses_rows_0_1_and_2() -> None:
    answer = lotes.read_answer(documented.lotes_answer(), SENT)
    assert sorted(answer.refused) == [0, 1, 2]
    assert answer.refused[0] == (documented.lotes_answer()["validaciones"][0],)
    assert not answer.discrepancies
    assert not answer.refused_whole


@pytest.mark.parametrize(
    ("answer", "refused", "discrepancies"),
    [
        ({"error": "N", "errores": [], "procesados": 8, "validaciones": []}, {}, 0),
        ({"error": "N", "procesados": "8"}, {}, 0),
        ({"error": "N", "procesados": 7, "validaciones": ["fila 3 a", "fila 3 b"]}, {3: ("fila 3 a", "fila 3 b")}, 0),
        ({"error": "N", "procesados": 7, "validaciones": "fila 3 a"}, {3: ("fila 3 a",)}, 0),
        ({"error": "N", "procesados": 7, "validaciones": []}, {}, 1),
        ({"error": "N", "procesados": 8, "validaciones": ["algo raro"]}, {}, 1),
        ({"error": "N", "procesados": 7, "validaciones": ["fila 8 no existe"]}, {}, 2),
        ({"error": "N", "procesados": 7, "validaciones": ["fila 1 y fila 2"]}, {}, 2),
        ({"error": "N", "procesados": 8, "errores": ["cuidado"]}, {}, 1),
        ({"error": "N", "procesados": 0, "validaciones": [{"x": 1}]}, {}, 2),
    ],
)
def test_an_answer_is_matched_by_row_and_what_does_not_add_up_is_told(
    answer: dict[str, Any], refused: dict[int, tuple[str, ...]], discrepancies: int
) -> None:
    read = lotes.read_answer(answer, SENT)
    assert read.refused == refused
    assert len(read.discrepancies) == discrepancies


def test_an_error_s_means_that_nothing_was_taken() -> None:
    answer = lotes.read_answer({"error": "S", "errores": ["El usertoken no es válido"]}, SENT)
    assert answer.refused_whole
    assert answer.errors == ("El usertoken no es válido",)


@pytest.mark.parametrize(
    "answer",
    [{}, {"error": "N"}, {"error": "N", "procesados": None}, {"error": "X", "procesados": 8}, {"error": None},
     {"error": "S", "procesados": 3}, {"error": "N", "procesados": -1}, {"error": "N", "procesados": [8]}],
)  # fmt: skip
def test_an_answer_that_proves_nothing_is_unreadable(answer: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        lotes.read_answer(answer, SENT)


def test_the_documented_webhook_is_read() -> None:
    notification = lotes.read_notification(documented.lotes_webhook())
    assert notification.reference == "ASD123AW"
    assert notification.kind is NotificationKind.ISSUED
    result = notification.result
    assert result is not None
    assert (result.cae, result.tipo, result.punto_venta, result.numero) == ("XXXXXXXX", "FACTURA B", 3, 7)
    assert result.cae_expires_on is None  # 01/01/2000 stands for no date
    assert result.pdf_url == "https://www.dominio.com/XXXXXX.pdf"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"facturacion_lote_id_referencia": 17032}, "17032"),
        ({"facturacion_lote_id_referencia": None}, ""),
        ({"facturacion_lote_id_referencia": ["a"]}, ""),
    ],
)
def test_a_reference_may_be_a_number(change: dict[str, Any], expected: str) -> None:
    assert lotes.reference_of({**documented.lotes_webhook(), **change}) == expected


@pytest.mark.parametrize(
    ("change", "attribute", "expected"),
    [
        ({"cae": " "}, "cae", ""),
        ({"cae": 71234567890123}, "cae", "71234567890123"),
        ({"cae": None}, "cae", ""),
        ({"vencimiento_cae": "30/05/2021"}, "cae_expires_on", dt.date(2021, 5, 30)),
        ({"vencimiento_cae": "31/02/2021"}, "cae_expires_on", None),
        ({"vencimiento_cae": None}, "cae_expires_on", None),
        ({"comprobante_nro": "00010-00000000"}, "numero", None),
        ({"comprobante_nro": ""}, "numero", None),
        ({"comprobante_nro": "nonsense"}, "punto_venta", None),
    ],
)
def test_a_result_is_read_as_far_as_it_can_be(change: dict[str, Any], attribute: str, expected: object) -> None:
    result = lotes.read_notification({**documented.lotes_webhook(), **change}).result
    assert getattr(result, attribute) == expected


@pytest.mark.parametrize("change", [{"error": "X"}, {"error": None}, {"cae": ["1"]}, {"cae": "9" * 41}, {"cae": {}}])
def test_a_notification_that_can_not_be_read_says_why(change: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        lotes.read_notification({**documented.lotes_webhook(), **change})


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"errores": ["10016 a", "b"]}, ("10016 a", "b")),
        ({"errores": "10016 a"}, ("10016 a",)),
        ({"errores": [], "rta": "no se pudo"}, ("no se pudo",)),
        ({"errores": None, "rta": ""}, ("error S without a text",)),
    ],
)
def test_a_failure_always_has_a_reason(change: dict[str, Any], errors: tuple[str, ...]) -> None:
    notification = lotes.read_notification({**documented.lotes_webhook(), "error": "S", "cae": "", **change})
    assert notification.kind is NotificationKind.FAILED
    assert notification.errors == errors


plain_values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
json_values = plain_values | st.lists(plain_values, max_size=3) | st.dictionaries(st.text(max_size=5), plain_values)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(documented.lotes_webhook(), json_values)))
def test_whatever_is_in_a_notification_it_is_read_or_unreadable(payload: dict[str, Any]) -> None:
    try:
        notification = lotes.read_notification(payload)
    except Unreadable:
        return
    assert isinstance(notification.reference, str)
    assert (notification.kind is NotificationKind.FAILED) == bool(notification.errors)


@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys(("error", "errores", "procesados", "validaciones"), json_values))
)
def test_whatever_is_in_an_answer_it_is_read_or_unreadable(payload: dict[str, Any]) -> None:
    try:
        answer = lotes.read_answer(payload, SENT)
    except Unreadable:
        return
    assert set(answer.refused) <= set(range(len(SENT)))
