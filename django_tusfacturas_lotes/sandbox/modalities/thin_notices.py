"""The notices of ``lotes_encola`` and ``nuevo_encola``: what happened to which reference, without its data."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from .interface import DELETED, FAILED, ISSUED, Job, NoticeContext
from .notice import ELIMINADO, EMITIDO, ENCOLADO, ERROR, WRONG_TOKEN, Notice

USER_AGENT = "TusFacturasAPP-webhook/1.0"
FACTURACION = "facturacion"


def notice_of(job: Job, evento: str, context: NoticeContext) -> Notice | None:
    """The notice that this happened to a job; None where its account has no address."""
    msg = [job.error] if evento == ERROR else []
    return thin_notice(context, job.reference, evento, msg=msg, item=f"{id(job)}")


def thin_notice(
    context: NoticeContext,
    reference: str,
    evento: str,
    recurso: str = FACTURACION,
    msg: Sequence[str] = (),
    item: str = "",
) -> Notice | None:
    """A notice to the address that the account has configured; None where it has none."""
    webhook, pace = context.webhook, context.pace
    if not webhook.url:
        return None
    token = WRONG_TOKEN if context.wrong_token else webhook.token
    return Notice(
        url=webhook.url,
        payload={
            "creado": context.now.strftime("%d/%m/%Y %H:%M:%S"),
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


def evento_of(job: Job) -> str:
    """The evento that tells the state in which a job is now."""
    return {ISSUED: EMITIDO, FAILED: ERROR, DELETED: ELIMINADO}.get(job.status, ENCOLADO)
