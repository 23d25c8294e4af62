"""The reference tables as enums."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from django_tusfacturas_lotes.wire.comprobante import tables

TABLES = [
    table
    for table in vars(tables).values()
    if isinstance(table, type) and issubclass(table, tables.Table) and table is not tables.Table
]

COUNTS = {
    "Tipo": 13,
    "DocumentoTipo": 6,
    "CondicionIva": 6,
    "CondicionPago": 16,
    "Provincia": 26,
    "Alicuota": 6,
    "Moneda": 14,
    "Idioma": 2,
    "Operacion": 1,
    "SiNo": 2,
    "UnidadMedida": 47,
    "TributoTipo": 3,
    "TributoRegimen": 32,
}


@pytest.mark.parametrize("table", TABLES)
def test_a_table_has_all_its_values_each_with_a_label(table: type[tables.Table]) -> None:
    assert len(table) == COUNTS[table.__name__]
    assert len({member.label for member in table}) == len(table)
    assert all(member.label and isinstance(member.value, str) for member in table)


@pytest.mark.parametrize("table", TABLES)
def test_a_member_is_the_text_that_is_sent(table: type[tables.Table]) -> None:
    for member in table:
        assert member == member.value == str(member) == f"{member}"
        assert json.dumps(member) == json.dumps(member.value)


@pytest.mark.parametrize(
    ("member", "value", "label"),
    [
        (tables.Provincia.CIUDAD_AUTONOMA_DE_BUENOS_AIRES, "1", "Ciudad Autónoma de Buenos Aires"),
        (tables.Provincia.BUENOS_AIRES, "2", "Buenos Aires"),
        (tables.Provincia.TUCUMAN, "24", "Tucumán"),
        (tables.CondicionPago.OTRA, "214", "Otra"),
        (tables.CondicionPago.MERCADOPAGO, "216", "MercadoPago"),
        (tables.UnidadMedida.UNIDADES, "7", "unidades"),
        (tables.Moneda.EUROS, "060", "Euros"),
        (tables.Tipo.NOTA_DE_CREDITO_M, "NOTA DE CREDITO M", "Nota de crédito M"),
        (tables.TributoRegimen.IIBB_TUCUMAN, "27", "IIBB: Tucumán"),
    ],
)
def test_the_values_are_the_providers(member: tables.Table, value: str, label: str) -> None:
    assert (member.value, member.label) == (value, label)


def test_a_type_knows_its_letter_and_whether_it_refers_to_another() -> None:
    assert [tipo.letra for tipo in (tables.Tipo.FACTURA_A, tables.Tipo.RECIBO_C)] == ["A", "C"]
    assert [tipo for tipo in tables.Tipo if tipo.es_nota] == [
        tipo for tipo in tables.Tipo if tipo.value.startswith("NOTA")
    ]


def test_a_rate_knows_what_it_adds() -> None:
    assert {rate.value: rate.porcentaje for rate in tables.Alicuota} == {
        "27": 27,
        "21": 21,
        "10.5": Decimal("10.5"),
        "0": 0,
        "-1": 0,
        "-2": 0,
    }
