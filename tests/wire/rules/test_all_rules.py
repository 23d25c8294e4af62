"""What holds of every rule, and of the table of them all."""

from __future__ import annotations

from typing import Any

import pytest

from django_tusfacturas_lotes.wire.rules import RULES, Facts, check
from django_tusfacturas_lotes.wire.validation import read
from tests.support.wire import samples
from tests.support.wire.rule_cases import FACTURA_B
from tests.wire.rules import (
    test_amounts,
    test_asociados,
    test_dates,
    test_fields,
    test_payment,
    test_receptor,
    test_tables,
    test_tipo,
)

CASES = [
    case
    for subject in (
        test_tipo,
        test_receptor,
        test_tables,
        test_fields,
        test_amounts,
        test_payment,
        test_dates,
        test_asociados,
    )
    for case in subject.CASES
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_has_a_case_of_each_kind_a_source_and_real_needs(rule: Any) -> None:
    cases = [c for c in CASES if c.rule == rule.id]
    assert any(c.passes for c in cases)
    assert any(c.fails for c in cases)
    assert "docs/provider.md" in rule.source
    assert all(need.split(".")[0] in ("cliente", "comprobante") for need in rule.needs)


def test_rules_have_ids_of_their_own() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_no_rule_fails_on_a_valid_comprobante_of_any_type(rule: Any) -> None:
    for sample in samples.of_every_type().values():
        assert not list(rule.check(read(sample), Facts()))


def test_a_rule_whose_fact_is_not_known_is_not_applied() -> None:
    assert check(read(FACTURA_B)) == []
