"""``nuevo_encola``: one comprobante in a call, whose fields are at the top of the call and of the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .encola import NOT_OURS, UNEXPECTED, entry, error_details, read_item, read_reference
from .interface import CallContext, Job, NoticeContext, ParsedCall
from .notice import Notice
from .thin_notices import notice_of


class NuevoEncola:
    """See docs/provider.md, Queue: the call."""

    name = "nuevo_encola"
    path = "/v2/facturacion/nuevo_encola"
    queue_is_visible = True

    def parse(self, body: object, context: CallContext) -> ParsedCall:
        if not isinstance(body, Mapping):
            return ParsedCall(errors=[UNEXPECTED])
        account = context.account_of(body)
        if account is None:
            return ParsedCall(errors=[NOT_OURS])
        if not isinstance(body.get("comprobante"), Mapping):
            return ParsedCall(errors=["No se recibió el comprobante."])
        return ParsedCall(items=[read_item(0, body, "")], account=account, not_before=context.today)

    def references(self, body: object) -> list[str]:
        return [read_reference(body)] if isinstance(body, Mapping) and "comprobante" in body else []

    def refusal(self, row: int) -> str:
        return "El punto de venta del comprobante no se corresponde con sus credenciales."

    def refuse_whole(self, texts: list[str]) -> dict[str, Any]:
        """It is the account or the call that is refused, so nothing of the item is in it, not even its reference."""
        return {
            "error": "S",
            "errores": texts,
            "rta": "",
            "cae": "",
            "comprobante_nro": "",
            "error_details": error_details(texts),
        }

    def answer(self, parsed: ParsedCall, distortion: str) -> dict[str, Any]:
        """``partial`` writes PARCIAL, ``missing`` leaves out the reference; other distortions need several items."""
        if parsed.errors:
            return self.refuse_whole(parsed.errors)
        answer = entry(parsed.items[0])
        if distortion == "partial":
            answer["error"] = "PARCIAL"
        elif distortion == "missing":
            del answer["external_reference"]
        return answer

    def notice(self, job: Job, evento: str, context: NoticeContext) -> Notice | None:
        return notice_of(job, evento, context)


NUEVO_ENCOLA = NuevoEncola()
