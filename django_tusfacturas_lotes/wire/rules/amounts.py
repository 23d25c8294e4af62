"""Rules about amounts: their sign, their decimals, and that they add up."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from ..comprobante import Comprobante
from ..comprobante.tables import Alicuota
from ..comprobante.totals import (
    CENT,
    HUNDRED,
    MONEY,
    ZERO,
    arithmetic,
    carries_iva,
    plain,
    total_of,
    total_with_discount_on_first_rate,
    totals,
)
from ..problems import Problem
from .facts import Facts
from .rule import rule

MILL = Decimal("0.001")
MILLIONTH = Decimal("0.000001")
ONE = Decimal(1)
ALICUOTAS = frozenset(Decimal(alicuota.value) for alicuota in Alicuota)
_DECIMALS = "docs/provider.md, Amounts and rounding (decimals)"
_AMOUNTS = (
    "bonificacion",
    "percepciones_iva",
    "percepciones_iva_base",
    "percepciones_iva_alicuota",
    "percepciones_iibb",
    "percepciones_iibb_base",
    "percepciones_iibb_alicuota",
    "impuestos_internos",
    "impuestos_internos_base",
    "impuestos_internos_alicuota",
    "total",
)
_PLACES = {CENT: 2, MILL: 3, MILLIONTH: 6}


def wrong_number(path: str, number: Decimal, step: Decimal, most: Decimal | None = None) -> Iterator[Problem]:
    """Yield what is wrong with an amount that has to be 0 or more, in steps of `step`, and at most `most`."""
    if number < ZERO:
        yield Problem(path, "is negative.", plain(number), "0 or more")
    elif most is not None and number > most:
        yield Problem(path, "is too large.", plain(number), f"at most {plain(most)}")
    elif number != number.quantize(step):
        yield Problem(path, "has too many decimals.", plain(number), f"at most {_PLACES[step]} decimals")


@rule("cantidad", _DECIMALS)
def quantities_are_positive(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    for position, linea in enumerate(comprobante.detalle):
        cantidad = linea.cantidad
        if cantidad == ONE:
            continue
        path = f"comprobante.detalle[{position}].cantidad"
        if cantidad == ZERO:
            yield Problem(path, "is nothing.", "0", "more than 0")
        else:
            yield from wrong_number(path, cantidad, CENT)


@rule("precio", _DECIMALS)
def prices_have_three_decimals(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    for position, linea in enumerate(comprobante.detalle):
        precio = linea.producto.precio_unitario_sin_iva
        if precio < ZERO or precio != precio.quantize(MILL):
            path = f"comprobante.detalle[{position}].producto.precio_unitario_sin_iva"
            yield from wrong_number(path, precio, MILL)


@rule("bonificacion-porcentaje", "docs/provider.md, Amounts and rounding (bonificacion_porcentaje)")
def line_discounts_are_per_cents(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    for position, linea in enumerate(comprobante.detalle):
        if linea.bonificacion_porcentaje:
            path = f"comprobante.detalle[{position}].bonificacion_porcentaje"
            yield from wrong_number(path, linea.bonificacion_porcentaje, CENT, HUNDRED)


@rule("alicuota", "docs/provider.md, IVA rates", "comprobante.tipo")
def rates_are_in_the_table(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    if not carries_iva(comprobante.tipo):
        return
    for position, linea in enumerate(comprobante.detalle):
        alicuota = linea.producto.alicuota
        if alicuota not in ALICUOTAS:
            yield Problem(
                f"comprobante.detalle[{position}].producto.alicuota",
                "is missing." if alicuota is None else "is not a rate of IVA.",
                "" if alicuota is None else plain(alicuota),
                "27, 21, 10.5, 0, -1 (exento) or -2 (no gravado)",
            )


@rule("importes", _DECIMALS)
def amounts_are_not_negative(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    values = comprobante.__dict__
    for name in _AMOUNTS:
        amount = values[name]
        if amount:
            yield from wrong_number(f"comprobante.{name}", amount, CENT)
    for position, linea in enumerate(comprobante.detalle):
        amount = linea.producto.impuestos_internos_alicuota
        if amount:
            path = f"comprobante.detalle[{position}].producto.impuestos_internos_alicuota"
            yield from wrong_number(path, amount, CENT)
    for position, tributo in enumerate(comprobante.tributos or ()):
        for name in ("total", "base_imponible", "alicuota"):
            amount = getattr(tributo, name)
            if amount:
                yield from wrong_number(f"comprobante.tributos[{position}].{name}", amount, CENT)


@rule("exentos", "docs/provider.md, Amounts and rounding (exentos and nogravados)")
def exempt_amounts_are_lines(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    for name, alicuota in (("exentos", "-1"), ("nogravados", "-2")):
        amount = getattr(comprobante, name)
        if amount:
            yield Problem(
                f"comprobante.{name}",
                "is not added up by anyone any more.",
                plain(amount),
                f"0, and the amount as a line with alicuota {alicuota}",
            )


@rule("bonificacion", "docs/provider.md, Amounts and rounding (bonificacion)", *MONEY[:3])
def discount_is_not_more_than_the_subtotal(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    if comprobante.bonificacion:
        subtotal = totals(comprobante).subtotal
        if comprobante.bonificacion > subtotal:
            yield Problem(
                "comprobante.bonificacion",
                "is more than the net subtotal.",
                plain(comprobante.bonificacion),
                f"at most {plain(subtotal)}",
            )


@rule("impuestos-internos", "docs/provider.md, Amounts and rounding (impuestos_internos)", *MONEY)
def internal_taxes_of_lines_are_summed(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    rates = {rate for linea in comprobante.detalle if (rate := linea.producto.impuestos_internos_alicuota)}
    if rates and not comprobante.impuestos_internos:
        yield Problem(
            "comprobante.impuestos_internos",
            "is missing, and lines have internal taxes.",
            "",
            "the sum of those of the lines",
        )
    if len(rates) > 1:
        yield Problem(
            "comprobante.detalle",
            "has several rates of internal taxes.",
            ", ".join(plain(rate) for rate in sorted(rates)),
            "one impuestos_internos_alicuota for all lines",
        )


@rule(
    "tributos-importe",
    "docs/provider.md, Amounts and rounding (tributos)",
    "comprobante.tributos",
)
def tributos_are_their_rate_of_their_base(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    for position, tributo in enumerate(comprobante.tributos or ()):
        if not tributo.base_imponible or not tributo.alicuota:
            continue
        amount = tributo.base_imponible * tributo.alicuota / HUNDRED
        # One cent of grace: whoever worked it out may have rounded the base first.
        if abs(amount - tributo.total) > CENT:
            yield Problem(
                f"comprobante.tributos[{position}].total",
                f"is not {plain(tributo.alicuota)} % of {plain(tributo.base_imponible)}.",
                plain(tributo.total),
                plain(amount),
            )


@rule("total", "docs/provider.md, Amounts and rounding (TusFacturas does not check the total)", *MONEY)
def total_is_what_it_adds_up_to(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    given = comprobante.total
    if given is None:
        return  # It is worked out.
    if carries_iva(comprobante.tipo) and not all(linea.producto.alicuota in ALICUOTAS for linea in comprobante.detalle):
        return  # Told by `alicuota`; a sum with a rate that does not exist would only confuse.
    if given != total_of(comprobante) and given != total_with_discount_on_first_rate(comprobante):
        sums = totals(comprobante)
        yield Problem(
            "comprobante.total",
            f"is not what the comprobante adds up to ({arithmetic(comprobante, sums)}; got {given:.2f}).",
            f"{given:.2f}",
            f"{sums.total:.2f}",
        )


RULES = (
    quantities_are_positive,
    prices_have_three_decimals,
    line_discounts_are_per_cents,
    rates_are_in_the_table,
    amounts_are_not_negative,
    exempt_amounts_are_lines,
    discount_is_not_more_than_the_subtotal,
    internal_taxes_of_lines_are_summed,
    tributos_are_their_rate_of_their_base,
    total_is_what_it_adds_up_to,
)
