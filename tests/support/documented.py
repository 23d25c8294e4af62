"""TusFacturas' own examples of `lotes`, as they stand on its page (docs/provider.md, Documented examples)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data" / "documented"


def _load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((DATA / name).read_text(encoding="utf-8"))
    return loaded


def lotes_call() -> dict[str, Any]:
    """Return the body under "Ejemplo de JSON a enviar": three items."""
    return _load("lotes_call.json")


def lotes_answer() -> dict[str, Any]:
    """Return the answer to a call: 5 taken, rows 0, 1 and 2 refused."""
    return _load("lotes_answer.json")


def lotes_webhook() -> dict[str, Any]:
    """Return the webhook of a success."""
    return _load("lotes_webhook.json")
