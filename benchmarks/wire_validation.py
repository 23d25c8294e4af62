"""What reading, checking and writing 500 comprobantes of 3 lines costs, against `json.dumps` and `json.loads` of them.

`measure()` returns the ratio; below 5 is the goal.
"""

from __future__ import annotations

import copy
import json

from django_tusfacturas_lotes.wire.validation import read

from .measurement import Goal, Measured, Sizes
from .side_by_side import fastest, seconds

GOAL = Goal(5, "<")

_LINEA = {
    "cantidad": 1,
    "producto": {
        "descripcion": "Hosting pagina web ",
        "codigo": 37,
        "lista_precios": "standard",
        "leyenda": "",
        "unidad_bulto": 1,
        "alicuota": 21,
        "precio_unitario_sin_iva": 114.88,
    },
}
_COMPROBANTE = {
    "cliente": {
        "documento_tipo": "DNI",
        "documento_nro": "30123456",
        "razon_social": "Juana Pérez",
        "domicilio": "Av. Santa Fe 123",
        "provincia": "2",
        "condicion_iva": "CF",
        "condicion_pago": "201",
        "email": "juana@shop.example",
        "envia_por_mail": "N",
    },
    "comprobante": {
        "tipo": "FACTURA B",
        "fecha": "28/03/2018",
        "punto_venta": 3,
        "numero": 0,
        "operacion": "V",
        "moneda": "PES",
        "cotizacion": 1,
        "rubro": "Servicios web",
        "rubro_grupo_contable": "Servicios",
        "bonificacion": 0,
        "percepciones_iva": 0,
        "percepciones_iibb": 0,
        "impuestos_internos": 0,
        "detalle": [_LINEA, _LINEA, _LINEA],
        "total": 417.01,
    },
}


def measured(sizes: Sizes) -> list[Measured]:
    """Measure, for the table."""
    ratio, sides = _compare(sizes.comprobantes, sizes.wire_rounds)
    what = f"reading, checking and writing {sizes.comprobantes} comprobantes of 3 lines / json.dumps + json.loads"
    return [Measured("wire", what, ratio, GOAL, sides)]


def measure() -> float:
    """The cost of `read(…).wire()` of each comprobante, as a multiple of `json.loads(json.dumps(…))` of them all."""
    sizes = Sizes()
    return _compare(sizes.comprobantes, sizes.wire_rounds)[0]


def _compare(comprobantes: int, rounds: int) -> tuple[float, str]:
    data = [copy.deepcopy(_COMPROBANTE) for _ in range(comprobantes)]
    ours, theirs = fastest(
        "wire",
        rounds,
        lambda: seconds(lambda: [read(item).wire() for item in data]),
        lambda: seconds(lambda: json.loads(json.dumps(data))),
    )
    return ours / theirs, f"{ours * 1000:.1f} ms / {theirs * 1000:.1f} ms"
