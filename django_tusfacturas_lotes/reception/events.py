"""A notification becomes a stored event, and the event a change of state.

Two steps, each in a transaction of its own: what was stored is never lost because acting on it failed, and the same
notification coming again, or a person, makes up for it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, IntegrityError
from django.utils import timezone

from ..conf import Account, conf
from ..models import InvoiceStatus, Lote, LoteItem, LoteItemStatus, Told, WebhookEvent, WebhookEventStatus
from ..outcomes import operation_requests, operation_results, tries
from ..outcomes.late_proof import prove_received, revive
from ..transactions import again_on_deadlock, atomic, durable
from ..wire.answers.decode import clean_text
from ..wire.answers.redact import redact, redact_text
from ..wire.modalities import Modality, Notification, NotificationKind, Unreadable, modalities

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Authenticated:
    """What a notification proved: for which accounts it is, and by which modality it came."""

    accounts: tuple[Account, ...]
    modality: Modality


def authenticate(payload: Mapping[str, Any], headers: Mapping[str, str]) -> Authenticated | None:
    """Return what a notification proves; None where it proves nothing.

    Each account is tried in every modality: what was sent before it was switched to another one is still told of. Every
    account is compared, in constant time, so that the time tells nothing.
    """
    proven = [
        (modality, account)
        for modality in modalities().values()
        for account in conf.accounts()
        if modality.is_proof(payload, headers, account)
    ]
    if not proven:
        return None
    # Those of one modality's queue are proven alike, and read alike; an account's own way goes first.
    modality = next((modality for modality, account in proven if account.modality is modality), proven[0][0])
    how = modality.webhook_at_provider
    alike = (account for by, account in proven if by.webhook_at_provider == how)
    return Authenticated(tuple(dict.fromkeys(alike)), modality)


def receive(payload: Mapping[str, Any], proof: Authenticated) -> WebhookEvent:
    """Store an authenticated notification without its credentials, commit it, then act on it.

    Returns the event as it was stored; acting on it does not raise.
    """
    secrets = conf.secrets()
    event = _store(redact(payload, secrets), proof.modality, proof.accounts[0].alias)
    _try_to_process(event, {one.alias for one in proof.accounts}, secrets)
    return event


def process(event_id: int) -> WebhookEventStatus:
    """Act on a stored event, in one transaction; once it is processed or ignored, do nothing more.

    Returns what became of the event. Raises what the database raises.
    """
    event = WebhookEvent.objects.get(pk=event_id)
    return _process(event, _aliases_of(event))


def process_again(most: int = 100) -> int:
    """Act on events that were stored and not acted on: left by a killed process, or failed for a passing reason.

    Called by the schedule. Returns how many were looked at, at most `most`.
    """
    secrets = conf.secrets()
    waiting = WebhookEvent.objects.to_process_again()
    # What fails again and again must not keep the rest waiting: those that failed come in any order.
    events = [
        *waiting.filter(status=WebhookEventStatus.RECEIVED).order_by("pk")[:most],
        *waiting.exclude(status=WebhookEventStatus.RECEIVED).order_by("?")[:most],
    ]
    for event in events:
        _try_to_process(event, _aliases_of(event), secrets)
    return len(events)


def _aliases_of(event: WebhookEvent) -> set[str]:
    """Return the accounts that a stored event was proven to be for, as far as the settings still tell."""
    modality = modalities().get(event.modality)
    return conf.aliases_sharing(event.account, token=modality is not None and modality.webhook_at_provider)


def _try_to_process(event: WebhookEvent, aliases: set[str], secrets: frozenset[str]) -> None:
    try:
        _process(event, aliases)
    except Exception as exc:  # noqa: BLE001 - whatever it is, the event is stored, and says so
        # It comes again, the schedule takes it, or a person does.
        told = redact_text(traceback.format_exc(), secrets)
        logger.error("Webhook event %s could not be processed\n%s", event.pk, told)  # noqa: TRY400 - without credentials
        text = clean_text(redact_text(f"{type(exc).__name__}: {exc}", secrets))
        with contextlib.suppress(DatabaseError), atomic():
            WebhookEvent.objects.filter(pk=event.pk).close(WebhookEventStatus.ERROR, error=text)


@again_on_deadlock
def _process(event: WebhookEvent, aliases: set[str]) -> WebhookEventStatus:
    if event.status in (WebhookEventStatus.PROCESSED, WebhookEventStatus.IGNORED):
        return WebhookEventStatus(event.status)
    with atomic():
        row = WebhookEvent.objects.filter(pk=event.pk)
        row.lock()
        status, text, item, kind = _act(event, aliases)
        row.close(status, error=text, item=item, kind=kind)
    if text and (status, text) != (event.status, event.error):
        logger.warning("Webhook event %s about %r: %s", event.pk, event.reference, text)
    return status


@again_on_deadlock
def _store(payload: dict[str, Any], modality: Modality, alias: str) -> WebhookEvent:
    canonical = json.dumps([alias, modality.identity_of(payload)], sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    try:
        with durable():
            return WebhookEvent.objects.create(
                account=alias, modality=modality.name, reference=modality.reference_of(payload)[:255], payload=payload,
                digest=digest,
            )  # fmt: skip
    except IntegrityError:
        with durable():
            again = WebhookEvent.objects.filter(digest=digest)
            again.deliver_again()
            return again.get()


def _act(event: WebhookEvent, aliases: set[str]) -> tuple[WebhookEventStatus, str, LoteItem | None, str]:
    """Change what the event says. Returns the event's status and error, its item, and its kind."""
    pair = tries.locked(event.reference)
    if pair is None or not _is_for(pair[0], aliases):
        return _about_nothing_of_ours(event)
    lote, item = pair
    # Whatever it says: that it speaks of an item of this lote proves that the lote was received.
    prove_received(lote, item, "a notification")
    try:
        notification = _modality_of(event, lote).read_notification(event.payload)
    except Unreadable as exc:
        revive(lote, item)
        return WebhookEventStatus.ERROR, str(exc), item, ""
    status, text = _apply(lote, item, notification, event)
    return status, text, item, notification.kind.value


def _is_for(lote: Lote, aliases: set[str]) -> bool:
    """Whether a notification that was proven for these accounts may be about a lote: one of theirs.

    By its alias, or by the apikey that it was sent with, where the account had another alias then.
    """
    if lote.account in aliases:
        return True
    return lote.sent_as != "" and any(lote.sent_as in one.sent_as for one in conf.accounts() if one.alias in aliases)


def _about_nothing_of_ours(event: WebhookEvent) -> tuple[WebhookEventStatus, str, LoteItem | None, str]:
    modality = modalities().get(event.modality)
    with contextlib.suppress(Unreadable):
        if modality is not None and modality.read_notification(event.payload).kind is NotificationKind.TEST:
            text = "TusFacturas tried the address, and got through"
            return WebhookEventStatus.IGNORED, text, None, NotificationKind.TEST.value
    return WebhookEventStatus.UNMATCHED, "no item of this account has this reference", None, ""


def _modality_of(event: WebhookEvent, lote: Lote) -> Modality:
    """Return the modality that a notification came by; that of its lote for what older versions stored."""
    return modalities()[event.modality or lote.modality]


def _apply(lote: Lote, item: LoteItem, notification: Notification, event: WebhookEvent) -> tries.Said:
    kind = notification.kind
    if kind is NotificationKind.ISSUED and notification.result is not None:
        said = tries.issue(lote, item, notification.result, event.received_at)
        if said[0] is not WebhookEventStatus.ERROR:
            if modalities()[lote.modality].shows_its_queue:
                operation_results.settle_issued(item)
            operation_requests.spare_the_others(item)
        return said
    if kind is NotificationKind.TOLD_ISSUED:
        return tries.ask(lote, item, Told.ISSUED)
    if kind is NotificationKind.FAILED:
        # After a word that it was issued, or an operation on it, this may be an old one: a look-up tells.
        if item.told or (modalities()[lote.modality].shows_its_queue and item.operations.exists()):
            return tries.ask(lote, item, Told(item.told or Told.CHANGED))
        if modalities()[lote.modality].shows_its_queue and revive(lote, item):
            item = LoteItem.objects.select_related("invoice").get(pk=item.pk)  # it lies in their queue, in error
        return tries.fail(item, notification.errors)
    if kind is NotificationKind.DELETED:
        return tries.ask(lote, item, Told.ISSUED if item.told == Told.ISSUED else Told.DELETED)
    if kind is NotificationKind.REDATED or (kind is NotificationKind.QUEUED and item.status == LoteItemStatus.FAILED):
        return tries.ask(lote, item, Told(item.told or Told.CHANGED))
    if kind is NotificationKind.QUEUED:
        over = item.invoice.status in (InvoiceStatus.ISSUED, InvoiceStatus.CANCELLED)
        if not revive(lote, item) and over and item.status != LoteItemStatus.ISSUED:
            # It is not to be issued: a look-up finds it there, and has it deleted.
            now = timezone.now()
            LoteItem.objects.filter(pk=item.pk).look_up_soon(now)
            Lote.objects.filter(pk=lote.pk).look_up_by(now)
        return WebhookEventStatus.PROCESSED, ""
    if kind is NotificationKind.UNKNOWN:
        revive(lote, item)
        return WebhookEventStatus.IGNORED, "a kind of notification that is not known: nothing was changed"
    return WebhookEventStatus.IGNORED, "TusFacturas tried the address, and got through"
