"""The `nuevo_encola` modality: one comprobante a call, into the provider's queue. The current one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from ..answers.answer import Answer
from ..answers.reading import Unreadable, text
from ..credentials import Credentials
from .encola import Encola, document, read_entries, says_issued, why_refused
from .modality import Modality, Outgoing


class NuevoEncola(Encola):
    """`POST /v2/facturacion/nuevo_encola`."""

    name = "nuevo_encola"
    max_items = 1
    path = "/v2/facturacion/nuevo_encola"

    def body(
        self,
        credentials: Credentials,
        outgoing: Sequence[Outgoing],
        *,
        webhook_url: str,
        send_on: dt.date | None,
    ) -> dict[str, Any]:
        """Return the body: credentials, `cliente` and `comprobante` at the top. Raises `ValueError` for several."""
        (item,) = outgoing
        return {**credentials.as_fields(), **document(item)}

    def read_answer(self, answer: Mapping[str, Any], references: Sequence[str]) -> Answer:
        """Read the one entry, at the top level or in `response`.

        A refusal with our reference is about this comprobante; one that does not is about the account (its
        credentials, its plan), and no comprobante of it would be taken.
        """
        entries = answer.get("response")
        if isinstance(entries, list) and entries:
            return read_entries(entries, references, ())
        if entries not in (None, "", [], {}):
            raise Unreadable("the answer's response is not a list of entries")
        reference = answer.get("external_reference")
        about = text(reference)
        if not about and not (reference is None or isinstance(reference, str)):
            raise Unreadable("the answer's external_reference is neither a text nor a whole number")
        if about and about not in references:
            raise Unreadable(f"the answer is about {about}, which was not sent"[:200])
        if answer.get("error") == "S" and not about and not says_issued(answer):
            return Answer(refused_whole=True, errors=why_refused(answer))
        return read_entries([{**answer, "external_reference": references[0]}], references, ())


MODALITY: Modality = NuevoEncola()
