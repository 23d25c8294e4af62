"""The types of comprobante that the modalities take."""

from __future__ import annotations

TIPOS = frozenset(
    [f"{kind} {letter}" for kind in ("FACTURA", "NOTA DE DEBITO", "NOTA DE CREDITO") for letter in "ABCM"]
    + ["RECIBO C"]
)
TIPOS_E = frozenset(f"{kind} E" for kind in ("FACTURA", "NOTA DE DEBITO", "NOTA DE CREDITO"))


def tipo_error(tipo: str) -> str:
    """Why a type is not allowed in any of the modalities, or ``""``."""
    if tipo in TIPOS_E:
        return "No podrás enviar comprobantes de tipo E con ésta modalidad."
    if tipo not in TIPOS:
        return f"El tipo de comprobante '{tipo}' no es válido."
    return ""
