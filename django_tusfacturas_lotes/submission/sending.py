"""Send pending invoices: they become a lote, the lote a call, and its answer is recorded. Nothing else sends invoices.

Three steps, each safe to be killed in, and each safe to be run by two processes at once:

1. `claiming.claim`: one short transaction makes a lote of `ready`, with its items. The database lets an account have
   only one lote in flight. Killed before the commit: nothing happened. Killed after it: the lote is `ready`, known not
   to have been sent, and whoever comes next sends it.
2. `starting.start_sending`: the lote is committed as `sending`, its try counted, and only then is the provider called,
   in no transaction. Killed from here on: it may have been sent. After `SENDING_LEASE` it is `uncertain`.
3. `recording.record_answer`: what the call proved is recorded in one transaction, which never takes back what a
   notification said meanwhile.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterator, Sequence

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Subquery
from django.utils import timezone

from ..conf import Account, conf
from ..conf.pauses import PAUSES, pause_after
from ..models import Invoice, InvoiceStatus, Lote, LoteStatus
from ..outcomes.calls import requeue_unsent
from ..provider.client import Client, Outcome, Verdict
from ..provider.pace import Busy, give_back, when_free
from ..wire.modalities import modalities
from .claiming import NothingLeftError, TakenError, claim, sendable
from .leases import expire_leases
from .recording import Call, Sent, record_answer
from .report import FlushReport, Idle, Step, Waiting
from .starting import start_sending


def flush(account: str | None = None, *, on_step: Callable[[Sent], object] | None = None) -> FlushReport:
    """Send all that is pending, of one account or of all, until nothing is left or the account has to wait.

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
        # The account has another modality now. A lote that is known not to have been sent goes by that one.
        requeue_unsent(lote.pk, f"never sent: the account was switched from {lote.modality} to {account.modality.name}")
        return send_next(alias)
    if lote.status == LoteStatus.SENDING:
        return Waiting(alias, "another process is sending", lote.pk)
    if lote.next_try_at is not None and lote.next_try_at > timezone.now():
        return Waiting(alias, lote.error, lote.pk, lote.next_try_at, needs_person=lote.waits_for_a_person)
    return _send(account, lote)


def _pause_after_lost_calls(alias: str, recent: Sequence[Lote]) -> Waiting | None:
    """Return the pause of an account after lost calls, longer the more there were in a row; None once it is over."""
    lost = list(itertools.takewhile(lambda lote: lote.status == LoteStatus.UNCERTAIN, recent))
    if not lost:
        return None
    latest = lost[0].answered_at or lost[0].sent_at or lost[0].created_at
    until = latest + pause_after(len(lost))
    if until <= timezone.now():
        return None
    return Waiting(alias, f"{lost[0]} is uncertain: {lost[0].error}", lost[0].pk, until, needs_person=True)


def _send(account: Account, lote: Lote) -> Step:
    started = when_free(account.alias, lambda: start_sending(account, lote))
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
