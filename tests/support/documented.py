"""The examples as TusFacturas documents them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"


def _load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((DATA / name).read_text(encoding="utf-8"))
    return loaded


def request() -> dict[str, Any]:
    """ "Ejemplo de JSON a enviar": three items."""
    return _load("documented_request.json")


def answer() -> dict[str, Any]:
    """The answer: 5 taken, rows 0, 1 and 2 refused."""
    return _load("documented_answer.json")


def webhook() -> dict[str, Any]:
    """The webhook of a success."""
    return _load("documented_webhook.json")
