"""How free text travels: `%` as `#&#`, a line break as `#@#` (docs/provider.md, Texts).

Models hold plain text, and the marks are only in what is sent; both forms are read.
"""

from __future__ import annotations

PERCENT = "#&#"
LINE_BREAK = "#@#"

ESCAPED_FIELDS = frozenset({"descripcion", "leyenda", "leyenda_gral", "comentario", "condicion_pago_otra"})
"""The fields that are printed or kept as free text, wherever in a comprobante they stand."""


def escape(text: str) -> str:
    """Return plain text in the provider's form."""
    if "%" in text:
        text = text.replace("%", PERCENT)
    if "\n" in text:
        text = text.replace("\n", LINE_BREAK)
    return text


def unescape(text: str) -> str:
    """Return the provider's form, or text that a person typed, as plain text with `\\n` for line breaks."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "#" in text:
        text = text.replace(PERCENT, "%").replace(LINE_BREAK, "\n")
    return text
