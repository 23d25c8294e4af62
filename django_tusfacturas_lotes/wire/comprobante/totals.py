"""What the lines, discounts and taxes of a comprobante add up to.

`Decimal` from end to end and half-even rounding, which is ARCA's own rule
(docs/provider.md, Amounts and rounding). Nothing is rounded on the way: the total is the exact sum rounded once, as in
the documented example of `lotes` (139.0048 is 139.00), so the rounded parts that are shown beside it may be a cent away
from it. Amounts are in the comprobante's own `moneda`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import NamedTuple, Protocol

from .blocks import Linea, Tributo

ZERO = Decimal(0)
HUNDRED = Decimal(100)
CENT = Decimal("0.01")

MONEY = (
    "comprobante.tipo",
    "comprobante.detalle",
    "comprobante.bonificacion",
    "comprobante.tributos",
    "comprobante.percepciones_iva",
    "comprobante.percepciones_iibb",
    "comprobante.impuestos_internos",
    "comprobante.total",
)
"""The fields that the total depends on, and the total."""

EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)
"""Wide enough that nothing is rounded before the cents are, whatever context the caller's thread is in."""


class Summable(Protocol):
    """The fields of a comprobante that its total is worked out from."""

    @property
    def tipo(self) -> str: ...
    @property
    def detalle(self) -> Sequence[Linea]: ...
    @property
    def bonificacion(self) -> Decimal | None: ...
    @property
    def tributos(self) -> Sequence[Tributo] | None: ...
    @property
    def percepciones_iva(self) -> Decimal | None: ...
    @property
    def percepciones_iibb(self) -> Decimal | None: ...
    @property
    def impuestos_internos(self) -> Decimal | None: ...


class Totals(NamedTuple):
    """What a comprobante adds up to; every amount in its currency, `iva` by rate in per cent."""

    lineas: tuple[Decimal, ...]
    """The net amount of each line after its own discount, not rounded."""
    subtotal: Decimal
    """The sum of the lines, before `bonificacion`, to the cent."""
    bonificacion: Decimal
    """The general discount, without IVA."""
    neto: Decimal
    """The subtotal less the discount, to the cent (in C types this is the price itself)."""
    iva: dict[Decimal, Decimal]
    """The IVA of each rate above 0, to the cent."""
    tributos: Decimal
    """The sum of `tributos`, `percepciones_iva` and `percepciones_iibb`."""
    impuestos_internos: Decimal
    total: Decimal


def cents(amount: Decimal) -> Decimal:
    """Round to the cent, half to even."""
    return amount.quantize(CENT, ROUND_HALF_EVEN, EXACT)


def carries_iva(tipo: str) -> bool:
    """Whether prices in a comprobante of this type are net (A, B and M) and not final (C, which has no IVA)."""
    return not tipo.endswith(" C")


def line_amount(cantidad: Decimal, precio: Decimal, bonificacion_porcentaje: Decimal | None) -> Decimal:
    """Quantity × unit price, less the line's own discount in per cent; not rounded."""
    amount = cantidad * precio
    return amount - amount * bonificacion_porcentaje / HUNDRED if bonificacion_porcentaje else amount


def net_and_iva(
    amounts: Iterable[tuple[Decimal | None, Decimal]], bonificacion: Decimal = ZERO
) -> tuple[Decimal, Decimal, dict[Decimal, Decimal]]:
    """Add up net amounts, each with its rate (None: no IVA at all), and take off a general discount.

    Returns the subtotal before the discount, the net after it, and the IVA by rate; none of them rounded. The discount
    lowers the IVA of every rate in proportion (docs/provider.md, Amounts and rounding).
    """
    groups: dict[Decimal | None, Decimal] = {}
    for rate, amount in amounts:
        groups[rate] = groups[rate] + amount if rate in groups else amount
    subtotal = sum(groups.values(), ZERO)
    net = subtotal - bonificacion
    iva = {}
    for rate, amount in groups.items():
        if rate is not None and rate > ZERO:
            tax = amount * rate / HUNDRED
            iva[rate] = tax * net / subtotal if bonificacion and subtotal else tax
    return subtotal, net, iva


def totals(comprobante: Summable) -> Totals:
    """Work out what `comprobante` adds up to, without looking at its own `total`."""
    with localcontext(EXACT):
        lines = _lines(comprobante)
        subtotal, neto, iva = net_and_iva(lines, comprobante.bonificacion or ZERO)
        tributos, internos = _taxes_besides(comprobante)
        return Totals(
            lineas=tuple([amount for _, amount in lines]),
            subtotal=cents(subtotal),
            bonificacion=comprobante.bonificacion or ZERO,
            neto=cents(neto),
            iva={rate: cents(tax) for rate, tax in iva.items()},
            tributos=tributos,
            impuestos_internos=internos,
            total=cents(sum(iva.values(), neto) + tributos + internos),
        )


def total_of(comprobante: Summable) -> Decimal:
    """Work out only the total, which is faster than `totals`."""
    with localcontext(EXACT):
        _, neto, iva = net_and_iva(_lines(comprobante), comprobante.bonificacion or ZERO)
        tributos, internos = _taxes_besides(comprobante)
        return cents(sum(iva.values(), neto) + tributos + internos)


def _lines(comprobante: Summable) -> list[tuple[Decimal | None, Decimal]]:
    """Return each line's rate (None where there is no IVA) and amount."""
    con_iva = carries_iva(comprobante.tipo)
    return [
        (
            producto.alicuota if con_iva else None,
            line_amount(linea.cantidad, producto.precio_unitario_sin_iva, linea.bonificacion_porcentaje),
        )
        for linea in comprobante.detalle
        for producto in (linea.producto,)
    ]


def _taxes_besides(comprobante: Summable) -> tuple[Decimal, Decimal]:
    """Return the sum of tributos and percepciones, and the internal taxes."""
    tributos = (comprobante.percepciones_iva or ZERO) + (comprobante.percepciones_iibb or ZERO)
    if comprobante.tributos:
        tributos += sum((tributo.total for tributo in comprobante.tributos), ZERO)
    return tributos, comprobante.impuestos_internos or ZERO


def total_with_discount_on_first_rate(comprobante: Summable) -> Decimal:
    """Work out the total with `bonificacion` taken wholly off the lines of the first rate, with that rate's IVA.

    The provider's documentation reads both ways where a comprobante has several rates, and the total of its own
    sample of a nota de débito B (543.22) comes out only like this. A total that was given is right under either
    reading.
    """
    sums = totals(comprobante)
    rates = [linea.producto.alicuota for linea in comprobante.detalle]
    if not (sums.bonificacion and rates and carries_iva(comprobante.tipo)):
        return sums.total
    amounts = [*zip(rates, sums.lineas, strict=True), (rates[0], -sums.bonificacion)]
    with localcontext(EXACT):
        _, neto, iva = net_and_iva(amounts)
        return cents(neto + sum(iva.values(), ZERO) + sums.tributos + sums.impuestos_internos)


def plain(number: Decimal) -> str:
    """Write a number as a bookkeeper does: no exponent, no trailing zeros beyond the cents."""
    text = f"{number:f}"
    if "." not in text:
        return text
    whole, decimals = text.split(".")
    decimals = decimals.rstrip("0")
    return f"{whole}.{decimals.ljust(2, '0')}" if decimals else whole


def arithmetic(comprobante: Summable, sums: Totals) -> str:
    """Write the sum out: `detalle 1: 1 × 114.88 = 114.88; subtotal 114.88; IVA 21 % 24.12; total 139.00`.

    Of more than ten lines the first nine are written, and how many others there are. Lines are counted from 1, as
    printed.
    """
    parts = []
    for position, (linea, amount) in enumerate(zip(comprobante.detalle, sums.lineas, strict=True), start=1):
        if position == 10 and len(sums.lineas) > 10:
            parts.append(f"… and {len(sums.lineas) - 9} more lines")
            break
        text = f"detalle {position}: {plain(linea.cantidad)} × {plain(linea.producto.precio_unitario_sin_iva)}"
        if linea.bonificacion_porcentaje:
            text += f" − {plain(linea.bonificacion_porcentaje)} %"
        parts.append(f"{text} = {plain(amount)}")
    parts.append(f"subtotal {sums.subtotal:f}")
    if sums.bonificacion:
        parts.append(f"bonificacion {plain(sums.bonificacion)}, net {sums.neto:f}")
    parts.extend(f"IVA {plain(rate)} % {amount:f}" for rate, amount in sums.iva.items())
    if sums.tributos:
        parts.append(f"tributos y percepciones {plain(sums.tributos)}")
    if sums.impuestos_internos:
        parts.append(f"impuestos internos {plain(sums.impuestos_internos)}")
    parts.append(f"total {sums.total:f}")
    if sums.neto + sum(sums.iva.values(), ZERO) + sums.tributos + sums.impuestos_internos != sums.total:
        parts.append("the total is rounded once, from parts with all their decimals")
    return "; ".join(parts)
