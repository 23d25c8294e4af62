"""The `lotes_encola` modality: up to 100 comprobantes a call, into the provider's queue."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from ..answers.answer import Answer
from ..answers.reading import Unreadable, texts
from ..credentials import Credentials
from .encola import Encola, document, read_entries
from .modality import Modality, Outgoing


class LotesEncola(Encola):
    """`POST /v2/facturacion/lotes_encola`."""

    name = "lotes_encola"
    max_items = 100
    path = "/v2/facturacion/lotes_encola"

    def body(
        self,
        credentials: Credentials,
        outgoing: Sequence[Outgoing],
        *,
        webhook_url: str,
        send_on: dt.date | None,
    ) -> dict[str, Any]:
        """Return the body: the credentials at the top and in every item, beside its `cliente` and `comprobante`."""
        proof = credentials.as_fields()
        return {**proof, "requests": [{**proof, **document(item)} for item in outgoing]}

    def read_answer(self, answer: Mapping[str, Any], references: Sequence[str]) -> Answer:
        """Read the entries, whatever the `error` at the top says: S or PARCIAL with entries may be partly taken."""
        error, said, entries = answer.get("error"), texts(answer.get("errores")), answer.get("response")
        if error not in ("N", "S", "PARCIAL"):
            raise Unreadable("the answer has no error N, S or PARCIAL")
        if isinstance(entries, list) and entries:
            return read_entries(entries, references, said)
        if error == "S" and entries in (None, [], {}, ""):
            return Answer(refused_whole=True, errors=said or ("error S without a text",))
        raise Unreadable("the answer has no response with an entry for each item")


MODALITY: Modality = LotesEncola()
