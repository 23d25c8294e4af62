"""Rules about what a nota de crédito or débito refers to."""

from __future__ import annotations

from collections.abc import Iterator

from ..comprobante import Comprobante
from ..dates import format_day
from ..problems import Problem, shown
from .facts import Facts
from .rule import rule
from .tipo import TIPOS

MAX_ASOCIADOS = 10
_LIST = "comprobante.comprobantes_asociados"
_PERIOD = "comprobante.comprobantes_asociados_periodo"


@rule(
    "asociados",
    "RG 4540/2019; docs/provider.md, Associated comprobantes (one of the two); ARCA 10197",
    "comprobante.tipo",
    _LIST,
    _PERIOD,
)
def notas_say_what_they_refer_to(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    listed, period = comprobante.comprobantes_asociados, comprobante.comprobantes_asociados_periodo
    if comprobante.tipo not in TIPOS:
        return
    if not comprobante.tipo.startswith("NOTA"):
        if listed or period:
            yield Problem(
                _LIST if listed else _PERIOD,
                "only a nota de crédito or débito refers to other comprobantes.",
                shown(comprobante.tipo),
                "nothing here, or a nota de crédito or débito",
            )
    elif listed and period:
        yield Problem(_PERIOD, "stands beside comprobantes_asociados.", "both", "one of the two")
    elif not listed and not period:
        yield Problem(
            _LIST,
            "is missing: a nota de crédito or débito says which comprobantes it refers to.",
            "",
            "comprobantes_asociados, or comprobantes_asociados_periodo",
        )


@rule("asociados-cantidad", "docs/provider.md, Associated comprobantes (at most 10)")
def asociados_are_at_most_ten(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    listed = comprobante.comprobantes_asociados
    if listed and len(listed) > MAX_ASOCIADOS:
        yield Problem(_LIST, "has too many comprobantes.", str(len(listed)), f"at most {MAX_ASOCIADOS}")


@rule("asociados-datos", "docs/provider.md, Associated comprobantes; ARCA 10040")
def asociados_are_identified(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    for position, asociado in enumerate(comprobante.comprobantes_asociados or ()):
        path = f"{_LIST}[{position}]"
        if asociado.tipo_comprobante not in TIPOS:
            yield Problem(
                f"{path}.tipo_comprobante",
                "is not a type of comprobante that can be referred to.",
                shown(asociado.tipo_comprobante),
                "one such as FACTURA B",
            )
        elif comprobante.tipo in TIPOS and asociado.tipo_comprobante[-1] != comprobante.tipo[-1]:
            yield Problem(
                f"{path}.tipo_comprobante",
                "has another letter than the comprobante that refers to it.",
                f"{shown(asociado.tipo_comprobante)} in a {comprobante.tipo}",
                f"a comprobante {comprobante.tipo[-1]}",
            )
        if not 1 <= asociado.punto_venta <= 99999:
            yield Problem(
                f"{path}.punto_venta",
                "is not a point of sale.",
                shown(asociado.punto_venta),
                "a number of at most 5 digits",
            )
        if not 1 <= asociado.numero <= 99999999:
            yield Problem(
                f"{path}.numero",
                "is not a comprobante's number.",
                shown(asociado.numero),
                "a number of at most 8 digits",
            )
        cuit = "" if asociado.cuit is None else str(asociado.cuit)
        if cuit and not (cuit.isascii() and cuit.isdigit()):
            yield Problem(f"{path}.cuit", "is not a CUIT.", shown(cuit), "digits, without dots or dashes")


@rule(
    "asociados-fecha",
    "docs/provider.md, Associated comprobantes (not dated before what it cancels)",
    "comprobante.fecha",
    _LIST,
    _PERIOD,
)
def asociados_are_not_later(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    fecha = comprobante.fecha
    for position, asociado in enumerate(comprobante.comprobantes_asociados or ()):
        dated = asociado.comprobante_fecha
        if fecha is not None and dated is not None and dated > fecha:
            yield Problem(
                f"{_LIST}[{position}].comprobante_fecha",
                "is later than the nota that refers to it.",
                format_day(dated),
                f"{format_day(fecha)} or earlier",
            )
    period = comprobante.comprobantes_asociados_periodo
    if period is None:
        return
    if period.fecha_desde > period.fecha_hasta:
        yield Problem(
            f"{_PERIOD}.fecha_hasta",
            "lies before fecha_desde.",
            format_day(period.fecha_hasta),
            f"{format_day(period.fecha_desde)} or later",
        )
    if fecha is not None and period.fecha_hasta > fecha:
        yield Problem(
            f"{_PERIOD}.fecha_hasta",
            "is later than the nota that refers to it.",
            format_day(period.fecha_hasta),
            f"{format_day(fecha)} or earlier",
        )


@rule(
    "asociados-moneda",
    "docs/provider.md, Associated comprobantes (in the same currency)",
    "comprobante.moneda",
    "comprobante.tipo",
)
def notas_are_in_the_currency_of_what_they_refer_to(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    if facts.moneda_asociados and comprobante.tipo.startswith("NOTA") and comprobante.moneda != facts.moneda_asociados:
        yield Problem(
            "comprobante.moneda",
            "is not the currency of the comprobante that it refers to.",
            shown(comprobante.moneda),
            facts.moneda_asociados,
        )


RULES = (
    notas_say_what_they_refer_to,
    asociados_are_at_most_ten,
    asociados_are_identified,
    asociados_are_not_later,
    notas_are_in_the_currency_of_what_they_refer_to,
)
