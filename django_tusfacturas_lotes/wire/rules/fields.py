"""Rules about fields that are missing, too long or too many."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from ..comprobante import Comprobante
from ..comprobante.blocks import Block
from ..comprobante.texts import ESCAPED_FIELDS, escape
from ..problems import Problem, shown
from .facts import Facts
from .rule import rule

MAX_LINEAS = 130
MAX_TRIBUTOS = 7
MAX_TAGS = 50
_LENGTHS = "docs/provider.md, Texts (lengths)"

_SELDOM = (
    "tributos",
    "pagos",
    "rg_especiales",
    "datos_informativos",
    "comprobantes_asociados",
    "comprobantes_asociados_periodo",
)
_CLIENTE_LENGTHS = (
    ("razon_social", 1, 255),
    ("domicilio", 1, 255),
    ("condicion_pago_otra", 0, 100),
    ("codigo", 0, 50),
    ("email", 0, 255),
    ("nombre_fantasia", 0, 255),
)
_COMPROBANTE_LENGTHS = (
    ("rubro", 1, 255),
    ("rubro_grupo_contable", 1, 255),
    ("leyenda_gral", 0, 255),
    ("comentario", 0, 255),
)
_PRODUCTO_LENGTHS = (("descripcion", 4, 255), ("lista_precios", 4, 255), ("codigo", 0, 50))


def _wrong_lengths(block: Block, path: str, lengths: tuple[tuple[str, int, int], ...]) -> list[Problem]:
    values = block.__dict__
    found = []
    for name, least, most in lengths:
        value = values[name]
        if value is None:
            if least:
                found.append(Problem(f"{path}.{name}", "is missing.", "", f"a text of at most {most} characters"))
            continue
        text = value if type(value) is str else str(value)
        # A mark that stands for one character is sent as three.
        if len(text) * 3 > most:
            sent = len(escape(text)) if name in ESCAPED_FIELDS else len(text)
            if sent > most:
                found.append(Problem(f"{path}.{name}", "is too long.", f"{sent} characters", f"at most {most}"))
        if "\0" in text:
            found.append(Problem(f"{path}.{name}", "has a character that can't be printed.", shown(text), "plain text"))
        if least and len(text.strip()) < least:
            found.append(Problem(f"{path}.{name}", "is too short.", shown(text), f"at least {least} characters"))
    return found


@rule("cliente-largos", _LENGTHS)
def cliente_has_its_lengths(comprobante: Comprobante, facts: Facts) -> list[Problem]:
    return _wrong_lengths(comprobante.cliente, "cliente", _CLIENTE_LENGTHS)


@rule("comprobante-largos", _LENGTHS)
def comprobante_has_its_lengths(comprobante: Comprobante, facts: Facts) -> list[Problem]:
    return _wrong_lengths(comprobante, "comprobante", _COMPROBANTE_LENGTHS)


@rule("producto-largos", _LENGTHS)
def productos_have_their_lengths(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    for position, linea in enumerate(comprobante.detalle):
        found = _wrong_lengths(linea.producto, "", _PRODUCTO_LENGTHS)
        for problem in found:
            yield replace(problem, path=f"comprobante.detalle[{position}].producto{problem.path}")


@rule("linea-leyenda", _LENGTHS)
def leyendas_have_their_lengths(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    for position, linea in enumerate(comprobante.detalle):
        for path, block in (("leyenda", linea), ("producto.leyenda", linea.producto)):
            if block.leyenda and len(escape(block.leyenda)) > 100:
                yield Problem(
                    f"comprobante.detalle[{position}].{path}",
                    "is too long.",
                    f"{len(escape(block.leyenda))} characters",
                    "at most 100",
                )


@rule("unidad-bulto", "docs/provider.md, The comprobante (unidad_bulto)")
def unidad_bulto_is_at_least_one(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    for position, linea in enumerate(comprobante.detalle):
        unidades = linea.producto.unidad_bulto
        if unidades != 1 and not (str(unidades).isdigit() and int(unidades) >= 1):
            path = f"comprobante.detalle[{position}].producto.unidad_bulto"
            yield Problem(path, "is not a number of units.", shown(unidades), "a whole number from 1 on")


@rule("detalle-cantidad", "docs/provider.md, Rules of every modality (at most 130 lines)", "comprobante.detalle")
def lines_are_one_to_130(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    lines = len(comprobante.detalle)
    if lines == 0:
        yield Problem("comprobante.detalle", "has no lines.", "", "at least one line")
    elif lines > MAX_LINEAS:
        yield Problem("comprobante.detalle", "has too many lines.", str(lines), f"at most {MAX_LINEAS}")


@rule("tributos-cantidad", "docs/provider.md, Rules of every modality (7 tributos)")
def tributos_are_at_most_seven(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    tributos = comprobante.tributos
    if tributos and len(tributos) > MAX_TRIBUTOS:
        yield Problem("comprobante.tributos", "has too many.", str(len(tributos)), f"at most {MAX_TRIBUTOS}")


@rule("tags", _LENGTHS)
def tags_are_few_and_short(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    tags = comprobante.tags or ()
    if len(tags) > MAX_TAGS:
        yield Problem("comprobante.tags", "has too many.", str(len(tags)), f"at most {MAX_TAGS}")
    for position, tag in enumerate(tags):
        if len(tag) > 255:
            yield Problem(f"comprobante.tags[{position}]", "is too long.", f"{len(tag)} characters", "at most 255")


@rule("abono", "docs/provider.md, The comprobante (abono)", "comprobante.abono")
def abono_says_how_often_and_until_when(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    if comprobante.abono == "S":
        for name in ("abono_frecuencia", "abono_hasta"):
            if not getattr(comprobante, name):
                yield Problem(
                    f"comprobante.{name}", "is missing, and abono is S.", "", "how often in months, and until mm/aaaa"
                )


@rule("extra", "docs/provider.md, The comprobante (TusFacturas adds fields)")
def what_is_passed_through_is_json(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    for path, block in _blocks(comprobante):
        for name, value in (block.__pydantic_extra__ or {}).items():
            if not _is_json(value):
                given = f"a value of type {type(value).__name__}"
                yield Problem(
                    f"{path}.{name}", "can't be sent as JSON.", given, "texts, numbers, lists and objects of these"
                )


def _blocks(comprobante: Comprobante) -> Iterator[tuple[str, Block]]:
    """Yield every block that has a field that the models don't know, with its path."""
    for path, block in (("cliente", comprobante.cliente), ("comprobante", comprobante)):
        if block.__pydantic_extra__:
            yield path, block
    for position, linea in enumerate(comprobante.detalle):
        if linea.__pydantic_extra__:
            yield f"comprobante.detalle[{position}]", linea
        if linea.producto.__pydantic_extra__:
            yield f"comprobante.detalle[{position}].producto", linea.producto
    for name in _SELDOM:
        value = comprobante.__dict__[name]
        if value:
            yield from _blocks_in(f"comprobante.{name}", value)


def _blocks_in(path: str, value: Any) -> Iterator[tuple[str, Block]]:
    if isinstance(value, list):
        for position, item in enumerate(value):
            yield from _blocks_in(f"{path}[{position}]", item)
    elif isinstance(value, Block):
        if value.__pydantic_extra__:
            yield path, value
        for name, part in value.__dict__.items():
            yield from _blocks_in(f"{path}.{name}", part)


def _is_json(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, Decimal):
        return value.is_finite()
    if isinstance(value, Mapping):
        return all(isinstance(name, str) and _is_json(item) for name, item in value.items())
    if isinstance(value, list | tuple):
        return all(_is_json(item) for item in value)
    return value is None or isinstance(value, str | int | date)


RULES = (
    cliente_has_its_lengths,
    comprobante_has_its_lengths,
    lines_are_one_to_130,
    productos_have_their_lengths,
    leyendas_have_their_lengths,
    unidad_bulto_is_at_least_one,
    tributos_are_at_most_seven,
    tags_are_few_and_short,
    abono_says_how_often_and_until_when,
    what_is_passed_through_is_json,
)
