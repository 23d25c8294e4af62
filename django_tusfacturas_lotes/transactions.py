"""Transactions on the database that holds our tables, wherever the host's routers put them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from django.apps import apps
from django.db import router, transaction


def database() -> str:
    """Return the alias of the database that our models are written to."""
    return router.db_for_write(apps.get_model("django_tusfacturas_lotes", "Lote"))


def atomic() -> AbstractContextManager[None]:
    """`transaction.atomic` on our database."""
    return transaction.atomic(using=database())


def durable() -> AbstractContextManager[None]:
    """As `atomic`, but raise `RuntimeError` inside another transaction: what it writes must be there once it ends."""
    return transaction.atomic(using=database(), durable=True)


def on_commit(action: Callable[[], Any]) -> None:
    """`transaction.on_commit` on our database; an error of `action` is logged, and changes nothing."""
    transaction.on_commit(action, using=database(), robust=True)
