"""A TusFacturas to develop and test against, since the provider has none. Standard library only.

How to use it is in docs/sandbox.md. Its parts, each of which imports only those below it:

- :mod:`.cli`, :mod:`.pytest_plugin`, :mod:`.sandbox`: the three ways to start it
- :mod:`.server`: HTTP, for the provider's endpoints, ``/_sandbox/`` and the PDFs
- :mod:`.queue`: comprobantes that were taken are issued, their notices delivered, all of it counted
- :mod:`.modalities`: what is read in a call, answered and told, in a file for each modality
- :mod:`.faults`, :mod:`.pace`, :mod:`.accounts`: what can be asked to go wrong, pauses and clock, credentials
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
    """Imports the server when it is first used: pytest imports this package in every run, because of the plugin."""
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
