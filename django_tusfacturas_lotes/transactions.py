"""Transactions on the database that holds our tables, wherever the host's routers put them."""

from __future__ import annotations

import functools
import logging
import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, ParamSpec, TypeVar

from django.apps import apps
from django.db import OperationalError, connections, router, transaction

P = ParamSpec("P")
T = TypeVar("T")
logger = logging.getLogger(__name__)

# PostgreSQL's SQLSTATE and MySQL's number for "you were chosen to break a deadlock: begin anew".
_DEADLOCKS = {"40P01", "40001", 1213}
_TRIES = 4


def database() -> str:
    """Return the alias of the database that our models are written to."""
    return router.db_for_write(apps.get_model("django_tusfacturas_lotes", "Lote"))


def atomic() -> AbstractContextManager[None]:
    """`transaction.atomic` on our database."""
    return transaction.atomic(using=database())


def durable() -> AbstractContextManager[None]:
    """As `atomic`, but raise `RuntimeError` inside another transaction, whose rollback would undo what is written."""
    return transaction.atomic(using=database(), durable=True)


def on_commit(action: Callable[[], Any]) -> None:
    """`transaction.on_commit` on our database; an error of `action` is logged, and changes nothing."""

    def run() -> None:  # a function of its own: Django names it where it logs the error, and a `partial` has no name
        action()

    transaction.on_commit(run, using=database(), robust=True)


def again_on_deadlock(function: Callable[P, T]) -> Callable[P, T]:
    """Decorate a function that is one transaction, to run again if the database ends it to break a deadlock.

    The lock order (law 14) leaves no deadlock on an invoice's usual way. One may still happen where a lote is given up
    while a notification is about older tries of its invoices, or where a host's transactions use the same rows. Inside
    a caller's transaction, which the database has ended too, the error is raised.
    """

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        for left in reversed(range(_TRIES)):
            try:
                return function(*args, **kwargs)
            except OperationalError as exc:
                if not left or connections[database()].in_atomic_block or not is_deadlock(exc):
                    raise
                logger.warning("A deadlock was broken here; %s begins anew", function.__qualname__)
                time.sleep(random.uniform(0.01, 0.1))  # noqa: S311 - so that the two do not meet again
        raise AssertionError("unreachable")

    return run


def is_deadlock(exc: OperationalError) -> bool:
    """Whether the database ended a transaction to break a deadlock, and left nothing of it."""
    cause = exc.__cause__
    # psycopg has `sqlstate`, psycopg2 `pgcode`.
    states = {getattr(cause, "sqlstate", None), getattr(cause, "pgcode", None)}
    return bool(states & _DEADLOCKS) or (bool(exc.args) and exc.args[0] in _DEADLOCKS)
