"""What one invoice goes through must leave the rows of every other one as they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django_tusfacturas_lotes.models import Invoice, Lote, LoteItem, QueueOperation, WebhookEvent

_MODELS = (Lote, LoteItem, Invoice, QueueOperation, WebhookEvent)


def rows() -> dict[tuple[str, int], dict[str, Any]]:
    """Return every row, by its model's name and primary key."""
    return {(model.__name__, row["id"]): row for model in _MODELS for row in model._default_manager.values()}


@contextmanager
def others_stay(neighbours: dict[tuple[str, int], dict[str, Any]]) -> Iterator[None]:
    """Check that rows (of `rows`) are still there, each as it was."""
    yield
    after = rows()
    for key, row in neighbours.items():
        changed = {name: after[key][name] for name, value in row.items() if after[key][name] != value}
        assert not changed, f"{key}: {changed}"
