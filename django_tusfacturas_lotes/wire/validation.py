"""Reads a comprobante and checks that it may be issued."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from .comprobante import Comprobante
from .comprobante.blocks import LIMIT
from .comprobante.structure import flatten, readable
from .comprobante.totals import total_of
from .comprobante.type_errors import too_long
from .problems import ComprobanteInvalido, Problem
from .rules import NO_FACTS, Facts, check


def read(data: Comprobante | Mapping[str, Any], facts: Facts | None = None) -> Comprobante:
    """Check that `data` may be issued, and return it with `total`, `cotizacion` and `punto_venta` filled in.

    `data` is a `Comprobante`, or a mapping in the provider's shape, `{"cliente": {…}, "comprobante": {…}}`;
    credentials and our own reference in it are dropped. `facts` is what the account and the day add to the rules.
    Raises `ComprobanteInvalido` with all that is wrong.
    """
    facts = facts or NO_FACTS
    if isinstance(data, Comprobante):
        comprobante, problems = data, list[Problem]()
    else:
        fields, problems = flatten(data)
        if fields is None:
            raise ComprobanteInvalido(problems)
        try:
            comprobante = Comprobante.model_validate(fields)
        except ValidationError as error:
            comprobante, found = readable(fields, error)
            problems += [problem for problem in found if not problem.within(problems)]
    if comprobante.punto_venta is None and facts.punto_venta is not None:
        comprobante = comprobante.model_copy(update={"punto_venta": facts.punto_venta})
    problems += check(comprobante, facts, problems)
    if problems:
        raise ComprobanteInvalido(problems)
    filled: dict[str, Any] = {}
    if comprobante.total is None:
        filled["total"] = total = total_of(comprobante)
        if total >= LIMIT:
            raise ComprobanteInvalido([too_long("comprobante.total", total)])
    if comprobante.cotizacion is None:
        filled["cotizacion"] = Decimal(1)
    return comprobante.model_copy(update=filled) if filled else comprobante
