"""What comprobantes add up to."""

from __future__ import annotations

import json
import re
from decimal import ROUND_HALF_EVEN, localcontext
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from django_tusfacturas_lotes.wire.comprobante import ComprobanteInvalido
from django_tusfacturas_lotes.wire.comprobante.totals import (
    carries_iva,
    plain,
    total_of,
    total_with_discount_on_first_rate,
    totals,
)
from django_tusfacturas_lotes.wire.validation import read
from tests.support.wire import samples
from tests.support.wire.sales import CENT, D, discounts, mills, quantities, rates, sale

lines = st.lists(st.tuples(quantities, mills, rates, discounts), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("items", "fields", "total"),
    [
        ([(1, "114.88", 21)], {}, "139.00"),
        ([(1, "100", -1), (1, "10", 21)], {}, "112.10"),
        ([(3, "100", 27), (2, "50.5", "10.5"), (1, "7", -2), (1, "3", 0)], {}, "502.60"),
        ([(1, "100", 21, 25)], {}, "90.75"),
        ([(1, "100", 21, 100)], {}, "0.00"),
        ([(1, "100", 21)], {"bonificacion": D(10)}, "108.90"),
        ([(1, "100", 21), (1, "100", "10.5")], {"bonificacion": D(20)}, "208.35"),
        ([(1, "100", 21)], {"percepciones_iva": D("3"), "percepciones_iibb": D("2.5")}, "126.50"),
        ([(1, "100", 21)], {"tributos": [{"tipo": 7, "total": "30"}, {"tipo": 6, "total": "1.01"}]}, "152.01"),
        ([(1, "100", 21)], {"impuestos_internos": D("4.44")}, "125.44"),
        ([(1, "114.88", 21)], {"tipo": "FACTURA C"}, "114.88"),
        ([(2, "50", 21, 10)], {"tipo": "RECIBO C", "bonificacion": D(5)}, "85.00"),
        ([(1, "0.005", 0)], {}, "0.00"),
        ([(1, "0.015", 0)], {}, "0.02"),
        ([(1, "0.025", 0)], {}, "0.02"),
    ],
)
def test_what_a_comprobante_adds_up_to(items: list[tuple[Any, ...]], fields: dict[str, Any], total: str) -> None:
    made = sale(items, **fields)
    assert f"{made.computed.total}" == f"{total_of(made)}" == total
    # Where none was given, that is the total that leaves.
    assert D(str(made.wire()["comprobante"]["total"])) == D(total)


def test_the_parts_are_told_apart() -> None:
    sums = totals(sale([(1, "100", 21), (1, "100", "10.5")], bonificacion=D(20)))
    assert (sums.subtotal, sums.neto, sums.iva) == (D(200), D(180), {D(21): D("18.90"), D("10.5"): D("9.45")})
    assert sums.lineas == (D(100), D(100))


def test_the_providers_own_sample_takes_the_discount_off_its_first_rate() -> None:
    made = read(samples.nota_de_debito_b())
    assert total_with_discount_on_first_rate(made) == made.total == D("543.22")
    assert made.computed.total == D("544.86")


def test_a_wrong_total_is_told_with_its_arithmetic() -> None:
    with pytest.raises(ComprobanteInvalido) as caught:
        read(samples.put(samples.factura_b(), "comprobante.total", 139.1))
    (problem,) = caught.value.problems
    assert (problem.got, problem.expected) == ("139.10", "139.00")
    assert "detalle 1: 1 × 114.88 = 114.88; subtotal 114.88; IVA 21 % 24.12; total 139.00; got 139.10" in str(problem)


def test_the_arithmetic_of_a_long_or_discounted_comprobante_stays_readable() -> None:
    made = sale([(1, "10", 21, 5)] * 30, bonificacion=D(2), percepciones_iva=D(1), impuestos_internos=D(3), total=D(1))
    with pytest.raises(ComprobanteInvalido) as caught:
        read(made)
    text = str(caught.value)
    assert "1 × 10 − 5 % = 9.50" in text
    assert "… and 21 more lines" in text
    assert "bonificacion 2, net 283.00" in text
    assert "tributos y percepciones 1; impuestos internos 3" in text


@pytest.mark.parametrize(
    ("number", "text"),
    [("1", "1"), ("1.5", "1.50"), ("1.500", "1.50"), ("0.125", "0.125"), ("1E+2", "100"), ("10", "10")],
)
def test_numbers_are_written_as_a_bookkeeper_does(number: str, text: str) -> None:
    assert plain(D(number)) == text


@given(lines, st.sampled_from(["FACTURA B", "FACTURA A", "FACTURA C"]))
def test_the_total_is_the_exact_sum_rounded_once_half_to_even(items: list[tuple[D, D, D, D]], tipo: str) -> None:
    with localcontext() as context:
        context.prec = 100
        exact = D(0)
        for cantidad, precio, rate, discount in items:
            net = cantidad * precio * (1 - discount / 100)
            exact += net * (1 + (max(rate, D(0)) if carries_iva(tipo) else D(0)) / 100)
        expected = exact.quantize(CENT, ROUND_HALF_EVEN)
    assert sale(items, tipo=tipo).computed.total == expected


@given(lines, st.integers(min_value=0, max_value=100))
def test_a_general_discount_lowers_the_iva_of_every_rate_in_proportion(
    items: list[tuple[D, D, D, D]], part: int
) -> None:
    whole = totals(sale(items))
    discount = (whole.subtotal * part / 100).quantize(CENT)
    made = sale(items, bonificacion=discount)
    sums = totals(made)
    assert total_of(made) == sums.total
    assert abs(sums.neto - (whole.subtotal - discount)) <= CENT
    if whole.subtotal > 0:
        for rate, tax in whole.iva.items():
            assert abs(sums.iva[rate] - tax * (1 - discount / whole.subtotal)) <= tax / whole.subtotal * CENT + CENT


@given(lines)
def test_amounts_leave_as_the_digits_that_came_in(items: list[tuple[D, D, D, D]]) -> None:
    made = sale(items)
    text = json.dumps(made.wire(), ensure_ascii=False)
    sent = json.loads(text, parse_float=D, parse_int=D)["comprobante"]
    for (cantidad, precio, rate, discount), line in zip(items, sent["detalle"], strict=True):
        assert line["cantidad"] == cantidad
        assert line["producto"]["precio_unitario_sin_iva"] == precio
        assert line["producto"]["alicuota"] == rate
        assert line["bonificacion_porcentaje"] == discount
    assert sent["total"] == made.computed.total
    assert not re.search(r"\d\.\d{4,}|\de[-+]?\d", text)


@given(lines)
@settings(max_examples=50)
def test_what_is_written_is_read_back_equal(items: list[tuple[D, D, D, D]]) -> None:
    made = read(sale(items))
    assert read(json.loads(json.dumps(made.wire()))) == made


@pytest.mark.parametrize("precision", [4, 28])
def test_the_callers_decimal_context_does_not_matter(precision: int) -> None:
    with localcontext() as context:
        context.prec = precision
        assert sale([(3, "12345.678", 21)]).computed.total == D("44814.81")


def test_a_float_is_the_number_it_shows() -> None:
    assert read(samples.factura_b()).detalle[0].producto.precio_unitario_sin_iva == D("114.88")
