"""Changes that no test can tell from the original, each with its reason; they do not count.

A change that only costs time, or that a text for people shows, is not one of them unless the reason says why.
"""

from __future__ import annotations

from typing import NamedTuple

from .points import Mutant


class Equivalent(NamedTuple):
    """A change, by its file under the package and its lines before and after, as the run prints them."""

    file: str
    before: str
    after: str
    reason: str


EQUIVALENT: tuple[Equivalent, ...] = ()


def reason_of(mutant: Mutant) -> str | None:
    """Return why a mutant can't be told from the original, None if it can."""
    for known in EQUIVALENT:
        if (known.file, known.before, known.after) == (mutant.file, mutant.before, mutant.after):
            return known.reason
    return None
