"""A comprobante that is to bear another day than it was made with."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from ..dates import read_day


def day_of(documento: Mapping[str, Any]) -> dt.date | None:
    """Return the day that a document in the provider's shape bears, None where it leaves it open."""
    comprobante = documento.get("comprobante")
    return _as_day(comprobante.get("fecha")) if isinstance(comprobante, Mapping) else None


def due_day_of(documento: Mapping[str, Any]) -> dt.date | None:
    """Return the day by which a document in the provider's shape is to be paid, None where it does not say."""
    comprobante = documento.get("comprobante")
    return _as_day(comprobante.get("vencimiento")) if isinstance(comprobante, Mapping) else None


def without_day(documento: Mapping[str, Any], day: dt.date) -> dict[str, Any]:
    """Return a copy that leaves its day open, to bear `day` or a later one.

    A `vencimiento` before `day` goes too: ARCA refuses a due date before the document's own (10036).
    """
    comprobante = {name: value for name, value in documento["comprobante"].items() if name != "fecha"}
    due = due_day_of(documento)
    if due is not None and due < day:
        del comprobante["vencimiento"]
    return {**documento, "comprobante": comprobante}


def _as_day(value: object) -> dt.date | None:
    """A day as the provider writes it, or as a builder may give it."""
    if isinstance(value, dt.datetime):
        return value.date()
    return value if isinstance(value, dt.date) else read_day(value)
