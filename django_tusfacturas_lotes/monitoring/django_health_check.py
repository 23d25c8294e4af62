"""A check for django-health-check ≥ 4 (`pip install 'django-tusfacturas-lotes[health]'`); nothing else imports this.

    HealthCheckView.as_view(checks=["django_tusfacturas_lotes.monitoring.django_health_check.TusFacturasLotes"])

That view answers 500 for a warning as for the worst, so it belongs on an address for people and monitoring: a load
balancer that asked there would take a shop down because one invoice failed. `only_stuck` leaves the warnings out.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import DatabaseError, InterfaceError, connections

from ..transactions import database
from .health import MAX_AGE, Level, status

try:
    from health_check.base import HealthCheck
    from health_check.exceptions import ServiceUnavailable, ServiceWarning
except ImportError as exc:  # version 3 has the same name, and its checks are made otherwise
    raise ImportError("This needs django-health-check 4 or later: pip install 'django-health-check>=4'") from exc


@dataclass
class TusFacturasLotes(HealthCheck):  # type: ignore[misc]  # the library has no types
    """Warn if something needs a person, and be unavailable if something is stuck. `max_age` is in seconds."""

    max_age: float = MAX_AGE
    only_stuck: bool = False

    def run(self) -> None:
        """Raise the library's `ServiceWarning` or `ServiceUnavailable`, with every problem in its message."""
        try:
            # The library calls this in a thread, which would keep a connection of its own.
            with connections[database()].temporary_connection():
                health = status(max_age=self.max_age)
        except (DatabaseError, InterfaceError) as exc:
            raise ServiceUnavailable(f"the database does not answer: {type(exc).__name__}") from exc
        problems = " ".join(health.problems)
        if health.level is Level.STUCK:
            raise ServiceUnavailable(problems)
        if health.level is Level.ATTENTION and not self.only_stuck:
            raise ServiceWarning(problems)
