"""The databases of one run: made by Django's test machinery, under names of their own, and dropped whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test.utils import setup_databases

from .progress import be_silent, say


@contextmanager
def test_databases() -> Iterator[None]:
    """Make the test databases for the block; those that were made are dropped even if making them failed half-way."""
    before = {alias: connections[alias].settings_dict["NAME"] for alias in connections}
    say("making the test databases")
    try:
        setup_databases(verbosity=0, interactive=False, serialized_aliases=())
        yield
    finally:
        say("dropping the test databases")
        for alias, name in before.items():
            if _is_made(connections[alias]):
                connections[alias].creation.destroy_test_db(name, verbosity=0)
        be_silent()


def _is_made(connection: BaseDatabaseWrapper) -> bool:
    """Django points a connection at its test database once that is made; a SQLite file has that name from the start."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return Path(name).exists()
    return bool(name == connection.settings_dict["TEST"]["NAME"])
