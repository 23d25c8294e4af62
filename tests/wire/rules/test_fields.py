"""Each rule about missing, long and many fields: what it lets pass and what it refuses."""

from __future__ import annotations

from typing import Any

from tests.support.wire.rule_cases import (
    FACTURA_B,
    LINE,
    NOTA_B,
    PRODUCT,
    TRIBUTO,
    case,
    each,
    each_that_fails,
    each_that_passes,
    found,
    lines,
    with_,
)
from tests.support.wire.samples import put

CASES = [
    *(
        case(rule, path, each(path, ["x" * 255]), each(path, ["x" * 256, "", " ", "a\0b"]))
        for rule, path in (
            ("cliente-largos", "cliente.razon_social"),
            ("cliente-largos", "cliente.domicilio"),
            ("comprobante-largos", "comprobante.rubro"),
            ("comprobante-largos", "comprobante.rubro_grupo_contable"),
        )
    ),
    case("comprobante-largos", "comprobante.rubro", [FACTURA_B], [put(FACTURA_B, "comprobante.rubro", ...)]),
    case("cliente-largos", "cliente.codigo", each("cliente.codigo", ["x" * 50, 7]), each("cliente.codigo", ["x" * 51])),
    case(
        "comprobante-largos",
        "comprobante.leyenda_gral",
        each("comprobante.leyenda_gral", ["x" * 255, "%" * 85, ""]),
        each("comprobante.leyenda_gral", ["x" * 256, "%" * 86, "\n" * 86]),
    ),
    case(
        "comprobante-largos",
        "comprobante.comentario",
        each("comprobante.comentario", ["x"]),
        each("comprobante.comentario", ["x" * 256]),
    ),
    case(
        "producto-largos",
        f"{PRODUCT}.descripcion",
        each(f"{PRODUCT}.descripcion", ["abcd", "x" * 255]),
        each(f"{PRODUCT}.descripcion", ["abc", "abc ", "x" * 256]),
    ),
    case(
        "producto-largos",
        f"{PRODUCT}.lista_precios",
        each(f"{PRODUCT}.lista_precios", ["abcd"]),
        each(f"{PRODUCT}.lista_precios", ["abc", ..., None]),
    ),
    case(
        "producto-largos",
        f"{PRODUCT}.codigo",
        each(f"{PRODUCT}.codigo", ["x" * 50, "", ...]),
        each(f"{PRODUCT}.codigo", ["x" * 51]),
    ),
    case(
        "linea-leyenda",
        f"{LINE}.leyenda",
        each(f"{LINE}.leyenda", ["x" * 100]),
        each(f"{LINE}.leyenda", ["x" * 101, "%" * 34]),
    ),
    case(
        "linea-leyenda", f"{PRODUCT}.leyenda", each(f"{PRODUCT}.leyenda", [""]), each(f"{PRODUCT}.leyenda", ["x" * 101])
    ),
    case(
        "unidad-bulto",
        f"{PRODUCT}.unidad_bulto",
        each(f"{PRODUCT}.unidad_bulto", [1, "30", ...]),
        each(f"{PRODUCT}.unidad_bulto", [0, "0", -1, "", "1.5"]),
    ),
    case("detalle-cantidad", "comprobante.detalle", [lines(1), lines(130)], [lines(131), with_(detalle=[])]),
    case("tributos-cantidad", "comprobante.tributos", [with_(tributos=[TRIBUTO] * 7)], [with_(tributos=[TRIBUTO] * 8)]),
    case("tags", "comprobante.tags", [with_(tags=["a"] * 50)], [with_(tags=["a"] * 51)]),
    case("tags", "comprobante.tags[1]", [with_(tags=["a", "x" * 255])], [with_(tags=["a", "x" * 256])]),
    case("abono", "comprobante.abono_hasta", [NOTA_B], [put(NOTA_B, "comprobante.abono_hasta", ...)]),
    case("extra", "comprobante.nuevo", [with_(nuevo=[1])], [with_(nuevo={1, 2})]),
]


@each_that_passes(CASES)
def test_what_a_rule_lets_pass(rule: str, path: str, item: Any) -> None:
    assert (rule, path) not in found(item)


@each_that_fails(CASES)
def test_what_a_rule_refuses(rule: str, path: str, item: Any) -> None:
    assert (rule, path) in found(item)
