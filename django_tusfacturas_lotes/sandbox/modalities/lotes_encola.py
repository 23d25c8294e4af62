"""``lotes_encola``: up to 100 comprobantes in a call, and an entry for each in the answer."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from ..accounts import Account, credential_matches
from .encola import NOT_OURS, UNEXPECTED, entry, read_item, read_reference
from .interface import CallContext, Job, NoticeContext, ParsedCall, ParsedItem
from .notice import Notice
from .thin_notices import notice_of

MAX_REQUESTS = 100


class LotesEncola:
    """See docs/provider.md, Queue: the call."""

    name = "lotes_encola"
    path = "/v2/facturacion/lotes_encola"
    queue_is_visible = True

    def parse(self, body: object, context: CallContext) -> ParsedCall:
        if not isinstance(body, Mapping):
            return ParsedCall(errors=[UNEXPECTED])
        account = context.account_of(body)
        if account is None:
            return ParsedCall(errors=[NOT_OURS])
        requests = body.get("requests")
        if not isinstance(requests, list) or not requests:
            return ParsedCall(errors=["Debe enviar al menos un comprobante en requests."])
        if len(requests) > MAX_REQUESTS:
            return ParsedCall(errors=[f"No se pueden enviar más de {MAX_REQUESTS} requests por llamada."])
        return ParsedCall(
            items=[_read(row, request, account) for row, request in enumerate(requests)],
            account=account,
            not_before=context.today,
        )

    def references(self, body: object) -> list[str]:
        requests = body.get("requests") if isinstance(body, Mapping) else None
        return [read_reference(request) for request in requests] if isinstance(requests, list) else []

    def refusal(self, row: int) -> str:
        return _not_its_credentials("usertoken", row)

    def refuse_whole(self, texts: list[str]) -> dict[str, Any]:
        return {"error": "S", "errores": texts, "response": []}

    def answer(self, parsed: ParsedCall, distortion: str) -> dict[str, Any]:
        """An entry for each item, the refused ones last. The flag at the top is ``S`` if one is refused."""
        if parsed.errors:
            return self.refuse_whole(parsed.errors)
        refused = [item for item in parsed.items if item.refusals]
        entries = [entry(item) for item in parsed.items if not item.refusals] + [entry(item) for item in refused]
        errors = [refusal for item in refused for refusal in item.refusals]
        if distortion == "missing":
            entries = entries[:-1]
        elif distortion == "shuffled":
            mixed = random.Random(100).sample(entries, len(entries))  # noqa: S311 - the same order in each run
            entries = mixed if mixed != entries else mixed[::-1]
        elif distortion == "miscount":
            entries.append(entry(ParsedItem(row=len(entries), reference="sandbox-nobody-sent-this")))
        elif distortion == "rowless":
            stray = entry(
                ParsedItem(row=len(entries), reference="", refusals=["Uno de los comprobantes no es válido."])
            )
            entries.append(stray)
            errors += stray["errores"]
        flag = "PARCIAL" if distortion == "partial" else "S" if errors else "N"
        return {"error": flag, "errores": errors, "response": entries}

    def notice(self, job: Job, evento: str, context: NoticeContext) -> Notice | None:
        return notice_of(job, evento, context)


def _read(row: int, request: object, account: Account) -> ParsedItem:
    where = f" enviado en el orden {row} (comenzando en 0)"
    if not isinstance(request, Mapping):
        return ParsedItem(row=row, reference="", refusals=[f"No se recibió el comprobante{where}."])
    item = read_item(row, request, where)
    wrong = [
        name
        for name in ("usertoken", "apitoken", "apikey")
        if not credential_matches(request.get(name), getattr(account, name))
    ]
    item.refusals[:0] = [_not_its_credentials(name, row) for name in wrong]
    return item


def _not_its_credentials(name: str, row: int) -> str:
    return (
        f"El {name} del comprobante enviado en el orden {row} (comenzando en 0) no se corresponde con sus credenciales."
    )


LOTES_ENCOLA = LotesEncola()
