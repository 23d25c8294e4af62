"""What is wrong with a comprobante, as a sentence and as an exception."""

from __future__ import annotations

from typing import Any

import pytest

from django_tusfacturas_lotes.wire.comprobante import ComprobanteInvalido, Problem
from django_tusfacturas_lotes.wire.problems import is_part, shown
from tests.support.wire import samples
from tests.support.wire.building import problems


def test_a_problem_is_a_sentence_with_its_path() -> None:
    (problem,) = problems(samples.put(samples.factura_b(), "comprobante.detalle[0].producto.alicuota", 20)).values()
    assert str(problem) == (
        "comprobante.detalle[0].producto.alicuota: is not a rate of IVA. Got: 20. "
        "Expected: 27, 21, 10.5, 0, -1 (exento) or -2 (no gravado)."
    )


def test_the_exception_survives_pickling_with_its_problems() -> None:
    import pickle

    error = ComprobanteInvalido([Problem("comprobante.total", "is wrong.", "1", "2")])
    assert pickle.loads(pickle.dumps(error)).problems == error.problems


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "'a'"), ("a\nb", "'a b'"), (7, "7"), (None, "None"), (["a", "b"], "['a', 'b']"),
        ("a" * 78, f"'{'a' * 78}'"), ("a" * 79, f"'{'a' * 78}…"), (int("1" * 80), "1" * 80),
        (int("1" * 81), f"{'1' * 79}…"), ("a" * 500, f"'{'a' * 78}…"),
    ],
)  # fmt: skip
def test_a_value_is_quoted_short_and_on_one_line(value: Any, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize(
    ("path", "whole", "is_inside"),
    [
        ("a.b", "a.b", True), ("a.b.c", "a.b", True), ("a.b[0].c", "a.b", True), ("a.b[0]", "a.b[0]", True),
        ("a.bc", "a.b", False), ("a", "a.b", False), ("a.b[10]", "a.b[1]", False), ("x.a.b", "a.b", False),
    ],
)  # fmt: skip
def test_a_field_is_in_another_one(path: str, whole: str, is_inside: bool) -> None:
    assert is_part(path, whole) is is_inside
    assert Problem(path, "no").within([Problem("z", "no"), Problem(whole, "no")]) is is_inside
    assert Problem(path, "no").within([]) is False


@pytest.mark.parametrize(
    ("problem", "sentence"),
    [
        (Problem("a.b", "is wrong."), "a.b: is wrong."),
        (Problem("a.b", "is wrong.", "1"), "a.b: is wrong. Got: 1."),
        (Problem("a.b", "is wrong.", expected="2"), "a.b: is wrong. Expected: 2."),
        (Problem("a.b", "is wrong.", "1", "2"), "a.b: is wrong. Got: 1. Expected: 2."),
    ],
)
def test_a_sentence_says_what_is_known(problem: Problem, sentence: str) -> None:
    assert str(problem) == sentence
    assert str(ComprobanteInvalido([problem, Problem("c", "too.")])) == f"{sentence}\nc: too."
