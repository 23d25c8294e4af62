"""What is queued, and what the provider says of it: the data that the measurements share."""

from __future__ import annotations

import copy
from typing import Any

from django_tusfacturas_lotes.conf import conf

_LINEA = {
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
_DOCUMENTO: dict[str, Any] = {
    "cliente": {
        "documento_tipo": "DNI",
        "documento_nro": "30123456",
        "razon_social": "Juana Pérez",
        "domicilio": "Av. Santa Fe 123",
        "provincia": "2",
        "condicion_iva": "CF",
        "condicion_pago": "201",
        "email": "juana@shop.invalid",
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
        "detalle": [_LINEA, _LINEA, _LINEA],
        "total": 417.01,
    },
}


def documento(order: Any = None) -> dict[str, Any]:
    """Return a FACTURA B of three lines, to be dated on the day of sending."""
    return copy.deepcopy(_DOCUMENTO)


def answer(taken: int) -> dict[str, Any]:
    """Return the provider's answer to a lote that it takes whole."""
    return {"error": "N", "rta": "", "procesados": taken, "validaciones": [], "errores": []}


def notification(reference: str, number: int) -> dict[str, Any]:
    """Return the provider's notification of a success, with our credentials, as it is documented."""
    credentials = conf.account("default").credentials
    return {
        "error": "N",
        "errores": [],
        "rta": f"El comprobante FACTURA B 00003-{number:08} se ha guardado correctamente ",
        "cae": f"{71_000_000_000_000 + number} ",
        "vencimiento_cae": "06/01/2030",
        "vencimiento_pago": "06/01/2030",
        "comprobante_nro": f"00003-{number:08}",
        "comprobante_tipo": "FACTURA B",
        "observaciones": "",
        "envio_x_mail": "N",
        "comprobante_pdf_url": f"https://provider.invalid/{number}.pdf",
        "facturacion_lote_id_referencia": reference,
        "apikey": credentials.apikey,
        "apitoken": credentials.apitoken,
        "usertoken": credentials.usertoken,
    }
