"""Entry points for django-q2. The database is the queue; a task is only a wake-up call.

So a task may be lost, come late, or run twice at once: it takes the alias of an account, sends at most one lote, and
enqueues the next. What is expected to fail is returned as a text, never raised.
"""

from __future__ import annotations

import functools

from . import ceiling, reception
from .client import Verdict
from .reconciliation import expire_leases
from .submission import Sent, accounts_with_work, send_next
from .transactions import on_commit


def flush() -> str:
    """Wake up every account that has something to send. Scheduled every minute."""
    ceiling.refresh()
    reception.process_again()
    expired = expire_leases()
    aliases = accounts_with_work()
    for alias in aliases:
        wake_up(alias)
    return f"woke up {len(aliases)} accounts; {expired} lotes were lost"


def send_lote(alias: str) -> str:
    """Send one lote of an account, and wake it up again if there may be more."""
    step = send_next(alias)
    if isinstance(step, Sent) and step.verdict is Verdict.ACCEPTED:
        wake_up(alias)
    return str(step)


def wake_up(alias: str) -> None:
    """Enqueue `send_lote` for an account, once what the caller writes is committed."""
    on_commit(functools.partial(_enqueue, f"{__name__}.send_lote", alias))


def wake_up_all() -> None:
    """Enqueue `flush`, once what the caller writes is committed."""
    on_commit(functools.partial(_enqueue, f"{__name__}.flush"))


def _enqueue(function: str, *args: str) -> None:
    # django-q2 reads its configuration when it is imported, so not before there is something to enqueue.
    from django_q.tasks import async_task

    # A failed task that is not acknowledged would come back without end.
    async_task(function, *args, ack_failure=True, group="django_tusfacturas_lotes")
