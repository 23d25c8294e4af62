"""`status()`: does something need a person, or does nothing move by itself any more?"""

from __future__ import annotations

from .monitoring.health import Health, Level, status

__all__ = ["Health", "Level", "status"]
