"""The rules that a comprobante must keep to be issued, a file for each subject, and the one table of them all."""

from .all_rules import RULES, check
from .facts import NO_FACTS, Concepto, Facts
from .rule import Rule

__all__ = ["NO_FACTS", "RULES", "Concepto", "Facts", "Rule", "check"]
