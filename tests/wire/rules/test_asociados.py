"""Each rule about associated comprobantes: what it lets pass and what it refuses."""

from __future__ import annotations

from typing import Any

from tests.support.wire.rule_cases import (
    ASOCIADO,
    NOTA_A,
    NOTA_B,
    case,
    each,
    each_that_fails,
    each_that_passes,
    facts,
    found,
    with_,
)
from tests.support.wire.samples import put

PERIODO_ASOCIADO = {"fecha_desde": "01/07/2018", "fecha_hasta": "20/07/2018"}
NOTA_PERIODO = put(
    put(NOTA_A, "comprobante.comprobantes_asociados_periodo", PERIODO_ASOCIADO),
    "comprobante.comprobantes_asociados",
    ...,
)

CASES = [
    case(
        "asociados",
        "comprobante.comprobantes_asociados",
        [NOTA_A, NOTA_PERIODO, with_(comprobantes_asociados=[])],
        [
            put(NOTA_A, "comprobante.comprobantes_asociados", []),
            with_(comprobantes_asociados=NOTA_B["comprobante"]["comprobantes_asociados"]),
        ],
    ),
    case(
        "asociados",
        "comprobante.comprobantes_asociados_periodo",
        [NOTA_PERIODO],
        [
            put(NOTA_A, "comprobante.comprobantes_asociados_periodo", PERIODO_ASOCIADO),
            with_(comprobantes_asociados_periodo={"fecha_desde": "01/03/2018", "fecha_hasta": "02/03/2018"}),
        ],
    ),
    case(
        "asociados-cantidad",
        "comprobante.comprobantes_asociados",
        [with_(NOTA_B, comprobantes_asociados=NOTA_B["comprobante"]["comprobantes_asociados"] * 10)],
        [with_(NOTA_B, comprobantes_asociados=NOTA_B["comprobante"]["comprobantes_asociados"] * 11)],
    ),
    case(
        "asociados-datos",
        f"{ASOCIADO}.tipo_comprobante",
        each(f"{ASOCIADO}.tipo_comprobante", ["FACTURA A", "NOTA DE DEBITO A"], NOTA_A),
        each(f"{ASOCIADO}.tipo_comprobante", ["FACTURA B", "FACTURA E", "1"], NOTA_A),
    ),
    case(
        "asociados-datos",
        f"{ASOCIADO}.numero",
        each(f"{ASOCIADO}.numero", [1, "00012313"], NOTA_A),
        each(f"{ASOCIADO}.numero", [0, 10**8], NOTA_A),
    ),
    case("asociados-datos", f"{ASOCIADO}.punto_venta", [NOTA_A], each(f"{ASOCIADO}.punto_venta", [0, 100000], NOTA_A)),
    case(
        "asociados-datos",
        f"{ASOCIADO}.cuit",
        [put(NOTA_A, f"{ASOCIADO}.cuit", ...)],
        each(f"{ASOCIADO}.cuit", ["30-71229384-1"], NOTA_A),
    ),
    case(
        "asociados-fecha",
        f"{ASOCIADO}.comprobante_fecha",
        each(f"{ASOCIADO}.comprobante_fecha", ["20/07/2018", ...], NOTA_A),
        each(f"{ASOCIADO}.comprobante_fecha", ["21/07/2018"], NOTA_A),
    ),
    case(
        "asociados-fecha",
        "comprobante.comprobantes_asociados_periodo.fecha_hasta",
        [NOTA_PERIODO],
        each("comprobante.comprobantes_asociados_periodo.fecha_hasta", ["21/07/2018", "30/06/2018"], NOTA_PERIODO),
    ),
    case(
        "asociados-moneda",
        "comprobante.moneda",
        [facts(NOTA_B, moneda_asociados="DOL"), facts(NOTA_B), facts(moneda_asociados="DOL")],
        [facts(NOTA_B, moneda_asociados="PES")],
    ),
]


@each_that_passes(CASES)
def test_what_a_rule_lets_pass(rule: str, path: str, item: Any) -> None:
    assert (rule, path) not in found(item)


@each_that_fails(CASES)
def test_what_a_rule_refuses(rule: str, path: str, item: Any) -> None:
    assert (rule, path) in found(item)
