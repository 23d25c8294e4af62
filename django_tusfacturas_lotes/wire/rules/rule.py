"""What a rule is: a function with an id and a source, which tells what is wrong with a comprobante."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..comprobante import Comprobante
from ..problems import Problem
from .facts import Facts

Check = Callable[[Comprobante, Facts], Iterable[Problem]]


@dataclass(frozen=True)
class Rule:
    """A check with its name and the place where the rule comes from.

    `needs` are the paths of the fields that it compares. A rule is not asked while one of them can't be read: it would
    only repeat that problem in other words.
    """

    id: str
    source: str
    check: Check
    needs: tuple[str, ...] = ()


def rule(rule_id: str, source: str, *needs: str) -> Callable[[Check], Rule]:
    """Make a rule of a function (comprobante, facts) → problems."""
    return lambda check: Rule(rule_id, source, check, needs)
