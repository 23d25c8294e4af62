"""Each rule about the type, the number and the point of sale: what it lets pass and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from django_tusfacturas_lotes.wire.comprobante import ComprobanteInvalido
from django_tusfacturas_lotes.wire.validation import read
from tests.support.wire import samples
from tests.support.wire.rule_cases import (
    FACTURA_A,
    FACTURA_B,
    FACTURA_C,
    case,
    consumer,
    each,
    each_that_fails,
    each_that_passes,
    facts,
    found,
    tipo,
)
from tests.support.wire.samples import put

CASES = [
    case(
        "tipo",
        "comprobante.tipo",
        list(samples.of_every_type().values()),
        [
            tipo("FACTURA E"),
            tipo("NOTA DE CREDITO E"),
            tipo("FACTURA DE CREDITO ELECTRONICA MiPyME (FCE) A"),
            tipo("FACTURA NO VALIDA EN AFIP"),
            tipo("RECIBO B"),
            tipo("factura b"),
            tipo(""),
        ],
    ),
    case(
        "tipo-emisor",
        "comprobante.tipo",
        [
            facts(condicion_iva=None),
            facts(FACTURA_A, condicion_iva="RI"),
            facts(samples.nota_a("FACTURA M"), condicion_iva="RI"),
            facts(put(FACTURA_A, "cliente.condicion_iva", "M"), condicion_iva="RI"),
            *(facts(consumer(condicion_iva=receiver), condicion_iva="RI") for receiver in ("CF", "E", "IVNA", "CDEX")),
            facts(FACTURA_C, condicion_iva="M"),
            facts(samples.factura_c("RECIBO C"), condicion_iva="E"),
            facts(put(FACTURA_A, "cliente.condicion_iva_operacion", "RI"), condicion_iva="RI"),
        ],
        [
            facts(condicion_iva="RI"),
            facts(consumer(), condicion_iva="M"),
            facts(consumer(), condicion_iva="E"),
            facts(FACTURA_A, condicion_iva="M"),
            facts(FACTURA_C, condicion_iva="RI"),
            facts(put(FACTURA_A, "cliente.condicion_iva", "CF"), condicion_iva="RI"),
            facts(put(FACTURA_A, "cliente.condicion_iva_operacion", "CF"), condicion_iva="RI"),
        ],
    ),
    case(
        "tipo-receptor",
        "comprobante.tipo",
        [
            FACTURA_B,
            FACTURA_A,
            put(FACTURA_A, "cliente.condicion_iva", "M"),
            put(FACTURA_C, "cliente.condicion_iva", "RI"),
        ],
        [
            *each("cliente.condicion_iva", ["CF", "E", "CDEX", "IVNA"], FACTURA_A),
            put(FACTURA_B, "cliente.condicion_iva", "RI"),
        ],
    ),
    case(
        "condicion-iva-operacion",
        "cliente.condicion_iva_operacion",
        [
            put(FACTURA_A, "cliente.condicion_iva_operacion", "RI"),
            consumer(condicion_iva_operacion="CF"),
            put(FACTURA_C, "cliente.condicion_iva_operacion", "RI"),
        ],
        [put(FACTURA_A, "cliente.condicion_iva_operacion", "CF"), consumer(condicion_iva_operacion="RI")],
    ),
    case(
        "numero",
        "comprobante.numero",
        each("comprobante.numero", [0, "0", "00000000", ...]),
        each("comprobante.numero", [1, "12", -1]),
    ),
    case(
        "punto-venta",
        "comprobante.punto_venta",
        [
            *each("comprobante.punto_venta", [1, "0003", 99999]),
            facts(punto_venta=3),
            facts(put(FACTURA_B, "comprobante.punto_venta", ...), punto_venta=3),
        ],
        [*each("comprobante.punto_venta", [..., None, 0, -1, 100000]), facts(punto_venta=4)],
    ),
]


@each_that_passes(CASES)
def test_what_a_rule_lets_pass(rule: str, path: str, item: Any) -> None:
    assert (rule, path) not in found(item)


@each_that_fails(CASES)
def test_what_a_rule_refuses(rule: str, path: str, item: Any) -> None:
    assert (rule, path) in found(item)


@pytest.mark.parametrize("letter", ["FACTURA E", "NOTA DE DEBITO E"])
def test_type_e_is_refused_with_why_and_what_to_do(letter: str) -> None:
    with pytest.raises(ComprobanteInvalido) as caught:
        read(tipo(letter))
    (problem,) = [problem for problem in caught.value.problems if problem.path == "comprobante.tipo"]
    assert "can't be issued asynchronously" in str(problem)
    assert "Issue it by hand" in str(problem)
