"""Pending invoices become a lote, the lote a call, and its answer is recorded. The only caller of `client`.

Three steps, each safe to be killed in, and each safe to be run by two processes at once:

1. `_claim`: one short transaction makes a lote of `ready`, with its items. The database lets an account have only one
   lote in flight. Killed before the commit: nothing happened. Killed after it: the lote is `ready`, known not to have
   been sent, and whoever comes next sends it.
2. `_start`: the lote is committed as `sending`, its try counted, and only then is the provider called, in no
   transaction. Killed from here on: it may have been sent. After `SENDING_LEASE` it is `uncertain`.
3. `_record`: what the call proved is written in one transaction, and never takes back what a webhook said meanwhile.
"""

from __future__ import annotations

import datetime as dt
import itertools
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from .client import Client, Outcome, Verdict
from .conf import Account, conf
from .models import Invoice, InvoiceStatus, Lote, LoteItem, LoteItemStatus, LoteStatus
from .reconciliation import contradict, expire_leases, not_received, record_lost
from .signals import invoice_failed, send_after_commit
from .transactions import database, durable
from .wire.dates import argentine_day, read_day
from .wire.modalities import Outgoing, modalities
from .wire.redact import redact, redact_text

logger = logging.getLogger(__name__)

# Seconds between the tries of a lote that is known not to have been sent, and, by how many calls in a row were lost,
# before an account sends its next lote: a provider that is down must not turn a whole queue uncertain.
PAUSES = (60, 300, 900, 3600)


@dataclass(frozen=True)
class Sent:
    """One call that was made, and what it proved. `refused` counts rows that the provider did not take."""

    lote_id: int
    account: str
    items: int
    verdict: Verdict
    refused: int = 0
    discrepancies: int = 0
    text: str = ""


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

    Works with no cluster running, and beside one. Makes outbound calls: never call it inside a transaction.
    """
    report = FlushReport()
    expire_leases()
    for alias in [account] if account is not None else accounts_with_work():
        for step in _steps(alias):
            if isinstance(step, Sent):
                report.sent.append(step)
                if on_step is not None:
                    on_step(step)
            elif isinstance(step, Waiting):
                report.waiting.append(step)
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
    in_flight = Lote.objects.exclude(in_flight_for=None).values_list("account", flat=True)
    return sorted({*pending.distinct(), *in_flight})


def send_next(alias: str) -> Step:
    """Send an account's next lote: the one that is ready, or a new one of what is pending. At most one call.

    Raises `RuntimeError` inside a transaction: if that were rolled back, the call would be forgotten.
    """
    try:
        account = conf.account(alias)
    except ImproperlyConfigured as exc:
        return Waiting(alias, str(exc), needs_person=True)
    recent = list(Lote.objects.filter(account=alias).order_by("-pk")[: len(PAUSES)])
    if recent and recent[0].in_flight_for is not None:
        lote = recent[0]
    elif pause := _pause_after_lost_calls(alias, recent):
        return pause
    else:
        claimed = _claim(account)
        if not isinstance(claimed, Lote):
            return claimed
        lote = claimed
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
    until = latest + dt.timedelta(seconds=PAUSES[len(lost) - 1])
    if until <= timezone.now():
        return None
    return Waiting(alias, f"{lost[0]} is uncertain: {lost[0].error}", lost[0].pk, until, needs_person=True)


def _claim(account: Account) -> Lote | Waiting | Idle:
    """Make a lote of what is pending: one `send_on`, oldest `fecha` first, or say why there is none."""
    today = argentine_day()
    pending = Invoice.objects.pending(account.alias)
    first = pending.values_list("send_on").first()
    if first is None:
        return Idle(account.alias)
    send_on = first[0] if first[0] is not None and first[0] > today else None
    # What was to go on a day that has come goes today, with the rest.
    group = Q(send_on=send_on) if send_on else Q(send_on=None) | Q(send_on__lte=today)
    most = min(conf.max_items, account.modality.max_items)
    try:
        with durable():
            # First the lote, whose unique `in_flight_for` makes this process the only one to claim for the account.
            lote = Lote.objects.create(
                account=account.alias, modality=account.modality.name, send_on=send_on, in_flight_for=account.alias
            )
            invoices = list(pending.filter(group).select_for_update().only("public_id", "tries")[:most])
            if not invoices:
                raise _NothingLeftError
            LoteItem.objects.bulk_create(
                LoteItem(lote=lote, invoice=invoice, position=row, reference=f"{invoice.public_id}-{invoice.tries + 1}")
                for row, invoice in enumerate(invoices)
            )
            Invoice.objects.filter(pk__in=[invoice.pk for invoice in invoices]).claim(today)
    except _NothingLeftError:
        return Idle(account.alias)
    except IntegrityError:
        return Waiting(account.alias, "another process is sending")
    return lote


def _send(account: Account, lote: Lote) -> Step:
    call = _start(account, lote)
    if call is None:
        return Waiting(account.alias, "another process is sending", lote.pk)
    if not call.items:
        Lote.objects.filter(pk=lote.pk).close_empty()
        return send_next(account.alias)
    modality = modalities()[lote.modality]
    references = [item.reference for item in call.items]
    with Client(connect_timeout=conf.connect_timeout, read_timeout=conf.read_timeout) as client:
        outcome = client.send(
            account.url_of(modality), call.body, lambda answer: modality.read_answer(answer, references)
        )
    return _record(account, call, outcome)


@dataclass(frozen=True)
class _Call:
    """A lote on its way: which try it is, the items in the order of their rows, and the body (with credentials)."""

    lote: Lote
    tries: int
    items: list[LoteItem]
    body: dict[str, Any] = field(repr=False)


def _start(account: Account, lote: Lote) -> _Call | None:
    """Commit the lote as `sending` and return what is to be sent; None if another process was faster."""
    today = argentine_day()
    send_on = lote.send_on if lote.send_on is not None and lote.send_on > today else None
    with durable():
        if not Lote.objects.filter(pk=lote.pk, tries=lote.tries).start_sending(timezone.now()):
            return None
        items = list(
            LoteItem.objects.filter(lote=lote, status=LoteItemStatus.CLAIMED)
            .select_related("invoice")
            .select_for_update()
            .order_by("position")
        )
        # While the lote waited, a late webhook may have told that an older try was issued after all.
        gone = [item.pk for item in items if item.invoice.status != InvoiceStatus.CLAIMED]
        if gone:
            LoteItem.objects.filter(pk__in=gone).withdraw()
            items = [item for item in items if item.invoice.status == InvoiceStatus.CLAIMED]
        if not items:
            transaction.set_rollback(True, using=database())
            return _Call(lote, lote.tries, [], {})
        outgoing = [
            Outgoing(
                item.reference,
                item.invoice.comprobante,
                read_day(item.invoice.comprobante["comprobante"].get("fecha")) or send_on or today,
            )
            for item in items
        ]
        redated: dict[dt.date, list[int]] = {}
        for item, out in zip(items, outgoing, strict=True):
            if item.invoice.fecha != out.fecha:
                redated.setdefault(out.fecha, []).append(item.invoice_id)
        for day, pks in redated.items():
            Invoice.objects.filter(pk__in=pks).update(fecha=day)
        modality = modalities()[lote.modality]
        body = modality.body(account.credentials, outgoing, webhook_url=conf.webhook_url, send_on=send_on)
    return _Call(lote, lote.tries + 1, items, body)


def _record(account: Account, call: _Call, outcome: Outcome) -> Sent:
    """Write what the call proved, in one transaction."""
    answer = outcome.answer
    said = {
        "answered_at": timezone.now(),
        "http_status": outcome.http_status,
        "response": redact(outcome.response, account.secrets),
        "error": redact_text(outcome.text, account.secrets),
    }
    discrepancies: list[str] = redact(list(answer.discrepancies) if answer else [], account.secrets)
    refused = {
        call.items[row].pk: [{"text": redact_text(text, account.secrets)} for text in texts]
        for row, texts in (answer.refused.items() if answer else ())
    }
    lote = Lote.objects.filter(pk=call.lote.pk, tries=call.tries, answered_at=None)
    with durable():
        if outcome.verdict is Verdict.ACCEPTED:
            if lote.accept(**said, discrepancies=discrepancies):
                _record_items(call, refused)
            else:
                contradict(call.lote.pk, "the provider's answer came after the lote was given up: it took it")
        elif outcome.verdict is Verdict.UNCERTAIN:
            record_lost(call.lote.pk, call.tries, said, [item.invoice_id for item in call.items])
        else:
            asked = outcome.retry_after
            pause = PAUSES[min(call.tries, len(PAUSES)) - 1] if asked is None else max(asked, 1)
            if not lote.hold(timezone.now() + dt.timedelta(seconds=pause), **said):
                # It was taken for lost meanwhile, and is now known not to have been taken.
                not_received(call.lote.pk, str(said["error"]))
    _log(call, outcome, str(said["error"]), discrepancies)
    return Sent(
        call.lote.pk, account.alias, len(call.items), outcome.verdict, len(refused), len(discrepancies),
        str(said["error"]),
    )  # fmt: skip


def _record_items(call: _Call, refused: dict[int, list[dict[str, str]]]) -> None:
    invoice_of = {item.pk: item.invoice_id for item in call.items}
    refused_invoices = {invoice_of[pk]: texts for pk, texts in refused.items()}
    LoteItem.objects.filter(pk__in=list(invoice_of)).answer(refused)
    Invoice.objects.filter(pk__in=list(invoice_of.values())).answer(refused_invoices)
    if refused and invoice_failed.has_listeners(Invoice):
        for invoice in Invoice.objects.filter(pk__in=list(refused_invoices), status=InvoiceStatus.FAILED):
            send_after_commit(invoice_failed, Invoice, invoice=invoice)


def _log(call: _Call, outcome: Outcome, text: str, discrepancies: list[str]) -> None:
    level = logging.INFO if outcome.verdict is Verdict.ACCEPTED and not discrepancies else logging.WARNING
    logger.log(
        level, "%s of account %s, %s items, try %s: %s %s",
        call.lote, call.lote.account, len(call.items), call.tries, outcome.verdict.value,
        "; ".join([text, *discrepancies] if text else discrepancies),
    )  # fmt: skip


class _NothingLeftError(Exception):
    """Every pending invoice was cancelled or claimed since we looked; the lote's insert is rolled back."""
