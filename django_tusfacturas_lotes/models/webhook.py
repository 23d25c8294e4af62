"""`WebhookEvent`: one notification from the provider, stored first and acted on afterwards."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .lote_item import LoteItem

# An event that nobody has acted on for so long was left by a killed process.
FORGOTTEN_AFTER = dt.timedelta(minutes=2)
KEEP_TRYING_FOR = dt.timedelta(days=1)


class WebhookEventStatus(models.TextChoices):
    """What became of a notification."""

    RECEIVED = "received", _("received")
    """Stored; not acted on yet."""
    PROCESSED = "processed", _("processed")
    """Acted on."""
    UNMATCHED = "unmatched", _("unmatched")
    """With right credentials, but about a reference that is not ours."""
    ERROR = "error", _("error")
    """Acting on it failed, `error` says why. It can be processed again."""
    IGNORED = "ignored", _("ignored")
    """It changes nothing, `error` says why."""


class WebhookEventQuerySet(models.QuerySet["WebhookEvent"]):
    """Every change of `WebhookEvent.status` is one method here."""

    def deliver_again(self) -> int:
        """Count one more delivery of the same notification."""
        return self.update(deliveries=F("deliveries") + 1, last_received_at=timezone.now())

    def close(self, status: WebhookEventStatus, **fields: Any) -> int:
        """received, unmatched, error → processed, unmatched, ignored or error."""
        return self.exclude(status__in=[WebhookEventStatus.PROCESSED, WebhookEventStatus.IGNORED]).update(
            status=status, **fields
        )

    def needing_a_person(self) -> WebhookEventQuerySet:
        """Return what matches nothing of ours, could not be acted on, or was left by a killed process."""
        forgotten = Q(status=WebhookEventStatus.RECEIVED, received_at__lt=timezone.now() - FORGOTTEN_AFTER)
        return self.filter(Q(status__in=[WebhookEventStatus.UNMATCHED, WebhookEventStatus.ERROR]) | forgotten)

    def to_process_again(self) -> WebhookEventQuerySet:
        """Return the events of the last day that were not acted on, perhaps for a passing reason.

        Also those about a try of ours that came while the settings did not know its account.
        """
        now = timezone.now()
        ours = Exists(LoteItem.objects.filter(reference=OuterRef("reference")))
        return self.filter(
            Q(status__in=[WebhookEventStatus.RECEIVED, WebhookEventStatus.ERROR])
            | (Q(status=WebhookEventStatus.UNMATCHED) & ours),
            received_at__lt=now - FORGOTTEN_AFTER,
            last_received_at__gt=now - KEEP_TRYING_FOR,
        )

    def lock(self) -> int:
        """Lock rows by writing them unchanged: on SQLite, who reads before writing may not get the lock."""
        return self.update(status=F("status"))


class WebhookEvent(models.Model):
    """One notification, without credentials. One that comes again (same `digest`) is counted in `deliveries`."""

    account = models.CharField(_("account"), max_length=50)
    modality = models.CharField(_("modality"), max_length=20, blank=True)
    reference = models.CharField(_("reference"), max_length=255, blank=True)
    item = models.ForeignKey(
        LoteItem, on_delete=models.PROTECT, null=True, blank=True, related_name="events", verbose_name=_("item")
    )
    kind = models.CharField(_("kind"), max_length=20, blank=True)
    payload = models.JSONField(_("payload"), default=dict)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    deliveries = models.PositiveIntegerField(_("deliveries"), default=1)
    status = models.CharField(
        _("status"), max_length=12, choices=WebhookEventStatus.choices, default=WebhookEventStatus.RECEIVED
    )
    error = models.TextField(_("error"), blank=True)
    received_at = models.DateTimeField(_("received at"), default=timezone.now)
    last_received_at = models.DateTimeField(_("last received at"), default=timezone.now)

    objects = WebhookEventQuerySet.as_manager()

    class Meta:
        verbose_name = _("webhook event")
        verbose_name_plural = _("webhook events")
        indexes = [
            models.Index(fields=["reference"], name="tusfacturas_event_reference"),
            models.Index(fields=["status", "-id"], name="tusfacturas_event_status"),
        ]
        permissions = [("process_webhookevent", "Can process webhook events again")]

    def __str__(self) -> str:
        kind = self.kind or _("notification")
        return f"{kind} {self.reference}"
