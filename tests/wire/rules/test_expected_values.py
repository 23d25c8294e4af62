"""What a rule says that it expects of a value of a table."""

from __future__ import annotations

import pytest

from django_tusfacturas_lotes.wire.comprobante import tables
from django_tusfacturas_lotes.wire.comprobante.tables import Table
from django_tusfacturas_lotes.wire.rules.tables import _expected, _values

TABLES = [one for one in vars(tables).values() if isinstance(one, type) and issubclass(one, Table) and len(one)]


@pytest.mark.parametrize("table", TABLES)
def test_short_tables_are_told_with_their_labels_and_long_ones_by_their_values(table: type[Table]) -> None:
    told = _expected(table)
    if len(table) <= 7:
        assert told == ", ".join(f"{member.value} ({member.label})" for member in table)
    else:
        assert told == "one of " + ", ".join(member.value for member in table)


@pytest.mark.parametrize("table", TABLES)
def test_a_code_may_be_given_as_the_number_that_it_reads_like(table: type[Table]) -> None:
    for member in table:
        assert member.value in _values(table)
        if member.value.isdigit():
            is_plain = member.value == "0" or not member.value.startswith("0")
            assert (int(member.value) in _values(table)) is is_plain or any(
                other.value == str(int(member.value)) for other in table
            )


def test_both_kinds_of_tables_are_there() -> None:
    assert {len(one) <= 7 for one in TABLES} == {True, False}
    assert {len(one) for one in TABLES} & {6, 7, 8}, "a table about as long as the limit"
