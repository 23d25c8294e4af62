"""The examples of the seed document, as they stand there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"


def _load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((DATA / name).read_text(encoding="utf-8"))
    return loaded


def request() -> dict[str, Any]:
    """The seed's "Ejemplo de JSON a enviar": three items."""
    return _load("seed_request.json")


def answer() -> dict[str, Any]:
    """The seed's answer: 5 taken, rows 0, 1 and 2 refused."""
    return _load("seed_answer.json")


def webhook() -> dict[str, Any]:
    """The seed's webhook of a success."""
    return _load("seed_webhook.json")
