"""Shared by the two modalities of the provider's queue: reading the entries of an answer, and notices.

A notice is thin: it says that something happened to a reference, and `consulta_avanzada` tells what.
See docs/provider.md, Queue: the call; docs/provider.md, Queue: the answer; docs/provider.md, Queue: notices.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..answers.answer import Answer
from ..answers.reading import Unreadable, details, text, texts
from ..dates import format_day
from .modality import Notification, NotificationKind, Outgoing, Proof

TOKEN_HEADER = "TF-WebhookToken"  # noqa: S105 - a header's name

_EVENTS = {
    ("facturacion", "encolado"): NotificationKind.QUEUED,
    ("facturacion", "emitido"): NotificationKind.TOLD_ISSUED,
    ("facturacion", "error"): NotificationKind.FAILED,
    ("facturacion", "eliminado"): NotificationKind.DELETED,
    ("facturacion", "cambio_fecha"): NotificationKind.REDATED,
    ("test", "test"): NotificationKind.TEST,
}
_ORDER = re.compile(r"\borden\s+([0-9]{1,3})\s+\(comenzando en 0\)", re.IGNORECASE)


class Encola:
    """The queue of `https://www.tusfacturas.app`: issued on the comprobante's own day, told by thin notices."""

    base_url = "https://www.tusfacturas.app/app/api"
    shows_its_queue = True
    webhook_at_provider = True
    waits_by_itself = False

    def reference_of(self, payload: Mapping[str, Any]) -> str:
        """Return `external_reference`, which may come as a number."""
        return text(payload.get("external_reference"))

    def read_notification(self, payload: Mapping[str, Any]) -> Notification:
        """Read a notice; one that is not documented is `UNKNOWN`, and harms nothing."""
        event = (text(payload.get("recurso")).lower(), text(payload.get("evento")).lower())
        kind = _EVENTS.get(event, NotificationKind.UNKNOWN)
        errors = texts(payload.get("msg"))
        if kind is NotificationKind.FAILED and not errors:
            errors = ("TusFacturas told of an error, without a text",)
        return Notification(self.reference_of(payload), kind, errors=errors)

    def identity_of(self, payload: Mapping[str, Any]) -> Any:
        """Return its `hook_id`, the same in each delivery, and what it is about. `intento` counts the deliveries."""
        event = [text(payload.get(key)) for key in ("recurso", "evento", "external_reference")]
        if hook_id := text(payload.get("hook_id")):
            return [hook_id, *event]
        return {key: value for key, value in payload.items() if key != "intento"}

    def is_proof(self, payload: Mapping[str, Any], headers: Mapping[str, str], proof: Proof) -> bool:
        """Tell whether a header has the token that was chosen with the webhook's address."""
        return proof.is_our_token(headers.get(TOKEN_HEADER, ""))


def document(item: Outgoing) -> dict[str, Any]:
    """Return `cliente` and `comprobante` as they are sent: with their day, number 0 and our reference."""
    return {
        "cliente": item.documento["cliente"],
        "comprobante": {
            **item.documento["comprobante"],
            "fecha": format_day(item.fecha),
            "numero": 0,
            "external_reference": item.reference,
        },
    }


def read_entries(entries: Sequence[object], references: Sequence[str], said: Sequence[str]) -> Answer:
    """Read the entries of an answer, one for each item in any order; `said` are the texts about the whole call.

    An item that no entry is about waits as if it were taken: what is not named as refused may be issued.
    """
    rows = {reference: row for row, reference in enumerate(references)}
    refused: dict[int, tuple[str, ...]] = {}
    taken: set[int] = set()
    discrepancies: list[str] = []
    for entry in entries:
        if not isinstance(entry, Mapping) or entry.get("error") not in ("N", "S"):
            raise Unreadable("an entry of the answer has no error N or S")
        if entry["error"] == "S" and says_issued(entry):
            raise Unreadable("an entry of the answer says both error S and issued")
        why = why_refused(entry)
        row = _row_of(entry, rows, why)
        if row is None:
            reference = text(entry.get("external_reference"))
            stray = f"the answer has an entry for {reference or 'no reference'}, which was not sent"
            discrepancies.append(f"{stray}: {'; '.join(why)}" if why else stray)
        elif entry["error"] == "N":
            taken.add(row)
        else:
            refused[row] = (*refused.get(row, ()), *why)
    for row in sorted(taken & set(refused)):
        discrepancies.append(f"{references[row]} is both taken and refused: {'; '.join(refused.pop(row))}")
    silent = [reference for row, reference in enumerate(references) if row not in taken and row not in refused]
    if silent:
        discrepancies.append(f"the answer says nothing of {', '.join(silent)}")
    if not refused:
        discrepancies.extend(f"errores: {one}" for one in said)
    if not taken and not refused:
        raise Unreadable("the answer has no entry for anything that was sent")
    return Answer(errors=tuple(said), refused=refused, discrepancies=tuple(discrepancies))


def says_issued(entry: Mapping[str, Any]) -> bool:
    """Whether an entry has a CAE or a number, as only an issued one has."""
    return bool(text(entry.get("cae"))) or text(entry.get("comprobante_nro")).rpartition("-")[2].strip("0") != ""


def why_refused(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the texts of a refused entry, each once."""
    if entry.get("error") != "S":
        return ()
    detailed = details(entry.get("error_details"))
    # A detail repeats a text with its code before it: keep the one with the code.
    repeated = {one.partition(" ")[2] for one in detailed}
    kept = (*detailed, *(one for one in texts(entry.get("errores")) if one not in repeated))
    return tuple(dict.fromkeys(kept)) or texts(entry.get("rta")) or ("error S without a text",)


def _row_of(entry: Mapping[str, Any], rows: Mapping[str, int], said: Sequence[str]) -> int | None:
    reference = text(entry.get("external_reference"))
    if reference:
        return rows.get(reference)
    orders = {int(order) for one in said for order in _ORDER.findall(one)}
    row = orders.pop() if len(orders) == 1 else None
    return row if row is not None and row < len(rows) else None
