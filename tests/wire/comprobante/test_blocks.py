"""What the types of the blocks take as a date, an amount or a number."""

from __future__ import annotations

from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

import pytest

from django_tusfacturas_lotes.wire.validation import read
from tests.support.wire import samples
from tests.support.wire.building import problems


@pytest.mark.parametrize("given", ["01/03/2018", " 01/03/2018 ", date(2018, 3, 1)])
def test_dates_are_read_in_the_providers_form_or_as_dates(given: Any) -> None:
    made = read(samples.put(samples.factura_b(), "comprobante.fecha", given))
    assert made.fecha == date(2018, 3, 1)
    assert made.wire()["comprobante"]["fecha"] == "01/03/2018"


@pytest.mark.parametrize("given", [None, "", "  "])
def test_an_empty_date_is_no_date(given: Any) -> None:
    assert "fecha" not in read(samples.put(samples.factura_b(), "comprobante.fecha", given)).wire()["comprobante"]


@pytest.mark.parametrize(
    "given",
    ["2018-03-28", "28-03-2018", "31/02/2018", "1/3/2018", "00/00/0000", 20180328, True, datetime.now(timezone.utc)],
)
def test_anything_else_is_not_a_date(given: Any) -> None:
    found = problems(samples.put(samples.factura_b(), "comprobante.fecha", given))
    assert set(found) == {"comprobante.fecha"}
    assert "dd/mm/aaaa" in str(found["comprobante.fecha"])


@pytest.mark.parametrize(
    "given", [True, float("nan"), float("inf"), "NaN", "1,5", "1.234,56", "", "x", [1], 10**12, "1e400"]
)
@pytest.mark.parametrize(
    "path", ["comprobante.detalle[0].producto.precio_unitario_sin_iva", "comprobante.bonificacion"]
)
def test_anything_but_a_number_is_refused_as_an_amount(path: str, given: Any) -> None:
    assert set(problems(samples.put(samples.factura_b(), path, given))) == {path}


@pytest.mark.parametrize("given", [114.88, "114.88", Decimal("114.880"), " 114.88 "])
def test_an_amount_is_the_same_however_it_is_given(given: Any) -> None:
    path = "comprobante.detalle[0].producto.precio_unitario_sin_iva"
    assert read(samples.put(samples.factura_b(), path, given)).wire() == samples.factura_b()


@pytest.mark.parametrize(
    "path", ["comprobante.punto_venta", "comprobante.numero", "cliente.provincia", "cliente.codigo"]
)
def test_a_bool_is_not_a_number(path: str) -> None:
    assert set(problems(samples.put(samples.factura_b(), path, True))) == {path}
