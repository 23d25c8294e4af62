"""Rules about the currency and the payments."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from ..comprobante import Comprobante
from ..comprobante.totals import CENT, MONEY, ZERO, plain, total_of
from ..problems import Problem, shown
from .amounts import MILLIONTH, ONE, wrong_number
from .facts import Facts
from .rule import rule

BILLION = Decimal(10**9)


@rule(
    "moneda-cotizacion",
    "docs/provider.md, Currency and payments (cotizacion)",
    "comprobante.moneda",
    "comprobante.cotizacion",
)
def foreign_currency_has_a_rate(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    moneda, cotizacion = comprobante.moneda, comprobante.cotizacion
    path = "comprobante.cotizacion"
    if moneda == "PES":
        if cotizacion is not None and cotizacion != ONE:
            yield Problem(path, "of the peso is always 1.", plain(cotizacion), "1, or another moneda")
        return
    expected = "the day's rate in pesos, such as 1035.50"
    if cotizacion is None:
        yield Problem(path, f"is missing, and moneda is {shown(moneda)}.", "", expected)
    elif cotizacion <= ZERO:
        yield Problem(path, "is not a rate.", plain(cotizacion), expected)
    elif cotizacion == ONE and moneda == "DOL":
        yield Problem(path, "of the dollar can't be that of the peso.", "1", expected)
    else:
        yield from wrong_number(path, cotizacion, MILLIONTH, BILLION)


@rule(
    "paga-misma-moneda",
    "RG 5616/2024; docs/provider.md, Currency and payments",
    "comprobante.moneda",
    "comprobante.datos_informativos",
)
def paying_in_the_same_currency_needs_a_foreign_one(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    told = comprobante.datos_informativos
    if told is not None and told.paga_misma_moneda == "S" and comprobante.moneda == "PES":
        path = "comprobante.datos_informativos.paga_misma_moneda"
        yield Problem(
            path, "is only said of a foreign currency.", "S with moneda PES", "N, or the moneda that it is paid in"
        )


@rule("pagos", "docs/provider.md, Currency and payments (pagos)", "comprobante.pagos")
def payments_add_up(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    pagos = comprobante.pagos
    if pagos is None:
        return
    for position, pago in enumerate(pagos.formas_pago):
        yield from wrong_number(f"comprobante.pagos.formas_pago[{position}].importe", pago.importe, CENT)
        if not 1 <= len(pago.descripcion) <= 255:
            path = f"comprobante.pagos.formas_pago[{position}].descripcion"
            yield Problem(path, "does not name the means of payment.", shown(pago.descripcion), "1 to 255 characters")
    paid = sum((pago.importe for pago in pagos.formas_pago), ZERO)
    if paid != pagos.total:
        yield Problem("comprobante.pagos.total", "is not the sum of formas_pago.", plain(pagos.total), plain(paid))


@rule(
    "pagos-tope", "docs/provider.md, Currency and payments (pagos)", "comprobante.pagos", "comprobante.moneda", *MONEY
)
def payments_are_not_more_than_the_total(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    pagos = comprobante.pagos
    # Payments are in pesos; against another currency there is no sum to the cent.
    if pagos is None or comprobante.moneda != "PES":
        return
    total = comprobante.total if comprobante.total is not None else total_of(comprobante)
    if pagos.total > total:
        yield Problem(
            "comprobante.pagos.total", "is more than the total.", plain(pagos.total), f"at most {plain(total)}"
        )


RULES = (
    foreign_currency_has_a_rate,
    paying_in_the_same_currency_needs_a_foreign_one,
    payments_add_up,
    payments_are_not_more_than_the_total,
)
