"""Pages name tests (`tests/x.py::test_y`) and functions (`outcomes/calls.py:mark_received`): each is there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from tests.links import ROOT, read_page

PACKAGE = ROOT / "django_tusfacturas_lotes"
_TEST = re.compile(r"\b(tests/[\w/]+\.py)::(\w+)")
_FUNCTION = re.compile(r"(?<![\w./-])((?:\w+/)*\w+\.py):([A-Za-z_]\w*)")


@cache
def names_of(path: Path) -> frozenset[str]:
    """What a file defines: functions, methods, classes, and names in capitals."""
    text = path.read_text("utf-8") if path.is_file() else ""
    defined = re.findall(r"^ *(?:async )?(?:def|class) (\w+)", text, re.MULTILINE)
    return frozenset([*defined, *re.findall(r"^([A-Z_]+)\b", text, re.MULTILINE)])


def missing_in(page: Path) -> list[str]:
    code = [text for _, text in read_page(page).code]
    tests = [(ROOT / file, name) for text in code for file, name in _TEST.findall(text)]
    functions = [
        ((PACKAGE if (PACKAGE / file).is_file() else ROOT) / file, name)
        for text in code
        for file, name in _FUNCTION.findall(text)
    ]
    return [f"{file.relative_to(ROOT)}: {name}" for file, name in tests + functions if name not in names_of(file)]


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_the_tests_and_functions_that_a_page_names_are_there(page: Path) -> None:
    assert missing_in(page) == []


def test_one_that_is_not_there_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "`tests/links.py::read_page`, `tests/links.py::no_such_test`, `models/lote.py:hold`, `models/lote.py:x`"
    )
    assert missing_in(page) == ["tests/links.py: no_such_test", "django_tusfacturas_lotes/models/lote.py: x"]
