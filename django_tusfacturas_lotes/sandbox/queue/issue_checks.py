"""Whether a comprobante would be issued, and with which words it is refused otherwise.

The provider checks little, ARCA checks dates; neither checks totals or the sums of lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from ..modalities.interface import Job
from ..modalities.tipos import tipo_error
from ..modalities.values import as_text, read_date

MAX_LINES = 130
ARCA_DATE_WINDOW = timedelta(days=10)

ARCA_ERROR = "Cod. Error: #6661145.{code} - {text}"
OUT_OF_ORDER = "El numero o fecha del comprobante no se corresponde con el proximo a autorizar."


def provider_error(job: Job) -> str:
    """What the provider itself finds wrong with the data, or ``""``."""
    cliente, comprobante = job.cliente, job.comprobante
    wrong_tipo = tipo_error(job.tipo)
    if wrong_tipo:
        return wrong_tipo
    if as_text(comprobante.get("operacion")) != "V":
        return "El campo operacion del comprobante debe ser V."
    if not as_text(comprobante.get("fecha")):
        return "El campo fecha del comprobante es obligatorio."
    if read_date(comprobante.get("fecha")) is None:
        return "El campo fecha del comprobante no es válido. Formato esperado: dd/mm/aaaa."
    if point_of_sale(job) is None:
        return "El punto de venta del comprobante no es válido."
    for name in ("documento_tipo", "documento_nro", "razon_social"):
        if not as_text(cliente.get(name)):
            return f"El campo {name} del cliente es obligatorio."
    return _lines_error(comprobante.get("detalle"))


def _lines_error(detalle: object) -> str:
    if not isinstance(detalle, list) or not detalle:
        return "El comprobante debe tener al menos un item en detalle."
    if len(detalle) > MAX_LINES:
        return f"El comprobante supera los {MAX_LINES} items en detalle."
    for position, line in enumerate(detalle):
        producto = line.get("producto") if isinstance(line, Mapping) else None
        if not isinstance(producto, Mapping) or not as_text(producto.get("descripcion")):
            return f"El item {position} (comenzando en 0) del detalle no tiene producto o descripcion."
        if _number(line.get("cantidad")) is None or _number(producto.get("precio_unitario_sin_iva")) is None:
            return f"El item {position} (comenzando en 0) del detalle no tiene cantidad o precio_unitario_sin_iva."
    return ""


def arca_error(job: Job, last: date | None, today: date) -> str:
    """What ARCA finds wrong with the date, or ``""``.

    ``last`` is the date of the last comprobante issued with its point of sale and type.
    """
    fecha = read_date(job.comprobante.get("fecha"))
    if fecha is None:
        return ARCA_ERROR.format(code=10016, text=OUT_OF_ORDER)
    if last is not None and fecha < last:
        return ARCA_ERROR.format(
            code=10016, text=f"{OUT_OF_ORDER} Ya existe un comprobante emitido con una fecha posterior."
        )
    if abs(fecha - today) > ARCA_DATE_WINDOW:
        days = ARCA_DATE_WINDOW.days
        return ARCA_ERROR.format(
            code=10016, text=f"{OUT_OF_ORDER} La fecha no puede diferir en más de {days} días de la actual."
        )
    return ""


def point_of_sale(job: Job) -> int | None:
    """The point of sale as a number, from ``3`` as well as from ``"00003"``; None where it is not one."""
    digits = as_text(job.comprobante.get("punto_venta"))
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 5):
        return None
    return int(digits) or None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except ValueError:
        return None
