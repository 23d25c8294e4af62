"""What a shop sends in these tests (docs/provider.md, Documented examples)."""

from __future__ import annotations

import copy
import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from django_tusfacturas_lotes.sandbox import APIKEY, APITOKEN, USERTOKEN, Sandbox

TODAY = date(2018, 3, 28)
PATH = "/v2/facturacion/lotes"
KEYS = {"apikey": APIKEY, "apitoken": APITOKEN, "usertoken": USERTOKEN}

DOCUMENTED_ITEM: dict[str, Any] = {
    **KEYS,
    "cliente": {
        "documento_tipo": "CUIT",
        "condicion_iva": "M",
        "domicilio": "Av Sta Fe 23132",
        "condicion_pago": "0",
        "documento_nro": "3071229384",
        "razon_social": "VOUSYS",
        "provincia": "2",
        "email": "tusfacturas@vousys.com",
        "envia_por_mail": "N",
    },
    "comprobante": {
        "rubro": "Sevicios web",
        "percepciones_iva": 0,
        "tipo": "FACTURA B",
        "numero": 0,
        "facturacion_lote_id_referencia": "ASD123AW",
        "percepciones_iibb": 0,
        "bonificacion": 0,
        "operacion": "V",
        "detalle": [
            {
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
        ],
        "fecha": "28/03/2018",
        "rubro_grupo_contable": "Sevicios",
        "total": 139.0,
        "cotizacion": 1,
        "moneda": "PES",
        "punto_venta": 3,
        "impuestos_internos": 0,
    },
}


def item(reference: object = "ASD123AW", /, **comprobante: Any) -> dict[str, Any]:
    """The documented item with another reference, and other fields in its comprobante (None leaves one out)."""
    made = copy.deepcopy(DOCUMENTED_ITEM)
    made["comprobante"] |= {"facturacion_lote_id_referencia": reference, **comprobante}
    made["comprobante"] = {name: value for name, value in made["comprobante"].items() if value is not None}
    return made


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


def request(url: str, method: str = "GET", body: object = None, raw: bytes | None = None) -> Answer:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    try:
        data = raw if raw is not None else json.dumps(body).encode() if body is not None else None
        connection.request(method, parts.path, data, {"Content-Type": "application/json"})
        with connection.getresponse() as response:
            return Answer(response.status, dict(response.headers), response.read())
    finally:
        connection.close()


@dataclass
class Shop:
    sandbox: Sandbox
    webhook_url: str

    def body(self, *items: Any, **fields: Any) -> dict[str, Any]:
        made = {**KEYS, "webhook_url": self.webhook_url, "requests": list(items), **fields}
        return {name: value for name, value in made.items() if value is not None}

    def post(self, body: object) -> Answer:
        return request(self.sandbox.url + PATH, "POST", body)

    def send(self, *items: Any, **fields: Any) -> Any:
        """Sends a call, which must be answered 200; its answer, decoded."""
        answer = self.post(self.body(*items, **fields))
        assert answer.status == 200
        return answer.json

    def settle(self, *items: Any, **fields: Any) -> Any:
        answer = self.send(*items, **fields)
        self.sandbox.wait_idle()
        return answer


def until(condition: Callable[[], bool], timeout: float = 30) -> None:
    """Waits for a condition that the sandbox itself has no wait for."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.002)
