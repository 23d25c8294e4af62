"""Operations on a comprobante in the provider's queue: send it again, delete it, change its day.

See docs/provider.md, Queue: operations.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from ..credentials import Credentials
from ..dates import format_day
from .answer import Answer
from .reading import Unreadable, number, text, texts

RESEND = "/v2/facturacion/reenviar_encolado"
DELETE = "/v2/facturacion/eliminar_encolado"
REDATE = "/v2/facturacion/cambiar_fecha_encolado"


def operation_body(
    credentials: Credentials, reference: str, fecha: dt.date | None = None, vencimiento: dt.date | None = None
) -> dict[str, Any]:
    """Return the body of an operation.

    `fecha` is given to delete a comprobante and to change its day, `vencimiento` where it has a due date.
    """
    body: dict[str, Any] = {**credentials.as_fields(), "external_reference": reference}
    for key, day in (("fecha", fecha), ("vencimiento", vencimiento)):
        if day is not None:
            body[key] = format_day(day)
    return body


def read_operation(answer: Mapping[str, Any], reference: str) -> Answer:
    """Read the answer to an operation on one reference: done, or refused as a whole. Raises `Unreadable`."""
    error, said = answer.get("error"), texts(answer.get("errores"))
    done, counted = answer.get("procesados"), answer.get("procesados_cant")
    count = number(counted)
    if count is None and counted not in (None, ""):
        raise Unreadable("the answer's procesados_cant is not a number")
    names_ours = isinstance(done, list) and reference in map(text, done)
    if (error == "S" or count == 0) and (count or names_ours):
        raise Unreadable("the answer says both that nothing was done, and what was")
    if error == "S":
        return Answer(refused_whole=True, errors=said or ("error S without a text",))
    if error not in ("N", "PARCIAL"):
        raise Unreadable("the answer has no error N, S or PARCIAL")
    if count == 0:
        return Answer(refused_whole=True, errors=said or ("nothing was done, without a text",))
    if not names_ours and (error == "PARCIAL" or (isinstance(done, list) and done)):
        raise Unreadable(f"the answer does not name {reference} among what was done")
    return Answer(errors=said)
