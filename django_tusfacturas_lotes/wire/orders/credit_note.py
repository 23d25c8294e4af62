"""Makes the nota de crédito that cancels an issued comprobante, wholly or in part."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from pydantic import BaseModel

from ..dates import format_day

CENT = Decimal("0.01")
# Fields of the cancelled document that the nota does not take over.
_NOT_CARRIED_OVER = (
    "punto_venta",
    "fecha",
    "vencimiento",
    "pagos",
    "comprobantes_asociados",
    "comprobantes_asociados_periodo",
    "rta",
)
# Of a part, these can't be worked out from its lines, so they stay out of the nota.
_NOT_IN_PART = ("total", "tributos", "exentos", "nogravados")
_NOT_IN_PART_PREFIXES = ("percepciones_", "impuestos_internos")

Lines = Mapping[int, Any] | Sequence[Any]
"""Part of a comprobante: the quantity of each line, by its 0-based row in `detalle`; or lines of one's own."""


class NotCreditableError(ValueError):
    """No nota de crédito can be made; the text says why."""


def credit_note_of(
    documento: Mapping[str, Any], *, tipo: str, punto_venta: int, numero: int, fecha: dt.date, lines: Lines | None
) -> dict[str, Any]:
    """Return the nota de crédito, in the provider's shape, of what was issued as `tipo`, `punto_venta`-`numero`.

    `documento` is the document that was sent, `fecha` its date. Without `lines` the nota cancels all of it. For a part,
    the general `bonificacion` is lowered in proportion; tributos, percepciones and internal taxes stay out.
    Source: RG 4540/2019. Raises `NotCreditableError`.
    """
    kind, _, letter = tipo.rpartition(" ")
    if kind not in ("FACTURA", "NOTA DE DEBITO", "RECIBO"):
        raise NotCreditableError(f"a {tipo} can't be cancelled by a nota de crédito")
    comprobante = {name: value for name, value in documento["comprobante"].items() if name not in _NOT_CARRIED_OVER}
    comprobante["tipo"] = f"NOTA DE CREDITO {letter}"
    comprobante["comprobantes_asociados"] = [
        {
            "tipo_comprobante": tipo,
            "punto_venta": punto_venta,
            "numero": numero,
            "comprobante_fecha": format_day(fecha),
        }
    ]
    if lines is not None:
        comprobante = {
            name: value
            for name, value in comprobante.items()
            if name not in _NOT_IN_PART and not name.startswith(_NOT_IN_PART_PREFIXES)
        }
        try:
            _take_part(comprobante, lines)
        except NotCreditableError:
            raise
        except (ArithmeticError, ValueError, TypeError, KeyError) as exc:
            raise NotCreditableError(f"the lines to credit can't be read: {type(exc).__name__}: {exc}") from exc
    return {"cliente": documento["cliente"], "comprobante": comprobante}


def lines_as_json(lines: Lines) -> Any:
    """Return `lines` as JSON, to be kept and given to `credit_note_of` again."""
    if isinstance(lines, Mapping):
        return {str(row): str(quantity) for row, quantity in lines.items()}
    return [_plain(line) for line in lines] if isinstance(lines, Sequence) else lines


def _take_part(comprobante: dict[str, Any], lines: Lines) -> None:
    whole = comprobante["detalle"]
    part = _rows(whole, lines) if isinstance(lines, Mapping) else [_plain(line) for line in lines]
    if not part:
        raise NotCreditableError("no line is to be credited")
    bonificacion = Decimal(str(comprobante.get("bonificacion") or 0))
    if bonificacion:
        share = _net(part) / (_net(whole) or Decimal(1))
        comprobante["bonificacion"] = float((bonificacion * share).quantize(CENT, ROUND_HALF_EVEN))
    comprobante["detalle"] = part


def _rows(whole: Sequence[Mapping[str, Any]], quantities: Mapping[int, Any]) -> list[dict[str, Any]]:
    part = []
    for row, quantity in sorted(quantities.items(), key=lambda one: int(one[0])):
        if not 0 <= int(row) < len(whole):
            raise NotCreditableError(f"there is no line {row}: the invoice has lines 0 to {len(whole) - 1}")
        line = whole[int(row)]
        wanted, sold = Decimal(str(quantity)), Decimal(str(line["cantidad"]))
        if not 0 < wanted <= sold:
            raise NotCreditableError(f"line {row} has a cantidad of {sold}, so {wanted} can't be credited")
        producto = {
            name: value for name, value in line["producto"].items() if not name.startswith(_NOT_IN_PART_PREFIXES)
        }
        part.append({**line, "producto": producto, "cantidad": float(wanted) if wanted % 1 else int(wanted)})
    return part


def _plain(line: Any) -> Any:
    return line.model_dump(mode="json", exclude_unset=True) if isinstance(line, BaseModel) else line


def _net(lines: Sequence[Mapping[str, Any]]) -> Decimal:
    """Return the net amount of lines, to work out the share of a discount."""
    return sum(
        (
            Decimal(str(line["cantidad"]))
            * Decimal(str(line["producto"]["precio_unitario_sin_iva"]))
            * (1 - Decimal(str(line.get("bonificacion_porcentaje") or 0)) / 100)
            for line in lines
        ),
        Decimal(0),
    )
