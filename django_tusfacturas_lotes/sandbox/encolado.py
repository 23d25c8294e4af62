"""What do ``lotes_encola`` and ``nuevo_encola`` share? One comprobante in the queue, and its notices."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from .dates import read_date
from .emission import tipo_error
from .modality import DELETED, ELIMINADO, EMITIDO, ENCOLADO, ERROR, FAILED, ISSUED, Item, Job, Notice, Occasion, text

REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,255}")
REFUSED_CODE = "TFC-8002"
USER_AGENT = "TusFacturasAPP-webhook/1.0"
FACTURACION = "facturacion"
NOT_OURS = "Las credenciales de acceso no son válidas (apikey, apitoken, usertoken)."
UNEXPECTED = "El JSON enviado no tiene la estructura esperada."


def read_reference(request: object) -> str:
    """The ``external_reference`` of ``{"comprobante": {…}}``, number or text, as text; ``""`` where it has none."""
    comprobante = request.get("comprobante") if isinstance(request, Mapping) else None
    value = comprobante.get("external_reference") if isinstance(comprobante, Mapping) else None
    return value if isinstance(value, str) else text(value)


def read_item(row: int, request: Mapping[str, Any], where: str) -> Item:
    """Reads and checks what both modalities check before they answer. ``where`` names the item in a refusal."""
    comprobante = request.get("comprobante")
    if not isinstance(comprobante, Mapping):
        return Item(row=row, reference="", refusals=[f"No se recibió el comprobante{where}."])
    cliente = request.get("cliente")
    reference = read_reference(request)
    item = Item(row, reference, cliente if isinstance(cliente, Mapping) else {}, comprobante)
    item.not_before = read_date(comprobante.get("fecha"))
    if text(comprobante.get("numero")).strip("0") or not text(comprobante.get("numero")):
        item.refusals.append(f"El numero del comprobante{where} debe estar en cero.")
    if not reference.strip():
        item.refusals.append(f"El campo external_reference del comprobante{where} debe tener contenido.")
    elif not REFERENCE.fullmatch(reference):
        item.refusals.append(
            f"El campo external_reference del comprobante{where} solo puede tener hasta 255 caracteres entre "
            "A-Z a-z 0-9 _ -."
        )
    wrong_tipo = tipo_error(text(comprobante.get("tipo")))
    if wrong_tipo:
        item.refusals.append(f"{wrong_tipo} Comprobante{where}.")
    if item.not_before is None:
        item.refusals.append(f"La fecha del comprobante{where} no es válida. Formato esperado: dd/mm/aaaa.")
    return item


def written_reference(reference: str) -> str | int:
    """A reference as it comes back in an answer: one of digits only comes as a number, as long as it stays the same."""
    if reference.isascii() and reference.isdigit() and len(reference) <= 15 and str(int(reference)) == reference:
        return int(reference)
    return reference


def entry(item: Item) -> dict[str, Any]:
    """What is answered of one item, taken or refused."""
    taken = not item.refusals
    punto_venta = text(item.comprobante.get("punto_venta")).lstrip("0")
    return {
        "error": "N" if taken else "S",
        "errores": list(item.refusals),
        "external_reference": written_reference(item.reference),
        "rta": "El comprobante se ha recibido correctamente. Será procesado." if taken else "",
        "cae": " " if taken else "",
        "requiere_fec": "NO",
        "vencimiento_cae": "",
        "vencimiento_pago": "",
        "comprobante_nro": f"{punto_venta:0>5}-00000000" if taken else "",
        "comprobante_tipo": text(item.comprobante.get("tipo")),
        "observaciones": "",
        "envio_x_mail": "N",
        "comprobante_pdf_url": "",
        "error_details": error_details(item.refusals),
    }


def error_details(texts: Sequence[str]) -> list[dict[str, str]]:
    return [{"code": REFUSED_CODE, "text": refusal} for refusal in texts]


def notice_of(job: Job, evento: str, occasion: Occasion) -> Notice | None:
    """The thin notice of what happened to a job."""
    msg = [job.error] if evento == ERROR else []
    return thin_notice(occasion, job.reference, evento, msg=msg, item=f"{id(job)}")


def thin_notice(
    occasion: Occasion,
    reference: str,
    evento: str,
    recurso: str = FACTURACION,
    msg: Sequence[str] = (),
    item: str = "",
) -> Notice | None:
    """A notice to the address that the account has configured; None where it has none."""
    hook, pace = occasion.hook, occasion.pace
    if not hook.url:
        return None
    token = "sandbox-wrong-token" if occasion.forged else hook.token
    return Notice(
        url=hook.url,
        payload={
            "creado": occasion.now.strftime("%d/%m/%Y %H:%M:%S"),
            "evento": evento,
            "recurso": recurso,
            "external_reference": reference,
            "intento": 1,
            "msg": list(msg),
            "hook_id": uuid.uuid4().hex,
        },
        accepted=frozenset({200}),
        reference=reference,
        retries=pace.notice_retries,
        timeouts=(pace.notice_timeout, pace.notice_retry_timeout),
        headers={"User-Agent": USER_AGENT} | ({"TF-WebhookToken": token} if token else {}),
        item=item,
        counted=True,
    )


def present_evento(job: Job) -> str:
    """The evento that tells the state in which a job is now."""
    return {ISSUED: EMITIDO, FAILED: ERROR, DELETED: ELIMINADO}.get(job.status, ENCOLADO)
