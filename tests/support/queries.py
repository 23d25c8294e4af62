"""Queries, counted alike on every database."""

from __future__ import annotations

from django.db import connection
from django.test.utils import CaptureQueriesContext

_CONTROL = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")


class Queries(CaptureQueriesContext):
    def __init__(self) -> None:
        super().__init__(connection)

    @property
    def statements(self) -> list[str]:
        """What was asked; one bulk insert that SQLite splits counts as one."""
        counted: list[str] = []
        for query in self.captured_queries:
            sql = query["sql"]
            if sql.upper().startswith(_CONTROL):
                continue
            if connection.vendor == "sqlite" and counted and _is_next_part(sql, counted[-1]):
                continue
            counted.append(sql)
        return counted


def _is_next_part(sql: str, before: str) -> bool:
    return (
        sql.startswith("INSERT")
        and sql.split("VALUES")[0].split("SELECT")[0] == before.split("VALUES")[0].split("SELECT")[0]
    )
