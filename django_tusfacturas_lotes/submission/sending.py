"""Pending invoices become a lote, the lote a call, and its answer is recorded. Nobody else sends invoices by `client`.

Three steps, each safe to be killed in, and each safe to be run by two processes at once:

1. `claiming.claim`: one short transaction makes a lote of `ready`, with its items. The database lets an account have
   only one lote in flight. Killed before the commit: nothing happened. Killed after it: the lote is `ready`, known not
   to have been sent, and whoever comes next sends it.
2. `_start`: the lote is committed as `sending`, its try counted, and only then is the provider called, in no
   transaction. Killed from here on: it may have been sent. After `SENDING_LEASE` it is `uncertain`.
3. `recording.record_answer`: what the call proved is written in one transaction, and never takes back what a webhook
   said meanwhile.
"""

from __future__ import annotations

import datetime as dt
import itertools
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Subquery
from django.utils import timezone

from ..conf import Account, conf
from ..conf.pauses import PAUSES, pause_after
from ..models import Invoice, InvoiceStatus, Lote, LoteItem, LoteItemStatus, LoteStatus
from ..outcomes.calls import requeue_unsent
from ..provider.client import Client, Outcome, Verdict
from ..provider.pace import Busy, Lease, give_back, take, when_free
from ..signals import invoice_failed, send_after_commit
from ..transactions import again_on_deadlock, durable
from ..wire.dates import argentine_day
from ..wire.modalities import Outgoing, modalities
from ..wire.orders.redate import day_of, without_day
from .claiming import NothingLeftError, TakenError, claim, sendable
from .leases import expire_leases
from .recording import Call, Row, Sent, record_answer

__all__ = [
    "FlushReport", "Idle", "Sent", "Step", "Waiting", "accounts_with_work", "flush", "send_next",
]  # fmt: skip

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Waiting:
    """An account whose queue waits: for whom or what, and until when where that is known."""

    account: str
    reason: str
    lote_id: int | None = None
    until: dt.datetime | None = None
    needs_person: bool = False


@dataclass(frozen=True)
class Idle:
    """An account with nothing to send."""

    account: str


Step = Sent | Waiting | Idle


@dataclass
class FlushReport:
    """What a `flush` did."""

    sent: list[Sent] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)

    @property
    def accepted(self) -> int:
        """Invoices that TusFacturas took."""
        return sum(one.items - one.refused for one in self.sent if one.verdict is Verdict.ACCEPTED)

    @property
    def refused(self) -> int:
        """Invoices that TusFacturas did not take, each failed with its reason."""
        return sum(one.refused for one in self.sent)

    @property
    def uncertain(self) -> int:
        """Invoices of calls that were lost."""
        return sum(one.items for one in self.sent if one.verdict is Verdict.UNCERTAIN)

    @property
    def needs_person(self) -> bool:
        """Whether something of this flush is for a person to look at."""
        return any(
            one.refused or one.discrepancies or one.verdict in (Verdict.UNCERTAIN, Verdict.REFUSED) for one in self.sent
        ) or any(one.needs_person for one in self.waiting)


def flush(account: str | None = None, *, on_step: Callable[[Sent], object] | None = None) -> FlushReport:
    """Send all that is pending, of one account or of all, until there is no more or the account has to wait.

    `on_step` is called after each call to the provider, for showing progress.

    Works with no cluster running, and beside one. An error in one account (of the database, or of `on_step`) is raised
    once the others have had their turn. Makes outbound calls: never call it inside a transaction.
    """
    report = FlushReport()
    expire_leases()
    raised: Exception | None = None
    for alias in [account] if account is not None else accounts_with_work():
        try:
            for step in _steps(alias):
                if isinstance(step, Sent):
                    report.sent.append(step)
                    if on_step is not None:
                        on_step(step)
                elif isinstance(step, Waiting):
                    report.waiting.append(step)
        except Exception as exc:  # noqa: BLE001 - raised below: it must not keep the other accounts waiting
            raised = raised or exc
    if raised is not None:
        raise raised
    return report


def _steps(alias: str) -> Iterator[Step]:
    while True:
        step = send_next(alias)
        yield step
        if not isinstance(step, Sent):
            return


def accounts_with_work() -> list[str]:
    """Return the aliases of the accounts that have something pending or a lote to send, configured or not."""
    pending = Invoice.objects.filter(status=InvoiceStatus.PENDING).order_by().values_list("account", flat=True)
    in_flight = Lote.objects.filter(in_flight_for__gt="").values_list("account", flat=True)
    return sorted({*pending.distinct(), *in_flight})


def send_next(alias: str) -> Step:
    """Send an account's next lote: the one that is ready, or a new one of what is pending. At most one call.

    Raises `RuntimeError` inside a transaction: if that were rolled back, the call would be forgotten.
    """
    try:
        account = conf.account(alias)
        if not account.modality.webhook_at_provider:
            _ = conf.webhook_url  # without one, no result would come back
    except ImproperlyConfigured as exc:
        return Waiting(alias, str(exc), needs_person=True)
    in_flight = Lote.objects.filter(in_flight_for=alias)
    latest = Lote.objects.filter(account=alias).order_by("-pk")
    looked = sendable(account).annotate(
        lote_in_flight=Subquery(in_flight.values("pk")[:1]), latest_lote=Subquery(latest.values("status")[:1])
    )
    first = looked.values_list("send_on", "lote_in_flight", "latest_lote").first()
    lote = in_flight.first() if first is None or first[1] is not None else None
    if lote is None:
        if first is None:
            return Idle(alias)
        if first[2] == LoteStatus.UNCERTAIN and (pause := _pause_after_lost_calls(alias, list(latest[: len(PAUSES)]))):
            return pause
        try:
            lote = claim(account, first[0])
        except NothingLeftError:
            return Idle(alias)
        except TakenError:
            return Waiting(alias, "another process is sending")
    if lote.status == LoteStatus.READY and lote.modality != account.modality.name:
        # The account goes another way now. What is known not to have been sent goes that way too.
        requeue_unsent(lote.pk, f"never sent: the account was switched from {lote.modality} to {account.modality.name}")
        return send_next(alias)
    if lote.status == LoteStatus.SENDING:
        return Waiting(alias, "another process is sending", lote.pk)
    if lote.next_try_at is not None and lote.next_try_at > timezone.now():
        return Waiting(alias, lote.error, lote.pk, lote.next_try_at, needs_person=lote.waits_for_a_person)
    return _send(account, lote)


def _pause_after_lost_calls(alias: str, recent: Sequence[Lote]) -> Waiting | None:
    """Let an account rest after lost calls, the longer the more there were in a row."""
    lost = list(itertools.takewhile(lambda lote: lote.status == LoteStatus.UNCERTAIN, recent))
    if not lost:
        return None
    latest = lost[0].answered_at or lost[0].sent_at or lost[0].created_at
    until = latest + pause_after(len(lost))
    if until <= timezone.now():
        return None
    return Waiting(alias, f"{lost[0]} is uncertain: {lost[0].error}", lost[0].pk, until, needs_person=True)


def _send(account: Account, lote: Lote) -> Step:
    started = when_free(account.alias, lambda: _start(account, lote))
    if isinstance(started, Busy):
        until = timezone.now() + dt.timedelta(seconds=started.seconds)
        return Waiting(account.alias, started.reason, lote.pk, until)
    if started is None:
        return Waiting(account.alias, "another process is sending", lote.pk)
    call, lease = started
    if not call.rows:
        give_back(lease)
        return send_next(account.alias)
    try:
        modality = modalities()[lote.modality]
        references = [row.reference for row in call.rows]
        if _is_stale(call):
            return record_answer(
                account, call, Outcome(Verdict.NOT_SENT, "the machine stood still before the call was made")
            )
        with Client(connect_timeout=conf.connect_timeout, read_timeout=conf.read_timeout) as client:
            outcome = client.send(
                account.url_of(modality), call.body, lambda answer: modality.read_answer(answer, references)
            )
        lease.heed(outcome)
        return record_answer(account, call, outcome)
    finally:
        give_back(lease)


def _is_stale(call: Call) -> bool:
    """Whether so much time went by since the commit that others may have taken this process for dead.

    A machine can be suspended between any two lines. By the wall clock: the monotonic one may stand still meanwhile.
    """
    return timezone.now() - call.begun_at > dt.timedelta(seconds=conf.connect_timeout + conf.read_timeout)


@again_on_deadlock
def _start(account: Account, lote: Lote) -> tuple[Call, Lease] | Busy | None:
    """Commit the lote as `sending`, in the account's turn, and return what is to be sent.

    `Busy` if somebody else has the turn, None if another process was faster with this lote.
    """
    try:
        with durable():
            return _start_now(account, lote)
    except TakenError:
        return None


def _start_now(account: Account, lote: Lote) -> tuple[Call, Lease] | Busy:
    today = argentine_day()
    send_on = lote.send_on if lote.send_on is not None and lote.send_on > today else None
    modality = modalities()[lote.modality]
    webhook_url = "" if modality.webhook_at_provider else conf.webhook_url
    lease = take(account.alias)
    if isinstance(lease, Busy):
        return lease
    now = timezone.now()
    if not Lote.objects.filter(pk=lote.pk, tries=lote.tries).start_sending(now, account.sent_as[0]):
        raise TakenError
    claimed = list(
        LoteItem.objects.filter(lote=lote, status=LoteItemStatus.CLAIMED)
        .select_for_update()
        .order_by("position")
        .values_list("pk", "invoice_id", "reference", "invoice__status", "invoice__fecha", "invoice__comprobante")
    )
    rows: list[Row] = []
    outgoing: list[Outgoing] = []
    redated: list[int] = []
    on_their_own_day: dict[dt.date, list[int]] = {}
    gone: list[int] = []
    unsendable: list[int] = []
    for pk, invoice_id, reference, status, fecha, documento in claimed:
        if status != InvoiceStatus.CLAIMED:
            # While the lote waited, a late webhook has told that an older try was issued after all.
            gone.append(pk)
            continue
        if not isinstance(documento.get("comprobante"), Mapping):
            # It can't have become pending so; and one row must not hold all the others.
            gone.append(pk)
            unsendable.append(invoice_id)
            continue
        out = _outgoing(reference, documento, send_on or today, redates=account.redates)
        rows.append(Row(pk, invoice_id, reference, out.fecha))
        outgoing.append(out)
        if fecha != out.fecha and day_of(documento) == out.fecha:
            on_their_own_day.setdefault(out.fecha, []).append(invoice_id)
        elif fecha != out.fecha:
            redated.append(invoice_id)
    if gone:
        LoteItem.objects.filter(pk__in=gone).withdraw()
        rejected = Invoice.objects.filter(pk__in=unsendable)
        if rejected.reject("it has no comprobante: retry it with its order's data"):
            for invoice in rejected:
                send_after_commit(invoice_failed, Invoice, invoice=invoice)
    if not rows:
        Lote.objects.filter(pk=lote.pk).close_empty()
        return Call(lote, lote.tries, now, [], {}), lease
    if redated:
        Invoice.objects.filter(pk__in=redated).set_fecha(send_on or today)
    for own_day, pks in on_their_own_day.items():
        Invoice.objects.filter(pk__in=pks).update(fecha=own_day, redated_from=None)
    body = modality.body(account.credentials, outgoing, webhook_url=webhook_url, send_on=send_on)
    return Call(lote, lote.tries + 1, now, rows, body), lease


def _outgoing(reference: str, documento: dict[str, Any], day: dt.date, *, redates: bool) -> Outgoing:
    """Return an item as it leaves: with its own day, or with `day` where that is open, or has passed and may change."""
    own = day_of(documento)
    if own is not None and not (redates and own < day):
        return Outgoing(reference, documento, own)
    return Outgoing(reference, without_day(documento, day), day)
