"""Each rule about currency and payments: what it lets pass and what it refuses."""

from __future__ import annotations

from typing import Any

from tests.support.wire.rule_cases import FACTURA_B, case, each_that_fails, each_that_passes, found, with_
from tests.support.wire.samples import put

CASES = [
    case(
        "moneda-cotizacion",
        "comprobante.cotizacion",
        [
            with_(moneda="PES", cotizacion="1.00"),
            put(FACTURA_B, "comprobante.cotizacion", ...),
            with_(moneda="DOL", cotizacion="1035.50"),
            with_(moneda="012", cotizacion=1),
        ],
        [
            with_(moneda="PES", cotizacion=2),
            with_(moneda="DOL", cotizacion=1),
            with_(moneda="DOL", cotizacion=0),
            with_(moneda="DOL", cotizacion=-5),
            with_(moneda="060", cotizacion=None),
            with_(moneda="060", cotizacion="1.0000001"),
        ],
    ),
    case(
        "paga-misma-moneda",
        "comprobante.datos_informativos.paga_misma_moneda",
        [with_(moneda="DOL", cotizacion=9, datos_informativos={"paga_misma_moneda": "S"})],
        [with_(datos_informativos={"paga_misma_moneda": "S"})],
    ),
    case(
        "pagos",
        "comprobante.pagos.total",
        [
            with_(
                pagos={
                    "formas_pago": [{"descripcion": "VISA", "importe": 0.6}, {"descripcion": "MP", "importe": 50}],
                    "total": 50.6,
                }
            )
        ],
        [with_(pagos={"formas_pago": [{"descripcion": "VISA", "importe": 0.6}], "total": 0.5})],
    ),
    case(
        "pagos-tope",
        "comprobante.pagos.total",
        [with_(pagos={"formas_pago": [{"descripcion": "VISA", "importe": 139}], "total": 139})],
        [with_(pagos={"formas_pago": [{"descripcion": "VISA", "importe": 140}], "total": 140})],
    ),
]


@each_that_passes(CASES)
def test_what_a_rule_lets_pass(rule: str, path: str, item: Any) -> None:
    assert (rule, path) not in found(item)


@each_that_fails(CASES)
def test_what_a_rule_refuses(rule: str, path: str, item: Any) -> None:
    assert (rule, path) in found(item)
