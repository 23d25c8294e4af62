"""Net prices out of final ones: they come to what was charged, or say by how much they miss."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from django_tusfacturas_lotes.wire.orders.net_prices import FinalPrice, net_price, net_prices
from tests.support.wire.sales import CENT, RATES, D, centavos, discounts, quantities, rates, sale


def _charged(lines: list[FinalPrice], tipo: str = "FACTURA B", **fields: Any) -> D:
    found = net_prices(lines, tipo=tipo)
    items = [
        (line.cantidad, net, line.alicuota, line.bonificacion_porcentaje)
        for line, net in zip(lines, found.nets, strict=True)
    ]
    assert all(net == net.quantize(D("0.001")) and net >= 0 for net in found.nets)
    total = sale(items, tipo=tipo, **fields).computed.total
    assert total == found.total
    assert found.difference == found.total - found.charged
    return total


@given(centavos, rates)
@settings(max_examples=1000)
def test_every_price_to_the_centavo_has_a_net_price(final: D, rate: D) -> None:
    found = net_price(final, rate)
    assert found.difference == 0
    assert _charged([FinalPrice(final, rate)]) == final


@pytest.mark.parametrize("rate", RATES)
def test_the_first_hundred_pesos_have_net_prices_centavo_by_centavo(rate: D) -> None:
    assert not [n for n in range(1, 10_001) if net_price(D(n) / 100, rate).difference]


@given(st.lists(st.tuples(centavos, rates, st.integers(min_value=1, max_value=7)), min_size=1, max_size=20))
def test_lists_of_lines_come_to_what_was_charged(items: list[tuple[D, D, int]]) -> None:
    wanted = [FinalPrice(precio, rate, D(cantidad)) for precio, rate, cantidad in items]
    assert _charged(wanted) == sum(precio * cantidad for precio, _, cantidad in items)


@given(
    st.lists(st.tuples(centavos, rates, quantities, discounts), min_size=1, max_size=10),
    st.sampled_from(["FACTURA A", "FACTURA B", "FACTURA C"]),
)
def test_where_it_can_not_be_met_the_difference_is_told_and_small(items: list[tuple[D, D, D, D]], tipo: str) -> None:
    wanted = [FinalPrice(*item) for item in items]
    found = net_prices(wanted, tipo=tipo)
    _charged(wanted, tipo)
    coarse = sum(line.cantidad for line in wanted) * D("0.001") * D("1.27")
    assert abs(found.difference) <= coarse + CENT


def test_prices_move_as_little_as_they_can() -> None:
    wanted = [FinalPrice(D("19.99"), D(21)) for _ in range(100)]
    found = net_prices(wanted)
    assert found.difference == 0
    assert max(abs(net - D("19.99") / D("1.21")) for net in found.nets) < D("0.003")


def test_a_large_quantity_says_by_how_much_it_misses() -> None:
    found = net_price(D("9.99"), D(21), cantidad=D(1000))
    assert found.charged == D(9990)
    assert found.difference == found.total - D(9990) != 0
    assert abs(found.difference) <= D("0.61")


def test_a_fine_line_makes_up_for_a_coarse_one() -> None:
    found = net_prices([FinalPrice(D("9.99"), D(21), D(1000)), FinalPrice(D("500"), D(21))])
    assert found.difference == 0


def test_another_sum_and_a_discount_can_be_aimed_at() -> None:
    found = net_prices([FinalPrice(D("121"), D(21))], charged=D("108.90"), bonificacion=D(10))
    assert (found.net, found.difference) == (D(100), D(0))


def test_c_types_keep_the_final_price() -> None:
    assert net_price(D("121"), D(21), tipo="FACTURA C").net == D(121)


@pytest.mark.parametrize("wanted", [[], [FinalPrice(D(-1), D(21))], [FinalPrice(D(1), D(21), D(0))]])
def test_nothing_to_work_out_is_an_error(wanted: list[FinalPrice]) -> None:
    with pytest.raises(ValueError, match="one or more lines"):
        net_prices(wanted)
