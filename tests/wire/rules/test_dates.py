"""Each rule about dates: what it lets pass and what it refuses."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from django_tusfacturas_lotes.wire.comprobante import ComprobanteInvalido
from django_tusfacturas_lotes.wire.rules import Facts
from django_tusfacturas_lotes.wire.validation import read
from tests.support.wire.rule_cases import FACTURA_B, TODAY, case, each_that_fails, each_that_passes, facts, found, with_
from tests.support.wire.samples import put

PERIOD: dict[str, Any] = {"periodo_facturado_desde": "01/03/2018", "periodo_facturado_hasta": "28/03/2018"}

CASES = [
    case(
        "fecha-ventana",
        "comprobante.fecha",
        [
            facts(today=date(2020, 1, 1)),
            facts(today=date(2018, 4, 2), concepto="productos"),
            facts(with_(**PERIOD), today=date(2018, 4, 7), concepto="servicios"),
            facts(today=date(2018, 3, 1), send_on=date(2018, 4, 1), concepto="productos"),
            facts(put(FACTURA_B, "comprobante.fecha", ...), today=date(2020, 1, 1), concepto="productos"),
        ],
        [
            facts(today=date(2018, 4, 3), concepto="productos"),
            facts(with_(**PERIOD), today=date(2018, 4, 8), concepto="ambos"),
            facts(today=TODAY, send_on=date(2018, 4, 29), concepto="productos"),
        ],
    ),
    case(
        "fecha-futura",
        "comprobante.fecha",
        [facts(), facts(today=TODAY), facts(today=date(2018, 3, 1), send_on=TODAY)],
        [facts(today=date(2018, 3, 27)), facts(today=date(2018, 3, 1), send_on=date(2018, 3, 27))],
    ),
    case(
        "fecha-correlativa",
        "comprobante.fecha",
        [facts(last_fecha=TODAY), facts(put(FACTURA_B, "comprobante.fecha", ...), last_fecha=date(2030, 1, 1))],
        [facts(last_fecha=date(2018, 3, 29))],
    ),
    case(
        "periodo",
        "comprobante.periodo_facturado_hasta",
        [facts(concepto="productos"), facts(with_(**PERIOD), concepto="ambos"), with_(**PERIOD)],
        [
            facts(concepto="servicios"),
            facts(concepto="ambos"),
            with_(periodo_facturado_desde="01/03/2018"),
            with_(periodo_facturado_desde="02/03/2018", periodo_facturado_hasta="01/03/2018"),
        ],
    ),
    case(
        "vencimiento",
        "comprobante.vencimiento",
        [with_(vencimiento="28/03/2018")],
        [with_(vencimiento="27/03/2018")],
    ),
]


@each_that_passes(CASES)
def test_what_a_rule_lets_pass(rule: str, path: str, item: Any) -> None:
    assert (rule, path) not in found(item)


@each_that_fails(CASES)
def test_what_a_rule_refuses(rule: str, path: str, item: Any) -> None:
    assert (rule, path) in found(item)


def test_a_date_out_of_order_is_told_with_the_code_of_arca() -> None:
    with pytest.raises(ComprobanteInvalido, match="10016"):
        read(FACTURA_B, Facts(last_fecha=date(2019, 1, 1)))
