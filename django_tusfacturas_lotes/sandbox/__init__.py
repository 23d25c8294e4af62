"""A TusFacturas to develop and test against, since the provider has none. Standard library only.

``python -m django_tusfacturas_lotes.sandbox`` runs it, the pytest fixture ``tusfacturas_sandbox`` gives one to a test,
and :class:`Sandbox` starts one from Python. See docs/sandbox.md.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from .accounts import APIKEY, APITOKEN, PUNTO_VENTA, USERTOKEN, WEBHOOK_TOKEN, Account

if TYPE_CHECKING:
    from .faults import FaultError
    from .pace import FAST, REAL, Clock, Pace
    from .sandbox import Sandbox

__all__ = [
    "APIKEY",
    "APITOKEN",
    "FAST",
    "PUNTO_VENTA",
    "REAL",
    "USERTOKEN",
    "WEBHOOK_TOKEN",
    "Account",
    "Clock",
    "FaultError",
    "Pace",
    "Sandbox",
]

_HOMES = {"FaultError": "faults", "FAST": "pace", "REAL": "pace", "Clock": "pace", "Pace": "pace", "Sandbox": "sandbox"}


def __getattr__(name: str) -> object:
    """Imports the server only when it is used: pytest imports this package in every run, for the plugin in it."""
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
