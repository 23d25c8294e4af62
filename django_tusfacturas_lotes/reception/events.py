"""Store a notification as an event, and then act on it.

Each step is a transaction of its own, so that an event is not lost because acting on it failed: the schedule, the same
notification coming again, or a person makes up for that.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import traceback
from collections.abc import Mapping
from typing import Any

from django.db import DatabaseError, IntegrityError

from ..conf import conf
from ..models import WebhookEvent, WebhookEventStatus
from ..outcomes import apply_notification
from ..transactions import again_on_deadlock, atomic, durable
from ..wire.answers.decode import clean_text
from ..wire.answers.redact import redact, redact_text
from ..wire.modalities import Modality, modalities
from .authentication import Authenticated

logger = logging.getLogger(__name__)


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
    # Events that fail each time must not keep the rest waiting: those that failed come in random order.
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
        # TusFacturas repeats it, the schedule takes it up, or a person does.
        trace = redact_text(traceback.format_exc(), secrets)
        logger.error("Webhook event %s could not be processed\n%s", event.pk, trace)  # noqa: TRY400 - no credentials
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
        applied = apply_notification(event, aliases)
        row.close(applied.status, error=applied.text, item=applied.item, kind=applied.kind)
    if applied.text and (applied.status, applied.text) != (event.status, event.error):
        logger.warning("Webhook event %s about %r: %s", event.pk, event.reference, applied.text)
    return applied.status


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
            known = WebhookEvent.objects.filter(digest=digest)
            known.deliver_again()
            return known.get()
