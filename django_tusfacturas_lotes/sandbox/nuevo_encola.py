"""How does ``nuevo_encola`` read a call and answer it? One comprobante, at the top level both ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .encolado import NOT_OURS, UNEXPECTED, entry, error_details, notice_of, read_item, read_reference
from .modality import Desk, Job, Notice, Occasion, Reading


class NuevoEncola:
    name = "nuevo_encola"
    path = "/v2/facturacion/nuevo_encola"
    queue_is_visible = True

    def read(self, body: object, desk: Desk) -> Reading:
        if not isinstance(body, Mapping):
            return Reading(errors=[UNEXPECTED])
        account = desk.account(body)
        if account is None:
            return Reading(errors=[NOT_OURS])
        if not isinstance(body.get("comprobante"), Mapping):
            return Reading(errors=["No se recibió el comprobante."])
        return Reading(items=[read_item(0, body, "")], account=account, not_before=desk.today)

    def references(self, body: object) -> list[str]:
        return [read_reference(body)] if isinstance(body, Mapping) and "comprobante" in body else []

    def refusal(self, row: int) -> str:
        return "El punto de venta del comprobante no se corresponde con sus credenciales."

    def refuse_whole(self, texts: list[str]) -> dict[str, Any]:
        """Nothing of the item is in it, its reference neither: it is the account or the call that is refused."""
        return {
            "error": "S",
            "errores": texts,
            "rta": "",
            "cae": "",
            "comprobante_nro": "",
            "error_details": error_details(texts),
        }

    def answer(self, reading: Reading, distortion: str) -> dict[str, Any]:
        """``partial`` flags it as if there were parts, ``missing`` leaves out the reference; the rest needs several."""
        if reading.errors:
            return self.refuse_whole(reading.errors)
        answer = entry(reading.items[0])
        if distortion == "partial":
            answer["error"] = "PARCIAL"
        elif distortion == "missing":
            del answer["external_reference"]
        return answer

    def notice(self, job: Job, evento: str, occasion: Occasion) -> Notice | None:
        return notice_of(job, evento, occasion)


NUEVO_ENCOLA = NuevoEncola()
