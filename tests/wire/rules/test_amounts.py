"""Each rule about amounts: what it lets pass and what it refuses."""

from __future__ import annotations

from typing import Any

from tests.support.wire.rule_cases import (
    FACTURA_C,
    LINE,
    NOTA_B,
    PRODUCT,
    TRIBUTO,
    case,
    each,
    each_that_fails,
    each_that_passes,
    found,
    with_,
)
from tests.support.wire.samples import put

CASES = [
    case(
        "cantidad",
        f"{LINE}.cantidad",
        [put(with_(), f"{LINE}.cantidad", value) for value in (1, "1.50", 0.25, 1000)],
        [put(with_(), f"{LINE}.cantidad", value) for value in (0, -1, "0.125")],
    ),
    case(
        "precio",
        f"{PRODUCT}.precio_unitario_sin_iva",
        [put(with_(), f"{PRODUCT}.precio_unitario_sin_iva", value) for value in (0, "0.001", "99999999999.999")],
        [put(with_(), f"{PRODUCT}.precio_unitario_sin_iva", value) for value in (-1, "0.0001")],
    ),
    case(
        "bonificacion-porcentaje",
        f"{LINE}.bonificacion_porcentaje",
        [put(with_(), f"{LINE}.bonificacion_porcentaje", value) for value in (0, "12.5", 100)],
        [put(with_(), f"{LINE}.bonificacion_porcentaje", value) for value in (-1, "100.01", "12.555")],
    ),
    case(
        "alicuota",
        f"{PRODUCT}.alicuota",
        [
            *(put(with_(), f"{PRODUCT}.alicuota", value) for value in (27, "21", 10.5, 0, -1, "-2")),
            put(FACTURA_C, f"{PRODUCT}.alicuota", ...),
        ],
        each(f"{PRODUCT}.alicuota", [..., None, 20, 5, -3]),
    ),
    case(
        "importes",
        "comprobante.bonificacion",
        [with_(bonificacion=value) for value in (0, "10.01")],
        [with_(bonificacion=value) for value in (-1, "10.001")],
    ),
    case("importes", "comprobante.percepciones_iva", [with_(percepciones_iva="1.5")], [with_(percepciones_iva=-1)]),
    case(
        "importes",
        "comprobante.tributos[0].total",
        [with_(tributos=[TRIBUTO])],
        [with_(tributos=[{"tipo": 7, "total": -1}])],
    ),
    case(
        "importes",
        f"{PRODUCT}.impuestos_internos_alicuota",
        [put(with_(impuestos_internos=5), f"{PRODUCT}.impuestos_internos_alicuota", "4.5")],
        [put(with_(impuestos_internos=5), f"{PRODUCT}.impuestos_internos_alicuota", "4.555")],
    ),
    case("exentos", "comprobante.exentos", [with_(exentos="0")], [with_(exentos=100)]),
    case("exentos", "comprobante.nogravados", [with_(nogravados=0)], [with_(nogravados=1)]),
    case("bonificacion", "comprobante.bonificacion", [with_(bonificacion="114.88")], [with_(bonificacion="114.89")]),
    case(
        "impuestos-internos",
        "comprobante.impuestos_internos",
        [put(with_(impuestos_internos="3.2"), f"{PRODUCT}.impuestos_internos_alicuota", 3)],
        [put(with_(), f"{PRODUCT}.impuestos_internos_alicuota", 3)],
    ),
    case(
        "impuestos-internos",
        "comprobante.detalle",
        [put(with_(NOTA_B, impuestos_internos=1), f"{PRODUCT}.impuestos_internos_alicuota", 3)],
        [
            put(
                put(with_(NOTA_B, impuestos_internos=1), f"{PRODUCT}.impuestos_internos_alicuota", 3),
                "comprobante.detalle[1].producto.impuestos_internos_alicuota",
                4,
            )
        ],
    ),
    case(
        "tributos-importe",
        "comprobante.tributos[0].total",
        [with_(tributos=[{**TRIBUTO, "total": total}]) for total in (400, "400.01", "399.99")]
        + [with_(tributos=[{**TRIBUTO, "alicuota": 0, "total": 7}])],
        [with_(tributos=[{**TRIBUTO, "total": "400.02"}])],
    ),
    case(
        "total",
        "comprobante.total",
        [*each("comprobante.total", [139.0, "139", ..., None]), NOTA_B],
        [*each("comprobante.total", ["139.01", "138.99", 0, "139.001"]), put(NOTA_B, "comprobante.total", "543.21")],
    ),
]


@each_that_passes(CASES)
def test_what_a_rule_lets_pass(rule: str, path: str, item: Any) -> None:
    assert (rule, path) not in found(item)


@each_that_fails(CASES)
def test_what_a_rule_refuses(rule: str, path: str, item: Any) -> None:
    assert (rule, path) in found(item)
