"""Each rule about the reference tables: what it lets pass and what it refuses."""

from __future__ import annotations

from typing import Any

from tests.support.wire.rule_cases import (
    FACTURA_B,
    FACTURA_C,
    LINE,
    PRODUCT,
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
        "cliente-tablas",
        "cliente.provincia",
        each("cliente.provincia", ["1", 24, "26"]),
        each("cliente.provincia", ["0", 27, "", "Salta", "02"]),
    ),
    case(
        "cliente-tablas",
        "cliente.condicion_pago",
        each("cliente.condicion_pago", ["0", 0, 201, "216"]),
        each("cliente.condicion_pago", ["1", 300, "Contado"]),
    ),
    case(
        "cliente-tablas",
        "cliente.documento_tipo",
        each("cliente.documento_tipo", ["DNI", "CUIT", "CUIL", "CDI", "PASAPORTE", "OTRO"]),
        each("cliente.documento_tipo", ["dni", "LE", ""]),
    ),
    case(
        "cliente-tablas",
        "cliente.condicion_iva",
        each("cliente.condicion_iva", ["CF", "M", "E", "CDEX", "IVNA"]),
        each("cliente.condicion_iva", ["", "XX", "cf"]),
    ),
    case(
        "cliente-tablas",
        "cliente.condicion_iva_operacion",
        each(
            "cliente.condicion_iva_operacion", ["CF", None, ...], put(FACTURA_B, "cliente.condicion_iva_operacion", "E")
        ),
        each("cliente.condicion_iva_operacion", ["1", ""], FACTURA_C),
    ),
    case(
        "comprobante-tablas",
        "comprobante.operacion",
        each("comprobante.operacion", ["V", ...]),
        each("comprobante.operacion", ["C", "v"]),
    ),
    case(
        "comprobante-tablas",
        "comprobante.idioma",
        each("comprobante.idioma", [1, "2"]),
        each("comprobante.idioma", [3, "es"]),
    ),
    case(
        "comprobante-tablas",
        "comprobante.moneda",
        [with_(moneda=moneda, cotizacion=9) for moneda in ("DOL", "060", "012")],
        [with_(moneda=moneda, cotizacion=9) for moneda in ("USD", "60", "")],
    ),
    case(
        "comprobante-tablas",
        "comprobante.percepciones_iibb_juridiccion",
        [put(FACTURA_B, "comprobante.percepciones_iibb_juridiccion", "10")],
        [put(FACTURA_B, "comprobante.percepciones_iibb_juridiccion", "99")],
    ),
    case(
        "unidad-medida",
        f"{PRODUCT}.unidad_medida",
        each(f"{PRODUCT}.unidad_medida", [7, "98", 1]),
        each(f"{PRODUCT}.unidad_medida", [12, "unidades"]),
    ),
    *(
        case("si-no", path, each(path, ["S", "N"]), each(path, ["s", "SI", ""]))
        for path in (
            "cliente.reclama_deuda",
            "cliente.envia_por_mail",
            "cliente.rg5329",
            "comprobante.abono_actualiza_precios",
            f"{LINE}.afecta_stock",
            f"{LINE}.actualiza_precio",
            f"{PRODUCT}.actualiza_precio",
            f"{PRODUCT}.rg5329",
        )
    ),
    case(
        "si-no",
        "comprobante.datos_informativos.paga_misma_moneda",
        [with_(datos_informativos={"paga_misma_moneda": "N"})],
        [with_(datos_informativos={"paga_misma_moneda": "no"})],
    ),
]


@each_that_passes(CASES)
def test_what_a_rule_lets_pass(rule: str, path: str, item: Any) -> None:
    assert (rule, path) not in found(item)


@each_that_fails(CASES)
def test_what_a_rule_refuses(rule: str, path: str, item: Any) -> None:
    assert (rule, path) in found(item)
