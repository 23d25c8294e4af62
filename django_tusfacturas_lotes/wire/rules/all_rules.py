"""The table of all rules, and the function that asks them whether a comprobante may be issued.

The provider checks next to nothing when a comprobante comes in; a wrong one comes back hours later. So everything
that would be refused there is refused here, with all that is wrong at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..comprobante import Comprobante
from ..problems import Problem, is_part
from . import amounts, asociados, dates, fields, payment, receptor, tables, tipo
from .facts import NO_FACTS, Facts
from .rule import Rule

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
"""Every rule, in the order in which a person reads the problems: type, customer, codes, fields, amounts, payment,
dates, associated comprobantes."""

_CHECKS = tuple(rule.check for rule in RULES)


def check(comprobante: Comprobante, facts: Facts = NO_FACTS, unreadable: Sequence[Problem] = ()) -> list[Problem]:
    """Return every problem that the rules find in `comprobante`, given what is known of the account and the day.

    `unreadable` are the problems of fields that could not be read, which are told already: rules that need one of
    those fields are not asked, and no other problem of those fields is returned.
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
