"""The operations on comprobantes in the queue: send again, delete, give another day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..accounts import Account
from ..modalities.encola import written_reference
from ..modalities.interface import DELETED, Job
from ..modalities.notice import CAMBIO_FECHA, ELIMINADO, ENCOLADO
from ..modalities.values import as_text, read_date, write_date
from ..queue.backend import Backend

Done = tuple[dict[str, Any], bool]
"""The answer, and whether anything was changed."""

UNKNOWN = "No se han encontrado comprobantes encolados con la external_reference enviada."
WRONG_STATE = "El comprobante no se encuentra en un estado que permita esta operación."
WRONG_DATE = "El campo {} no es válido. Formato esperado: dd/mm/aaaa."


def resend(backend: Backend, account: Account, body: Mapping[str, Any]) -> Done:
    """``reenviar_encolado``: gives what is in error new tries."""
    jobs = _asked(backend, account, body)
    done = [job for job in jobs if backend.queue.send_again(job)]
    for job in done:
        backend.outbox.notify(job, ENCOLADO)
    return _answer(jobs, done)


def delete(backend: Backend, account: Account, body: Mapping[str, Any]) -> Done:
    """``eliminar_encolado``: deletes what is queued or in error. If a ``fecha`` is sent, only its form is checked."""
    if body.get("fecha") not in (None, "") and read_date(body["fecha"]) is None:
        return _refuse(WRONG_DATE.format("fecha")), False
    jobs = _asked(backend, account, body)
    done = [job for job in jobs if backend.queue.delete(job)]
    for job in done:
        backend.outbox.notify(job, ELIMINADO)
    answer, changed = _answer(jobs, done)
    if done and len(done) < len(jobs):
        answer = {"error": "PARCIAL", "errores": [WRONG_STATE]}
    gone = [written_reference(job.reference) for job in done]
    return {**answer, "procesados_cant": len(gone), "procesados": gone}, changed


def change_date(backend: Backend, account: Account, body: Mapping[str, Any]) -> Done:
    """``cambiar_fecha_encolado``: gives what is queued another ``fecha``, and ``vencimiento`` if one is sent."""
    fecha, vencimiento = read_date(body.get("fecha")), read_date(body.get("vencimiento"))
    if fecha is None:
        return _refuse(WRONG_DATE.format("fecha")), False
    if vencimiento is None and body.get("vencimiento") not in (None, ""):
        return _refuse(WRONG_DATE.format("vencimiento")), False
    jobs = _asked(backend, account, body)
    done = [job for job in jobs if backend.queue.change_date(job, fecha)]
    for job in done:
        job.comprobante = {**job.comprobante, "fecha": write_date(fecha)}
        if vencimiento is not None:
            job.comprobante = {**job.comprobante, "vencimiento": write_date(vencimiento)}
        backend.outbox.notify(job, CAMBIO_FECHA)
    return _answer(jobs, done)


def _asked(backend: Backend, account: Account, body: Mapping[str, Any]) -> list[Job]:
    return [
        job
        for job in backend.ledger.jobs(as_text(body.get("external_reference")))
        if job.account == account and job.modality.queue_is_visible and job.status != DELETED
    ]


def _answer(jobs: list[Job], done: list[Job]) -> Done:
    if done:
        return {"error": "N", "errores": []}, True
    return _refuse(WRONG_STATE if jobs else UNKNOWN), False


def _refuse(error: str) -> dict[str, Any]:
    return {"error": "S", "errores": [error]}


OPERATIONS: dict[str, Callable[[Backend, Account, Mapping[str, Any]], Done]] = {
    "reenviar_encolado": resend,
    "eliminar_encolado": delete,
    "cambiar_fecha_encolado": change_date,
}
