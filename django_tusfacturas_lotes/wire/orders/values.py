"""Reads values from a shop's objects, and says which value can't be read and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any

from ..comprobante.totals import plain
from ..problems import shown

Source = str | Enum | Decimal | int | Callable[[Any], Any] | None
"""Where a value comes from. Text is a path from the object, through attributes, keys of mappings and callables without
arguments (`"product.name"`, `"lines.all"`); a callable is called with the object; an enum's member, a number or None is
the value itself."""


class UnreadableOrder(ValueError):
    """An order that no comprobante can be made of. Its text says which value, of which object and line, and why."""


def name_of(thing: Any) -> str:
    """What an error calls an object: `Order 17`, or its type where it has no key."""
    key = getattr(thing, "pk", None)
    return type(thing).__name__ if key is None else f"{type(thing).__name__} {key}"


@dataclass(frozen=True)
class Reader:
    """Reads values of `thing`, which errors call `name`. Raises `UnreadableOrder`."""

    thing: Any
    name: str

    def get(self, what: str, source: Source) -> Any:
        """Return what `source` gives, an enum's member as its value; None where a step of its path is None."""
        value: Any = self.thing
        try:
            if isinstance(source, Enum) or not (isinstance(source, str) or callable(source)):
                value = source
            elif callable(source):
                value = None if value is None else source(value)
            else:
                for step in source.split("."):
                    if value is None:
                        break
                    value = value[step] if isinstance(value, Mapping) else getattr(value, step)
                    # As in Django's templates: a related manager is a callable that is not to be called.
                    if callable(value) and not getattr(value, "do_not_call_in_templates", False):
                        value = value()
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            where = f"path {source!r}" if isinstance(source, str) else getattr(source, "__qualname__", repr(source))
            raise UnreadableOrder(f"{what} of {self.name}: {where}: {type(error).__name__}: {error}") from error
        return value.value if isinstance(value, Enum) else value

    def text(self, what: str, source: Source) -> str:
        """Return text on one line; "" for None."""
        value = self.get(what, source)
        return "" if value is None else " ".join(str(value).split())

    def number_or_none(self, what: str, source: Source) -> Decimal | None:
        """Return a number, a float by the digits that it shows; None for None and ""."""
        value = self.get(what, source)
        if value is None or value == "":
            return None
        try:
            number = Decimal(value if isinstance(value, str | int | Decimal) else str(value))
        except InvalidOperation:
            number = Decimal("NaN")
        if isinstance(value, bool) or not number.is_finite():
            raise UnreadableOrder(f"{what} of {self.name}: {shown(value)} is not a number ({source!r})")
        return number

    def number(
        self,
        what: str,
        source: Source,
        default: Decimal | None = None,
        *,
        least: Decimal | None = None,
        most: Decimal | None = None,
    ) -> Decimal:
        """Return a number, or `default` where there is none, that lies between `least` and `most`."""
        found = self.number_or_none(what, source)
        number = default if found is None else found
        if number is None:
            raise UnreadableOrder(f"{what} of {self.name}: {source!r} gives nothing")
        if least is not None and number < least:
            raise UnreadableOrder(f"{what} of {self.name}: {plain(number)} is less than {plain(least)} ({source!r})")
        if most is not None and number > most:
            raise UnreadableOrder(f"{what} of {self.name}: {plain(number)} is more than {plain(most)} ({source!r})")
        return number
