"""Comprobantes and orders for the tests."""

from __future__ import annotations

import copy
import datetime as dt
from typing import Any

from django.db import connection

from django_tusfacturas_lotes.wire.dates import argentine_day, format_day
from tests.testshop.models import Order

DOCUMENTO: dict[str, Any] = {
    "cliente": {
        "documento_tipo": "DNI",
        "documento_nro": "27111222",
        "razon_social": "Ana Pérez",
        "domicilio": "Av Sta Fe 23132",
        "provincia": "2",
        "condicion_iva": "CF",
        "condicion_pago": "201",
        "envia_por_mail": "N",
    },
    "comprobante": {
        "tipo": "FACTURA B",
        "numero": 0,
        "operacion": "V",
        "punto_venta": 3,
        "moneda": "PES",
        "cotizacion": 1,
        "rubro": "Servicios web",
        "rubro_grupo_contable": "Servicios",
        "bonificacion": 0,
        "detalle": [
            {
                "cantidad": 1,
                "producto": {
                    "descripcion": "Hosting pagina web",
                    "codigo": "37",
                    "lista_precios": "standard",
                    "leyenda": "",
                    "unidad_bulto": 1,
                    "alicuota": 21,
                    "precio_unitario_sin_iva": 114.88,
                },
            }
        ],
        "total": 139.0,
    },
}


def documento(*, cliente: dict[str, Any] | None = None, **comprobante: Any) -> dict[str, Any]:
    """A valid FACTURA B of 139.00 to be dated when it is sent, with these fields changed (None: left out)."""
    made = copy.deepcopy(DOCUMENTO)
    made["cliente"].update(cliente or {})
    made["comprobante"].update(comprobante)
    made["comprobante"] = {name: value for name, value in made["comprobante"].items() if value is not None}
    return made


def day(days_from_today: int = 0) -> str:
    return format_day(argentine_day() + dt.timedelta(days=days_from_today))


def order(mishap: str = "", **comprobante: Any) -> Order:
    return Order.objects.create(documento=documento(**comprobante), mishap=mishap)


def orders(count: int, **comprobante: Any) -> list[Order]:
    return Order.objects.bulk_create(Order(documento=documento(**comprobante)) for _ in range(count))


def build_comprobante(order: Order) -> Any:
    """The `COMPROBANTE_BUILDER` of the tests."""
    if order.mishap == "raise":
        raise LookupError("the customer has no address")
    if order.mishap == "query":
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM a_table_that_is_not_there")
    return order.documento
