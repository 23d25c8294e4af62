"""Delete old notifications of finished work, and empty the answers to its calls.

An invoice, its tries, their results and references are never touched, nor anything that a later decision could need:
what is not settled, what nobody has seen, and the only trace of a second document.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from ..models import (
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    LoteStatus,
    OperationStatus,
    QueueOperation,
    WebhookEvent,
    WebhookEventStatus,
)
from ..transactions import again_on_deadlock, atomic

# The provider repeats a notification for about a day, and what is overdue is looked up for 30: until then, these rows
# are still needed.
LEAST_DAYS = 35
MOST_AT_ONCE = 10_000

_FINISHED = (InvoiceStatus.ISSUED, InvoiceStatus.CANCELLED)
_CLOSED = (LoteItemStatus.ISSUED, LoteItemStatus.FAILED, LoteItemStatus.REFUSED, LoteItemStatus.WITHDRAWN)
_SETTLED = (LoteStatus.ACCEPTED, LoteStatus.CANCELLED)


@dataclass(frozen=True)
class Pruned:
    """How many notifications were deleted, and how many answers to lotes and to operations were emptied."""

    events: int = 0
    lotes: int = 0
    operations: int = 0


def prune(
    older_than: dt.timedelta,
    *,
    batch: int = 500,
    all_events: bool = False,
    dry_run: bool = False,
    on_batch: Callable[[int], object] | None = None,
) -> Pruned:
    """Delete old notifications of finished work, and empty the answers to its calls.

    `older_than` is at least `LEAST_DAYS` days; `batch` is how many rows a transaction takes. `all_events` takes those
    too that match nothing of ours or could not be acted on. `dry_run` only counts. `on_batch` is called after each
    transaction with how many rows it took. May be killed at any point and run by two at once. Raises `ValueError`.
    """
    if older_than < dt.timedelta(days=LEAST_DAYS):
        raise ValueError(f"nothing younger than {LEAST_DAYS} days is pruned: until then it may still be needed")
    if not 0 < batch <= MOST_AT_ONCE:
        raise ValueError(f"a batch has 1 to {MOST_AT_ONCE} rows")
    before = timezone.now() - older_than
    old = (_events(before, all_events=all_events), _lotes(before), _operations(before))
    if dry_run:
        return Pruned(*(rows.count() for rows in old))
    takers: tuple[Callable[[Any], int], ...] = (_delete, _empty, _empty)
    counts = []
    for rows, take in zip(old, takers, strict=True):
        counts.append(0)
        for taken in _in_batches(rows, take, batch):
            counts[-1] += taken
            if on_batch is not None:
                on_batch(taken)
    return Pruned(*counts)


def _in_batches(rows: Any, take: Callable[[Any], int], batch: int) -> Iterator[int]:
    last = 0
    # The rows are looked for outside of the transaction, which is then as short as can be.
    while pks := list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:batch]):
        yield _take(rows, pks, take)
        last = pks[-1]


@again_on_deadlock
def _take(rows: Any, pks: list[int], take: Callable[[Any], int]) -> int:
    with atomic():
        # Locked in one order, so that two at once wait for each other; the second finds nothing left.
        list(rows.model.objects.filter(pk__in=pks).order_by("pk").select_for_update().values_list("pk"))
        return take(rows.filter(pk__in=pks))


def _delete(rows: Any) -> int:
    deleted, _ = rows.delete()
    return int(deleted)


def _empty(rows: Any) -> int:
    return int(rows.update(response=None))


def _events(before: dt.datetime, *, all_events: bool) -> Any:
    """Return old notifications that say no more than the rows that they changed.

    What asks for attention keeps its notifications, seen or not: they are the evidence. So does a lote that is not
    settled: each of them proves its receipt. A notification that nobody has acted on stays too.
    """
    statuses = [WebhookEventStatus.PROCESSED, WebhookEventStatus.IGNORED]
    if all_events:
        statuses += [WebhookEventStatus.UNMATCHED, WebhookEventStatus.ERROR]
    of_finished_work = Q(
        item__invoice__status__in=_FINISHED,
        item__invoice__attention="",
        item__status__in=_CLOSED,
        item__look_up_at=None,
        item__lote__status__in=_SETTLED,
    )
    return WebhookEvent.objects.filter(
        Q(item=None) | of_finished_work, status__in=statuses, last_received_at__lt=before
    )


def _lotes(before: dt.datetime) -> Any:
    """Return old lotes with an answer whose invoices are all finished, and whose discrepancies have been seen."""
    items = LoteItem.objects.filter(lote=OuterRef("pk"))
    unfinished = items.exclude(status__in=_CLOSED, invoice__status__in=_FINISHED)
    seen = Q(discrepancies=[]) | Q(seen_at__isnull=False)
    return Lote.objects.filter(
        seen, ~Exists(unfinished), status__in=_SETTLED, sent_at__lt=before, response__isnull=False
    ).exclude(answered_at__gte=before)


def _operations(before: dt.datetime) -> Any:
    """Return old operations that ended with an answer, of finished invoices; refused ones only if they were seen."""
    ended = Q(status=OperationStatus.DONE) | Q(status=OperationStatus.REFUSED, seen_at__isnull=False)
    finished = Invoice.objects.filter(pk=OuterRef("item__invoice_id"), status__in=_FINISHED)
    return QueueOperation.objects.filter(ended, Exists(finished), ended_at__lt=before, response__isnull=False)
