"""Reading, writing and what is told of data that can't be read."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import OrderedDict
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from django_tusfacturas_lotes.wire.comprobante import (
    Cliente,
    Comprobante,
    ComprobanteInvalido,
    Linea,
    Problem,
    Producto,
    blocks,
    comprobante,
    problems_from,
    read,
    structure,
)
from django_tusfacturas_lotes.wire.comprobante.tables import Provincia, Tipo
from django_tusfacturas_lotes.wire.rules import Facts
from tests.wire import samples


def problems(data: Any, facts: Facts | None = None) -> dict[str, Problem]:
    with pytest.raises(ComprobanteInvalido) as caught:
        read(data, facts)
    return {problem.path: problem for problem in caught.value.problems}


def build(**changes: Any) -> Comprobante:
    fields: dict[str, Any] = {
        "cliente": Cliente(
            documento_tipo="DNI",
            documento_nro=30123456,
            razon_social="Juana Pérez",
            domicilio="Av. Santa Fe 123",
            provincia=Provincia.CORDOBA,
            condicion_iva="CF",
            condicion_pago=201,
        ),
        "tipo": Tipo.FACTURA_B,
        "punto_venta": 3,
        "rubro": "Ventas",
        "rubro_grupo_contable": "Ventas",
        "detalle": [
            Linea(
                cantidad=Decimal(1),
                producto=Producto(
                    descripcion="Remera 100% algodón",
                    precio_unitario_sin_iva=Decimal("114.88"),
                    alicuota=Decimal(21),
                    lista_precios="Tienda",
                ),
            )
        ],
    }
    return Comprobante(**{**fields, **changes})


@pytest.mark.parametrize("row", [0, 1, 2])
def test_each_item_of_the_seeds_example_comes_out_as_it_went_in(row: int) -> None:
    item = samples.seed_items()[row]
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


def test_there_is_a_sample_of_every_type_that_can_be_issued() -> None:
    assert set(samples.of_every_type()) == {tipo.value for tipo in Tipo}


def test_models_and_mappings_are_read_alike() -> None:
    made = read(build())
    assert read(made.wire()) == made
    assert made.total == Decimal("139.00")
    assert type(made.tipo) is str


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


@pytest.mark.parametrize("name", sorted(structure.OURS))
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


@pytest.mark.parametrize("block", ["cliente", "comprobante"])
def test_any_mapping_will_do_for_the_two_blocks(block: str) -> None:
    shape = samples.factura_b()
    assert read(OrderedDict(shape, **{block: OrderedDict(shape[block])})) == read(shape)
    assert read({**shape, "cliente": Cliente(**shape["cliente"])}) == read(shape)


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


@pytest.mark.parametrize("data", [None, 5, "x", [], [{}], object()])
def test_what_is_not_a_comprobante_at_all_is_a_problem_too(data: Any) -> None:
    assert set(problems(data)) == {"comprobante"}


@pytest.mark.parametrize(
    ("data", "paths"),
    [
        ({}, {"comprobante", "cliente"}),
        ({"cliente": 1, "comprobante": []}, {"comprobante", "cliente"}),
        ({**samples.factura_b(), "comprobante": None}, {"comprobante"}),
        ({**samples.factura_b(), "cliente": None}, {"cliente"}),
        ({**samples.factura_b(), "webhook_url": "x"}, {"webhook_url"}),
        (samples.put(samples.factura_b(), "comprobante.cliente", {}), {"comprobante.cliente"}),
        (samples.put(samples.factura_b(), "comprobante.detalle", "x"), {"comprobante.detalle"}),
        (samples.put(samples.factura_b(), "comprobante.detalle[0]", "x"), {"comprobante.detalle[0]"}),
        (samples.put(samples.factura_b(), "comprobante.detalle[0]", None), {"comprobante.detalle[0]"}),
        (samples.put(samples.factura_b(), "comprobante.detalle[0].producto", 1), {"comprobante.detalle[0].producto"}),
        (samples.put(samples.factura_b(), "comprobante.pagos", []), {"comprobante.pagos"}),
    ],
)
def test_a_missing_block_is_told_once(data: Any, paths: set[str]) -> None:
    assert set(problems(data)) == paths


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


def test_the_callers_data_stay_as_they_were() -> None:
    shape = samples.put(samples.factura_b(), "comprobante.detalle[0].cantidad", "x")
    before = json.dumps(shape)
    problems(shape)
    assert json.dumps(shape) == before


def _models() -> list[type[BaseModel]]:
    found = [Comprobante, *(model for model in vars(blocks).values() if isinstance(model, type))]
    return [model for model in found if issubclass(model, blocks.Block) and model is not blocks.Block]


@pytest.mark.parametrize("model", _models())
def test_whatever_is_missing_the_rest_can_still_be_looked_at(model: type[BaseModel]) -> None:
    required = {name for name, field in model.model_fields.items() if field.is_required()}
    assert required <= set(structure._STAND_INS)


def test_a_problem_is_a_sentence_with_its_path() -> None:
    (problem,) = problems(samples.put(samples.factura_b(), "comprobante.detalle[0].producto.alicuota", 20)).values()
    assert str(problem) == (
        "comprobante.detalle[0].producto.alicuota: is not a rate of IVA. Got: 20. "
        "Expected: 27, 21, 10.5, 0, -1 (exento) or -2 (no gravado)."
    )


def test_no_problem_shows_pydantics_words() -> None:
    shape = {
        "cliente": dict.fromkeys(Cliente.model_fields, object()),
        "comprobante": dict.fromkeys(Comprobante.model_fields, object()),
    }
    with pytest.raises(ComprobanteInvalido) as caught:
        read(shape)
    text = str(caught.value)
    assert "can't be read" not in text
    assert not any(word in text for word in ("pydantic", "Input should", "input_value", "errors.pydantic"))


def test_what_building_a_model_raises_can_be_put_into_the_same_words() -> None:
    with pytest.raises(ValidationError) as caught:
        Linea(cantidad="x", producto={"descripcion": "abcd"})
    assert [problem.path for problem in problems_from(caught.value)] == ["cantidad", "producto.precio_unitario_sin_iva"]
    with pytest.raises(ValidationError) as caught:
        build(fecha="x", cliente={})
    paths = [problem.path for problem in problems_from(caught.value)]
    assert "comprobante.fecha" in paths
    assert "cliente.domicilio" in paths


def test_the_accounts_point_of_sale_is_filled_in() -> None:
    assert read(build(punto_venta=None), Facts(punto_venta=9)).wire()["comprobante"]["punto_venta"] == 9


def test_an_amount_that_json_would_not_carry_is_not_written() -> None:
    with pytest.raises(ComprobanteInvalido):
        build().model_copy(update={"bonificacion": Decimal(10) ** 15}).wire()


def test_a_total_that_json_would_not_carry_is_a_problem() -> None:
    shape = samples.put(samples.factura_b(), "comprobante.detalle[0].cantidad", 99999999999)
    del shape["comprobante"]["total"]
    assert set(problems(shape)) == {"comprobante.total"}


def test_the_exception_survives_pickling_with_its_problems() -> None:
    import pickle

    error = ComprobanteInvalido([Problem("comprobante.total", "is wrong.", "1", "2")])
    assert pickle.loads(pickle.dumps(error)).problems == error.problems


def test_the_package_needs_neither_django_nor_requests() -> None:
    code = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"django", "rest_framework", "django_q", "requests"}:
            raise ImportError(name + " is blocked")
sys.meta_path.insert(0, Blocked())
import pkgutil
from django_tusfacturas_lotes import wire
for module in pkgutil.walk_packages(wire.__path__, wire.__name__ + "."):
    __import__(module.name)
from django_tusfacturas_lotes.wire.comprobante import Comprobante
assert not any(name.split(".")[0] in {"django", "requests"} for name in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_everything_that_is_exported_is_there() -> None:
    assert all(hasattr(comprobante, name) for name in comprobante.__all__)
