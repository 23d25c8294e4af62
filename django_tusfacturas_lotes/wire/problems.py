"""The problems of a comprobante, in words for a person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_SHOWN = 80


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, in one field.

    `path` is the field in the provider's own shape (`comprobante.detalle[2].producto.alicuota`, lines counted from 0),
    `text` says what is wrong, `got` what was given ("" where nothing was) and `expected` what would be right.
    `str()` of it is a sentence for a bookkeeper.
    """

    path: str
    text: str
    got: str = ""
    expected: str = ""

    def within(self, others: Iterable[Problem]) -> bool:
        """Whether its field is the field of one of `others`, or a part of it."""
        return any(is_part(self.path, other.path) for other in others)

    def __str__(self) -> str:
        sentence = f"{self.path}: {self.text}"
        if self.got:
            sentence += f" Got: {self.got}."
        if self.expected:
            sentence += f" Expected: {self.expected}."
        return sentence


class ComprobanteInvalido(ValueError):
    """A comprobante that would be refused. `problems` has all that is wrong with it, never only the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type[ComprobanteInvalido], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)


def is_part(path: str, whole: str) -> bool:
    """Whether `path` is the field `whole` or a field inside it."""
    return path.startswith(whole) and path[len(whole) : len(whole) + 1] in ("", ".", "[")


def shown(value: Any) -> str:
    """Return `value` as it is quoted in a problem: short, on one line."""
    text = str(value).replace("\n", " ")
    if isinstance(value, str):
        text = repr(text)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
