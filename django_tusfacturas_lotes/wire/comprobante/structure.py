"""Can the data be read at all: are the blocks there, and is each value of its kind?

pydantic's findings are put into words for a person here. What can't be read is replaced by something that can, so
that the rules can still be asked about the rest, and everything is told at once.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ..rules.problems import Problem, shown
from .blocks import LIMIT

CREDENTIALS = frozenset({"apikey", "apitoken", "usertoken"})
REFERENCES = frozenset({"facturacion_lote_id_referencia", "external_reference"})
OURS = CREDENTIALS | REFERENCES
"""What the app itself puts into a call: dropped from what comes in, and never sent from it."""

ModelT = TypeVar("ModelT", bound=BaseModel)
Location = tuple[int | str, ...]

_KINDS = {
    "missing": ("is missing.", ""),
    "fecha": ("is not a date.", "dd/mm/aaaa, for example 28/03/2018"),
    "decimal": ("is not a number.", "a number with a decimal point and no thousands separator, for example 114.88"),
    "finite": ("is not a number.", "a number with a decimal point and no thousands separator, for example 114.88"),
    "greater": ("is too large.", f"an amount below {LIMIT}"),
    "less": ("is too large.", f"an amount below {LIMIT}"),
    "int": ("is not a whole number.", "a whole number"),
    "string": ("is not a text.", "a text"),
    "list": ("is not a list.", "a list"),
    "model": ("is not a block of fields.", "an object with fields"),
    "code": ("is neither a text nor a whole number.", "a text or a whole number"),
}

# Stands in for a required value that can't be read, while the rules look at the rest. Nothing is reported of these.
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


def flatten(data: Any, cliente_model: type[BaseModel]) -> tuple[dict[str, Any] | None, list[Problem]]:
    """The provider's shape → the fields of one model, without what is ours; None where there is nothing to read."""
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
        fields = without_ours(body)
        if "cliente" in fields:
            problems.append(
                Problem("comprobante.cliente", "stands inside comprobante.", "", "cliente beside comprobante")
            )
    else:
        problems.append(_absent("comprobante", body))
    if isinstance(cliente, Mapping):
        fields["cliente"] = without_ours(cliente)
    elif isinstance(cliente, cliente_model):
        fields["cliente"] = cliente
    else:
        problems.append(_absent("cliente", cliente))
        fields.pop("cliente", None)
    if not isinstance(body, Mapping) and not isinstance(cliente, Mapping):
        return None, problems
    return fields, problems


def without_ours(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `fields` without credentials and references."""
    copied = dict(fields)
    for name in OURS.intersection(copied):
        del copied[name]
    return copied


def _absent(path: str, value: Any) -> Problem:
    if value is None:
        return Problem(path, "is missing.", "", "an object with fields")
    return Problem(path, _KINDS["model"][0], f"a value of type {type(value).__name__}", _KINDS["model"][1])


def dotted(location: Location) -> str:
    """A pydantic location as a path: `detalle[2].producto.alicuota`."""
    path = ""
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path


def provider_path(location: Location) -> str:
    """The same in the provider's shape, where `cliente` stands beside `comprobante`."""
    path = dotted(location)
    return path if location and location[0] == "cliente" else f"comprobante.{path}" if path else "comprobante"


def too_long(path: str, amount: object) -> Problem:
    """The problem of an amount that JSON would not carry as it is."""
    return Problem(path, *_with_got("less", amount))


def _with_got(kind: str, value: object) -> tuple[str, str, str]:
    text, expected = _KINDS[kind]
    return text, shown(value), expected


def _location(found: Location, kind: str) -> Location:
    # A union adds the name of the kind it tried ("str", "int") to the end of the location.
    return found[:-1] if kind in ("string_type", "int_type") and found[-1:] in (("str",), ("int",)) else found


def _findings(error: ValidationError) -> Iterator[tuple[Location, str, Any]]:
    """Each place once, with the kind of what is wrong there and what was given."""
    seen = set()
    for found in error.errors(include_url=False, include_context=False):
        location = _location(found["loc"], found["type"])
        if location not in seen:
            seen.add(location)
            yield location, "code" if location != found["loc"] else found["type"], found["input"]


def translated(error: ValidationError, path_of: Callable[[Location], str]) -> Iterator[Problem]:
    """pydantic's findings as problems."""
    for location, kind, given in _findings(error):
        path = path_of(location)
        if kind == "missing":
            yield Problem(path, *_KINDS["missing"][:1])
            continue
        key = next((part for part in (kind, *_prefixes(kind)) if part in _KINDS), "")
        text, expected = _KINDS.get(key, ("can't be read.", ""))
        got = (
            f"a value of type {type(given).__name__}" if isinstance(given, Mapping | list | BaseModel) else shown(given)
        )
        yield Problem(path, text, got, expected)


def _prefixes(kind: str) -> Iterator[str]:
    parts = kind.split("_")
    return ("_".join(parts[:length]) for length in range(len(parts), 0, -1))


def readable(model: type[ModelT], fields: dict[str, Any], error: ValidationError) -> tuple[ModelT, list[Problem]]:
    """A model of what can be read of `fields`, and the problems of what can't."""
    problems = list(translated(error, provider_path))
    fields = copy.deepcopy(fields)
    # A stand-in for a block is itself without its fields, and so on: as many rounds as blocks stand inside one another.
    for _ in range(8):
        for location, _kind, _given in _findings(error):
            _mend(fields, location)
        try:
            return model.model_validate(fields), problems
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
