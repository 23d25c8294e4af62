"""The mutation run itself, on a package of one file."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

pytest.importorskip("cosmic_ray", reason="the extra `mutation` is not installed")
pytest.importorskip("pytest_cov", reason="the extra `mutation` is not installed")

from tests.mutation.__main__ import main
from tests.mutation.points import PACKAGE, Mutant, core_files, mutant_at, points_of, sample
from tests.mutation.reach import Reach, reach_of
from tests.mutation.running import Copy, Outcome, within

MONEY = '''"""Money."""

RATE = 21


def total(net: int, gross: int | None = None) -> int:
    if gross is not None:
        return gross
    return net + net * RATE // 100


def unused(net: int) -> int:
    return net + 1
'''
TESTS = f"""from {PACKAGE}.money import total


def test_with_tax():
    assert total(100) == 121


def test_that_looks_at_nothing():
    total(0, 5)
"""


def changes(source: str) -> set[tuple[str, str, str]]:
    """All changes of a source, as kind, lines before and lines after."""
    found = set()
    for point in points_of(source, "a.py"):
        for choice in point.choices:
            one = type(point)(point.file, point.line, point.kind, (choice,))
            if mutant := mutant_at(one, source, random.Random(0)):
                found.add((mutant.kind, mutant.before, mutant.after))
    return found


@pytest.mark.parametrize(
    ("source", "kind", "after"),
    [
        ("f(a=1, b=2)\n", "DropKeywordArgument", "f( b=2)"),
        ("f(a, b=2)\n", "DropKeywordArgument", "f(a)"),
        ("f(a=1)\n", "DropKeywordArgument", "f()"),
        ("x = (a, b)\n", "DropElement", "x = (a,)"),
        ("x = [a, b]\n", "DropElement", "x = [a]"),
        ("x = {'a': 1, **b}\n", "DropElement", "x = {'a': 1}"),
        ("if a:\n    save(a)\n", "DropCall", "pass"),
        ("def f():\n    raise ValueError\n", "DropCall", "pass"),
        ("def f():\n    return 5\n", "ReturnNone", "return None"),
        ("rows.select_for_update().get()\n", "DropLink", "rows.get()"),
        ("x = a in b\n", "SwapIn", "x = a not in b"),
        ("x = a not in b\n", "SwapIn", "x = a in b"),
        ("x = [a for a in b if a]\n", "DropCondition", "x = [a for a in b]"),
        ("x = min(a, b)\n", "SwapCall", "x = max(a, b)"),
        ("def f():\n    if a:\n        return 5\n    b()\n", "DropReturn", "pass"),
        ("x = a <= b\n", "ReplaceComparisonOperator_LtE_Lt", "x = a < b"),
        ("x = a == 5\n", "ReplaceComparisonOperator_Eq_LtE", "x = a <= 5"),
        ("x = a == S.B\n", "ReplaceComparisonOperator_Eq_NotEq", "x = a != S.B"),
        ("x = a | b\n", "ReplaceBinaryOperator_BitOr_BitAnd", "x = a & b"),
        ("x = 5\n", "NumberReplacer", "x = 6"),
    ],
)
def test_what_is_changed(source: str, kind: str, after: str) -> None:
    assert (kind, after) in {(kind, after) for kind, _before, after in changes(source)}


@pytest.mark.parametrize(
    "source",
    [
        "from __future__ import annotations\n",
        '"""A text."""\n',
        "x: int | None\n",
        "def f(a: int | None) -> str | None: ...\n",
        "def f(*, a, **b): ...\n",
        "X = tuple[int, ...] | None\n",
        "__all__ = ['a', 'b']\n",
        "if TYPE_CHECKING:\n    import a\n",
        "logger.info('said', extra={'a': 1, 'b': 2})\n",
    ],
)
def test_what_says_nothing_is_not_changed(source: str) -> None:
    assert changes(source) == set()


def test_texts_are_not_put_in_order() -> None:
    for right in ('"b"', "S.B", "a.S.B_C"):
        assert {kind for kind, *_ in changes(f"x = a == {right}\n")} == {"ReplaceComparisonOperator_Eq_NotEq"}


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree with one module of the package, another that is not the core, and two tests."""
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    root = tmp_path / "toy"
    sandbox, tests = root / PACKAGE / "sandbox", root / "tests"
    sandbox.mkdir(parents=True)
    for file in (root / PACKAGE / "__init__.py", sandbox / "__init__.py", sandbox / "pytest_plugin.py"):
        file.touch()
    (root / PACKAGE / "money.py").write_text(MONEY)
    shutil.copytree(Path(__file__).parent, tests / "mutation", ignore=shutil.ignore_patterns("test_*"))
    (tests / "__init__.py").touch()
    (tests / "test_money.py").write_text(TESTS)
    (root / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    return root


def mutant(before: str, after: str) -> Mutant:
    line = next(at for at, text in enumerate(MONEY.splitlines(), 1) if before in text)
    return Mutant("money.py", line, "by hand", MONEY, MONEY.replace(before, after))


def judge(copy: Copy, reach: Reach, one: Mutant) -> Outcome:
    return copy.judge(one, reach.tests_for(one), reach.seconds).outcome


def test_a_toy_is_judged_and_left_as_it_was(toy: Path, tmp_path: Path) -> None:
    reach = reach_of(toy, tmp_path / "build", 0, [])
    first, second = "tests/test_money.py::test_with_tax", "tests/test_money.py::test_that_looks_at_nothing"
    assert reach.tests_for(mutant("return gross", "return None")) == [second]
    assert set(reach.tests_for(mutant("RATE = 21", "RATE = 22"))) == {first, second}
    copy = Copy(toy, tmp_path / "copy")
    assert judge(copy, reach, mutant("net * RATE", "net / RATE")) is Outcome.KILLED
    assert judge(copy, reach, mutant("return gross", "return None")) is Outcome.SURVIVED
    assert judge(copy, reach, mutant("net + 1", "net - 1")) is Outcome.UNREACHED
    assert (toy / PACKAGE / "money.py").read_text() == MONEY


def test_a_sample_is_the_same_for_a_seed_and_leaves_out_what_is_not_the_core(toy: Path) -> None:
    files = core_files(toy)
    assert files == ["__init__.py", "money.py"]
    one, points = sample(toy, files, 6, 1)
    assert len(one) == 6 <= points
    assert one == sample(toy, files, 6, 1)[0] != sample(toy, files, 6, 2)[0]


def test_a_budget_takes_the_first_tests_and_at_least_one() -> None:
    assert within(["a", "b", "c"], 2, len) == ["a", "b"]
    assert within(["a"], 0, len) == ["a"]


def test_the_command_shows_mutants_of_the_core(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--show", "--sample", "3", "--only", "wire/dates.py"]) == 0
    assert capsys.readouterr().out.count("\n+++ wire/dates.py") == 3
