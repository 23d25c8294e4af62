"""What happens to what was taken: numbering, dates, tries."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.support.sandbox.receiver import Receiver
from tests.support.sandbox.sending import Shop, item


def entry(shop: Shop, reference: str) -> Any:
    return shop.sandbox.ledger()["references"][reference]


def test_the_webhook_of_a_success_is_the_seeds_field_by_field(shop: Shop, receiver: Receiver) -> None:
    shop.settle(item("ASD123AW"))
    (notice,) = receiver.notices
    pdf = notice.pop("comprobante_pdf_url")
    assert pdf.startswith(shop.sandbox.url)
    assert notice == {
        "error": "N",
        "errores": [],
        "rta": "El comprobante FACTURA B 0003-00000001 (71800000000001) se ha guardado correctamente ",
        "cae": "71800000000001 ",
        "vencimiento_cae": "07/04/2018",
        "vencimiento_pago": "28/03/2018",
        "comprobante_nro": "0003-00000001",
        "comprobante_tipo": "FACTURA B",
        "observaciones": "",
        "envio_x_mail": "N",
        "facturacion_lote_id_referencia": "ASD123AW",
        "apikey": "90817",
        "apitoken": "sandbox-apitoken-5f1d0c7e93b24a68",
        "usertoken": "sandbox-usertoken-c3a9e2476bd8150f",
    }
    assert len(notice["cae"].strip()) == 14


def test_the_webhook_of_a_failure_has_the_same_fields(shop: Shop, receiver: Receiver) -> None:
    shop.settle(item("OK"))
    shop.settle(item("BAD", detalle=[]))
    good, bad = receiver.notices
    assert list(bad) == list(good)
    assert bad["error"] == "S"
    assert bad["errores"] == ["El comprobante debe tener al menos un item en detalle."]
    assert (bad["cae"], bad["comprobante_nro"], bad["comprobante_pdf_url"], bad["rta"]) == ("", "", "", "")
    assert bad["apitoken"] == good["apitoken"]


def test_each_point_of_sale_and_type_has_its_own_numbers(shop: Shop) -> None:
    shop.settle(
        item("A1"),
        item("B1", tipo="NOTA DE CREDITO B"),
        item("A2"),
        item("C1", punto_venta="00004"),
        item("A3", punto_venta="3"),
    )
    numbers = {name: found["numbers"] for name, found in shop.sandbox.ledger()["references"].items()}
    assert numbers == {
        "A1": ["0003-00000001"],
        "B1": ["0003-00000001"],
        "A2": ["0003-00000002"],
        "C1": ["0004-00000001"],
        "A3": ["0003-00000003"],
    }


FAILS_FOR_GOOD: list[tuple[dict[str, Any], str]] = [
    ({"tipo": "FACTURA E"}, "tipo E"),
    ({"tipo": "NOTA DE CREDITO E"}, "tipo E"),
    ({"tipo": "FACTURA DE CREDITO ELECTRONICA A"}, "tipo de comprobante"),
    ({"tipo": None}, "tipo de comprobante"),
    ({"fecha": None}, "fecha"),
    ({"fecha": "2018-03-28"}, "dd/mm/aaaa"),
    ({"fecha": "31/02/2018"}, "dd/mm/aaaa"),
    ({"fecha": "17/03/2018"}, "10016"),
    ({"fecha": "08/04/2018"}, "10016"),
    ({"operacion": "C"}, "operacion"),
    ({"punto_venta": None}, "punto de venta"),
    ({"punto_venta": 0}, "punto de venta"),
    ({"punto_venta": 100000}, "punto de venta"),
    ({"detalle": None}, "detalle"),
    ({"detalle": [{}]}, "item 0"),
    ({"detalle": [{"producto": {"descripcion": "x", "precio_unitario_sin_iva": "y"}, "cantidad": 1}]}, "cantidad"),
    ({"detalle": [{"producto": {"descripcion": "x", "precio_unitario_sin_iva": 1}, "cantidad": 1}] * 131}, "130"),
]


@pytest.mark.parametrize(("fields", "text"), FAILS_FOR_GOOD)
def test_bad_data_is_taken_and_fails_after_ten_tries(
    shop: Shop, receiver: Receiver, fields: dict[str, Any], text: str
) -> None:
    assert shop.settle(item("A", **fields))["procesados"] == 1
    assert (entry(shop, "A")["status"], entry(shop, "A")["tries"], entry(shop, "A")["issued"]) == ("failed", 10, 0)
    assert text in entry(shop, "A")["last_error"]
    assert receiver.notices[0]["errores"] == [entry(shop, "A")["last_error"]]
    assert len(receiver.notices) == 1


@pytest.mark.parametrize("name", ["documento_tipo", "documento_nro", "razon_social"])
def test_a_customer_needs_its_identity(shop: Shop, name: str) -> None:
    made = item("A")
    del made["cliente"][name]
    shop.settle(made)
    assert name in entry(shop, "A")["last_error"]


@pytest.mark.parametrize("fecha", ["18/03/2018", "07/04/2018"])
def test_ten_days_either_way_are_allowed(shop: Shop, fecha: str) -> None:
    shop.settle(item("A", fecha=fecha))
    assert shop.sandbox.issued("A") == 1


def test_totals_are_not_checked(shop: Shop) -> None:
    shop.settle(item("A", total=1))
    assert shop.sandbox.issued("A") == 1


def test_an_earlier_date_than_the_last_issued_is_refused_by_point_of_sale_and_type(shop: Shop) -> None:
    shop.settle(
        item("first", fecha="28/03/2018"),
        item("earlier", fecha="27/03/2018"),
        item("other-type", fecha="27/03/2018", tipo="FACTURA A"),
        item("other-pv", fecha="27/03/2018", punto_venta=4),
        item("same-day", fecha="28/03/2018"),
    )
    failed = {name for name, found in shop.sandbox.ledger()["references"].items() if found["status"] == "failed"}
    assert failed == {"earlier"}
    assert entry(shop, "earlier")["last_error"].startswith(
        "Cod. Error: #6661145.10016 - El numero o fecha del comprobante no se corresponde con el proximo a autorizar"
    )
    assert entry(shop, "same-day")["numbers"] == ["0003-00000002"]


def test_the_seeds_faq_a_retry_comes_too_late_once_a_later_date_is_issued(shop: Shop) -> None:
    shop.sandbox.set_date(date(2018, 1, 18))
    shop.sandbox.fault("fail=F3*1")
    days = {"F1": "10/01/2018", "F2": "10/01/2018", "F3": "15/01/2018", "F4": "16/01/2018", "F5": "18/01/2018"}
    shop.settle(*(item(reference, fecha=day) for reference, day in days.items()))
    assert {name: shop.sandbox.issued(name) for name in days} == {"F1": 1, "F2": 1, "F3": 0, "F4": 1, "F5": 1}
    assert "10016" in entry(shop, "F3")["last_error"]
    assert entry(shop, "F3")["tries"] == 10
    assert entry(shop, "F5")["numbers"] == ["0003-00000004"]


def test_a_failing_one_is_skipped_and_tried_again_behind_the_others(shop: Shop) -> None:
    shop.sandbox.fault("fail=FIRST*3")
    shop.settle(item("FIRST"), item("SECOND"), item("THIRD"))
    assert entry(shop, "FIRST")["tries"] == 4
    assert entry(shop, "SECOND")["numbers"] == ["0003-00000001"]
    assert entry(shop, "FIRST")["numbers"] == ["0003-00000003"]


def test_what_has_a_day_to_come_waits_for_it(shop: Shop, receiver: Receiver) -> None:
    shop.settle(item("LATER", fecha="30/03/2018"), fecha_envio_inicial="30/03/2018")
    shop.settle(item("NOW"))
    assert receiver.references == ["NOW"]
    assert entry(shop, "LATER")["status"] == "scheduled"
    shop.sandbox.advance_days(1)
    shop.sandbox.wait_idle()
    assert shop.sandbox.issued("LATER") == 0
    shop.sandbox.advance_days(1)
    shop.sandbox.wait_idle()
    assert shop.sandbox.issued("LATER") == 1
    assert receiver.references == ["NOW", "LATER"]


@pytest.mark.parametrize("day", ["28/03/2018", "", None])
def test_today_or_no_day_is_now(shop: Shop, day: str | None) -> None:
    shop.settle(item("A"), fecha_envio_inicial=day)
    assert shop.sandbox.issued("A") == 1


def test_a_trial_account_gets_an_empty_cae_and_no_checks_of_arcas(trial_shop: Shop, receiver: Receiver) -> None:
    trial_shop.settle(item("A"), item("B", fecha="01/01/2018"), item("C", detalle=[]))
    by_reference = {notice["facturacion_lote_id_referencia"]: notice for notice in receiver.notices}
    assert by_reference["A"]["cae"] == " "
    assert by_reference["A"]["vencimiento_cae"] == "01/01/2000"
    assert by_reference["B"]["error"] == "N"
    assert by_reference["C"]["error"] == "S"
    assert trial_shop.sandbox.account["TRIAL"] is True
