"""Each rule about the customer: what it lets pass and what it refuses."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.support.wire import samples
from tests.support.wire.rule_cases import (
    FACTURA_A,
    FACTURA_B,
    case,
    consumer,
    each,
    each_that_fails,
    each_that_passes,
    facts,
    found,
    with_,
)
from tests.support.wire.samples import CUIT, put

UNNAMED = consumer(documento_tipo="OTRO", documento_nro="0")

CASES = [
    case(
        "documento-nro",
        "cliente.documento_nro",
        each("cliente.documento_nro", ["30123456", 30123456, "3071229384"], consumer()),
        each(
            "cliente.documento_nro",
            ["30.123.456", "30-71229384-1", "", "AAB123", "123456789012", "٣٠١٢٣٤٥٦"],
            consumer(),
        ),
    ),
    case(
        "documento-a",
        "cliente.documento_tipo",
        [FACTURA_A],
        each("cliente.documento_tipo", ["DNI", "CUIL", "OTRO"], FACTURA_A),
    ),
    case(
        "documento-a",
        "cliente.documento_nro",
        [FACTURA_A, put(FACTURA_A, "cliente.documento_nro", int(CUIT)), samples.nota_a("FACTURA M"), FACTURA_B],
        [
            *each("cliente.documento_nro", ["3071229384", "30712293842", "0"], FACTURA_A),
            put(samples.nota_a("FACTURA M"), "cliente.documento_nro", "30712293840"),
        ],
    ),
    case(
        "consumidor-sin-identificar",
        "cliente.documento_nro",
        [UNNAMED, put(UNNAMED, "cliente.documento_nro", 0)],
        [consumer(documento_nro="0"), put(UNNAMED, "cliente.condicion_iva", "M")],
    ),
    case(
        "tope-consumidor-final",
        "cliente.documento_nro",
        [
            facts(UNNAMED),
            facts(UNNAMED, tope_consumidor_final=Decimal("139.01")),
            facts(consumer(), tope_consumidor_final=Decimal(1)),
            facts(with_(UNNAMED), tope_consumidor_final=Decimal("139.01")),
        ],
        [
            facts(UNNAMED, tope_consumidor_final=Decimal("139.00")),
            facts(with_(UNNAMED), tope_consumidor_final=Decimal(139)),
            facts(with_(UNNAMED, moneda="DOL", cotizacion=1000), tope_consumidor_final=Decimal(5000)),
        ],
    ),
    case(
        "condicion-pago-otra",
        "cliente.condicion_pago_otra",
        [FACTURA_B, consumer(condicion_pago=214, condicion_pago_otra="En ventanilla")],
        [consumer(condicion_pago="214"), consumer(condicion_pago=214, condicion_pago_otra=" ")],
    ),
    case(
        "email",
        "cliente.email",
        [
            consumer(email="a@b.com, c@d.com.ar"),
            consumer(email=""),
            put(FACTURA_B, "cliente.email", ...),
            consumer(email=",".join(["a@b.co"] * 15), envia_por_mail="S"),
        ],
        [
            consumer(email="", envia_por_mail="S"),
            consumer(email="a b@c.com"),
            consumer(email="a@b"),
            consumer(email="a@b.com;c@d.com"),
            consumer(email=",".join(["a@b.co"] * 16)),
        ],
    ),
]


@each_that_passes(CASES)
def test_what_a_rule_lets_pass(rule: str, path: str, item: Any) -> None:
    assert (rule, path) not in found(item)


@each_that_fails(CASES)
def test_what_a_rule_refuses(rule: str, path: str, item: Any) -> None:
    assert (rule, path) in found(item)
