"""Send the operations on the provider's queue that were asked for (`outcomes.operation_requests`).

Only in the modalities that show their queue. The same care as for a lote: the operation is committed as `sending`
before the call, which runs in no transaction; one without an answer is `uncertain`, and a look-up tells. Unlike a
lote, an operation may be sent twice without harm, so one that a look-up shows as not done is sent again.
"""

from __future__ import annotations

import datetime as dt
import logging
import math
import time

from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError
from django.db.models import Case, F, Q, Value, When
from django.utils import timezone

from ..conf import Account, conf
from ..conf.pauses import pause_after
from ..models import Lote, LoteItem, OperationKind, OperationPurpose, OperationStatus, QueueOperation
from ..models.issue_dates import issue_date_of_document
from ..outcomes import operation_requests, tries
from ..provider.client import Client, Outcome, Verdict
from ..provider.pace import Busy, turn
from ..transactions import again_on_deadlock, atomic, durable
from ..wire.answers.operations import DELETE, REDATE, RESEND, operation_body, read_operation
from ..wire.answers.redact import redact, redact_text
from .recording import storable_response

logger = logging.getLogger(__name__)

_PATHS = {OperationKind.RESEND: RESEND, OperationKind.DELETE: DELETE, OperationKind.REDATE: REDATE}
# How long the provider may take to do what it has accepted, before a look-up checks it.
_TIME_TO_DO_IT = dt.timedelta(minutes=1)


def accounts_with_operations(now: dt.datetime | None = None) -> list[str]:
    """Return the accounts for which an operation is to be sent now."""
    waiting = QueueOperation.objects.to_send(now or timezone.now())
    return sorted(set(waiting.order_by().values_list("account", flat=True)))


def send_requested(alias: str, most: int = 50, *, until: float = math.inf) -> int:
    """Send the operations that an account has waiting, at most `most`. Returns how many calls were made.

    From `until` on (of `time.monotonic`) no call is begun, but for the first one.

    Makes outbound calls: never call it inside a transaction.
    """
    try:
        account = conf.account(alias)
    except ImproperlyConfigured as exc:
        logger.error("Operations of account %s wait: %s", alias, exc)  # noqa: TRY400 - the text says it all
        return 0
    sent = 0
    due = (
        QueueOperation.objects.to_send(timezone.now())
        .filter(account=alias)
        .select_related("item__invoice", "item__lote")
    )
    for operation in due[:most]:
        if sent and time.monotonic() >= until:
            break
        with turn(alias) as lease:
            if isinstance(lease, Busy):
                break
            if not _start(operation):
                continue
            outcome = _call(account, operation)
            lease.heed(outcome)
        sent += 1
        _record(account, operation, outcome)
        if outcome.verdict is Verdict.NOT_SENT:
            break
    return sent


@again_on_deadlock
def _start(operation: QueueOperation) -> bool:
    """Commit the operation as `sending`; False if another process has, or if it is not possible any more."""
    row = QueueOperation.objects.filter(pk=operation.pk, tries=operation.tries)
    with durable():
        pair = tries.lock_try(operation.item.reference)
        why_not = (
            "it is gone"
            if pair is None
            else operation_requests.why_not_possible(pair[1], operation.kind, operation.purpose)
        )
        if why_not:
            # No person asked for the deletion of an unneeded try, so none has to see that it is not deleted.
            seen_at = timezone.now() if operation.purpose == OperationPurpose.UNNEEDED else None
            row.close(OperationStatus.REFUSED, error=f"it was not sent: {why_not}", seen_at=seen_at)
            return False
        return bool(row.start_sending(timezone.now()))


def _call(account: Account, operation: QueueOperation) -> Outcome:
    reference = operation.item.reference
    fecha = _day_of(operation.item) if operation.kind == OperationKind.DELETE else operation.fecha
    body = operation_body(account.credentials, reference, fecha, operation.vencimiento)
    with Client(connect_timeout=conf.connect_timeout, read_timeout=conf.read_timeout) as client:
        url = account.url_at(_PATHS[OperationKind(operation.kind)])
        return client.send(url, body, lambda answer: read_operation(answer, reference))


def _day_of(item: LoteItem) -> dt.date:
    """Return the day that a try was sent with, which may not be its invoice's by now."""
    if item.is_newest_try and item.invoice.fecha is not None:
        return item.invoice.fecha
    return issue_date_of_document(item.lote, item.comprobante or item.invoice.comprobante)


@again_on_deadlock
def _record(account: Account, operation: QueueOperation, outcome: Outcome) -> None:
    now = timezone.now()
    said = {
        "answered_at": now,
        "http_status": outcome.http_status,
        "response": storable_response(redact(outcome.response, account.secrets)),
        "error": redact_text(outcome.text, account.secrets),
    }
    row = QueueOperation.objects.filter(pk=operation.pk, tries=operation.tries + 1)
    with atomic():
        if tries.lock_try(operation.item.reference) is None:
            return
        if outcome.verdict is Verdict.ACCEPTED:
            row.accept(**said)
        elif outcome.verdict is Verdict.NOT_SENT:
            asked = outcome.retry_after
            pause = pause_after(operation.tries + 1) if asked is None else dt.timedelta(seconds=max(asked, 1))
            row.hold(now + pause, **said)
            return
        elif outcome.verdict is Verdict.UNCERTAIN or operation.kind == OperationKind.DELETE:
            # What can't be deleted may be gone already: a look-up tells.
            row.mark_uncertain(**said)
        else:
            row.close(OperationStatus.REFUSED, **said)
        _look_up_soon(operation.item, now if outcome.verdict is Verdict.REFUSED else now + _TIME_TO_DO_IT)
    level = logging.INFO if outcome.verdict is Verdict.ACCEPTED else logging.WARNING
    logger.log(level, "%s of %s: %s %s", operation.kind, operation.item, outcome.verdict.value, said["error"])


def expire_leases(started_before: dt.datetime) -> int:
    """Mark as uncertain the operations whose worker died while it was sending. Returns how many there were."""
    stale = QueueOperation.objects.filter(status=OperationStatus.SENDING, sent_at__lt=started_before)
    text = "the process that was sending it stopped before it recorded an answer"
    expired = 0
    for operation in stale.select_related("item"):
        try:
            expired += _expire(operation, text)
        except OperationalError:  # its row is held for long: the next run finds it again, and the others need not wait
            logger.exception("%s of %s could not be expired", operation.kind, operation.item)
    return expired


@again_on_deadlock
def _expire(operation: QueueOperation, text: str) -> bool:
    with atomic():
        tries.lock_try(operation.item.reference)
        if not QueueOperation.objects.filter(pk=operation.pk).mark_uncertain(error=text):
            return False
        _look_up_soon(operation.item, timezone.now())
        return True


def _look_up_soon(item: LoteItem, at: dt.datetime) -> None:
    # A notification that came before our call's answer may have asked for it sooner (law 9).
    sooner = Case(When(~Q(told=""), look_up_at__lt=at, then=F("look_up_at")), default=Value(at))
    LoteItem.objects.filter(pk=item.pk).update(look_up_at=sooner, lookups=0, absences=0)
    Lote.objects.filter(pk=item.lote_id).look_up_by(at)
