"""Entry points for django-q2. The database is the queue; a task is only a wake-up call.

So a task may be lost, come late, or run twice at once: it takes the alias of an account, does a bounded part of what is
due, and enqueues the next. What is expected to fail is returned as a text, never raised.
"""

from __future__ import annotations

import functools
import time

from django.conf import settings
from django.utils import timezone

from . import pdfs, reception, reconciliation
from .conf import conf
from .models import Invoice
from .provider import ceiling
from .provider.client import Verdict
from .submission import Sent, accounts_with_work, expire_leases, queue_operations, send_next
from .transactions import on_commit

# Seconds of a task for what comes before and after its calls, and for waiting for the account's turn.
_MARGIN = 8


def flush() -> str:
    """Wake up every account that has something to send or to ask. Scheduled every minute."""
    ceiling.refresh()
    reception.process_again()
    expired = expire_leases()
    aliases = accounts_with_work()
    for alias in aliases:
        wake_up(alias)
    asking = accounts_to_reconcile()
    for alias in asking:
        wake_up_to_reconcile(alias)
    if _pdfs_are_due():
        on_commit(functools.partial(_enqueue, f"{__name__}.keep_pdfs"))
    return f"woke up {len(aliases)} accounts to send, {len(asking)} to look up; {expired} lotes were lost"


def send_lote(alias: str) -> str:
    """Send one lote of an account, and wake it up again if there may be more."""
    step = send_next(alias)
    if isinstance(step, Sent) and step.verdict is Verdict.ACCEPTED:
        wake_up(alias)
    return str(step)


def reconcile(alias: str) -> str:
    """Send an account's requested operations on the queue and look up what is due, a bounded part of each.

    No call is begun that might outlast the cluster's time-out: that would kill the worker in the middle of it.
    """
    until = time.monotonic() + _seconds_to_begin_calls()
    performed = queue_operations.send_requested(alias, until=until)
    if performed and time.monotonic() >= until:
        report = reconciliation.LookUpReport(alias)
    else:
        report = reconciliation.look_up(alias, until=until)
    if report.settled and _pdfs_are_due():
        on_commit(functools.partial(_enqueue, f"{__name__}.keep_pdfs"))
    if report.asked and Invoice.objects.pending(alias).exists():
        wake_up(alias)  # an invoice that was deleted there to be sent anew need not wait for the schedule
    # Go on at once only after progress: an account that was stopped, or waits for its turn, is left to the schedule.
    if (performed or report.asked) and not report.stopped and alias in accounts_to_reconcile():
        wake_up_to_reconcile(alias)
    return f"{performed} operations; {report}"


def _seconds_to_begin_calls() -> float:
    """Return the seconds in which a task may begin calls: its time-out less the longest call; 30 without a time-out."""
    timeout = getattr(settings, "Q_CLUSTER", {}).get("timeout")
    if timeout is None:
        return 30.0
    return max(0.0, float(timeout) - conf.connect_timeout - conf.read_timeout - _MARGIN)


def keep_pdfs() -> str:
    """Fetch some of the PDFs that are due."""
    kept = pdfs.keep_due()
    if kept and _pdfs_are_due():
        on_commit(functools.partial(_enqueue, f"{__name__}.keep_pdfs"))
    return f"{kept} PDFs kept"


def accounts_to_reconcile() -> list[str]:
    """Return the accounts that have something to look up, or an operation to send, now."""
    return sorted({*reconciliation.accounts_with_look_ups(), *queue_operations.accounts_with_operations()})


def _pdfs_are_due() -> bool:
    return conf.keep_pdf and Invoice.objects.filter(pdf_try_at__lte=timezone.now()).exists()


def wake_up(alias: str) -> None:
    """Enqueue `send_lote` for an account, once the caller's transaction is committed."""
    on_commit(functools.partial(_enqueue, f"{__name__}.send_lote", alias))


def wake_up_now(alias: str) -> None:
    """Enqueue `send_lote` for an account at once. Raises what the broker raises."""
    _enqueue(f"{__name__}.send_lote", alias)


def wake_up_to_reconcile(alias: str) -> None:
    """Enqueue `reconcile` for an account, once the caller's transaction is committed."""
    on_commit(functools.partial(_enqueue, f"{__name__}.reconcile", alias))


def wake_up_all() -> None:
    """Enqueue `flush`, once the caller's transaction is committed."""
    on_commit(functools.partial(_enqueue, f"{__name__}.flush"))


def _enqueue(function: str, *args: str) -> None:
    # django-q2 reads its configuration when it is imported, so not before there is something to enqueue.
    from django_q.tasks import async_task

    # A failed task that is not acknowledged would come back without end.
    async_task(function, *args, ack_failure=True, group="django_tusfacturas_lotes")
