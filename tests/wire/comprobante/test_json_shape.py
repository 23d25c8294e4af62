"""How a comprobante is written in the provider's shape, and that it is read back the same."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from django_tusfacturas_lotes.wire.comprobante import ComprobanteInvalido, json_shape
from django_tusfacturas_lotes.wire.validation import read
from tests.support.wire import samples
from tests.support.wire.building import build, problems


@pytest.mark.parametrize("row", [0, 1, 2])
def test_each_item_of_the_documented_example_comes_out_as_it_went_in(row: int) -> None:
    item = samples.documented_items()[row]
    expected = {"cliente": item["cliente"], "comprobante": dict(item["comprobante"])}
    del expected["comprobante"]["facturacion_lote_id_referencia"]
    assert read(item).wire() == expected


@pytest.mark.parametrize(("tipo", "sample"), samples.of_every_type().items())
def test_the_documented_sample_of_every_type_is_valid_and_round_trips(tipo: str, sample: samples.Shape) -> None:
    made = read(sample)
    assert made.tipo == tipo
    sent = json.loads(json.dumps(made.wire()))
    assert read(sent) == made
    assert read(sent).wire() == sent
    assert set(sent["comprobante"]) >= set(sample["comprobante"])


def test_what_was_not_given_is_left_out_and_what_has_one_meaning_is_filled_in() -> None:
    assert read(build()).wire() == {
        "cliente": {
            "documento_tipo": "DNI",
            "documento_nro": 30123456,
            "razon_social": "Juana Pérez",
            "domicilio": "Av. Santa Fe 123",
            "provincia": "6",
            "condicion_iva": "CF",
            "condicion_pago": 201,
        },
        "comprobante": {
            "tipo": "FACTURA B",
            "punto_venta": 3,
            "numero": 0,
            "operacion": "V",
            "moneda": "PES",
            "cotizacion": 1,
            "rubro": "Ventas",
            "rubro_grupo_contable": "Ventas",
            "detalle": [
                {
                    "cantidad": 1,
                    "producto": {
                        "descripcion": "Remera 100#&# algodón",
                        "precio_unitario_sin_iva": 114.88,
                        "alicuota": 21,
                        "unidad_bulto": 1,
                        "lista_precios": "Tienda",
                    },
                }
            ],
            "total": 139,
        },
    }


def test_wire_of_a_model_that_was_not_read_has_its_total_and_a_number_of_zero() -> None:
    sent = build(numero=7).wire()["comprobante"]
    assert (sent["total"], sent["numero"], sent["cotizacion"]) == (139, 0, 1)


@pytest.mark.parametrize("name", sorted(json_shape.OURS))
def test_credentials_and_references_never_come_out(name: str) -> None:
    shape = samples.factura_b()
    for block in (shape, shape["cliente"], shape["comprobante"]):
        block[name] = "secret"
    built = build(**{name: "secret"}, datos_informativos={"x": {name: "secret"}})
    assert "secret" not in json.dumps([read(shape).wire(), built.wire()])
    assert read(shape) == read(samples.factura_b())


EXTRAS = [
    "cliente.nuevo",
    "comprobante.nuevo",
    "comprobante.detalle[0].nuevo",
    "comprobante.detalle[0].producto.nuevo",
    "comprobante.rg_especiales.datos[1].nuevo",
    "comprobante.pagos.formas_pago[0].nuevo",
    "comprobante.comprobantes_asociados[0].nuevo",
]


@pytest.mark.parametrize("path", EXTRAS)
@pytest.mark.parametrize("value", ["x", 1, 1.5, True, None, ["a", {"b": [1]}], {"c": {"d": None}}])
def test_what_the_models_do_not_know_comes_out_where_it_stood(path: str, value: Any) -> None:
    shape = read(samples.nota_de_debito_b()).wire()
    changed = samples.put(shape, path, value)
    assert read(changed).wire() == changed


@pytest.mark.parametrize("path", EXTRAS)
@pytest.mark.parametrize("value", [object(), float("nan"), {1: "x"}, {"a": {2, 3}}, Decimal("NaN")])
def test_what_is_passed_through_has_to_be_json(path: str, value: Any) -> None:
    shape = read(samples.nota_de_debito_b()).wire()
    assert set(problems(samples.put(shape, path, value))) == {path}


def test_decimals_and_dates_that_the_models_do_not_know_are_written_as_the_others() -> None:
    shape = samples.put(samples.factura_b(), "comprobante.nuevo", {"a": Decimal("1.10"), "b": [date(2018, 3, 1)]})
    assert read(shape).wire()["comprobante"]["nuevo"] == {"a": 1.1, "b": ["01/03/2018"]}


@pytest.mark.parametrize(
    ("path", "plain", "sent"),
    [
        ("comprobante.leyenda_gral", "10% menos\nsólo hoy", "10#&# menos#@#sólo hoy"),
        ("comprobante.comentario", "a\r\nb\rc", "a#@#b#@#c"),
        ("comprobante.detalle[0].leyenda", "50 %", "50 #&#"),
        ("comprobante.detalle[0].producto.leyenda", "\n%", "#@##&#"),
        ("comprobante.detalle[0].producto.descripcion", "Promo 20% OFF", "Promo 20#&# OFF"),
    ],
)
def test_texts_are_marked_as_the_provider_asks_and_read_back(path: str, plain: str, sent: str) -> None:
    made = read(samples.put(samples.factura_b(), path, plain))
    assert json.dumps(sent) in json.dumps(made.wire())
    assert read(made.wire()) == made
    assert read(samples.put(samples.factura_b(), path, sent)) == made


def test_an_address_is_sent_as_it_is() -> None:
    shape = samples.put(samples.factura_b(), "cliente.domicilio", "Av. 1\n50% #@#")
    assert read(shape).wire()["cliente"]["domicilio"] == "Av. 1\n50% #@#"


def test_an_amount_that_json_would_not_carry_is_not_written() -> None:
    with pytest.raises(ComprobanteInvalido):
        build().model_copy(update={"bonificacion": Decimal(10) ** 15}).wire()
