"""Cases of a rule: what it lets pass and what it refuses, and the shapes that they are made of."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any, NamedTuple

import pytest

from django_tusfacturas_lotes.wire.comprobante import Comprobante, ComprobanteInvalido
from django_tusfacturas_lotes.wire.rules import RULES, Facts
from django_tusfacturas_lotes.wire.validation import read
from tests.support.wire import samples
from tests.support.wire.samples import put

TODAY = date(2018, 3, 28)
LINE = "comprobante.detalle[0]"
PRODUCT = f"{LINE}.producto"
ASOCIADO = "comprobante.comprobantes_asociados[0]"
TRIBUTO = {"tipo": 7, "regimen": 22, "base_imponible": 2000, "alicuota": 20, "total": 400}

FACTURA_B = samples.factura_b()
FACTURA_A = samples.nota_a("FACTURA A")
FACTURA_C = samples.factura_c()
NOTA_A = samples.nota_a()
NOTA_B = samples.nota_de_debito_b()


class Case(NamedTuple):
    rule: str
    path: str
    passes: list[Any]
    fails: list[Any]


def case(rule: str, path: str, passes: list[Any], fails: list[Any]) -> Case:
    return Case(rule, path, passes, fails)


def consumer(shape: samples.Shape = FACTURA_B, **cliente: Any) -> samples.Shape:
    """`shape` to a final consumer with a DNI, or with these fields of the customer."""
    made = copy.deepcopy(shape)
    made["cliente"].update({"documento_tipo": "DNI", "documento_nro": "30123456", "condicion_iva": "CF", **cliente})
    return made


def lines(count: int) -> samples.Shape:
    shape = put(FACTURA_B, "comprobante.total", ...)
    shape["comprobante"]["detalle"] *= count
    return shape


def with_(shape: samples.Shape = FACTURA_B, **fields: Any) -> samples.Shape:
    made = copy.deepcopy(shape)
    made["comprobante"].update(fields)
    if "total" not in fields:
        del made["comprobante"]["total"]
    return made


def each(path: str, values: list[Any], shape: samples.Shape = FACTURA_B) -> list[samples.Shape]:
    return [put(shape, path, value) for value in values]


def facts(shape: samples.Shape = FACTURA_B, **known: Any) -> tuple[samples.Shape, Facts]:
    return shape, Facts(**known)


def tipo(value: str, shape: samples.Shape = FACTURA_B) -> samples.Shape:
    return put(put(shape, "comprobante.tipo", value), "comprobante.total", ...)


def found(item: Any) -> list[tuple[str, str]]:
    """Return (rule, path) of all that the rules say of a shape, or of a shape with facts."""
    shape, known = item if isinstance(item, tuple) else (item, Facts())
    told: list[tuple[str, str]] = []
    try:
        read(shape, known)
    except ComprobanteInvalido as error:
        paths = {problem.path for problem in error.problems}
        readable = copy.deepcopy(shape)
        made = Comprobante(**{**readable["comprobante"], "cliente": readable["cliente"]})
        if made.punto_venta is None and known.punto_venta is not None:
            made = made.model_copy(update={"punto_venta": known.punto_venta})
        told = [(rule.id, problem.path) for rule in RULES for problem in rule.check(made, known)]
        assert {path for _, path in told} == paths
    return told


def _each_of(name: str, cases: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("rule", "path", "item"),
        [
            pytest.param(c.rule, c.path, item, id=f"{c.rule}-{c.path}-{n}")
            for c in cases
            for n, item in enumerate(getattr(c, name))
        ],
    )


def each_that_passes(cases: list[Case]) -> pytest.MarkDecorator:
    """Run a test with (rule, path, item) for each item that the rule lets pass."""
    return _each_of("passes", cases)


def each_that_fails(cases: list[Case]) -> pytest.MarkDecorator:
    """Run a test with (rule, path, item) for each item that the rule refuses."""
    return _each_of("fails", cases)
