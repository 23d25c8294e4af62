"""What can be done to a comprobante that is in the queue? Send it again, delete it, give it another day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .accounts import Account
from .dates import read_date, write_date
from .encolado import written_reference
from .modality import CAMBIO_FECHA, DELETED, ELIMINADO, ENCOLADO, Job, text
from .office import Office

Done = tuple[dict[str, Any], bool]
"""The answer, and whether anything was changed."""

UNKNOWN = "No se han encontrado comprobantes encolados con la external_reference enviada."
WRONG_STATE = "El comprobante no se encuentra en un estado que permita esta operación."
WRONG_DATE = "El campo {} no es válido. Formato esperado: dd/mm/aaaa."


def resend(office: Office, account: Account, body: Mapping[str, Any]) -> Done:
    """``reenviar_encolado``: new tries for what is in error."""
    jobs = _asked(office, account, body)
    done = [job for job in jobs if office.engine.send_again(job)]
    for job in done:
        office.outbox.tell(job, ENCOLADO)
    return _answer(jobs, done)


def delete(office: Office, account: Account, body: Mapping[str, Any]) -> Done:
    """``eliminar_encolado``: takes out what is queued or in error. A ``fecha`` must be one, and is not compared."""
    if body.get("fecha") not in (None, "") and read_date(body["fecha"]) is None:
        return _refuse(WRONG_DATE.format("fecha")), False
    jobs = _asked(office, account, body)
    done = [job for job in jobs if office.engine.delete(job)]
    for job in done:
        office.outbox.tell(job, ELIMINADO)
    answer, changed = _answer(jobs, done)
    if done and len(done) < len(jobs):
        answer = {"error": "PARCIAL", "errores": [WRONG_STATE]}
    gone = [written_reference(job.reference) for job in done]
    return {**answer, "procesados_cant": len(gone), "procesados": gone}, changed


def change_date(office: Office, account: Account, body: Mapping[str, Any]) -> Done:
    """``cambiar_fecha_encolado``: another ``fecha``, and ``vencimiento`` if one is sent, for what is queued."""
    fecha, vencimiento = read_date(body.get("fecha")), read_date(body.get("vencimiento"))
    if fecha is None:
        return _refuse(WRONG_DATE.format("fecha")), False
    if vencimiento is None and body.get("vencimiento") not in (None, ""):
        return _refuse(WRONG_DATE.format("vencimiento")), False
    jobs = _asked(office, account, body)
    done = [job for job in jobs if office.engine.move(job, fecha)]
    for job in done:
        job.comprobante = {**job.comprobante, "fecha": write_date(fecha)}
        if vencimiento is not None:
            job.comprobante = {**job.comprobante, "vencimiento": write_date(vencimiento)}
        office.outbox.tell(job, CAMBIO_FECHA)
    return _answer(jobs, done)


def _asked(office: Office, account: Account, body: Mapping[str, Any]) -> list[Job]:
    return [
        job
        for job in office.ledger.jobs(text(body.get("external_reference")))
        if job.account == account and job.modality.queue_is_visible and job.status != DELETED
    ]


def _answer(jobs: list[Job], done: list[Job]) -> Done:
    if done:
        return {"error": "N", "errores": []}, True
    return _refuse(WRONG_STATE if jobs else UNKNOWN), False


def _refuse(error: str) -> dict[str, Any]:
    return {"error": "S", "errores": [error]}


OPERATIONS: dict[str, Callable[[Office, Account, Mapping[str, Any]], Done]] = {
    "reenviar_encolado": resend,
    "eliminar_encolado": delete,
    "cambiar_fecha_encolado": change_date,
}
