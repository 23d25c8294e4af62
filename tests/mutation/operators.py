"""Kinds of change that cosmic-ray does not have: what is left out of a call, a query, a list or a block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import parso
from cosmic_ray.operators.operator import Operator
from parso.python.tree import Keyword, Name, PythonNode, ReturnStmt
from parso.python.tree import Operator as Token
from parso.tree import NodeOrLeaf

Position = tuple[tuple[int, int], tuple[int, int]]

# Texts for people, which the migrations test and no behaviour depends on.
_TEXT_ARGUMENTS = {"verbose_name", "verbose_name_plural", "help_text", "short_description", "description"}
_NARROWING = {"select_for_update", "filter", "exclude", "order_by", "distinct", "strip", "lower", "upper", "quantize"}
# Returned in place of these, None is seldom anything else.
_NOTHING = {"None", "False", '""', "[]", "()", "{}"}
_TWINS = {"min": "max", "max": "min", "any": "all", "all": "any"}


def _replaced(node: NodeOrLeaf, code: str) -> Any:
    """Return `code` as a node that stands where `node` stood, with its indentation."""
    return Name(code, node.start_pos, prefix=node.get_first_leaf().prefix)


def _elements(children: Sequence[NodeOrLeaf]) -> list[list[NodeOrLeaf]]:
    """Return what commas part."""
    parts: list[list[NodeOrLeaf]] = [[]]
    for child in children:
        if isinstance(child, Token) and child.value == ",":
            parts.append([])
        else:
            parts[-1].append(child)
    return [part for part in parts if part]


def _without(node: Any, index: int, always_comma: bool) -> Any:
    """Return the node, a list with commas, without one of its elements."""
    left = [part for at, part in enumerate(_elements(node.children)) if at != index]
    always_comma = always_comma or node.children[-1].get_code().strip() == ","
    children: list[NodeOrLeaf] = []
    for at, part in enumerate(left):
        children.extend(part)
        if at + 1 < len(left) or always_comma:
            children.append(Token(",", part[-1].end_pos))
    node.children = children
    return node


class _Mutation(Operator):
    """A kind of change; cosmic-ray wants examples of each, which the test of this package has instead."""

    @classmethod
    def examples(cls) -> tuple[()]:
        return ()

    def mutation_positions(self, node: Any) -> Iterator[Position]:
        for found in self.found(node):
            yield found.start_pos, found.end_pos

    def found(self, node: Any) -> Sequence[Any]:
        """Return what can be changed in this node itself, in order."""
        raise NotImplementedError


class DropKeywordArgument(_Mutation):
    """A call without one of its keyword arguments."""

    def found(self, node: Any) -> Sequence[Any]:
        if node.type == "arglist" and node.parent.type == "trailer":
            candidates = [part[0] for part in _elements(node.children)]
        elif node.type == "trailer" and len(node.children) == 3 and node.children[0].value == "(":
            candidates = [node.children[1]]
        else:
            return []
        return [child for child in candidates if self._is_keyword(child)]

    @staticmethod
    def _is_keyword(node: Any) -> bool:
        if node.type != "argument":
            return False
        first, second = node.children[:2]
        return (
            (first.value == "**")
            if len(node.children) == 2 and isinstance(first, Token)
            else (
                isinstance(first, Name)
                and isinstance(second, Token)
                and second.value == "="
                and first.value not in _TEXT_ARGUMENTS
            )
        )

    def mutate(self, node: Any, index: int) -> Any:
        target = self.found(node)[index]
        if node.type == "trailer":
            del node.children[1]
            return node
        return _without(node, [part[0] for part in _elements(node.children)].index(target), always_comma=False)


class DropElement(_Mutation):
    """A list, a tuple, a set or a dict without one of its elements."""

    def found(self, node: Any) -> Sequence[Any]:
        if node.type not in ("testlist_comp", "dictorsetmaker") or node.parent.type != "atom":
            return []
        if any(child.type in ("sync_comp_for", "comp_for") for child in node.children):
            return []
        parts = _elements(node.children)
        return [part[0] for part in parts] if len(parts) > 1 else []

    def mutate(self, node: Any, index: int) -> Any:
        return _without(node, index, always_comma=node.parent.children[0].value == "(")


class DropCall(_Mutation):
    """A statement that only calls, or raises, does nothing."""

    def found(self, node: Any) -> Sequence[Any]:
        if node.type != "simple_stmt":
            return []
        statement = node.children[0]
        if statement.type == "raise_stmt":
            return [statement]
        is_call = statement.type == "atom_expr" and statement.children[-1].get_code().startswith("(")
        return [statement] if is_call else []

    def mutate(self, node: Any, index: int) -> Any:
        node.children[0] = _replaced(node.children[0], "pass")
        return node


class ReturnNone(_Mutation):
    """A function returns None."""

    def found(self, node: Any) -> Sequence[Any]:
        if not isinstance(node, ReturnStmt) or len(node.children) < 2:
            return []
        return [] if node.children[1].get_code().strip() in _NOTHING else [node]

    def mutate(self, node: Any, index: int) -> Any:
        node.children[1] = Name("None", node.children[1].start_pos, prefix=" ")
        return node


class DropLink(_Mutation):
    """A chain of calls without one that narrows, orders, locks or normalises."""

    def found(self, node: Any) -> Sequence[Any]:
        if node.type != "atom_expr":
            return []
        pairs = zip(node.children[1:], node.children[2:], strict=False)
        return [link for link, call in pairs if self._narrows(link) and call.get_code().startswith("(")]

    @staticmethod
    def _narrows(link: Any) -> bool:
        return link.type == "trailer" and link.children[0].value == "." and link.children[1].value in _NARROWING

    def mutate(self, node: Any, index: int) -> Any:
        at = node.children.index(self.found(node)[index])
        del node.children[at : at + 2]
        return node


class SwapIn(_Mutation):
    """`in` becomes `not in`, and the other way round."""

    def found(self, node: Any) -> Sequence[Any]:
        if node.type != "comparison":
            return []
        return [child for child in node.children[1::2] if child.get_code().split() in (["in"], ["not", "in"])]

    def mutate(self, node: Any, index: int) -> Any:
        found = self.found(node)[index]
        word = "not in" if found.get_code().split() == ["in"] else "in"
        node.children[node.children.index(found)] = _replaced(found, word)
        return node


class DropCondition(_Mutation):
    """A comprehension without its condition."""

    def found(self, node: Any) -> Sequence[Any]:
        return [node] if node.type == "comp_if" else []

    def mutate(self, node: Any, index: int) -> Any:
        return parso.parse("")


class SwapCall(_Mutation):
    """`min` becomes `max`, `any` becomes `all`, and the other way round."""

    def found(self, node: Any) -> Sequence[Any]:
        if not (isinstance(node, Name) and node.value in _TWINS and isinstance(node.parent, PythonNode)):
            return []
        return [node] if node.parent.type == "atom_expr" and node.parent.children[0] is node else []

    def mutate(self, node: Any, index: int) -> Any:
        node.value = _TWINS[node.value]
        return node


class DropReturn(_Mutation):
    """An early `return` or `continue` of a branch goes on instead."""

    def found(self, node: Any) -> Sequence[Any]:
        if node.type != "simple_stmt" or node.parent.type != "suite":
            return []
        statement = node.children[0]
        leaves = isinstance(statement, ReturnStmt) or (isinstance(statement, Keyword) and statement.value == "return")
        return [statement] if leaves and node.parent.parent.type in ("if_stmt", "try_stmt", "for_stmt") else []

    def mutate(self, node: Any, index: int) -> Any:
        node.children[0] = _replaced(node.children[0], "pass")
        return node


OWN = (
    DropKeywordArgument,
    DropElement,
    DropCall,
    ReturnNone,
    DropLink,
    SwapIn,
    DropCondition,
    SwapCall,
    DropReturn,
)
