"""Apply what a look-up found: it settles an item, its lote and its operations, or the next look-up is put off."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import replace

from django.db.models import Q
from django.utils import timezone

from ..conf import Account, conf
from ..models import (
    Finding,
    Invoice,
    Lote,
    LoteItem,
    LoteItemStatus,
    LoteStatus,
    QueueOperation,
    Told,
    WebhookEventStatus,
)
from ..models.lote_item import FOUND_IN_QUEUE
from ..outcomes import operation_requests, operation_results, tries
from ..outcomes.calls import PROBES, add_discrepancy, mark_not_received, mark_received
from ..outcomes.late_proof import lote_received, reopen_try
from ..provider.client import Reply
from ..transactions import again_on_deadlock, atomic
from ..wire.answers.lookup import Found, Standing
from ..wire.answers.redact import redact_text
from ..wire.dates import argentine_midnight
from ..wire.modalities import modalities

logger = logging.getLogger(__name__)

# The pauses between look-ups that settle nothing: the first, doubled each time, up to the longest. After `MAX_LOOKUPS`,
# about a month, there are no more, and a person must see to the item.
_FIRST_PAUSE = dt.timedelta(minutes=5)
_LONGEST_PAUSE = dt.timedelta(hours=12)
MAX_LOOKUPS = 60
# What a notification has told is looked up sooner.
_FIRST_PAUSE_TOLD = dt.timedelta(minutes=1)
# One look-up alone never proves that something is not there: so many in a row must not find it.
_ENOUGH_ABSENCES = 2
# What a notification told issued is taken for wrong once so many in a row, over two hours, have not found it.
_ABSENCES_AGAINST_NOTIFICATION = 8
# The pause between the two last look-ups of what was given up, where they show only what is issued.
_PAUSE_BEFORE_LAST = dt.timedelta(days=3)


@again_on_deadlock
def apply_lookup_result(account: Account, reference: str, reply: Reply[tuple[Found, ...]]) -> bool:
    """Apply what a look-up found, in one transaction. Returns whether it settled the item."""
    now = timezone.now()
    with atomic():
        pair = tries.lock_try(reference)
        if pair is None:
            return False
        lote, item = pair
        if reply.value is None:
            finding = Finding.UNANSWERED
            text = redact_text(reply.text, account.secrets)
            logger.warning("The look-up of %s had no answer: %s", reference, text)
        elif not reply.value:
            finding = Finding.ABSENT
        else:
            finding = Finding(_best_of(reply.value)[0].standing.value)
        # A look-up without an answer neither counts as an absence nor ends a row of them.
        absences = item.absences + (finding is Finding.ABSENT and _absence_counts(account, lote, now))
        absences = 0 if reply.value else absences
        item.absences, item.finding = absences, _finding_to_record(item, finding, absences)
        LoteItem.objects.filter(pk=item.pk).update(finding=item.finding, looked_up_at=now, absences=absences)
        if reply.value:
            lote_received(lote, item, "a look-up")
            for found in _best_of(reply.value):
                item = LoteItem.objects.select_related("invoice").get(pk=item.pk)
                if found.standing is not Standing.ISSUED:
                    queued = found.standing is Standing.QUEUED
                    if reopen_try(lote, item, certain=True, queued=queued, looked_up=True):
                        item = LoteItem.objects.select_related("invoice").get(pk=item.pk)
                _apply_found(lote, item, _redacted(found, account), now)
            if len(reply.value) > 1:
                _show_several(lote, item, reply.value, now)
            _delete_if_unneeded(lote, item, finding)
        elif finding is Finding.ABSENT:
            _apply_absent(lote, item, now)
        after = LoteItem.objects.get(pk=item.pk)
        if after.status == LoteItemStatus.SUBMITTED:
            _show_if_overdue(after, now)
        settled = after.look_up_at is None
        if after.lookups >= MAX_LOOKUPS:
            if after.told:
                _drop_unconfirmed(lote, after, "no look-up says so")
            LoteItem.objects.filter(pk=item.pk).update(look_up_at=None)
            operation_results.settle_unknown(item)
            settled = True
        elif after.told and after.absences >= _ABSENCES_AGAINST_NOTIFICATION:
            _drop_unconfirmed(lote, after, "look-ups do not find it")
    return settled


def _finding_to_record(item: LoteItem, finding: Finding, absences: int) -> str:
    """Return what to record: one found in the queue stays so until look-ups in a row, or the last of all, miss it."""
    if finding is Finding.ABSENT:
        is_news = absences >= _ENOUGH_ABSENCES or item.lookups >= MAX_LOOKUPS
    else:
        is_news = finding is not Finding.UNANSWERED
    return finding.value if is_news or item.finding not in FOUND_IN_QUEUE else item.finding


def _delete_if_unneeded(lote: Lote, item: LoteItem, finding: Finding) -> None:
    """Have a try in the provider's queue deleted if its invoice is settled or waits for another one."""
    if finding not in FOUND_IN_QUEUE or not modalities()[lote.modality].shows_its_queue:
        return
    item = LoteItem.objects.select_related("lote", "invoice").get(pk=item.pk)
    if operation_requests.is_unneeded(item):
        operation_requests.delete_unneeded(item)
    elif item.status == LoteItemStatus.SUBMITTED and item.is_awaited:
        operation_requests.cancel_other_tries(item)


def _absence_counts(account: Account, lote: Lote, now: dt.datetime) -> bool:
    """Whether not finding an item says anything: not with other credentials, nor too soon after a lost call."""
    too_soon = (
        lote.status == LoteStatus.UNCERTAIN
        and lote.sent_at is not None
        and now < lote.sent_at + dt.timedelta(seconds=conf.not_found_after)
    )
    return lote.sent_as in account.sent_as and not too_soon


def _best_of(found: tuple[Found, ...]) -> list[Found]:
    """Return what counts of several: all that are issued, otherwise one, preferably one that waits."""
    issued = [one for one in found if one.standing is Standing.ISSUED]
    waiting = [one for one in found if one.standing is Standing.QUEUED]
    return issued or waiting[:1] or list(found[:1])


def _show_several(lote: Lote, item: LoteItem, found: tuple[Found, ...], now: dt.datetime) -> None:
    """Show a person that the provider has several comprobantes of one try, and look up again those not issued yet."""
    text = f"TusFacturas lists {len(found)} comprobantes with the reference {item.reference}"
    lote = Lote.objects.get(pk=lote.pk)
    if text not in lote.discrepancies:
        add_discrepancy(lote.pk, text)
    if any(one.standing is not Standing.ISSUED for one in found):
        LoteItem.objects.filter(pk=item.pk).update(look_up_at=now + pause_before_next(item))


def _drop_unconfirmed(lote: Lote, item: LoteItem, why: str) -> None:
    """Drop what a notification told of a try and no look-up confirms, and show that to a person."""
    is_open = item.status in (LoteItemStatus.SUBMITTED, LoteItemStatus.UNCERTAIN)
    if is_open or item.told != Told.CHANGED:
        add_discrepancy(lote.pk, f"a notification told of {item} ({item.get_told_display()}), and {why}")
    LoteItem.objects.filter(pk=item.pk).update(told="")
    if not is_open and not QueueOperation.objects.filter(open_for=item.pk).exists():
        LoteItem.objects.filter(pk=item.pk).update(look_up_at=None)


def _apply_found(lote: Lote, item: LoteItem, found: Found, now: dt.datetime) -> None:
    if found.standing is Standing.ISSUED and found.result is not None:
        status, text = tries.mark_issued(lote, item, found.result, now)
        if status is not WebhookEventStatus.ERROR:
            LoteItem.objects.filter(pk=item.pk).update(look_up_at=None, told="")
            operation_results.settle_issued(item)
            operation_requests.cancel_other_tries(item)
        if text:
            logger.warning("The look-up of %s: %s", item, text)
    elif found.standing is Standing.IN_ERROR:
        if operation_results.settle_in_error(item):
            return
        tries.mark_failed(item, found.errors or ("TusFacturas lists it in error, without a text",))
        LoteItem.objects.filter(pk=item.pk, status=LoteItemStatus.FAILED).update(look_up_at=None, told="")
    else:
        _apply_queued(lote, item, found, now)


def _redacted(found: Found, account: Account) -> Found:
    """Return it without a credential in any of the provider's texts."""
    result = found.result
    if result is not None:
        result = replace(
            result,
            observaciones=redact_text(result.observaciones, account.secrets),
            pdf_url=redact_text(result.pdf_url, account.secrets),
        )
    errors = tuple(redact_text(text, account.secrets) for text in found.errors)
    return replace(found, result=result, errors=errors)


def _apply_queued(lote: Lote, item: LoteItem, found: Found, now: dt.datetime) -> None:
    due_at = max(
        filter(None, (item.due_at, argentine_midnight(found.issue_on) if found.issue_on else None)), default=now
    )
    again_at = max(due_at + overdue_after(), now + pause_before_next(item))
    if item.status == LoteItemStatus.FAILED:
        tries.mark_queued_again(item, now, again_at)
    LoteItem.objects.filter(pk=item.pk).live().update(due_at=due_at, look_up_at=again_at, told="")
    if found.issue_on is not None:
        tries.set_issue_date(LoteItem.objects.select_related("invoice").get(pk=item.pk), found.issue_on)
    operation_results.settle_queued(item, found.issue_on)


def _apply_absent(lote: Lote, item: LoteItem, now: dt.datetime) -> None:
    under_way = QueueOperation.objects.filter(open_for=item.pk).exists()
    if item.status == LoteItemStatus.WITHDRAWN and not item.told and not under_way:
        # A given-up try is looked up twice more; the second time much later where they show only what is issued.
        again_at = item.look_up_at if modalities()[lote.modality].shows_its_queue else now + _PAUSE_BEFORE_LAST
        enough = item.lookups >= _ENOUGH_ABSENCES and item.finding not in FOUND_IN_QUEUE
        LoteItem.objects.filter(pk=item.pk).update(look_up_at=None if enough else again_at)
        return
    if not modalities()[lote.modality].shows_its_queue:
        if lote.status == LoteStatus.UNCERTAIN:
            _rest_after_probes(lote, item)
        return
    is_absent = item.absences >= _ENOUGH_ABSENCES
    if is_absent and operation_results.settle_absent(item):
        return
    if is_absent and item.told == Told.DELETED:
        tries.mark_deleted(item, "It was deleted from TusFacturas' queue, and not from here.")
        LoteItem.objects.filter(pk=item.pk).update(told="", look_up_at=None)
    elif lote.status == LoteStatus.UNCERTAIN:
        _give_up_if_all_are_absent(lote)
    elif is_absent and item.status not in (LoteItemStatus.SUBMITTED, LoteItemStatus.UNCERTAIN) and not item.told:
        LoteItem.objects.filter(pk=item.pk).update(look_up_at=None)


def _give_up_if_all_are_absent(lote: Lote) -> None:
    """Requeue an uncertain lote of which nothing is in the provider's queue, long enough after the call (law 4)."""
    absent = Q(finding=Finding.ABSENT, absences__gte=_ENOUGH_ABSENCES)
    items = LoteItem.objects.filter(lote=lote)
    if items.live().exclude(absent).exists():
        return
    if items.notified().exists():
        mark_received(lote.pk)
        add_discrepancy(
            lote.pk, "a notification about its invoices could not be acted on, and look-ups do not find them"
        )
    else:
        mark_not_received(lote.pk, "TusFacturas does not know any of its invoices: it was not taken")


def _rest_after_probes(lote: Lote, item: LoteItem) -> None:
    """End this round of look-ups after a few, which tell as much as one for each of 500 items would."""
    items = LoteItem.objects.filter(lote=lote)
    if items.filter(looked_up_at__gte=lote.look_up_at).count() >= PROBES:
        again_at = LoteItem.objects.values_list("look_up_at", flat=True).get(pk=item.pk)
        items.filter(status=LoteItemStatus.UNCERTAIN, look_up_at__lt=again_at).update(look_up_at=again_at)


def _show_if_overdue(item: LoteItem, now: dt.datetime) -> None:
    overdue_from = (item.due_at or now) + overdue_after()
    if overdue_from <= now and item.is_awaited:
        Invoice.objects.filter(pk=item.invoice_id).show_overdue()


def pause_before_next(item: LoteItem) -> dt.timedelta:
    first = _FIRST_PAUSE_TOLD if item.told else _FIRST_PAUSE
    doubled: dt.timedelta = first * 2 ** min(item.lookups, 20)
    return min(doubled, _LONGEST_PAUSE)


def overdue_after() -> dt.timedelta:
    return dt.timedelta(seconds=conf.overdue_after)
