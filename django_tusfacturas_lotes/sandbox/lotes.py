"""How does ``lotes`` read a call, answer it and tell a result? The seed's own words, wherever it has them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from .accounts import Account, same
from .dates import read_date
from .modality import ISSUED, Desk, Item, Job, Reading, text

MAX_REQUESTS = 500
REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,255}")
NOT_SENT = "No se enviará a generar"


class Lotes:
    """The seed's modality: up to 500 comprobantes in a call, each result in a webhook with the credentials in it."""

    name = "lotes"
    path = "/v2/facturacion/lotes"
    accepted = frozenset({200, 201})

    def read(self, body: object, desk: Desk) -> Reading:
        if not isinstance(body, Mapping):
            return Reading(errors=["El JSON enviado no tiene la estructura esperada."])
        account = desk.account(body)
        if account is None:
            return Reading(errors=["Las credenciales de acceso no son válidas (apikey, apitoken, usertoken)."])
        url = body.get("webhook_url")
        requests = body.get("requests")
        not_before = desk.today if body.get("fecha_envio_inicial") in (None, "") else None
        errors = [webhook_url_error(url, allow_remote=desk.allow_remote_webhooks)]
        if not_before is None:
            not_before = read_date(body["fecha_envio_inicial"])
            if not_before is None:
                errors.append("La fecha_envio_inicial no es válida. Formato esperado: dd/mm/aaaa.")
            elif not_before < desk.today:
                errors.append("La fecha_envio_inicial no puede ser inferior a hoy.")
        if not isinstance(requests, list) or not requests:
            errors.append("Debe enviar al menos un comprobante en requests.")
            requests = []
        elif len(requests) > MAX_REQUESTS:
            errors.append(f"No se pueden enviar más de {MAX_REQUESTS} requests por llamada.")
        return Reading(
            errors=[error for error in errors if error],
            items=[_read_item(row, request, account) for row, request in enumerate(requests)],
            account=account,
            webhook_url=text(url),
            not_before=not_before,
        )

    def references(self, body: object) -> list[str]:
        requests = body.get("requests") if isinstance(body, Mapping) else None
        return [_reference(request) for request in requests] if isinstance(requests, list) else []

    def refusal(self, row: int) -> str:
        return _refusal("usertoken", row)

    def refuse_whole(self, texts: list[str]) -> dict[str, Any]:
        return {"error": "S", "errores": texts, "procesados": 0, "validaciones": []}

    def answer(self, reading: Reading, distortion: str) -> dict[str, Any]:
        if reading.errors:
            return self.refuse_whole(reading.errors)
        refusals = [refusal for item in reading.items for refusal in item.refusals]
        taken = sum(not item.refusals for item in reading.items)
        if distortion == "miscount":
            taken += 1
        if distortion == "rowless":
            refusals.append(f"Uno de los comprobantes enviados no es válido. {NOT_SENT}")
        return {"error": "N", "errores": [], "procesados": taken, "validaciones": refusals}

    def notice(self, job: Job, pdf_url: str) -> dict[str, Any]:
        issued = job.status == ISSUED
        fecha = text(job.comprobante.get("vencimiento")) or text(job.comprobante.get("fecha"))
        done = f"El comprobante {job.tipo} {job.comprobante_nro} ({job.cae}) se ha guardado correctamente "
        return {
            "error": "N" if issued else "S",
            "errores": [] if issued else [job.error],
            "rta": done if issued else "",
            "cae": f"{job.cae} " if issued else "",
            "vencimiento_cae": job.vencimiento_cae,
            "vencimiento_pago": fecha if issued else "",
            "comprobante_nro": job.comprobante_nro,
            "comprobante_tipo": job.tipo,
            "observaciones": "",
            "envio_x_mail": text(job.cliente.get("envia_por_mail")) or "N",
            "comprobante_pdf_url": pdf_url,
            "facturacion_lote_id_referencia": job.reference,
            "apikey": job.account.apikey,
            "apitoken": job.account.apitoken,
            "usertoken": job.account.usertoken,
        }


def _read_item(row: int, request: object, account: Account) -> Item:
    comprobante = request.get("comprobante") if isinstance(request, Mapping) else None
    if not isinstance(request, Mapping) or not isinstance(comprobante, Mapping):
        refusal = f"El request enviado en la fila {row} (comenzando en 0) no tiene un comprobante. {NOT_SENT}"
        return Item(row=row, reference="", refusals=[refusal])
    cliente = request.get("cliente")
    reference = _reference(request)
    item = Item(row, reference, cliente if isinstance(cliente, Mapping) else {}, comprobante)
    for name in ("usertoken", "apitoken", "apikey"):
        if not same(request.get(name), getattr(account, name)):
            item.refusals.append(_refusal(name, row))
    where = f"del comprobante enviado en la fila {row} (comenzando en 0)"
    if text(comprobante.get("numero")).strip("0") or not text(comprobante.get("numero")):
        item.refusals.append(f"El numero {where} debe estar en cero. {NOT_SENT}")
    if not reference.strip():
        item.refusals.append(f"El campo facturacion_lote_id_referencia {where} debe tener contenido. {NOT_SENT}")
    elif not REFERENCE.fullmatch(reference):
        item.refusals.append(
            f"El campo facturacion_lote_id_referencia {where} solo puede tener hasta 255 caracteres entre "
            f"A-Z a-z 0-9 _ -. {NOT_SENT}"
        )
    return item


def _reference(request: object) -> str:
    comprobante = request.get("comprobante") if isinstance(request, Mapping) else None
    value = comprobante.get("facturacion_lote_id_referencia") if isinstance(comprobante, Mapping) else None
    return value if isinstance(value, str) else text(value)


def _refusal(name: str, row: int) -> str:
    return (
        f"El {name} del comprobante enviado en la fila {row} (comenzando en 0) no se corresponde con sus credenciales. "
        f"{NOT_SENT}"
    )


def webhook_url_error(url: object, *, allow_remote: bool) -> str:
    """Why this address can't be notified, or ``""``. A sandbox must not reach somebody's production by mistake."""
    invalid = "La URL del webhook (webhook_url) no es válida. Formato esperado: https://www.tudominio.com"
    if not isinstance(url, str) or re.search(r"[\s\x00-\x1f\x7f]", url.strip()):
        return invalid
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        return invalid
    if parts.scheme not in ("http", "https") or not host:
        return invalid
    if not allow_remote and not is_loopback(host):
        return (
            f"El sandbox solo notifica a direcciones de esta misma máquina (localhost), y webhook_url es de '{host}'. "
            "Para permitir otras: --allow-remote-webhooks."
        )
    return ""


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its own form; no name is looked up."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


LOTES = Lotes()
