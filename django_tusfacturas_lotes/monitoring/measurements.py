"""Count the app's work at one moment, in at most 15 queries however much there is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.models import Count, Exists, Min, OuterRef, Q, Window

from ..conf import conf
from ..models import (
    Attention,
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    OperationStatus,
    QueueOperation,
    Turn,
    WebhookEvent,
    WebhookEventStatus,
)
from ..models.webhook import FORGOTTEN_AFTER
from ..operations.waiting import Sending, look_at_sending, not_configured
from ..schedules import FLUSH

PDF_LATE = dt.timedelta(days=1)
OPERATION_LATE = dt.timedelta(hours=1)
# Earlier than anything here: "later than this" is looked for on an index, where "is not null" need not be.
_BEFORE_ALL = dt.datetime(2000, 1, 1, tzinfo=dt.timezone.utc)


@dataclass(frozen=True)
class Tally:
    """How many there are of a kind, and what the first of them is called."""

    count: int = 0
    first: str = ""


@dataclass(frozen=True)
class Overdue:
    """Invoices taken by TusFacturas without a result `OVERDUE_AFTER` after they could have been issued, oldest first.

    `oldest` is from when the first of them could have been issued.
    """

    count: int
    oldest: dt.datetime | None
    references: tuple[str, ...]


@dataclass(frozen=True)
class LookUps:
    """Lotes of an account whose items should have been looked up by now, the first of them at `oldest`.

    `last_look_up` is when the account's last one was made.
    """

    account: str
    lotes: int
    oldest: dt.datetime
    last_look_up: dt.datetime | None
    not_configured: str


@dataclass(frozen=True)
class ScheduleState:
    """A django-q2 schedule of ours: `running`, `absent`, `stopped` by a person, or `late` since `next_run`."""

    name: str
    state: str
    next_run: dt.datetime | None = None


@dataclass(frozen=True)
class Measured(Sending):
    """Everything that was counted, at the moment `at`."""

    at: dt.datetime
    overdue: Overdue
    look_ups: tuple[LookUps, ...]
    failed: Mapping[str, Tally]
    """By `failure_stage`."""
    attention: Mapping[str, Tally]
    """What nobody has marked as seen to, by `attention`."""
    discrepancies: Tally
    """Lotes whose discrepancies nobody has marked as seen."""
    events: Mapping[str, Tally]
    """By `unmatched`, `error` and `forgotten`."""
    operations: Mapping[str, Tally]
    """By status: refused; requested and not sent, or sent and not shown to be done, for long."""
    pdfs_missing: Tally
    schedules: tuple[ScheduleState, ...]


def measure(now: dt.datetime, schedule_late: dt.timedelta) -> Measured:
    """Count everything. `now` is aware; a schedule is late once it should have run `schedule_late` ago."""
    turns = {turn.account: turn for turn in Turn.objects.all()}
    asking = Invoice.objects.filter(attention__in=Attention.values, seen_at=None)
    return Measured(
        **vars(look_at_sending(now, turns)),
        at=now,
        overdue=_overdue(now),
        look_ups=tuple(_look_ups(now, turns)),
        failed=_tallies(Invoice.objects.filter(status=InvoiceStatus.FAILED), "failure_stage", "public_id"),
        attention=_tallies(asking, "attention", "public_id"),
        discrepancies=_tally(Lote.objects.filter(seen_at=None).exclude(discrepancies=[]), "pk"),
        events=_events(now),
        operations=_tallies(_operations(now), "status", "pk"),
        pdfs_missing=_pdfs_missing(now),
        schedules=tuple(_schedules(now, schedule_late)),
    )


def _tally(rows: Any, name: str) -> Tally:
    found = rows.aggregate(n=Count("pk"), first=Min(name))
    return Tally(found["n"], "" if found["first"] is None else str(found["first"]))


def _tallies(rows: Any, by: str, name: str) -> dict[str, Tally]:
    counted = rows.order_by(by).values(by).annotate(n=Count("pk"), first_name=Min(name))
    return {row[by]: Tally(row["n"], str(row["first_name"])) for row in counted}


def _overdue(now: dt.datetime) -> Overdue:
    late = LoteItem.objects.filter(
        # An index finds the submitted invoices, and their items; one on the items' own status there is not.
        invoice__status=InvoiceStatus.SUBMITTED,
        status=LoteItemStatus.SUBMITTED,
        due_at__lt=now - dt.timedelta(seconds=conf.overdue_after),
    )
    first = list(late.order_by("due_at", "pk").values_list("reference", "due_at", Window(Count("pk")))[:5])
    if not first:
        return Overdue(0, None, ())
    return Overdue(first[0][2], first[0][1], tuple(reference for reference, *_ in first))


def _look_ups(now: dt.datetime, turns: Mapping[str, Turn]) -> Iterable[LookUps]:
    awaited = LoteItem.objects.live() | LoteItem.objects.exclude(told="")
    behind = Lote.objects.filter(look_up_at__lt=now).annotate(awaited=Exists(awaited.filter(lote=OuterRef("pk"))))
    counted = (
        behind.order_by("account")
        .values("account")
        .annotate(n=Count("pk"), oldest=Min("look_up_at"), n_awaited=Count("pk", filter=Q(awaited=True)))
    )
    for alias, count, oldest, n_awaited in counted.values_list("account", "n", "oldest", "n_awaited"):
        last_look_up = turns[alias].last_look_up_at if alias in turns else None
        reason = not_configured(alias)
        if reason and not n_awaited:
            continue  # the last look-ups of what was given up: nobody need configure an account for them
        yield LookUps(alias, count, oldest, last_look_up, reason)


def _events(now: dt.datetime) -> dict[str, Tally]:
    forgotten = Q(status=WebhookEventStatus.RECEIVED, received_at__lt=now - FORGOTTEN_AFTER)
    failed = Q(status__in=[WebhookEventStatus.UNMATCHED, WebhookEventStatus.ERROR])
    tallies = _tallies(WebhookEvent.objects.filter(forgotten | failed), "status", "pk")
    names = {WebhookEventStatus.RECEIVED.value: "forgotten"}
    return {names.get(status, status): tally for status, tally in tallies.items()}


def _operations(now: dt.datetime) -> Any:
    """Return the operations on the queue that need a person, and those that nobody has sent."""
    long_ago = now - OPERATION_LATE
    could_go = Q(next_try_at=None) | Q(next_try_at__lt=long_ago)
    unsent = QueueOperation.objects.filter(could_go, status=OperationStatus.REQUESTED, requested_at__lt=long_ago)
    return QueueOperation.objects.needing_a_person() | unsent


def _pdfs_missing(now: dt.datetime) -> Tally:
    """Count what was issued over a day ago, and whose PDF is still to be fetched."""
    if not conf.keep_pdf:
        return Tally()
    return _tally(Invoice.objects.filter(pdf_try_at__gt=_BEFORE_ALL, issued_at__lt=now - PDF_LATE), "public_id")


def _schedules(now: dt.datetime, late: dt.timedelta) -> Iterable[ScheduleState]:
    """Yield the state of each schedule of ours; nothing if `SCHEDULES` is off or django-q2 is not installed."""
    if not conf.schedules or not apps.is_installed("django_q"):
        return
    from django_q.models import Schedule

    ours = Schedule.objects.filter(name__startswith=FLUSH.partition(":")[0] + ":").order_by("name")
    found = list(ours.values_list("name", "repeats", "next_run"))
    if FLUSH not in (name for name, *_ in found):
        yield ScheduleState(FLUSH, "absent")
    for name, repeats, next_run in found:
        if repeats == 0:
            yield ScheduleState(name, "stopped", next_run)
        elif next_run is not None and next_run < now - late:
            yield ScheduleState(name, "late", next_run)
        else:
            yield ScheduleState(name, "running", next_run)
