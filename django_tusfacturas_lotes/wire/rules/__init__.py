"""What a comprobante must keep to be issued."""

from .check import NO_FACTS, RULES, Facts, Rule, check

__all__ = ["NO_FACTS", "RULES", "Facts", "Rule", "check"]
