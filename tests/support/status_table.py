"""What a method of a queryset does with a row of each status, as a case of a table, and the check of it."""

from __future__ import annotations

import datetime as dt
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import time_machine
from django.db import models

NOW = dt.datetime(2026, 5, 4, 15, tzinfo=dt.timezone.utc)
LATER, BEFORE = NOW + dt.timedelta(hours=1), NOW - dt.timedelta(hours=1)
ERRORS = [{"code": "1", "text": "no", "hint": ""}]

Moves = Mapping[Any, Any]


@dataclass(frozen=True)
class Case:
    """A method: `moves` says where it brings what it moves, `sets` what else such a row has then, `row` what before."""

    method: str
    call: Callable[[Any, int], object]
    moves: Moves
    sets: Mapping[str, Any] = field(default_factory=dict)
    row: Mapping[str, Any] = field(default_factory=dict)
    about: str = ""

    def __str__(self) -> str:
        return f"{self.method}{f' ({self.about})' if self.about else ''}"


def all_to(target: Any, *sources: Any) -> Moves:
    return dict.fromkeys(sources, target)


def but(*statuses: Any) -> list[Any]:
    """All statuses of the same kind except these."""
    return [status for status in type(statuses[0]) if status not in statuses]


def check(case: Case, make: Callable[[], models.Model], always: Mapping[str, Any] | None = None) -> None:
    """Call the method, at `NOW`, on a row of each status: it moves the row as the case says, or leaves it as it was.

    `always`: what every row that was moved has.
    """
    row = make()
    rows = type(row)._default_manager.filter(pk=row.pk)
    original = columns_of(row)
    for status, _ in row._meta.get_field("status").choices or ():
        rows.update(**{**original, **case.row, "status": status})
        before = columns_of(row)
        with time_machine.travel(NOW, tick=False):
            moved = case.call(rows, row.pk)
        after = columns_of(row)
        if status in case.moves:
            expected = {"status": case.moves[status], **(always or {}), **case.sets}
            assert {name: after[name] for name in expected} == expected, status
            assert moved == 1, status
        else:
            assert after == before, status
            assert not moved or case.method == "lock", status  # which writes a row as it is


def columns_of(row: models.Model) -> dict[str, Any]:
    row.refresh_from_db()
    return {one.attname: getattr(row, one.attname) for one in row._meta.concrete_fields}


def methods_that_change_a_status(model: type[models.Model]) -> set[str]:
    writes = re.compile(r"\._move\(|\.update\((?=[^)]*\bstatus=)")
    return {
        name
        for name, method in vars(type(model._default_manager.all())).items()
        if inspect.isfunction(method) and not name.startswith("_") and writes.search(inspect.getsource(method))
    }


def found(made: dict[Any, models.Model], queryset: models.QuerySet[Any]) -> set[Any]:
    """Return the keys of the rows that a query finds."""
    pks = set(queryset.values_list("pk", flat=True))
    return {key for key, row in made.items() if row.pk in pks}
