"""A comprobante: its models, its totals, its reference tables and texts. Nothing here knows the rules."""

from ..problems import ComprobanteInvalido, Problem
from .blocks import (
    Cliente,
    ComprobanteAsociado,
    ComprobantesAsociadosPeriodo,
    DatoEspecial,
    DatosInformativos,
    Linea,
    Pago,
    Pagos,
    Producto,
    RgEspeciales,
    Tributo,
)
from .model import Comprobante
from .structure import problems_from

__all__ = [
    "Cliente",
    "Comprobante",
    "ComprobanteAsociado",
    "ComprobanteInvalido",
    "ComprobantesAsociadosPeriodo",
    "DatoEspecial",
    "DatosInformativos",
    "Linea",
    "Pago",
    "Pagos",
    "Problem",
    "Producto",
    "RgEspeciales",
    "Tributo",
    "problems_from",
]
