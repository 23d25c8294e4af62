"""How a block is written in the provider's shape, ready for `json.dumps`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from ..credentials import CREDENTIAL_KEYS
from ..dates import format_day
from ..problems import ComprobanteInvalido
from .blocks import LIMIT, Block
from .texts import ESCAPED_FIELDS, escape
from .type_errors import too_long

REFERENCES = frozenset({"facturacion_lote_id_referencia", "external_reference"})
OURS = CREDENTIAL_KEYS | REFERENCES
"""The fields that the app itself puts into a call: dropped from what comes in, and never written."""

_LIMIT = float(LIMIT)


def json_number(amount: Decimal) -> int | float:
    """Return an amount as a JSON number with the same digits: only here a Decimal becomes a float.

    Raises `ComprobanteInvalido` where it has more digits than a JSON number keeps.
    """
    number = float(amount)
    if not -_LIMIT < number < _LIMIT:
        raise ComprobanteInvalido([too_long("comprobante", amount)])
    return int(number) if number.is_integer() else number


def as_json(block: Block) -> dict[str, Any]:
    """Return a block's fields with those of the blocks in it; what is None is left out. Raises as `json_number`."""
    fields: dict[str, Any] = {}
    for name, value in block.__dict__.items():
        if value is None:
            continue
        kind = type(value)
        if kind is str:
            fields[name] = escape(value) if name in ESCAPED_FIELDS else value
        elif kind is Decimal:
            fields[name] = json_number(value)
        elif kind is int:
            fields[name] = value
        elif kind is list:
            fields[name] = [as_json(item) if isinstance(item, Block) else item for item in value]
        else:
            fields[name] = as_json(value) if isinstance(value, Block) else format_day(value)
    if block.__pydantic_extra__:
        for name, value in block.__pydantic_extra__.items():
            if name not in OURS:
                fields[name] = _json(value)
    return fields


def _json(value: Any) -> Any:
    """Return the value of a field that the models don't know, as JSON."""
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    if isinstance(value, Mapping):
        return {name: _json(item) for name, item in value.items() if name not in OURS}
    if isinstance(value, Decimal):
        return json_number(value)
    if isinstance(value, date):
        return format_day(value)
    return value
