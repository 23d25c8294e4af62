"""Health: ok, needs attention, or stuck.

`status()` is for monitoring: `manage.py tusfacturas_status` prints it, `django_health_check` hands it to
django-health-check. It makes no call, shows no credential and no customer's data.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from ..conf import conf
from ..models import Attention, FailureStage, LoteStatus, OperationStatus
from .measurements import Measured, Tally, measure

# Without a reason nothing should wait longer than this, in seconds: the default of `status`.
MAX_AGE = 3600
# What the app does by itself, each minute, is given so long before it is called late.
GRACE = dt.timedelta(minutes=10)
_MOST_SENTENCES = 5


class Level(str, enum.Enum):
    """The levels of health, from good to bad."""

    OK = "ok"
    """What has to be done is being done."""
    ATTENTION = "attention"
    """Something needs a person; the rest goes on."""
    STUCK = "stuck"
    """Something waits that nobody is working on."""


@dataclass(frozen=True, kw_only=True)
class Health(Measured):
    """What was measured, and its problems: sentences that say what, which one, and what to do."""

    level: Level
    problems: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it ready for JSON.

        A moment `x` is ISO 8601 in UTC, with the seconds that have passed since beside it as `x_seconds` (negative:
        still to come).
        """
        plain: dict[str, Any] = _plain(self, self.at)
        return {name: plain.pop(name) for name in ("at", "level", "problems")} | plain


def status(now: dt.datetime | None = None, *, max_age: float = MAX_AGE) -> Health:
    """Return the health of the app, in at most 15 queries. `now` is aware; `max_age` is in seconds.

    It is `stuck` if something could have been done for `max_age` and was not, for no known reason. Raises what the
    database raises.
    """
    measured = measure(now or timezone.now(), GRACE)
    found = [*_stuck(measured, dt.timedelta(seconds=max_age)), *_needing_a_person(measured)]
    stuck = [text for level, text in found if level is Level.STUCK]
    others = [text for level, text in found if level is not Level.STUCK]
    level = Level.STUCK if stuck else Level.ATTENTION if others else Level.OK
    columns = {field.name: getattr(measured, field.name) for field in dataclasses.fields(measured)}
    return Health(**columns, level=level, problems=(*stuck, *others))


_Problems = Iterator[tuple[Level, str]]


def _stuck(measured: Measured, max_age: dt.timedelta) -> _Problems:
    now = measured.at
    waiting = {one.account for one in measured.waiting}
    held = {one.account for one in measured.in_flight}
    for queue in measured.queues:
        idle = queue.last_sent is None or queue.last_sent < now - max_age
        if queue.oldest and queue.oldest < now - max_age and idle and queue.account not in waiting | held:
            yield (
                Level.STUCK,
                f"{_count(queue.pending, 'invoice')} of account {queue.account} wait to be sent, the first for "
                f"{span(now - queue.oldest)}, and nobody sends them. {_START}",
            )
    # What waits for a moment to come, or for settings, waits for a reason; past that moment it does not.
    excused = {one.account for one in measured.waiting if one.not_configured or (one.until and one.until > now)}
    lease = dt.timedelta(seconds=conf.sending_lease)
    for lote in measured.in_flight:
        sending = lote.status == LoteStatus.SENDING
        if lote.since < now - max_age - (lease if sending else dt.timedelta()) and lote.account not in excused:
            yield (
                Level.STUCK,
                f"Lote {lote.lote_id} of account {lote.account} {'is being sent' if sending else 'could be sent'} for "
                f"{span(now - lote.since)}, and nobody takes it on; the account's queue waits behind it. {_START}",
            )
    for late in measured.look_ups:
        idle = late.last_look_up is None or late.last_look_up < now - max_age
        if late.oldest < now - max_age and idle and not late.not_configured:
            yield (
                Level.STUCK,
                f"{_count(late.lotes, 'lote')} of account {late.account} should have been looked up at TusFacturas, "
                f"the first {span(now - late.oldest)} ago. {_START_LOOK_UPS}",
            )
    yield from _schedules(measured)


_START = "Start manage.py qcluster, or run manage.py flush_lotes from cron."
_START_LOOK_UPS = "Start manage.py qcluster, or run manage.py reconcile_lotes from cron."
_OR_CRON = "or run manage.py flush_lotes and reconcile_lotes from cron, and set SCHEDULES to False."


def _schedules(measured: Measured) -> _Problems:
    waits = any(queue.pending for queue in measured.queues) or measured.in_flight or measured.look_ups
    for schedule in measured.schedules:
        if schedule.state == "running":
            continue
        if schedule.state == "late" and schedule.next_run is not None:
            late = span(measured.at - schedule.next_run)
            text = f"should have run {late} ago: no cluster is running. Start manage.py qcluster"
        elif schedule.state == "stopped":
            text = "was stopped (repeats 0). Set its repeats to -1 in the admin of django-q2"
        else:
            text = "is not there. Run manage.py migrate, which installs it"
        level = Level.STUCK if schedule.state == "late" and waits else Level.ATTENTION
        yield level, f'The schedule "{schedule.name}" {text}; {_OR_CRON}'


def _needing_a_person(measured: Measured) -> _Problems:
    sentences = [
        *_waiting(measured), *_uncertain(measured), *_overdue(measured), *_look_ups(measured), *_failed(measured),
        *_asking_for_attention(measured), *_notifications(measured), *_the_rest(measured),
    ]  # fmt: skip
    yield from ((Level.ATTENTION, sentence) for sentence in sentences)


def _waiting(measured: Measured) -> Iterator[str]:
    held = {lote.lote_id for lote in measured.in_flight}
    for one in measured.waiting:
        if one.not_configured:
            yield f"Account {one.account} has something to send and is not configured: {one.reason}. Mend the settings."
        elif one.needs_person and one.lote_id in held:
            since = f" for {span(measured.at - one.since)}" if one.since else ""
            yield (
                f"Account {one.account} waits{since} behind lote {one.lote_id}, which was not taken: {one.reason}. "
                'Mend that, then "send now" in the admin of lotes ends the pause.'
            )


def _uncertain(measured: Measured) -> Iterator[str]:
    for lote in measured.uncertain[:_MOST_SENTENCES]:
        heard = f", {lote.heard_of} of them heard of" if lote.heard_of else ""
        yield (
            f"Lote {lote.lote_id} of account {lote.account} ({_count(lote.items, 'invoice')}{heard}) is uncertain for "
            f"{span(measured.at - lote.since)}: {lote.error}. Look in TusFacturas, then: manage.py confirm_lote "
            f"{lote.lote_id}."
        )
    more = measured.uncertain_count - _MOST_SENTENCES
    if more > 0:
        yield f"And {_count(more, 'more lote')} are uncertain; the admin's list of lotes has them all."


def _overdue(measured: Measured) -> Iterator[str]:
    overdue = measured.overdue
    patience = dt.timedelta(seconds=conf.overdue_after) + GRACE
    if overdue.oldest and overdue.oldest < measured.at - patience:
        yield (
            f"{_count(overdue.count, 'invoice')} taken by TusFacturas could have been issued, the first "
            f"{span(measured.at - overdue.oldest)} ago, and nothing is heard of it ({', '.join(overdue.references)}). "
            "They are looked up; see whether the webhook is reached, and whether TusFacturas or ARCA is late."
        )


def _look_ups(measured: Measured) -> Iterator[str]:
    mentioned = {one.account for one in measured.waiting if one.not_configured}
    for late in measured.look_ups:
        if late.not_configured and late.account not in mentioned:
            yield (
                f"{_count(late.lotes, 'lote')} can't be looked up, because account {late.account} is not configured: "
                f"{late.not_configured}. Mend the settings."
            )


def _failed(measured: Measured) -> Iterator[str]:
    for stage, tally in measured.failed.items():
        where = _FAILED_AT.get(stage, stage)
        yield f'{_of(tally, "invoice")} failed {where}. Mend and retry or cancel: "what needs me" in the admin.'


_FAILED_AT: dict[str, str] = {
    FailureStage.BUILD: "in the builder",
    FailureStage.VALIDATION: "at the validation before sending",
    FailureStage.INTAKE: "at the intake: TusFacturas refused what was sent",
    FailureStage.EMISSION: "at the emission: taken, and could not be issued",
}  # fmt: skip


def _asking_for_attention(measured: Measured) -> Iterator[str]:
    for attention, tally in measured.attention.items():
        yield f"{_of(tally, 'invoice')}: {_ATTENTION.get(attention, attention)}"


_ATTENTION: dict[str, str] = {
    Attention.NO_CAE: "told issued, but without a CAE. Look in TusFacturas; a trial account is marked TRIAL.",
    Attention.OLDER_TRY: "issued by an older try, so the document may not be what is shown. Compare, mark as seen to.",
    Attention.CANCELLED: "issued, although it was cancelled here. If it is not wanted, it needs a nota de crédito.",
    Attention.OVER_CREDITED: "more is credited than the invoice came to. Settle it, and mark as seen to.",
    Attention.OVERDUE: "taken and not heard of, and looking it up settles nothing. Look in TusFacturas.",
    Attention.NO_PDF: "without a PDF, which was given up. Fetch it anew in the admin, or see why it can't be had.",
    Attention.DUPLICATE: "issued twice. Queue the nota de crédito of the second one, in the admin.",
}  # fmt: skip


def _notifications(measured: Measured) -> Iterator[str]:
    for state, tally in measured.events.items():
        yield f"{_of(tally, 'notification')} {_EVENTS.get(state, state)}"


_EVENTS = {
    "unmatched": "about references that are not ours. If another system has them, mark them as seen in the admin.",
    "error": "could not be acted on: the reason is in the admin, where they can be processed again.",
    "forgotten": "stored, and not acted on. The schedule takes them up for a day, the admin afterwards.",
}


def _the_rest(measured: Measured) -> Iterator[str]:
    if measured.discrepancies.count:
        yield f"{_of(measured.discrepancies, 'lote')} with answers that do not add up. See them, and mark as seen."
    for state, tally in measured.operations.items():
        what = _OPERATIONS.get(state, "sent long ago and not shown to be done")
        yield f"{_of(tally, 'operation')} in the queue of TusFacturas {what}; the admin says why. {_IF_NOBODY}"
    if measured.pdfs_missing.count:
        yield (
            f"{_of(measured.pdfs_missing, 'invoice')} issued over a day ago without the PDF; the invoice says why. "
            f"{_IF_NOBODY}"
        )


_OPERATIONS: dict[str, str] = {
    OperationStatus.REFUSED: "refused",
    OperationStatus.REQUESTED: "not sent for long",
}
_IF_NOBODY = "If it says nothing, nobody tried: start manage.py qcluster, or run manage.py reconcile_lotes from cron."


def span(delta: dt.timedelta) -> str:
    """Return how long in its largest unit: "40 s", "12 min", "5 h", "3 days"."""
    seconds = max(int(delta.total_seconds()), 0)
    for size, unit in ((2 * 86400, "days"), (2 * 3600, "h"), (2 * 60, "min")):
        if seconds >= size:
            return f"{seconds // (size // 2)} {unit}"
    return f"{seconds} s"


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _of(tally: Tally, noun: str) -> str:
    """Return "3 invoices (the first: 0192…)"."""
    return f"{_count(tally.count, noun)} ({'the first: ' if tally.count > 1 else ''}{tally.first})"


def _plain(value: Any, now: dt.datetime) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _plain({field.name: getattr(value, field.name) for field in dataclasses.fields(value)}, now)
    if isinstance(value, Mapping):
        plain: dict[str, Any] = {}
        for key, one in value.items():
            plain[str(key)] = _plain(one, now)
            if isinstance(one, dt.datetime) and one is not now:
                plain[f"{key}_seconds"] = round((now - one).total_seconds())
        return plain
    if isinstance(value, list | tuple):
        return [_plain(one, now) for one in value]
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.timezone.utc).isoformat(timespec="seconds")
    return value.value if isinstance(value, enum.Enum) else value
