"""Rules about the date of a comprobante, its period and its due date."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from ..comprobante import Comprobante
from ..dates import format_day
from ..problems import Problem
from .facts import Facts
from .rule import rule

DAYS_BACK = {"productos": 5, "servicios": 10, "ambos": 10}
"""How far back `fecha` may lie, by what the point of sale is registered for."""
_PERIOD = ("comprobante.periodo_facturado_desde", "comprobante.periodo_facturado_hasta")


@rule(
    "fecha-ventana",
    "docs/provider.md, Dates (10 days for services, 5 for goods); ARCA 10016",
    "comprobante.fecha",
)
def fecha_is_not_too_old(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    day = facts.goes_on
    back = DAYS_BACK.get(facts.concepto or "")
    if comprobante.fecha is None or day is None or back is None:
        return
    if day - comprobante.fecha > timedelta(days=back):
        yield Problem(
            "comprobante.fecha",
            f"lies more than {back} days before the day it goes out, {format_day(day)}.",
            format_day(comprobante.fecha),
            f"{format_day(day - timedelta(days=back))} or later",
        )


@rule("fecha-futura", "docs/provider.md, Dates (not later than the day it goes out)", "comprobante.fecha")
def fecha_is_not_in_the_future(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    day = facts.goes_on
    if comprobante.fecha is not None and day is not None and comprobante.fecha > day:
        yield Problem(
            "comprobante.fecha",
            f"lies after the day it goes out, {format_day(day)}.",
            format_day(comprobante.fecha),
            f"{format_day(day)}, or a later day to send it on",
        )


@rule("fecha-correlativa", "ARCA 10016; docs/provider.md, Dates", "comprobante.fecha")
def fecha_is_not_before_the_last_one_issued(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    last, fecha = facts.last_fecha, comprobante.fecha
    if last is not None and fecha is not None and fecha < last:
        yield Problem(
            "comprobante.fecha",
            f"lies before {format_day(last)}, the date of the last one issued for this point of sale and type; "
            "ARCA refuses that (10016).",
            format_day(fecha),
            f"{format_day(last)} or later",
        )


@rule("periodo", "docs/provider.md, Dates (the period of services); ARCA 10049", *_PERIOD)
def services_say_their_period(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    since, until = comprobante.periodo_facturado_desde, comprobante.periodo_facturado_hasta
    needed = facts.concepto in ("servicios", "ambos") or since is not None or until is not None
    for name, value in (("periodo_facturado_desde", since), ("periodo_facturado_hasta", until)):
        if needed and value is None:
            yield Problem(
                f"comprobante.{name}", "is missing: services are invoiced with their period.", "", "dd/mm/aaaa"
            )
    if since is not None and until is not None and since > until:
        yield _backwards("comprobante.periodo_facturado_hasta", "periodo_facturado_desde", since, until)


@rule("vencimiento", "ARCA 10036; docs/provider.md, Dates", "comprobante.vencimiento", "comprobante.fecha")
def vencimiento_is_not_before_fecha(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    due, fecha = comprobante.vencimiento, comprobante.fecha
    if due is not None and fecha is not None and due < fecha:
        yield _backwards("comprobante.vencimiento", "fecha", fecha, due)


def _backwards(path: str, other: str, since: date, until: date) -> Problem:
    return Problem(path, f"lies before {other}.", format_day(until), f"{format_day(since)} or later")


RULES = (
    fecha_is_not_too_old,
    fecha_is_not_in_the_future,
    fecha_is_not_before_the_last_one_issued,
    services_say_their_period,
    vencimiento_is_not_before_fecha,
)
