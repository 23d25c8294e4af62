"""Reads the days of a document in the provider's shape, and opens its day for a later one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from ..dates import read_day


def day_of(documento: Mapping[str, Any]) -> dt.date | None:
    """Return the `fecha` of a document in the provider's shape, None where it has none."""
    comprobante = documento.get("comprobante")
    return _as_day(comprobante.get("fecha")) if isinstance(comprobante, Mapping) else None


def due_day_of(documento: Mapping[str, Any]) -> dt.date | None:
    """Return the `vencimiento` of a document in the provider's shape, None where it has none."""
    comprobante = documento.get("comprobante")
    return _as_day(comprobante.get("vencimiento")) if isinstance(comprobante, Mapping) else None


def without_day(documento: Mapping[str, Any], day: dt.date) -> dict[str, Any]:
    """Return a copy of a document without its `fecha`, so that it can be issued on `day` or later.

    A `vencimiento` before `day` goes too: ARCA refuses a due date before the document's own (10036).
    """
    comprobante = {name: value for name, value in documento["comprobante"].items() if name != "fecha"}
    due = due_day_of(documento)
    if due is not None and due < day:
        del comprobante["vencimiento"]
    return {**documento, "comprobante": comprobante}


def _as_day(value: object) -> dt.date | None:
    """Read a day as the provider writes it, or as a builder may give it."""
    if isinstance(value, dt.datetime):
        return value.date()
    return value if isinstance(value, dt.date) else read_day(value)
