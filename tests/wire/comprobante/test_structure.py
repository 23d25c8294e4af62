"""Data that can't be read: what is told of them, and that the rest is still looked at."""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from django_tusfacturas_lotes.wire.comprobante import (
    Cliente,
    Comprobante,
    ComprobanteInvalido,
    Linea,
    blocks,
    problems_from,
    structure,
)
from django_tusfacturas_lotes.wire.validation import read
from tests.support.wire import samples
from tests.support.wire.building import build, problems


@pytest.mark.parametrize("block", ["cliente", "comprobante"])
def test_any_mapping_will_do_for_the_two_blocks(block: str) -> None:
    shape = samples.factura_b()
    assert read(OrderedDict(shape, **{block: OrderedDict(shape[block])})) == read(shape)
    assert read({**shape, "cliente": Cliente(**shape["cliente"])}) == read(shape)


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
