"""A comprobante that a test builds, and what `read` says of data."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from django_tusfacturas_lotes.wire.comprobante import (
    Cliente,
    Comprobante,
    ComprobanteInvalido,
    Linea,
    Problem,
    Producto,
)
from django_tusfacturas_lotes.wire.comprobante.tables import Provincia, Tipo
from django_tusfacturas_lotes.wire.rules import Facts
from django_tusfacturas_lotes.wire.validation import read


def problems(data: Any, facts: Facts | None = None) -> dict[str, Problem]:
    """Return what `read` refuses `data` for, by the path of each field."""
    with pytest.raises(ComprobanteInvalido) as caught:
        read(data, facts)
    return {problem.path: problem for problem in caught.value.problems}


def build(**changes: Any) -> Comprobante:
    """Return a FACTURA B of 139.00, with these fields changed."""
    fields: dict[str, Any] = {
        "cliente": Cliente(
            documento_tipo="DNI",
            documento_nro=30123456,
            razon_social="Juana Pérez",
            domicilio="Av. Santa Fe 123",
            provincia=Provincia.CORDOBA,
            condicion_iva="CF",
            condicion_pago=201,
        ),
        "tipo": Tipo.FACTURA_B,
        "punto_venta": 3,
        "rubro": "Ventas",
        "rubro_grupo_contable": "Ventas",
        "detalle": [
            Linea(
                cantidad=Decimal(1),
                producto=Producto(
                    descripcion="Remera 100% algodón",
                    precio_unitario_sin_iva=Decimal("114.88"),
                    alicuota=Decimal(21),
                    lista_precios="Tienda",
                ),
            )
        ],
    }
    return Comprobante(**{**fields, **changes})
