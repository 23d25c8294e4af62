"""Works out net prices that add up to what was charged, for shops that keep their prices with IVA included.

A net unit price has up to 3 decimals, so a total to the cent can nearly always be met, by moving prices a few
thousandths. Where it can't be met (a large quantity moves the total by more than a cent at a time), the result says by
how much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from itertools import product

from ..comprobante.totals import EXACT, HUNDRED, ZERO, carries_iva, cents, line_amount, net_and_iva

MILL = Decimal("0.001")
_REACH = 12
_FINEST = 3


@dataclass(frozen=True)
class FinalPrice:
    """A line as a shop knows it: `precio` is the unit price with IVA, in the comprobante's currency.

    `alicuota` is the line's rate of IVA (27, 21, 10.5, 0, -1 or -2) and `bonificacion_porcentaje` its discount.
    """

    precio: Decimal
    alicuota: Decimal
    cantidad: Decimal = Decimal(1)
    bonificacion_porcentaje: Decimal = ZERO


@dataclass(frozen=True)
class NetPrices:
    """Net unit prices, one for each line in the same order, and how near their total is to what was charged.

    `total` is what a comprobante with these prices adds up to, `charged` what it should, and `difference` is
    `total - charged`: 0 where it is met to the cent.
    """

    nets: tuple[Decimal, ...]
    total: Decimal
    charged: Decimal

    @property
    def difference(self) -> Decimal:
        return self.total - self.charged

    @property
    def net(self) -> Decimal:
        """The net price of the first line, such as the only one of `net_price`."""
        return self.nets[0]


def net_price(
    final: Decimal,
    alicuota: Decimal,
    *,
    cantidad: Decimal = Decimal(1),
    bonificacion_porcentaje: Decimal = ZERO,
    tipo: str = "FACTURA B",
) -> NetPrices:
    """Return the net price at 3 decimals of a line that comes to `final` × `cantidad` with IVA, less its discount."""
    return net_prices([FinalPrice(final, alicuota, cantidad, bonificacion_porcentaje)], tipo=tipo)


def net_prices(
    lines: Sequence[FinalPrice],
    *,
    charged: Decimal | None = None,
    bonificacion: Decimal = ZERO,
    tipo: str = "FACTURA B",
) -> NetPrices:
    """Return net prices at 3 decimals for the lines of one comprobante, so that its total is what was `charged`.

    `charged` is the sum of the lines' final prices unless given. `bonificacion` is the comprobante's general
    discount, without IVA, which `charged` then has to take into account. In C types prices are final and come back to
    the thousandth. Each price moves as little as it can. Raises `ValueError` for no lines, and for negative prices or
    quantities.
    """
    if not lines or any(line.precio < ZERO or line.cantidad <= ZERO for line in lines):
        raise ValueError("net prices are worked out for one or more lines with a price and a quantity")
    with localcontext(EXACT):
        return _Search(lines, charged, bonificacion, carries_iva(tipo)).best()


class _Search:
    def __init__(
        self, lines: Sequence[FinalPrice], charged: Decimal | None, bonificacion: Decimal, con_iva: bool
    ) -> None:
        self.lines = lines
        self.bonificacion = bonificacion
        self.rates = [line.alicuota if con_iva else None for line in lines]
        factors = [1 + max(rate, ZERO) / HUNDRED if rate is not None else Decimal(1) for rate in self.rates]
        self.exact = [line.precio / factor for line, factor in zip(lines, factors, strict=True)]
        # How much the total moves with a thousandth in each price.
        self.effects = [
            line_amount(line.cantidad, MILL, line.bonificacion_porcentaje) * factor
            for line, factor in zip(lines, factors, strict=True)
        ]
        finals = (line_amount(line.cantidad, line.precio, line.bonificacion_porcentaje) for line in lines)
        self.charged = cents(sum(finals, ZERO) if charged is None else charged)
        self.nets = [net.quantize(MILL, ROUND_HALF_EVEN) for net in self.exact]

    def total(self) -> Decimal:
        amounts = [
            (rate, line_amount(line.cantidad, net, line.bonificacion_porcentaje))
            for rate, line, net in zip(self.rates, self.lines, self.nets, strict=True)
        ]
        _, neto, iva = net_and_iva(amounts, self.bonificacion)
        return cents(neto + sum(iva.values(), ZERO))

    def best(self) -> NetPrices:
        found = self.result()
        if found.difference:
            self._spread(found.difference)
            found = self._try_around(min(found, self.result(), key=_distance))
        return found

    def result(self) -> NetPrices:
        return NetPrices(tuple(self.nets), self.total(), self.charged)

    def _spread(self, difference: Decimal) -> None:
        """Undo the roundings that made the difference: a thousandth each, those furthest from their exact price
        first."""
        sign = 1 if difference > ZERO else -1
        away = [sign * (net - exact) for net, exact in zip(self.nets, self.exact, strict=True)]
        for position in sorted(range(len(away)), key=away.__getitem__, reverse=True):
            effect = self.effects[position]
            if effect and effect <= abs(difference) and away[position] > ZERO and self.nets[position] > ZERO:
                self.nets[position] -= sign * MILL
                difference -= sign * effect

    def _try_around(self, found: NetPrices) -> NetPrices:
        """Move the finest prices a few thousandths more, least first, until the total is met."""
        start = list(found.nets)
        finest = sorted((i for i, effect in enumerate(self.effects) if effect), key=self.effects.__getitem__)[:_FINEST]
        for count in (1, 2, 3):
            positions = finest[:count]
            if len(positions) < count:
                break
            reach = _REACH if count < _FINEST else 3
            centre = round(-found.difference / self.effects[positions[0]])
            moves = product(range(-reach, reach + 1), repeat=count)
            for steps in sorted(moves, key=lambda moved: sum(map(abs, moved))):
                self.nets = list(start)
                for order, (position, moved) in enumerate(zip(positions, steps, strict=True)):
                    self.nets[position] += (moved + (centre if order == 0 else 0)) * MILL
                if min(self.nets) < ZERO:
                    continue
                tried = self.result()
                if _distance(tried) < _distance(found):
                    found = tried
                if not found.difference:
                    return found
        return found


def _distance(found: NetPrices) -> Decimal:
    return abs(found.difference)
