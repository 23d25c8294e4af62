"""Which rows a query locks, also on a database that locks none; and who waits for one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest import mock

from django.db import connection, connections
from django.db.models.sql.compiler import SQLCompiler
from django.db.models.sql.subqueries import UpdateQuery


class Lock(NamedTuple):
    """The rows of a model that were locked, and whether their order was given."""

    model: str
    keys: list[int]
    is_ordered: bool


@contextmanager
def locks() -> Iterator[list[Lock]]:
    """Note each query that locks what it reads (`SELECT … FOR UPDATE`), in order."""
    locked: list[Lock] = []
    execute = SQLCompiler.execute_sql

    def noting(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self.query.select_for_update and not isinstance(self.query, UpdateQuery):
            keys = self.query.chain()
            keys.select_for_update = False
            keys.clear_select_clause()
            keys.add_fields(["pk"])
            found = [row[0] for row in keys.get_compiler(self.using).results_iter()]
            locked.append(Lock(self.query.model.__name__, found, bool(self.query.order_by)))
        return execute(self, *args, **kwargs)

    with mock.patch.object(SQLCompiler, "execute_sql", noting):
        yield locked


WAITS_FOR_A_LOCK = {
    "postgresql": ("SELECT pg_backend_pid()", "SELECT 1 FROM pg_locks WHERE NOT granted AND pid = %s"),
    "mysql": (
        "SELECT CONNECTION_ID()",
        "SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT' AND trx_mysql_thread_id = %s",
    ),
}


def ask(sql: str, params: Sequence[object] = ()) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        row = cursor.fetchone()
    return None if row is None else row[0]


def on_its_own_connection(action: Callable[[], object]) -> None:
    try:
        action()
    finally:
        connections.close_all()
