"""pydantic's errors about the types of values, in words for a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from ..problems import Problem, shown
from .blocks import LIMIT

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


def dotted(location: Location) -> str:
    """Return a pydantic location as a path, such as `detalle[2].producto.alicuota`."""
    path = ""
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path


def provider_path(location: Location) -> str:
    """Return a location in a `Comprobante` as a path in the provider's shape: `cliente` stands beside `comprobante`."""
    path = dotted(location)
    return path if location and location[0] == "cliente" else f"comprobante.{path}" if path else "comprobante"


def absent(path: str, value: Any) -> Problem:
    """Return the problem of a block that is missing, or is not a block."""
    if value is None:
        return Problem(path, "is missing.", "", "an object with fields")
    return Problem(path, _KINDS["model"][0], f"a value of type {type(value).__name__}", _KINDS["model"][1])


def too_long(path: str, amount: object) -> Problem:
    """Return the problem of an amount with more digits than a JSON number keeps."""
    return Problem(path, *_with_got("less", amount))


def _with_got(kind: str, value: object) -> tuple[str, str, str]:
    text, expected = _KINDS[kind]
    return text, shown(value), expected


def _location(found: Location, kind: str) -> Location:
    # A union adds the name of the kind it tried ("str", "int") to the end of the location.
    return found[:-1] if kind in ("string_type", "int_type") and found[-1:] in (("str",), ("int",)) else found


def findings(error: ValidationError) -> Iterator[tuple[Location, str, Any]]:
    """Yield each wrong place once: its location, the kind of error and the value given."""
    seen = set()
    for found in error.errors(include_url=False, include_context=False):
        location = _location(found["loc"], found["type"])
        if location not in seen:
            seen.add(location)
            yield location, "code" if location != found["loc"] else found["type"], found["input"]


def translated(error: ValidationError, path_of: Callable[[Location], str]) -> Iterator[Problem]:
    """Yield each error of pydantic's as a problem, its path made by `path_of`."""
    for location, kind, given in findings(error):
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
