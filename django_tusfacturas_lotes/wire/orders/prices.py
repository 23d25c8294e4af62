"""Works out the lines and net prices that a comprobante prints, so that it adds up to what was charged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import accumulate

from ..comprobante import Linea, Producto
from ..comprobante.totals import CENT, HUNDRED, ZERO, carries_iva, cents, line_amount, plain
from .net_prices import FinalPrice, NetPrices, net_prices
from .values import UnreadableOrder


@dataclass(frozen=True)
class OrderLine:
    """A line as the shop knows it. `porcentaje` is its discount; `alicuota` None where the shop has none."""

    descripcion: str
    precio: Decimal
    alicuota: Decimal | None
    cantidad: Decimal = Decimal(1)
    porcentaje: Decimal = ZERO
    codigo: str | None = None

    @property
    def amount(self) -> Decimal:
        return line_amount(self.cantidad, self.precio, self.porcentaje)

    @property
    def factor(self) -> Decimal:
        """How much a price grows with IVA."""
        return 1 + max(self.alicuota or ZERO, ZERO) / HUNDRED

    @property
    def price(self) -> FinalPrice:
        return FinalPrice(self.precio, self.alicuota or ZERO, self.cantidad, self.porcentaje)

    def times(self, factor: Decimal) -> OrderLine:
        return replace(self, precio=self.precio * factor)

    def as_one(self, amount: Decimal) -> OrderLine:
        """Return the line as one unit, at what was charged for it."""
        descripcion = self.descripcion if self.cantidad == 1 else f"{plain(self.cantidad)} × {self.descripcion}"
        return OrderLine(descripcion, amount, self.alicuota, codigo=self.codigo)

    def linea(self, net: Decimal, lista_precios: str) -> Linea:
        return Linea(
            cantidad=self.cantidad,
            bonificacion_porcentaje=self.porcentaje,
            producto=Producto(
                descripcion=self.descripcion,
                lista_precios=lista_precios,
                codigo=self.codigo,
                alicuota=self.alicuota,
                precio_unitario_sin_iva=net,
            ),
        )


def priced(
    lines: Sequence[OrderLine], discount: Decimal, total: Decimal | None, tipo: str
) -> tuple[Sequence[OrderLine], NetPrices, Decimal]:
    """Return what to print of `lines` at final prices, with net prices and a `bonificacion`, to come to `total`."""
    if not lines:
        raise UnreadableOrder("there are no lines")
    whole = sum((line.amount for line in lines), ZERO)
    if discount > whole:
        raise UnreadableOrder(f"the discount, {discount:.2f}, is more than the lines come to, {whole:.2f}")
    due = whole - discount
    charged = cents(due if total is None else total)
    # A cent for each rounding that the shop may have done on its way.
    if abs(charged - due) > CENT * (len(lines) + 1) or (charged and not due):
        sums = " + ".join(f"{line.amount:.2f}" for line in lines) + (f" − {discount:.2f}" if discount else "")
        raise UnreadableOrder(f"the total charged is {charged:.2f}, and its lines come to {due:.2f} ({sums}), with IVA")
    lowered = [line.times(due / whole) for line in lines] if discount else lines
    ways: list[tuple[Sequence[OrderLine], Decimal]] = [(lowered, ZERO), (_ones(lowered, charged), ZERO)]
    factors = {line.factor if carries_iva(tipo) else 1 for line in lines}
    if due and discount and len(factors) == 1:
        # With several rates the provider's documentation can be read in two ways (`total_with_discount_on_first_rate`).
        ways.insert(0, (lines, cents(discount / factors.pop())))
    for sold, bonificacion in ways:
        found = net_prices([line.price for line in sold], charged=charged, bonificacion=bonificacion, tipo=tipo)
        if not found.difference:
            break
    return sold, found, bonificacion


def _ones(lines: Sequence[OrderLine], charged: Decimal) -> list[OrderLine]:
    """Return one unit for each line, at prices to the cent that add up to `charged`."""
    amounts = [cents(line.amount) for line in lines]
    if sum(amounts, ZERO) != charged:
        whole = sum((line.amount for line in lines), ZERO)
        # What the lines come to so far, each time to the cent: the last one comes to all that was charged.
        sums = [cents(charged * so_far / whole) for so_far in accumulate(line.amount for line in lines)]
        amounts = [after - before for before, after in zip([ZERO, *sums], sums, strict=False)]
    return [line.as_one(amount) for line, amount in zip(lines, amounts, strict=True)]
