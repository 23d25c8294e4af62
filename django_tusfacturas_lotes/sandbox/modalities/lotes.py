"""``lotes``: up to 500 comprobantes in a call, and each result in a webhook.

The texts are the documented ones (docs/provider.md, Documented examples) wherever there are any.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..accounts import Account, credential_matches
from .interface import ISSUED, CallContext, Job, NoticeContext, ParsedCall, ParsedItem
from .notice import EMITIDO, ERROR, WRONG_TOKEN, Notice
from .values import as_text, read_date
from .webhook_urls import webhook_url_error

MAX_REQUESTS = 500
MAX_ATTEMPTS = 15
REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,255}")
NOT_SENT = "No se enviará a generar"


class Lotes:
    """Its queue can't be seen from outside, and its notices prove themselves by the credentials in them."""

    name = "lotes"
    path = "/v2/facturacion/lotes"
    queue_is_visible = False

    def parse(self, body: object, context: CallContext) -> ParsedCall:
        if not isinstance(body, Mapping):
            return ParsedCall(errors=["El JSON enviado no tiene la estructura esperada."])
        account = context.account_of(body)
        if account is None:
            return ParsedCall(errors=["Las credenciales de acceso no son válidas (apikey, apitoken, usertoken)."])
        url = body.get("webhook_url")
        requests = body.get("requests")
        not_before = context.today if body.get("fecha_envio_inicial") in (None, "") else None
        errors = [webhook_url_error(url, allow_remote=context.allow_remote_webhooks)]
        if not_before is None:
            not_before = read_date(body["fecha_envio_inicial"])
            if not_before is None:
                errors.append("La fecha_envio_inicial no es válida. Formato esperado: dd/mm/aaaa.")
            elif not_before < context.today:
                errors.append("La fecha_envio_inicial no puede ser inferior a hoy.")
        if not isinstance(requests, list) or not requests:
            errors.append("Debe enviar al menos un comprobante en requests.")
            requests = []
        elif len(requests) > MAX_REQUESTS:
            errors.append(f"No se pueden enviar más de {MAX_REQUESTS} requests por llamada.")
        return ParsedCall(
            errors=[error for error in errors if error],
            items=[_read_item(row, request, account) for row, request in enumerate(requests)],
            account=account,
            webhook_url=as_text(url),
            not_before=not_before,
        )

    def references(self, body: object) -> list[str]:
        requests = body.get("requests") if isinstance(body, Mapping) else None
        return [_reference(request) for request in requests] if isinstance(requests, list) else []

    def refusal(self, row: int) -> str:
        return _refusal("usertoken", row)

    def refuse_whole(self, texts: list[str]) -> dict[str, Any]:
        return {"error": "S", "errores": texts, "procesados": 0, "validaciones": []}

    def answer(self, parsed: ParsedCall, distortion: str) -> dict[str, Any]:
        if parsed.errors:
            return self.refuse_whole(parsed.errors)
        refusals = [refusal for item in parsed.items for refusal in item.refusals]
        taken = sum(not item.refusals for item in parsed.items)
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

    def notice(self, job: Job, evento: str, context: NoticeContext) -> Notice | None:
        """The result, once there is one, to the address that came with the call."""
        if evento not in (EMITIDO, ERROR):
            return None
        pace = context.pace
        payload = self._result(job, context.give_pdf(job) if job.status == ISSUED else "")
        if context.wrong_token:
            payload["apitoken"] = WRONG_TOKEN
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
        fecha = as_text(job.comprobante.get("vencimiento")) or as_text(job.comprobante.get("fecha"))
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
            "envio_x_mail": as_text(job.cliente.get("envia_por_mail")) or "N",
            "comprobante_pdf_url": pdf_url,
            "facturacion_lote_id_referencia": job.reference,
            "apikey": job.account.apikey,
            "apitoken": job.account.apitoken,
            "usertoken": job.account.usertoken,
        }


def _read_item(row: int, request: object, account: Account) -> ParsedItem:
    comprobante = request.get("comprobante") if isinstance(request, Mapping) else None
    if not isinstance(request, Mapping) or not isinstance(comprobante, Mapping):
        refusal = f"El request enviado en la fila {row} (comenzando en 0) no tiene un comprobante. {NOT_SENT}"
        return ParsedItem(row=row, reference="", refusals=[refusal])
    cliente = request.get("cliente")
    reference = _reference(request)
    item = ParsedItem(row, reference, cliente if isinstance(cliente, Mapping) else {}, comprobante)
    for name in ("usertoken", "apitoken", "apikey"):
        if not credential_matches(request.get(name), getattr(account, name)):
            item.refusals.append(_refusal(name, row))
    where = f"del comprobante enviado en la fila {row} (comenzando en 0)"
    if as_text(comprobante.get("numero")).strip("0") or not as_text(comprobante.get("numero")):
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
    return value if isinstance(value, str) else as_text(value)


def _refusal(name: str, row: int) -> str:
    return (
        f"El {name} del comprobante enviado en la fila {row} (comenzando en 0) no se corresponde con sus credenciales. "
        f"{NOT_SENT}"
    )


LOTES = Lotes()
