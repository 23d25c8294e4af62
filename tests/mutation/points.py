"""Where the core can be changed, and a sample of it."""

from __future__ import annotations

import ast
import difflib
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cosmic_ray.plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

from .operators import OWN

PACKAGE = "django_tusfacturas_lotes"
# Not the core: doors for people, and what the tests send to.
_OUTSIDE = {"sandbox", "admin", "locale", "migrations", "templates", "static", "__main__.py"}

_COMPARISONS = {
    "Eq": ("NotEq", "LtE", "GtE"),
    "NotEq": ("Eq", "Lt", "Gt"),
    "Lt": ("LtE", "GtE"),
    "LtE": ("Lt", "Gt"),
    "Gt": ("GtE", "LtE"),
    "GtE": ("Gt", "Lt"),
    "Is": ("IsNot",),
    "IsNot": ("Is",),
}
_ARITHMETIC = {
    "Add": ("Sub",),
    "Sub": ("Add",),
    "Mul": ("Div",),
    "Div": ("Mul",),
    "FloorDiv": ("Mul",),
    "BitOr": ("BitAnd",),
    "BitAnd": ("BitOr",),
}
_KINDS: dict[str, tuple[str, ...]] = {
    "comparison": tuple(f"ReplaceComparisonOperator_{a}_{b}" for a, all_b in _COMPARISONS.items() for b in all_b),
    "arithmetic": tuple(f"ReplaceBinaryOperator_{a}_{b}" for a, all_b in _ARITHMETIC.items() for b in all_b),
    "unary": (
        "ReplaceUnaryOperator_Delete_Not",
        "ReplaceUnaryOperator_Delete_USub",
        "ReplaceUnaryOperator_Delete_Invert",
    ),
    "boolean": ("ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceAndWithOr", "ReplaceOrWithAnd"),
    "not": ("AddNot",),
    "loop": ("ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "ZeroIterationForLoop"),
    "except": ("ExceptionReplacer",),
    "number": ("NumberReplacer",),
    "decorator": ("RemoveDecorator",),
}
_OPERATORS: tuple[tuple[str, Any], ...] = (
    *((kind, cosmic_ray.plugins.get_operator(f"core/{name}")()) for kind, names in _KINDS.items() for name in names),
    *((operator.__name__, operator()) for operator in OWN),
)
# Where two values are reckoned with; `*` and `|` elsewhere are signs of the syntax.
_ORDER_FOR_EQUALITY = ("_Eq_LtE", "_Eq_GtE", "_NotEq_Lt", "_NotEq_Gt")
_TEXT = re.compile(r"[\w.]+\.[A-Z_]+(?:\.value)?|[rf]?[\"'].*")
_TALKING = {"simple_stmt", "decorator", "atom_expr"}
_RECKONING = {"arith_expr", "term", "expr", "and_expr"}


@dataclass(frozen=True)
class Mutant:
    """The n-th place where an operator can change a file."""

    file: str  # under the package
    line: int
    kind: str
    source: str
    mutated: str

    @property
    def diff(self) -> str:
        lines = difflib.unified_diff(
            self.source.splitlines(keepends=True), self.mutated.splitlines(keepends=True), self.file, self.file, n=1
        )
        return "".join(lines)

    @property
    def before(self) -> str:
        return self._changed("-")

    @property
    def after(self) -> str:
        return self._changed("+")

    def _changed(self, sign: str) -> str:
        lines = self.diff.splitlines()[2:]
        return " ".join(line[1:].strip() for line in lines if line.startswith(sign)).strip()


@dataclass(frozen=True)
class Point:
    """A place that can be changed in one kind of way, by one or more operators (the index, the occurrence)."""

    file: str
    line: int
    kind: str
    choices: tuple[tuple[int, int], ...]


def core_files(root: Path) -> list[str]:
    """Return the files of the core, under the package."""
    package = root / PACKAGE
    found = (path.relative_to(package) for path in package.rglob("*.py"))
    return sorted(path.as_posix() for path in found if not _OUTSIDE & set(path.parts))


def points_of(source: str, file: str) -> list[Point]:
    """Return where a file can be changed."""
    nodes = [(node, _is_useless(node)) for node in ast_nodes(get_ast(source))]
    choices: dict[tuple[tuple[int, int], str], list[tuple[int, int]]] = {}
    for index, (kind, operator) in enumerate(_OPERATORS):
        occurrence = 0
        for node, useless in nodes:
            for start, _end in operator.mutation_positions(node):
                if not useless and not _makes_no_difference(kind, type(operator).__name__, node):
                    choices.setdefault((start, kind), []).append((index, occurrence))
                occurrence += 1
    return [Point(file, start[0], kind, tuple(found)) for (start, kind), found in sorted(choices.items())]


def mutant_at(point: Point, source: str, rng: random.Random) -> Mutant | None:
    """Change the source at a point, in one of its ways; None if nothing comes of it that Python can read."""
    for index, occurrence in rng.sample(point.choices, len(point.choices)):
        mutated = mutate_code(source, _OPERATORS[index][1], occurrence)
        if mutated is None or mutated == source:
            continue
        try:
            if ast.dump(ast.parse(mutated)) == ast.dump(ast.parse(source)):
                continue
        except SyntaxError:
            continue
        return Mutant(point.file, point.line, type(_OPERATORS[index][1]).__name__, source, mutated)
    return None


def sample(root: Path, files: Sequence[str], size: int, seed: int, line: int | None = None) -> tuple[list[Mutant], int]:
    """Return so many mutants, and of how many points they are a sample.

    The points stand file by file, and each equal part of them gives one: a file has its share.
    """
    rng = random.Random(seed)
    sources = {file: (root / PACKAGE / file).read_text(encoding="utf-8") for file in files}
    points = [point for file in files for point in points_of(sources[file], file) if line in (None, point.line)]
    taken = _spread(points, min(size, len(points)), rng)
    mutants = (mutant_at(point, sources[point.file], rng) for point in taken)
    return [mutant for mutant in mutants if mutant], len(points)


def _spread(points: Sequence[Point], size: int, rng: random.Random) -> Iterator[Point]:
    """Return one random point of each of so many equal parts."""
    step = len(points) / size if size else 0
    return (points[int((n + rng.random()) * step)] for n in range(size))


def _is_useless(node: Any) -> bool:
    """Say whether the node is a type, an import, or what only tools and people read."""
    inner = None
    for outer in (node, *_ancestors(node)):
        if _makes_useless(outer, inner):
            return True
        inner = outer
    return False


def _makes_useless(outer: Any, inner: Any) -> bool:
    """Say whether nothing in the part `inner` of a node does anything when the code runs."""
    if outer.type == "annassign":
        return inner is outer.children[1]
    if outer.type == "tfpdef":
        return inner is not None and inner is not outer.children[0]
    if outer.type in ("funcdef", "param"):
        return inner is not None and inner is outer.annotation
    if outer.type == "if_stmt":
        return outer.children[1].get_code().strip() in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
    if outer.type == "expr_stmt":
        return outer.children[0].get_code().strip() in ("__all__", "__slots__")
    if outer.type in _TALKING:
        return _is_talk(outer.get_code().strip())
    return outer.type in ("import_from", "import_name")


def _is_talk(code: str) -> bool:
    """Say whether code is about types, or logs what nobody must read."""
    return code.startswith(
        ("logger.debug(", "logger.info(", "cast(", "TypeVar(", "@overload", "@override", "@dataclass")
    )


def _makes_no_difference(kind: str, operator: str, node: Any) -> bool:
    if kind == "comparison" and operator.endswith(_ORDER_FOR_EQUALITY):
        # Which of two texts comes first says nothing.
        return any(_TEXT.fullmatch(child.get_code().strip()) for child in node.children[::2])
    if kind == "arithmetic":
        return node.parent.type not in _RECKONING or any(
            child.get_code().strip() in ("None", "str", "int", "Any") for child in node.parent.children
        )
    if kind == "not":
        # `not not a and b` is `a and b`; a lone `not a` is taken by the operator that deletes it.
        return (node.children[2] if node.type == "test" else node.children[1]).get_code().strip().startswith("not ")
    return False


def _ancestors(node: Any) -> Iterator[Any]:
    while (node := node.parent) is not None:
        yield node
