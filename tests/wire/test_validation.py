"""Reading and checking a comprobante: what is filled in, and that all problems are told at once."""

from __future__ import annotations

from decimal import Decimal

from django_tusfacturas_lotes.wire.rules import Facts
from django_tusfacturas_lotes.wire.validation import read
from tests.support.wire import samples
from tests.support.wire.building import build, problems


def test_models_and_mappings_are_read_alike() -> None:
    made = read(build())
    assert read(made.wire()) == made
    assert made.total == Decimal("139.00")
    assert type(made.tipo) is str


def test_all_that_is_wrong_is_told_at_once_whether_it_can_be_read_or_not() -> None:
    shape = samples.factura_b()
    del shape["cliente"]["domicilio"]
    shape["cliente"]["provincia"] = "99"
    shape["comprobante"]["fecha"] = "yesterday"
    shape["comprobante"]["numero"] = 3
    shape["comprobante"]["detalle"] += samples.factura_b()["comprobante"]["detalle"]
    shape = samples.put(shape, "comprobante.detalle[0].cantidad", "one")
    shape = samples.put(shape, "comprobante.detalle[1].producto.alicuota", 20)
    assert set(problems(shape)) == {
        "cliente.domicilio",
        "cliente.provincia",
        "comprobante.fecha",
        "comprobante.numero",
        "comprobante.detalle[0].cantidad",
        "comprobante.detalle[1].producto.alicuota",
    }


def test_the_accounts_point_of_sale_is_filled_in() -> None:
    assert read(build(punto_venta=None), Facts(punto_venta=9)).wire()["comprobante"]["punto_venta"] == 9


def test_a_total_that_json_would_not_carry_is_a_problem() -> None:
    shape = samples.put(samples.factura_b(), "comprobante.detalle[0].cantidad", 99999999999)
    del shape["comprobante"]["total"]
    assert set(problems(shape)) == {"comprobante.total"}
