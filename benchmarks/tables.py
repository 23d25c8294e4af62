"""The app's tables: which of the two databases is meant, what a round left in them, and what ANALYZE knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections, models

from django_tusfacturas_lotes.models import Invoice, Lote, LoteItem, WebhookEvent

from .bare.models import BareRow

EMPTY, FULL = "default", "full"
# In an order in which they can be deleted.
_MODELS: tuple[type[models.Model], ...] = (WebhookEvent, LoteItem, Lote, Invoice, BareRow)


class Router:
    """Sends every query to one of the two databases."""

    current = EMPTY

    def db_for_read(self, model: type[models.Model], **hints: Any) -> str:
        return Router.current

    def db_for_write(self, model: type[models.Model], **hints: Any) -> str:
        return Router.current


@contextmanager
def database(alias: str) -> Iterator[None]:
    """Use this database inside the block."""
    before, Router.current = Router.current, alias
    try:
        yield
    finally:
        Router.current = before


@contextmanager
def left_as_found() -> Iterator[None]:
    """Delete, at the end of the block, the rows that were added in it."""
    last = {model: model._default_manager.aggregate(last=models.Max("pk"))["last"] or 0 for model in _MODELS}
    try:
        yield
    finally:
        for model in _MODELS:
            model._default_manager.filter(pk__gt=last[model]).delete()


def analyze() -> None:
    """Let the database's planner know how many rows there are, as its own housekeeping does after a while."""
    connection = connections[Router.current]
    command = {"postgresql": "VACUUM ANALYZE", "mysql": "ANALYZE TABLE", "sqlite": "ANALYZE"}[connection.vendor]
    with connection.cursor() as cursor:
        for model in _MODELS:
            cursor.execute(f"{command} {connection.ops.quote_name(model._meta.db_table)}")
            if connection.vendor == "mysql":
                cursor.fetchall()
