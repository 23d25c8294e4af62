"""May this comprobante be issued? The table of all rules, and the function that asks them.

The provider checks next to nothing when a comprobante comes in; a wrong one comes back hours later. So what is going
to be refused is refused here, with all that is wrong at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import amounts, asociados, dates, fields, payment, receptor, tables, tipo
from .problems import Problem, is_part
from .rule import NO_FACTS, Concepto, Facts, Rule

if TYPE_CHECKING:
    from ..comprobante import Comprobante

__all__ = ["NO_FACTS", "RULES", "Concepto", "Facts", "Rule", "check"]

RULES: tuple[Rule, ...] = (
    *tipo.RULES,
    *receptor.RULES,
    *tables.RULES,
    *fields.RULES,
    *amounts.RULES,
    *payment.RULES,
    *dates.RULES,
    *asociados.RULES,
)
"""Every rule, in the order in which a person reads the result: what it is, for whom, what of, how much, when, against
what."""

_CHECKS = tuple(rule.check for rule in RULES)


def check(comprobante: Comprobante, facts: Facts = NO_FACTS, unreadable: Sequence[Problem] = ()) -> list[Problem]:
    """All that the rules have against `comprobante`, given what is known of the account and the day.

    `unreadable` are problems of its structure that are told already: rules that need one of those fields are passed
    over, and nothing more is said of them.
    """
    if not unreadable:
        return [problem for ask in _CHECKS for problem in ask(comprobante, facts)]
    broken = [problem.path for problem in unreadable]
    return [
        problem
        for rule in RULES
        if not any(is_part(path, need) or is_part(need, path) for need in rule.needs for path in broken)
        for problem in rule.check(comprobante, facts)
        if not problem.within(unreadable)
    ]
