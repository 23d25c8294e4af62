"""Which rows a query locks, also on a database that locks none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.db.models.sql.compiler import SQLCompiler
from django.db.models.sql.subqueries import UpdateQuery


@contextmanager
def locks() -> Iterator[list[str]]:
    """Note the model of each query that locks what it reads (`SELECT … FOR UPDATE`), in order."""
    locked: list[str] = []
    execute = SQLCompiler.execute_sql

    def noting(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self.query.select_for_update and not isinstance(self.query, UpdateQuery):
            locked.append(self.query.model.__name__)
        return execute(self, *args, **kwargs)

    with mock.patch.object(SQLCompiler, "execute_sql", noting):
        yield locked
