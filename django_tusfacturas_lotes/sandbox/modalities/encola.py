"""What ``lotes_encola`` and ``nuevo_encola`` share: how an item is checked and how its entry is written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .interface import ParsedItem
from .tipos import tipo_error
from .values import as_text, read_date

REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,255}")
REFUSED_CODE = "TFC-8002"
NOT_OURS = "Las credenciales de acceso no son válidas (apikey, apitoken, usertoken)."
UNEXPECTED = "El JSON enviado no tiene la estructura esperada."


def read_reference(request: object) -> str:
    """The ``external_reference`` in ``{"comprobante": {…}}`` as text, or ``""``. It may be sent as a number."""
    comprobante = request.get("comprobante") if isinstance(request, Mapping) else None
    value = comprobante.get("external_reference") if isinstance(comprobante, Mapping) else None
    return value if isinstance(value, str) else as_text(value)


def read_item(row: int, request: Mapping[str, Any], where: str) -> ParsedItem:
    """Reads an item, with the checks that both modalities make before they answer.

    ``where`` says in a refusal which item it is.
    """
    comprobante = request.get("comprobante")
    if not isinstance(comprobante, Mapping):
        return ParsedItem(row=row, reference="", refusals=[f"No se recibió el comprobante{where}."])
    cliente = request.get("cliente")
    reference = read_reference(request)
    item = ParsedItem(row, reference, cliente if isinstance(cliente, Mapping) else {}, comprobante)
    item.not_before = read_date(comprobante.get("fecha"))
    if as_text(comprobante.get("numero")).strip("0") or not as_text(comprobante.get("numero")):
        item.refusals.append(f"El numero del comprobante{where} debe estar en cero.")
    if not reference.strip():
        item.refusals.append(f"El campo external_reference del comprobante{where} debe tener contenido.")
    elif not REFERENCE.fullmatch(reference):
        item.refusals.append(
            f"El campo external_reference del comprobante{where} solo puede tener hasta 255 caracteres entre "
            "A-Z a-z 0-9 _ -."
        )
    wrong_tipo = tipo_error(as_text(comprobante.get("tipo")))
    if wrong_tipo:
        item.refusals.append(f"{wrong_tipo} Comprobante{where}.")
    if item.not_before is None:
        item.refusals.append(f"La fecha del comprobante{where} no es válida. Formato esperado: dd/mm/aaaa.")
    return item


def written_reference(reference: str) -> str | int:
    """A reference as it comes back in an answer: as a number if it is all digits and stays the same as one."""
    if reference.isascii() and reference.isdigit() and len(reference) <= 15 and str(int(reference)) == reference:
        return int(reference)
    return reference


def entry(item: ParsedItem) -> dict[str, Any]:
    """The part of the answer for one item, taken or refused."""
    taken = not item.refusals
    punto_venta = as_text(item.comprobante.get("punto_venta")).lstrip("0")
    return {
        "error": "N" if taken else "S",
        "errores": list(item.refusals),
        "external_reference": written_reference(item.reference),
        "rta": "El comprobante se ha recibido correctamente. Será procesado." if taken else "",
        "cae": " " if taken else "",
        "requiere_fec": "NO",
        "vencimiento_cae": "",
        "vencimiento_pago": "",
        "comprobante_nro": f"{punto_venta:0>5}-00000000" if taken else "",
        "comprobante_tipo": as_text(item.comprobante.get("tipo")),
        "observaciones": "",
        "envio_x_mail": "N",
        "comprobante_pdf_url": "",
        "error_details": error_details(item.refusals),
    }


def error_details(texts: Sequence[str]) -> list[dict[str, str]]:
    return [{"code": REFUSED_CODE, "text": refusal} for refusal in texts]
