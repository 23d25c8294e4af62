"""Look-ups of a comprobante by our reference (`consulta_avanzada`): the body, and what the answer says.

See docs/provider.md, Look-ups.
"""

from __future__ import annotations

import datetime as dt
import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..credentials import Credentials
from ..dates import read_day
from .answer import Result
from .reading import Unreadable, check_texts, details, number, text, texts

# The host of the provider's look-ups and operations, where an account's BASE_URL names no other.
HOST = "https://www.tusfacturas.app/app/api"
PATH = "/v2/facturacion/consulta_avanzada"

_MAX_STATUS = 200
_NOT_FOUND = "no se han encontrado comprobantes"
# Where a list is empty, PHP may also write it so.
_NOTHING: tuple[object, ...] = (None, "", [], {})
_IN_ERROR = re.compile(r"ENVIADO A PROCESAR\W+CON ERROR(ES)?\W*", re.IGNORECASE)
_QUEUED = re.compile(r"APROBADO Y EN COLA\b.*?([0-9]{1,2}/[0-9]{1,2}/[0-9]{4})?\W*", re.IGNORECASE | re.DOTALL)


class Standing(str, enum.Enum):
    """Where a comprobante stands at the provider."""

    ISSUED = "issued"
    IN_ERROR = "in_error"
    QUEUED = "queued"


@dataclass(frozen=True)
class Found:
    """One comprobante with our reference: `result` where it is issued, the day (`issue_on`) where it is queued."""

    standing: Standing
    result: Result | None = None
    issue_on: dt.date | None = None
    errors: tuple[str, ...] = ()


def lookup_body(credentials: Credentials, reference: str) -> dict[str, Any]:
    """Return the body of a look-up by `external_reference`."""
    return {
        **credentials.as_fields(),
        "busqueda_tipo": "EXT_REF",
        "pagina": 0,
        "limite": 100,
        "comprobante": {"external_reference": reference, "operacion": "V"},
    }


def read_lookup(answer: Mapping[str, Any], reference: str) -> tuple[Found, ...]:
    """Return every comprobante with exactly this reference in the answer to a look-up, which may be none.

    Raises `Unreadable` for anything that does not say so: what can't be read must not pass for "not found".
    """
    error, total = answer.get("error"), answer.get("total")
    found, said = answer.get("comprobantes"), texts(answer.get("errores"))
    nothing = found in _NOTHING and all(one.rstrip(".").lower() == _NOT_FOUND for one in said)
    if error == "S":
        if nothing and said and (total in (None, "") or number(total) == 0):
            return ()
        raise Unreadable(f"the look-up was refused: {'; '.join(said) or 'without a text'}")
    if error != "N":
        raise Unreadable("the look-up's answer has no error N or S")
    if found in _NOTHING:
        if nothing and number(total) == 0:
            return ()
        raise Unreadable("the look-up's answer lists nothing, but does not say total 0 and no more")
    if not isinstance(found, list):
        raise Unreadable("the look-up's comprobantes are not a list")
    ours = tuple(one for entry in found if (one := _read_entry(entry, reference)) is not None)
    if not ours:
        raise Unreadable("the look-up lists comprobantes, but none with the reference that was asked for")
    return ours


def _read_entry(entry: object, reference: str) -> Found | None:
    comprobante = entry.get("comprobante") if isinstance(entry, Mapping) else None
    if not isinstance(comprobante, Mapping):
        raise Unreadable("the look-up lists something that is not a comprobante")
    # A search may find more than what was asked for; ours is the one that has the whole reference.
    if text(comprobante.get("external_reference")) != reference:
        return None
    status = text(comprobante.get("status"))
    if len(status) > _MAX_STATUS:
        raise Unreadable("the look-up's status is longer than any that is documented")
    if status.upper() == "EMITIDO":
        check_texts(comprobante, ("cae", "tipo", "comprobante_pdf_url", "observaciones"))
        return Found(Standing.ISSUED, _read_result(comprobante))
    if _IN_ERROR.fullmatch(status):
        errors = tuple(dict.fromkeys((*texts(comprobante.get("errores")), *details(comprobante.get("error_details")))))
        return Found(Standing.IN_ERROR, errors=errors)
    if match := _QUEUED.fullmatch(status):
        return Found(Standing.QUEUED, issue_on=read_day(match[1]))
    raise Unreadable(f"the look-up's status is {status!r}"[:200])


def _read_result(comprobante: Mapping[str, Any]) -> Result:
    return Result(
        cae=text(comprobante.get("cae")),
        tipo=text(comprobante.get("tipo")),
        punto_venta=number(comprobante.get("punto_venta")),
        numero=number(comprobante.get("numero")) or None,
        cae_expires_on=read_day(comprobante.get("vencimiento_cae")),
        observaciones=text(comprobante.get("observaciones")),
        pdf_url=text(comprobante.get("comprobante_pdf_url")),
    )
