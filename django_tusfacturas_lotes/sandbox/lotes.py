"""How does ``lotes`` read a call, answer it and tell a result? The seed's own words, wherever it has them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .accounts import Account, same
from .addresses import webhook_url_error
from .dates import read_date
from .modality import EMITIDO, ERROR, ISSUED, Desk, Item, Job, Notice, Occasion, Reading, text

MAX_REQUESTS = 500
MAX_ATTEMPTS = 15
REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,255}")
NOT_SENT = "No se enviará a generar"


class Lotes:
    """The seed's modality: up to 500 comprobantes in a call, each result in a webhook with the credentials in it."""

    name = "lotes"
    path = "/v2/facturacion/lotes"
    queue_is_visible = False

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
        if distortion == "missing":
            refusals = refusals[:-1]
        if distortion == "shuffled":
            refusals = refusals[::-1]
        error = "PARCIAL" if distortion == "partial" else "N"
        return {"error": error, "errores": [], "procesados": taken, "validaciones": refusals}

    def notice(self, job: Job, evento: str, occasion: Occasion) -> Notice | None:
        """The result, once it is settled, to the address that came with the call."""
        if evento not in (EMITIDO, ERROR):
            return None
        pace = occasion.pace
        payload = self._result(job, occasion.give_pdf(job) if job.status == ISSUED else "")
        if occasion.forged:
            payload["apitoken"] = "sandbox-wrong-token"
        return Notice(
            url=job.webhook_url,
            payload=payload,
            accepted=frozenset({200, 201}),
            reference=job.reference,
            retries=(pace.webhook_retry,) * (MAX_ATTEMPTS - 1),
            timeouts=(pace.webhook_timeout, pace.webhook_timeout),
        )

    def _result(self, job: Job, pdf_url: str) -> dict[str, Any]:
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


LOTES = Lotes()
