"""Apply what a stored notification says, in the caller's transaction."""

from __future__ import annotations

import contextlib
from typing import NamedTuple

from django.utils import timezone

from ..conf import conf
from ..models import InvoiceStatus, Lote, LoteItem, LoteItemStatus, Told, WebhookEvent, WebhookEventStatus
from ..wire.modalities import Modality, Notification, NotificationKind, Unreadable, modalities
from . import operation_requests, operation_results, tries
from .late_proof import lote_received, reopen_try


class Applied(NamedTuple):
    """What became of a notification: the columns of its `WebhookEvent`."""

    status: WebhookEventStatus
    text: str
    item: LoteItem | None = None
    kind: str = ""


def apply_notification(event: WebhookEvent, aliases: set[str]) -> Applied:
    """Apply a notification to the try that it is about, and return what became of it.

    `aliases` are the accounts that it was proven for. In the caller's transaction. Raises what the database raises.
    """
    pair = tries.lock_try(event.reference)
    if pair is None or not _is_for(pair[0], aliases):
        return _about_nothing_of_ours(event)
    lote, item = pair
    # Whatever it says of an item of this lote, it proves that the lote was received.
    lote_received(lote, item, "a notification")
    try:
        notification = _modality_of(event, lote).read_notification(event.payload)
    except Unreadable as exc:
        reopen_try(lote, item)
        return Applied(WebhookEventStatus.ERROR, str(exc), item)
    status, text = _apply(lote, item, notification, event)
    return Applied(status, text, item, notification.kind.value)


def _is_for(lote: Lote, aliases: set[str]) -> bool:
    """Whether a lote is of one of these accounts, for which a notification was proven.

    By its alias, or, if the account had another alias then, by the apikey that the lote was sent with.
    """
    if lote.account in aliases:
        return True
    return lote.sent_as != "" and any(lote.sent_as in one.sent_as for one in conf.accounts() if one.alias in aliases)


def _about_nothing_of_ours(event: WebhookEvent) -> Applied:
    modality = modalities().get(event.modality)
    with contextlib.suppress(Unreadable):
        if modality is not None and modality.read_notification(event.payload).kind is NotificationKind.TEST:
            text = "TusFacturas tried the address, and got through"
            return Applied(WebhookEventStatus.IGNORED, text, kind=NotificationKind.TEST.value)
    return Applied(WebhookEventStatus.UNMATCHED, "no item of this account has this reference")


def _modality_of(event: WebhookEvent, lote: Lote) -> Modality:
    """Return the modality that a notification came by; that of its lote for what older versions stored."""
    return modalities()[event.modality or lote.modality]


def _apply(lote: Lote, item: LoteItem, notification: Notification, event: WebhookEvent) -> tries.EventOutcome:
    kind = notification.kind
    if kind is NotificationKind.ISSUED and notification.result is not None:
        outcome = tries.mark_issued(lote, item, notification.result, event.received_at)
        if outcome[0] is not WebhookEventStatus.ERROR:
            if modalities()[lote.modality].shows_its_queue:
                operation_results.settle_issued(item)
            operation_requests.cancel_other_tries(item)
        return outcome
    if kind is NotificationKind.TOLD_ISSUED:
        return tries.request_look_up(lote, item, Told.ISSUED)
    if kind is NotificationKind.FAILED:
        # After news that it was issued, or an operation on it, this may be an old notification: a look-up tells.
        if item.told or (modalities()[lote.modality].shows_its_queue and item.operations.exists()):
            return tries.request_look_up(lote, item, Told(item.told or Told.CHANGED))
        if modalities()[lote.modality].shows_its_queue and reopen_try(lote, item):
            item = LoteItem.objects.select_related("invoice").get(pk=item.pk)  # it is in their queue, in error
        return tries.mark_failed(item, notification.errors)
    if kind is NotificationKind.DELETED:
        return tries.request_look_up(lote, item, Told.ISSUED if item.told == Told.ISSUED else Told.DELETED)
    if kind is NotificationKind.REDATED or (kind is NotificationKind.QUEUED and item.status == LoteItemStatus.FAILED):
        return tries.request_look_up(lote, item, Told(item.told or Told.CHANGED))
    if kind is NotificationKind.QUEUED:
        over = item.invoice.status in (InvoiceStatus.ISSUED, InvoiceStatus.CANCELLED)
        if not reopen_try(lote, item) and over and item.status != LoteItemStatus.ISSUED:
            # It is not to be issued: a look-up finds it there, and has it deleted.
            now = timezone.now()
            LoteItem.objects.filter(pk=item.pk).look_up_soon(now)
            Lote.objects.filter(pk=lote.pk).look_up_by(now)
        return WebhookEventStatus.PROCESSED, ""
    if kind is NotificationKind.UNKNOWN:
        reopen_try(lote, item)
        return WebhookEventStatus.IGNORED, "a kind of notification that is not known: nothing was changed"
    return WebhookEventStatus.IGNORED, "TusFacturas tried the address, and got through"
