"""Makes a `Comprobante` of a mapping in the provider's shape, as far as it can be read.

A value that can't be read is told as a problem and replaced by a stand-in, so that the rules can still be asked about
the rest and all problems are told at once.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import date
from typing import Any

from pydantic import ValidationError

from ..problems import Problem
from .blocks import Cliente
from .json_shape import OURS
from .model import Comprobante
from .type_errors import Location, absent, dotted, findings, provider_path, translated

# They take the place of required values that can't be read, while the rules look at the rest. What the rules find in
# them is not told.
_STAND_INS: dict[str, Any] = {
    "alicuota": 21,
    "cantidad": 1,
    "cliente": {},
    "condicion_iva": "CF",
    "condicion_pago": "201",
    "datos": [],
    "descripcion": "----",
    "detalle": [],
    "documento_nro": "0",
    "documento_tipo": "OTRO",
    "domicilio": "-",
    "fecha_desde": date(2000, 1, 1),
    "fecha_hasta": date(2000, 1, 1),
    "formas_pago": [],
    "id": 0,
    "importe": 0,
    "numero": 1,
    "precio_unitario_sin_iva": 1,
    "producto": {},
    "provincia": "26",
    "punto_venta": 1,
    "razon_social": "-",
    "regimen": "",
    "tipo": "FACTURA B",
    "tipo_comprobante": "FACTURA B",
    "total": 0,
    "valor": "",
}


def flatten(data: Any) -> tuple[dict[str, Any] | None, list[Problem]]:
    """Return the fields of a `Comprobante` from a mapping in the provider's shape, and the problems of its structure.

    The fields are without what the app itself puts into a call, and None where there is nothing to read.
    """
    if not isinstance(data, Mapping):
        return None, [
            Problem(
                "comprobante",
                "is not a comprobante.",
                f"a value of type {type(data).__name__}",
                'a Comprobante, or an object {"cliente": {…}, "comprobante": {…}}',
            )
        ]
    problems = [
        Problem(str(key), "is not known beside cliente and comprobante.", "", "only cliente and comprobante")
        for key in data
        if key not in ("cliente", "comprobante") and key not in OURS
    ]
    body, cliente = data.get("comprobante"), data.get("cliente")
    fields: dict[str, Any] = {}
    if isinstance(body, Mapping):
        fields = _without_ours(body)
        if "cliente" in fields:
            problems.append(
                Problem("comprobante.cliente", "stands inside comprobante.", "", "cliente beside comprobante")
            )
    else:
        problems.append(absent("comprobante", body))
    if isinstance(cliente, Mapping):
        fields["cliente"] = _without_ours(cliente)
    elif isinstance(cliente, Cliente):
        fields["cliente"] = cliente
    else:
        problems.append(absent("cliente", cliente))
        fields.pop("cliente", None)
    if not isinstance(body, Mapping) and not isinstance(cliente, Mapping):
        return None, problems
    return fields, problems


def _without_ours(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of `fields` without credentials and references."""
    copied = dict(fields)
    for name in OURS.intersection(copied):
        del copied[name]
    return copied


def readable(fields: dict[str, Any], error: ValidationError) -> tuple[Comprobante, list[Problem]]:
    """Return a `Comprobante` of what can be read of `fields`, and the problems of what can't."""
    problems = list(translated(error, provider_path))
    fields = copy.deepcopy(fields)
    # A stand-in for a block is itself without its fields, and so on: as many rounds as blocks stand inside one another.
    for _ in range(8):
        for location, _kind, _given in findings(error):
            _mend(fields, location)
        try:
            return Comprobante.model_validate(fields), problems
        except ValidationError as again:
            error = again
    raise error


def _mend(fields: dict[str, Any], location: Location) -> None:
    """Put a stand-in where nothing readable is, or take the value away where none is required."""
    target: Any = fields
    for step in location[:-1]:
        target = target[step]
    last = location[-1]
    if isinstance(last, int):
        target[last] = "" if location[0] == "tags" else {}
    elif last in _STAND_INS:
        target[last] = copy.deepcopy(_STAND_INS[last])
    else:
        target.pop(last, None)


def problems_from(error: ValidationError) -> tuple[Problem, ...]:
    """Return in plain words the problems for which pydantic refused to build a `Comprobante` or one of its blocks.

    Paths begin at the model that was being built: `producto.alicuota` for a `Linea`, the provider's full path for a
    `Comprobante`.
    """
    whole = error.title == Comprobante.__name__
    return tuple(translated(error, provider_path if whole else dotted))
