"""The ways in which TusFacturas takes comprobantes, behind one interface.

A modality is one file here, which ends with `MODALITY: Modality = …()`: that is how it is found. Code elsewhere looks a
modality up by its name, and never asks which one it is.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Mapping

from ..answers.answer import Answer, Result
from ..answers.reading import Unreadable
from ..credentials import Credentials
from .modality import Modality, Notification, NotificationKind, Outgoing, Proof
from .unknown import Unknown

__all__ = [
    "Answer", "Credentials", "Modality", "Notification", "NotificationKind", "Outgoing", "Proof", "Result",
    "Unreadable", "modalities", "showing_their_queue",
]  # fmt: skip


class _Known(dict[str, Modality]):
    """Modalities by name; an unknown name gives an `Unknown`."""

    def __missing__(self, name: str) -> Modality:
        return Unknown(name)


@functools.cache
def modalities() -> Mapping[str, Modality]:
    """Return every modality by the name that the `MODALITY` setting gives it.

    Another version of the app may have stored a name that this one does not know. `[name]` then gives a modality that
    sends nothing and proves nothing, so that its lotes wait for a person and hold nothing else back.
    """
    modules = [importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
    every: list[Modality] = [module.MODALITY for module in modules if hasattr(module, "MODALITY")]
    return _Known({modality.name: modality for modality in every})


@functools.cache
def showing_their_queue() -> tuple[str, ...]:
    """Return the names of the modalities whose queue look-ups and operations reach."""
    return tuple(name for name, modality in modalities().items() if modality.shows_its_queue)
