"""`status()`, for the host: ok, needs attention, or stuck."""

from __future__ import annotations

from .monitoring.health import Health, Level, status

__all__ = ["Health", "Level", "status"]
