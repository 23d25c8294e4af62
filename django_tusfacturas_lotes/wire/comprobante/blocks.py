"""The blocks that a comprobante is made of, with the provider's names for the fields.

They hold what was given, each value with its type and nothing more: amounts are `Decimal`, dates are `date`, codes of
the reference tables keep the form in which they were given ("2" and 2 are both Buenos Aires). The rules decide whether
a comprobante may be issued. Fields that the models don't know are kept and sent, because the provider adds fields.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictInt
from pydantic_core import PydanticCustomError

from .texts import unescape

_DATE = re.compile(r"(\d{2})/(\d{2})/(\d{4})", re.ASCII)

LIMIT = 10**12
"""Amounts stay below this. With their 3 decimals they then have 15 digits at most, which is what survives a JSON number
(an IEEE double)."""


def parse_date(text: str) -> date | None:
    """Read dd/mm/aaaa, with two digits for day and month; None for anything else."""
    found = _DATE.fullmatch(text.strip())
    try:
        return date(int(found[3]), int(found[2]), int(found[1])) if found else None
    except ValueError:
        return None


def _date(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, str):
        day = parse_date(value)
        if day is not None or not value.strip():
            return day
    elif isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise PydanticCustomError("fecha", "not a date")


def _whole(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticCustomError("int_type", "not a whole number")
    return value


Amount = Annotated[Decimal, Field(gt=-LIMIT, lt=LIMIT)]
"""A number of the money: text, int, float (by its shortest form, so 114.88 is 114.88) or Decimal, never a bool or
NaN."""
Code = str | StrictInt
"""A value of a reference table or a number that is a name; kept as it was given."""
Whole = Annotated[int, BeforeValidator(_whole)]
Fecha = Annotated[date, BeforeValidator(_date)]
"""A date, or text dd/mm/aaaa. Not a datetime: which day that is depends on a time zone."""
FechaOpcional = Annotated[date | None, BeforeValidator(_date)]
Text = Annotated[str, AfterValidator(unescape)]


class Block(BaseModel):
    """A block can't be changed, and keeps the fields that it doesn't know."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)


class Cliente(Block):
    """Who receives the comprobante."""

    documento_tipo: str
    documento_nro: Code
    razon_social: str
    domicilio: str
    provincia: Code
    condicion_iva: str
    condicion_pago: Code
    condicion_pago_otra: Text | None = None
    condicion_iva_operacion: str | None = None
    codigo: Code | None = None
    nombre_fantasia: str | None = None
    email: str | None = None
    envia_por_mail: str | None = None
    reclama_deuda: str | None = None
    reclama_deuda_dias: Code | None = None
    reclama_deuda_repite_dias: Code | None = None
    rg5329: str | None = None


class Producto(Block):
    """What a line sells. `precio_unitario_sin_iva` is net in A, B and M, and the final price in C; up to 3 decimals.

    `alicuota` is 27, 21, 10.5, 0, -1 (exento) or -2 (no gravado); in C it means nothing and may be left out.
    """

    descripcion: Text
    precio_unitario_sin_iva: Amount
    alicuota: Amount | None = None
    unidad_bulto: Code = 1
    lista_precios: str | None = None
    codigo: Code | None = None
    leyenda: Text | None = None
    unidad_medida: Code | None = None
    actualiza_precio: str | None = None
    impuestos_internos_alicuota: Amount | None = None
    rg5329: str | None = None


class Linea(Block):
    """One line of `detalle`. `bonificacion_porcentaje` is its own discount, 0 to 100."""

    cantidad: Amount
    producto: Producto
    bonificacion_porcentaje: Amount | None = None
    afecta_stock: str | None = None
    actualiza_precio: str | None = None
    leyenda: Text | None = None


class Tributo(Block):
    """A percepción or another tax that is added to the total. `alicuota` in per cent."""

    tipo: Code
    total: Amount
    regimen: Code | None = None
    base_imponible: Amount | None = None
    alicuota: Amount | None = None


class ComprobanteAsociado(Block):
    """A document that a nota de crédito or débito refers to. `cuit` is its issuer's."""

    tipo_comprobante: str
    punto_venta: Whole
    numero: Whole
    comprobante_fecha: FechaOpcional = None
    cuit: Code | None = None


class ComprobantesAsociadosPeriodo(Block):
    """The period whose comprobantes a nota refers to, instead of a list of them."""

    fecha_desde: Fecha
    fecha_hasta: Fecha


class Pago(Block):
    """One means of payment, for the provider's current account; it is not printed."""

    descripcion: Text
    importe: Amount


class Pagos(Block):
    """What was paid already, in pesos."""

    formas_pago: list[Pago]
    total: Amount


class DatoEspecial(Block):
    """One datum that a special regime asks for."""

    id: Code
    valor: Code


class RgEspeciales(Block):
    """The data that a general resolution asks for; one regime for each comprobante."""

    regimen: str
    datos: list[DatoEspecial]


class DatosInformativos(Block):
    """What else ARCA asks for. `paga_misma_moneda`: S or N (RG 5616/2024)."""

    paga_misma_moneda: str | None = None
