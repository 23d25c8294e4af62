"""Comprobantes of every type, in the provider's shape, after the provider's documented samples.

What the documentation's samples can't keep here: `numero` is 0 (asynchronous issue assigns it), the associated
comprobante is dated before the nota that refers to it, and notas that came without an association have one.
"""

from __future__ import annotations

import copy
from typing import Any

from tests.support import documented

CUIT = "30712293841"
Shape = dict[str, Any]


def documented_items() -> list[Shape]:
    """The three items of the documented call of `lotes`, with credentials and reference."""
    items: list[Shape] = documented.lotes_call()["requests"]
    return items


def factura_b() -> Shape:
    """The first of them without what is ours: 1 × 114.88 at 21 %, 139.00."""
    item = copy.deepcopy(documented_items()[0])
    del item["comprobante"]["facturacion_lote_id_referencia"]
    return {"cliente": item["cliente"], "comprobante": item["comprobante"]}


def nota_a(tipo: str = "NOTA DE CREDITO A") -> Shape:
    """The documentation's nota de crédito A: 100 exempt and 10 at 21 %, 112.10; numbers as texts."""
    letra = tipo[-1]
    sample: Shape = {
        "cliente": {
            "documento_tipo": "CUIT",
            "documento_nro": CUIT,
            "razon_social": "VOUSYS",
            "email": "tusfacturas@vousys.com",
            "domicilio": "AV.LIBERTADOR 571",
            "provincia": "2",
            "envia_por_mail": "S",
            "condicion_pago": "211",
            "condicion_iva": "RI",
        },
        "comprobante": {
            "fecha": "20/07/2018",
            "tipo": tipo,
            "operacion": "V",
            "punto_venta": "0002",
            "numero": "00000000",
            "periodo_facturado_desde": "28/02/2018",
            "periodo_facturado_hasta": "28/02/2018",
            "rubro": "Alimentos",
            "rubro_grupo_contable": "Alimentos",
            "detalle": [
                _linea("EXENTO - AVENA INSTANTANEA x5 kg. al 21", "16098", "100", "-1"),
                {**_linea("p2 x", "160398", "10", "21"), "leyenda": ""},
            ],
            "bonificacion": "0.00",
            "leyenda_gral": " ",
            **_zeroes(),
            "total": "112.1",
        },
    }
    if tipo.startswith("NOTA"):
        sample["comprobante"]["comprobantes_asociados"] = [
            {
                "tipo_comprobante": f"FACTURA {letra}",
                "punto_venta": "145",
                "numero": 12313,
                "comprobante_fecha": "07/07/2018",
                "cuit": 1111111111111,
            }
        ]
    return sample


def factura_c(tipo: str = "FACTURA C") -> Shape:
    """The documentation's factura C: a final price of 114.88 and no IVA, whatever `alicuota` says."""
    sample = factura_b()
    sample["cliente"]["condicion_pago"] = "210"
    sample["comprobante"].update(tipo=tipo, total=114.88, **_zeroes())
    if tipo.startswith("NOTA"):
        sample["comprobante"]["comprobantes_asociados_periodo"] = {
            "fecha_desde": "01/03/2018",
            "fecha_hasta": "27/03/2018",
        }
    return sample


def nota_de_debito_b(tipo: str = "NOTA DE DEBITO B") -> Shape:
    """The documentation's nota de débito B: dollars, two rates, a discount of 120, an abono, a payment; 543.22."""
    return {
        "cliente": {
            "documento_tipo": "DNI",
            "documento_nro": "1292963535",
            "razon_social": "Pirulo",
            "email": "test@test.com",
            "domicilio": "Av Sta Fe 123",
            "provincia": "2",
            "envia_por_mail": "S",
            "condicion_pago": "214",
            "condicion_pago_otra": "Cobrado en ventanilla",
            "condicion_iva": "CF",
        },
        "comprobante": {
            "fecha": "28/07/2015",
            "tipo": tipo,
            "moneda": "DOL",
            "idioma": "1",
            "cotizacion": "15.20",
            "operacion": "V",
            "punto_venta": "2",
            "numero": "0",
            "periodo_facturado_desde": "27/07/2015",
            "periodo_facturado_hasta": "30/07/2015",
            "vencimiento": "30/08/2015",
            "rubro": "Servicios web",
            "rubro_grupo_contable": "servicios",
            "abono": "S",
            "abono_frecuencia": "2",
            "abono_hasta": "10/2019",
            "abono_actualiza_precios": "N",
            "detalle": [
                _papas("1", "PAPAS", "100.45", "21"),
                _papas("1.5", "HUEVOS", "50", "10.5"),
                _papas("2", "ZANAHORIA", "200", "21"),
            ],
            "rg_especiales": {
                "regimen": "RG 4004-E",
                "datos": [
                    {"id": 17, "valor": "2"},
                    {"id": 1801, "valor": "111111111111"},
                    {"id": 1802, "valor": "PRUEBA"},
                ],
            },
            "pagos": {"formas_pago": [{"descripcion": "VISA DEBITO", "importe": 0.6}], "total": 0.6},
            "bonificacion": "120",
            "leyenda_gral": "Segun Orden de compra III1333",
            "comentario": "Factura correspondiente al servicio XX",
            **_zeroes(),
            "total": "543.22",
            "comprobantes_asociados": [{"tipo_comprobante": "FACTURA B", "punto_venta": 2, "numero": 5}],
        },
    }


def _linea(descripcion: str, codigo: str, precio: str, alicuota: str) -> Shape:
    return {
        "cantidad": "1",
        "producto": {
            "descripcion": descripcion,
            "unidad_bulto": "1",
            "lista_precios": "Lista de precios API 3",
            "codigo": codigo,
            "precio_unitario_sin_iva": precio,
            "alicuota": alicuota,
        },
    }


def _papas(cantidad: str, descripcion: str, precio: str, alicuota: str) -> Shape:
    return {
        "cantidad": cantidad,
        "afecta_stock": "N",
        "bonificacion_porcentaje": "0",
        "leyenda": "blanca, cepillada",
        "producto": {
            "descripcion": descripcion,
            "unidad_bulto": "10",
            "lista_precios": "MI LISTA DE PRECIOS",
            "codigo": "",
            "precio_unitario_sin_iva": precio,
            "alicuota": alicuota,
            "impuestos_internos_alicuota": 0,
            "unidad_medida": "7",
            "actualiza_precio": "S",
        },
    }


def _zeroes() -> Shape:
    taxes = ("percepciones_iibb", "percepciones_iva", "impuestos_internos")
    return {"exentos": "0", **{f"{tax}{part}": "0" for tax in taxes for part in ("", "_base", "_alicuota")}}


def _as_nota_de_credito_b() -> Shape:
    sample = factura_b()
    sample["comprobante"]["tipo"] = "NOTA DE CREDITO B"
    sample["comprobante"]["comprobantes_asociados"] = [
        {"tipo_comprobante": "FACTURA B", "punto_venta": 3, "numero": 7, "comprobante_fecha": "27/03/2018"}
    ]
    return sample


def of_every_type() -> dict[str, Shape]:
    """A documented sample for each type that can be issued."""
    samples = {
        "FACTURA B": factura_b(),
        "NOTA DE DEBITO B": nota_de_debito_b(),
        "NOTA DE CREDITO B": _as_nota_de_credito_b(),
    }
    for kind in ("FACTURA", "NOTA DE DEBITO", "NOTA DE CREDITO"):
        samples.update({f"{kind} {letra}": nota_a(f"{kind} {letra}") for letra in "AM"})
        samples[f"{kind} C"] = factura_c(f"{kind} C")
    samples["RECIBO C"] = factura_c("RECIBO C")
    return samples


def put(shape: Shape, path: str, value: Any) -> Shape:
    """A copy of `shape` with the field at `path` (`comprobante.detalle[0].cantidad`) changed; `...` takes it away."""
    changed: Any = copy.deepcopy(shape)
    steps: list[Any] = []
    for part in path.split("."):
        name, *indexes = part.replace("]", "").split("[")
        steps += [name, *map(int, indexes)]
    target = changed
    for step in steps[:-1]:
        target = target[step]
    if value is ...:
        del target[steps[-1]]
    else:
        target[steps[-1]] = value
    made: Shape = changed
    return made
