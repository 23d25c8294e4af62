"""What a rule is: a small function with an id and a source, that says what is wrong with a comprobante."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from .problems import Problem

if TYPE_CHECKING:
    from ..comprobante import Comprobante

Concepto = Literal["productos", "servicios", "ambos"]


@dataclass(frozen=True)
class Facts:
    """What an account and a day add to the rules. A rule whose fact is None is not applied.

    Dates are days in Argentina. `tope_consumidor_final` is in pesos.
    """

    today: date | None = None
    send_on: date | None = None
    """The day that it is meant to go out; None means today."""
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
        """The day that the comprobante is handed in, as far as known."""
        return self.send_on or self.today


NO_FACTS = Facts()

Check = Callable[["Comprobante", Facts], Iterable[Problem]]


@dataclass(frozen=True)
class Rule:
    """A check with its name and the place where the rule comes from.

    `needs` are the paths it compares with one another: it is passed over while one of them can't be read, because it
    would only repeat that problem in other words.
    """

    id: str
    source: str
    check: Check
    needs: tuple[str, ...] = ()


def rule(rule_id: str, source: str, *needs: str) -> Callable[[Check], Rule]:
    """Make a rule of a function (comprobante, facts) → problems."""
    return lambda check: Rule(rule_id, source, check, needs)
