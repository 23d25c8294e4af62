"""What an account and a day add to the rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

Concepto = Literal["productos", "servicios", "ambos"]


@dataclass(frozen=True)
class Facts:
    """What is known of the account and the day. A rule whose fact is None is not applied.

    Dates are days in Argentina. `tope_consumidor_final` is in pesos.
    """

    today: date | None = None
    send_on: date | None = None
    """The day on which it is meant to be sent; None means today."""
    condicion_iva: str | None = None
    """The issuer's: RI, M or E."""
    concepto: Concepto | None = None
    """What the point of sale is registered for."""
    tope_consumidor_final: Decimal | None = None
    """From this amount on, ARCA wants a consumer to be named."""
    last_fecha: date | None = None
    """The date of the latest comprobante issued for that point of sale and type."""
    punto_venta: int | None = None
    """The account's. A comprobante that names none gets it; one that names another is wrong."""
    moneda_asociados: str | None = None
    """The currency of the documents that a nota de crédito or débito refers to."""

    @property
    def goes_on(self) -> date | None:
        """The day on which the comprobante is sent, as far as known."""
        return self.send_on or self.today


NO_FACTS = Facts()
