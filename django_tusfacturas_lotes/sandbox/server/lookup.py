"""``consulta_avanzada``: what is found of a reference."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from ..accounts import Account
from ..faults import Fault
from ..modalities.encola import error_details, written_reference
from ..modalities.interface import DELETED, FAILED, ISSUED, Job
from ..modalities.values import as_text, write_date
from ..queue.backend import Backend
from ..queue.issue_checks import point_of_sale

NOT_FOUND = "No se han encontrado comprobantes."
MAX_LIMIT = 100


def look_up(backend: Backend, account: Account, body: Mapping[str, Any], fault: Fault) -> dict[str, Any]:
    """The answer to one look-up by ``external_reference``. It finds what this account sent, and gives out its PDFs."""
    asked = body.get("comprobante")
    asked = asked if isinstance(asked, Mapping) else {}
    reference = as_text(asked.get("external_reference"))
    page, limit = _count(body.get("pagina"), 0), _count(body.get("limite"), MAX_LIMIT)
    if body.get("busqueda_tipo") != "EXT_REF":
        return _refused("El campo busqueda_tipo no es válido. El sandbox solo busca por EXT_REF.")
    if not reference or asked.get("operacion") != "V":
        return _refused("Para buscar por EXT_REF debe enviar comprobante.external_reference y comprobante.operacion V.")
    if page is None or limit is None or not 1 <= limit <= MAX_LIMIT:
        return _refused(f"Los campos pagina (desde 0) y limite (hasta {MAX_LIMIT}) no son válidos.")
    found = [] if "absent" in fault.modes else [job for job in backend.ledger.jobs(reference) if _seen_by(account, job)]
    if not found:
        if "empty" in fault.modes:
            return {"error": "N", "errores": [], "rta": "OK", "total": 0, "comprobantes": []}
        return _refused(NOT_FOUND)
    shown = found[page * limit : (page + 1) * limit]
    return {
        "error": "N",
        "errores": [],
        "rta": "OK",
        "total": len(found),
        "comprobantes": [{"cliente": dict(job.cliente), "comprobante": _shown(backend, job)} for job in shown],
    }


def _seen_by(account: Account, job: Job) -> bool:
    """Whether this account finds a job: not what was deleted, nor what ``lotes`` took and is not issued."""
    return job.account == account and job.status != DELETED and (job.modality.queue_is_visible or job.status == ISSUED)


def _shown(backend: Backend, job: Job) -> dict[str, Any]:
    sent, errors = job.comprobante, [job.error] if job.status == FAILED else []
    names = ("operacion", "fecha", "vencimiento", "moneda", "cotizacion", "idioma", "rubro", "detalle", "total")
    return {
        **{name: sent[name] for name in names if name in sent},
        "tipo": job.tipo,
        "punto_venta": point_of_sale(job) or 0,
        "numero": int(job.comprobante_nro.partition("-")[2] or 0),
        "cae": f"{job.cae} ",
        "vencimiento_cae": job.vencimiento_cae,
        "external_reference": written_reference(job.reference),
        "status": _status(job),
        "comprobante_pdf_url": backend.give_pdf(job) if job.status == ISSUED else "",
        "afip_qr": _qr(job) if job.cae else "",
        "errores": errors,
        "error_details": error_details(errors),
    }


def _status(job: Job) -> str:
    if job.status == ISSUED:
        return "EMITIDO"
    if job.status == FAILED:
        return "ENVIADO A PROCESAR - CON ERROR"
    return f"APROBADO Y EN COLA. SE EMITE EL {write_date(job.not_before)}"


def _qr(job: Job) -> str:
    """The address in the QR code (RG 4892/2020), with the space that the provider leaves at its end."""
    facts = {
        "ver": 1,
        "fecha": as_text(job.comprobante.get("fecha")),
        "ptoVta": point_of_sale(job),
        "nroCmp": int(job.comprobante_nro.partition("-")[2]),
        "importe": job.comprobante.get("total"),
        "codAut": int(job.cae),
    }
    return f"https://www.afip.gob.ar/fe/qr/?p={base64.b64encode(json.dumps(facts).encode()).decode()} "


def _refused(error: str) -> dict[str, Any]:
    return {"error": "S", "errores": [error]}


def _count(value: object, default: int) -> int | None:
    digits = as_text(value)
    if value is None:
        return default
    return int(digits) if digits.isascii() and digits.isdigit() else None
