"""The `lotes` modality: up to 500 comprobantes a call, each result by webhook with our credentials in its body.

See docs/provider.md, lotes: the call; docs/provider.md, lotes: the answer; docs/provider.md, lotes: the webhook.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..answers.answer import Answer, Result
from ..answers.reading import Unreadable, check_texts, number, text, texts
from ..credentials import Credentials
from ..dates import format_day, read_day
from .modality import Modality, Notification, NotificationKind, Outgoing, Proof

_ROW = re.compile(r"\bfila\s+([0-9]{1,4})\b", re.IGNORECASE)
_COMPROBANTE_NRO = re.compile(r"([0-9]{1,5})-([0-9]{1,8})")


class Lotes:
    """`POST /v2/facturacion/lotes`."""

    name = "lotes"
    max_items = 500
    base_url = "https://www.tusfacturas.com.ar/api"
    path = "/v2/facturacion/lotes"
    # Its queue is not what `consulta_avanzada` looks into: that finds only what is issued.
    shows_its_queue = False
    webhook_at_provider = False
    waits_by_itself = True

    def body(
        self,
        credentials: Credentials,
        outgoing: Sequence[Outgoing],
        *,
        webhook_url: str,
        send_on: dt.date | None,
    ) -> dict[str, Any]:
        """Return the body as under "Ejemplo de JSON a enviar", with the reference in `external_reference` too.

        The provider keeps `external_reference` with the comprobante, so that it can be looked up by it later.
        """
        proof = credentials.as_fields()
        body: dict[str, Any] = {**proof, "webhook_url": webhook_url}
        if send_on is not None:
            body["fecha_envio_inicial"] = format_day(send_on)
        body["requests"] = [
            {
                **proof,
                "cliente": item.documento["cliente"],
                "comprobante": {
                    **item.documento["comprobante"],
                    "fecha": format_day(item.fecha),
                    "numero": 0,
                    "facturacion_lote_id_referencia": item.reference,
                    "external_reference": item.reference,
                },
            }
            for item in outgoing
        ]
        return body

    def read_answer(self, answer: Mapping[str, Any], references: Sequence[str]) -> Answer:
        """Read the documented answer: `procesados` taken, `validaciones` naming by 0-based row what was not."""
        error, errors = answer.get("error"), texts(answer.get("errores"))
        taken = number(answer.get("procesados"))
        if error == "S":
            if taken:
                raise Unreadable(f"the answer says both error S and procesados {taken}")
            return Answer(refused_whole=True, errors=errors or ("error S without a text",))
        if error != "N" or taken is None:
            raise Unreadable("the answer has no error N or S with a number in procesados")

        refused: dict[int, tuple[str, ...]] = {}
        discrepancies = [f"errores: {one}" for one in errors]
        for said in texts(answer.get("validaciones")):
            rows = {int(row) for row in _ROW.findall(said)}
            row = rows.pop() if len(rows) == 1 else None
            if row is None or row >= len(references):
                discrepancies.append(f"validaciones names no row of this lote: {said}")
            else:
                refused[row] = (*refused.get(row, ()), said)
        if taken + len(refused) != len(references):
            discrepancies.append(
                f"sent {len(references)}, but the answer counts {taken} taken and names {len(refused)} refused"
            )
        return Answer(errors=errors, refused=refused, discrepancies=tuple(discrepancies))

    def reference_of(self, payload: Mapping[str, Any]) -> str:
        """Return `facturacion_lote_id_referencia`, which may come as a number."""
        return text(payload.get("facturacion_lote_id_referencia"))

    def read_notification(self, payload: Mapping[str, Any]) -> Notification:
        """Read the webhook of "¿Que te retornaremos via webhook?": the full result, or `errores`."""
        reference = self.reference_of(payload)
        error = payload.get("error")
        errors = texts(payload.get("errores"))
        if error == "S":
            said = errors or texts(payload.get("rta")) or ("error S without a text",)
            return Notification(reference, NotificationKind.FAILED, errors=said)
        if error != "N":
            raise Unreadable(f"the notification's error is neither N nor S, but {error!r}"[:200])
        check_texts(payload, ("cae", "comprobante_tipo", "comprobante_nro", "comprobante_pdf_url", "observaciones"))
        printed = _COMPROBANTE_NRO.fullmatch(text(payload.get("comprobante_nro")))
        return Notification(
            reference,
            NotificationKind.ISSUED,
            Result(
                cae=text(payload.get("cae")),
                tipo=text(payload.get("comprobante_tipo")),
                punto_venta=int(printed[1]) if printed else None,
                numero=(int(printed[2]) or None) if printed else None,
                cae_expires_on=read_day(payload.get("vencimiento_cae")),
                observaciones=text(payload.get("observaciones")),
                pdf_url=text(payload.get("comprobante_pdf_url")),
            ),
        )

    def identity_of(self, payload: Mapping[str, Any]) -> Any:
        """Return the whole payload, which is the same word for word in each delivery."""
        return payload

    def is_proof(self, payload: Mapping[str, Any], headers: Mapping[str, str], proof: Proof) -> bool:
        """Tell whether the three credentials in the body are ours (docs/provider.md, lotes: the webhook)."""
        return proof.is_ours(*(text(payload.get(key)) for key in ("apikey", "apitoken", "usertoken")))


MODALITY: Modality = Lotes()
