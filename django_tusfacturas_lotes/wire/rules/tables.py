"""Rules about codes of the provider's reference tables."""

from __future__ import annotations

from collections.abc import Iterator

from ..comprobante import Comprobante
from ..comprobante.blocks import Block
from ..comprobante.tables import (
    CondicionIva,
    CondicionPago,
    DocumentoTipo,
    Idioma,
    Moneda,
    Operacion,
    Provincia,
    SiNo,
    Table,
    UnidadMedida,
)
from ..problems import Problem, shown
from .facts import Facts
from .rule import rule

_SOURCE = "docs/provider.md, Reference tables"
_YES_NO = frozenset(answer.value for answer in SiNo)
_CLIENTE_YES_NO = ("envia_por_mail", "reclama_deuda", "rg5329")
_COMPROBANTE_YES_NO = ("abono", "abono_actualiza_precios")
_LINEA_YES_NO = ("afecta_stock", "actualiza_precio")
_PRODUCTO_YES_NO = ("actualiza_precio", "rg5329")


def _values(table: type[Table]) -> frozenset[str | int]:
    """Return a table's values, and its codes also as the numbers that they may be given as."""
    values = [member.value for member in table]
    # "060" is a currency and 60 is nothing, so only numbers without leading zeros are also numbers.
    return frozenset([*values, *(int(value) for value in values if value.isdigit() and str(int(value)) == value)])


def _expected(table: type[Table]) -> str:
    if len(table) <= 7:
        return ", ".join(f"{member.value} ({member.label})" for member in table)
    return f"one of {', '.join(member.value for member in table)}"


_CLIENTE_TABLES = (
    ("documento_tipo", DocumentoTipo, _values(DocumentoTipo)),
    ("provincia", Provincia, _values(Provincia)),
    ("condicion_iva", CondicionIva, _values(CondicionIva)),
    ("condicion_iva_operacion", CondicionIva, _values(CondicionIva)),
    ("condicion_pago", CondicionPago, _values(CondicionPago)),
)
_COMPROBANTE_TABLES = (
    ("operacion", Operacion, _values(Operacion)),
    ("idioma", Idioma, _values(Idioma)),
    ("moneda", Moneda, _values(Moneda)),
    ("percepciones_iibb_juridiccion", Provincia, _values(Provincia)),
)
_UNIDADES = _values(UnidadMedida)


def _not_in_tables(
    block: Block, path: str, tables: tuple[tuple[str, type[Table], frozenset[str | int]], ...]
) -> list[Problem]:
    values = block.__dict__
    return [
        Problem(f"{path}.{name}", "is not in the provider's table.", shown(values[name]), _expected(table))
        for name, table, known in tables
        if values[name] is not None and values[name] not in known
    ]


def _odd(block: Block, names: tuple[str, ...]) -> list[str]:
    """Return the names of the fields that say neither yes nor no."""
    values = block.__dict__
    for name in names:
        if values[name] is not None and values[name] not in _YES_NO:
            return [name for name in names if values[name] is not None and values[name] not in _YES_NO]
    return []


def _not_yes_or_no(path: str, block: Block, names: list[str]) -> Iterator[Problem]:
    for name in names:
        yield Problem(f"{path}.{name}", "is neither S nor N.", shown(block.__dict__[name]), "S or N")


@rule("cliente-tablas", f"{_SOURCE}; RG 5616/2024")
def cliente_is_in_the_tables(comprobante: Comprobante, facts: Facts) -> list[Problem]:
    return _not_in_tables(comprobante.cliente, "cliente", _CLIENTE_TABLES)


@rule("comprobante-tablas", _SOURCE)
def comprobante_is_in_the_tables(comprobante: Comprobante, facts: Facts) -> list[Problem]:
    return _not_in_tables(comprobante, "comprobante", _COMPROBANTE_TABLES)


@rule("unidad-medida", f"{_SOURCE} (unidad_medida)")
def units_are_in_the_table(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    for position, linea in enumerate(comprobante.detalle):
        unidad = linea.producto.unidad_medida
        if unidad is not None and unidad not in _UNIDADES:
            path = f"comprobante.detalle[{position}].producto.unidad_medida"
            yield Problem(
                path, "is not in the provider's table.", shown(unidad), "a unit of the table, such as 7 (unidades)"
            )


@rule("si-no", f"{_SOURCE} (S and N)")
def yes_and_no_are_s_and_n(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    if odd := _odd(comprobante.cliente, _CLIENTE_YES_NO):
        yield from _not_yes_or_no("cliente", comprobante.cliente, odd)
    if odd := _odd(comprobante, _COMPROBANTE_YES_NO):
        yield from _not_yes_or_no("comprobante", comprobante, odd)
    for position, linea in enumerate(comprobante.detalle):
        if odd := _odd(linea, _LINEA_YES_NO):
            yield from _not_yes_or_no(f"comprobante.detalle[{position}]", linea, odd)
        if odd := _odd(linea.producto, _PRODUCTO_YES_NO):
            yield from _not_yes_or_no(f"comprobante.detalle[{position}].producto", linea.producto, odd)
    told = comprobante.datos_informativos
    if told is not None:
        yield from _not_yes_or_no("comprobante.datos_informativos", told, _odd(told, ("paga_misma_moneda",)))


RULES = (
    cliente_is_in_the_tables,
    comprobante_is_in_the_tables,
    units_are_in_the_table,
    yes_and_no_are_s_and_n,
)
