"""One call to TusFacturas, and one try to issue each of its invoices."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .expressions import either, errors_by
from .invoice import Invoice

# Tries without reaching the provider after which a person should look.
MANY_TRIES = 4


class LoteStatus(models.TextChoices):
    """Where a call is."""

    READY = "ready", _("ready")
    """Known not to have been sent. `next_try_at` and `error` say why it waits."""
    SENDING = "sending", _("sending")
    """A worker is calling; past `SENDING_LEASE` it is taken for dead."""
    ACCEPTED = "accepted", _("accepted")
    """TusFacturas has it, but for the items that it refused."""
    UNCERTAIN = "uncertain", _("uncertain")
    """It may have been taken. Resolved by proof, never sent again by itself."""
    CANCELLED = "cancelled", _("cancelled")
    """Known or decided by a person not to have been taken; its invoices went back into the queue."""


class LoteItemStatus(models.TextChoices):
    """How one try to issue an invoice went."""

    CLAIMED = "claimed", _("claimed")
    """In a lote without an answer."""
    SUBMITTED = "submitted", _("submitted")
    """Taken."""
    REFUSED = "refused", _("refused")
    """Not taken; it will never be notified."""
    ISSUED = "issued", _("issued")
    """Issued, `result` says as what. Final."""
    FAILED = "failed", _("failed")
    """The provider gave up on it."""
    UNCERTAIN = "uncertain", _("uncertain")
    """May have been taken."""
    WITHDRAWN = "withdrawn", _("withdrawn")
    """Taken out before it was sent, or given up by a person."""


class LoteQuerySet(models.QuerySet["Lote"]):
    """Every change of `Lote.status` is one method here, with its *from* states in the query."""

    def start_sending(self, now: dt.datetime) -> int:
        """ready → sending, where it need not wait any more. Counts the try before the call."""
        return (
            self.filter(Q(next_try_at=None) | Q(next_try_at__lte=now))
            .filter(status=LoteStatus.READY)
            .update(status=LoteStatus.SENDING, tries=F("tries") + 1, sent_at=now, next_try_at=None, answered_at=None)
        )

    def hold(self, until: dt.datetime, **answer: Any) -> int:
        """sending → ready: known not to have been sent; the account's queue waits behind it."""
        return self.filter(status=LoteStatus.SENDING).update(status=LoteStatus.READY, next_try_at=until, **answer)

    def accept(self, **answer: Any) -> int:
        """ready, sending, uncertain → accepted; accepted on a webhook's word, and now on the answer's too."""
        return self.exclude(status=LoteStatus.CANCELLED).update(
            status=LoteStatus.ACCEPTED, in_flight_for=None, next_try_at=None, **answer
        )

    def mark_uncertain(self, **answer: Any) -> int:
        """sending → uncertain."""
        return self.filter(status=LoteStatus.SENDING).update(status=LoteStatus.UNCERTAIN, in_flight_for=None, **answer)

    def give_up(self, **answer: Any) -> int:
        """uncertain → cancelled: it is known, or a person says, that it was not taken."""
        return self.filter(status=LoteStatus.UNCERTAIN).update(
            status=LoteStatus.CANCELLED, in_flight_for=None, **answer
        )

    def close_empty(self) -> int:
        """ready, or about to be sent → cancelled: nothing is left in it to send."""
        return self.filter(status__in=[LoteStatus.READY, LoteStatus.SENDING]).update(
            status=LoteStatus.CANCELLED, in_flight_for=None, next_try_at=None
        )

    def stop_waiting(self) -> int:
        """ready: send it at the next occasion."""
        return self.filter(status=LoteStatus.READY).update(next_try_at=None)

    def needing_a_person(self) -> LoteQuerySet:
        """Return what is uncertain, was turned away for a reason that won't pass by itself, or does not add up."""
        turned_away = Q(http_status__isnull=False) & ~Q(http_status=HTTPStatus.TOO_MANY_REQUESTS)
        waits = Q(status=LoteStatus.READY, tries__gt=0) & (turned_away | Q(tries__gte=MANY_TRIES))
        return self.filter(Q(status=LoteStatus.UNCERTAIN) | waits | (~Q(discrepancies=[]) & Q(seen_at=None)))

    def lock(self) -> LoteQuerySet:
        """Lock rows, always before their items and invoices (law 14)."""
        return self.select_for_update()


class Lote(models.Model):
    """One call, with at most one in flight for an account: `in_flight_for` is unique, and null once it is answered."""

    account = models.CharField(_("account"), max_length=50)
    modality = models.CharField(_("modality"), max_length=20)
    send_on = models.DateField(_("send on"), null=True, blank=True)
    status = models.CharField(_("status"), max_length=12, choices=LoteStatus.choices, default=LoteStatus.READY)
    in_flight_for = models.CharField(max_length=50, null=True, blank=True, unique=True, editable=False)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    next_try_at = models.DateTimeField(_("next try at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    answered_at = models.DateTimeField(_("answered at"), null=True, blank=True)
    http_status = models.PositiveSmallIntegerField(_("HTTP status"), null=True, blank=True)
    response = models.JSONField(_("response"), null=True, blank=True)
    error = models.TextField(_("error"), blank=True)
    discrepancies = models.JSONField(_("discrepancies"), default=list, blank=True)
    seen_at = models.DateTimeField(_("discrepancies seen at"), null=True, blank=True)

    objects = LoteQuerySet.as_manager()

    class Meta:
        verbose_name = _("lote")
        verbose_name_plural = _("lotes")
        indexes = [
            models.Index(fields=["account", "-id"], name="tusfacturas_lote_account"),
            models.Index(fields=["status", "sent_at"], name="tusfacturas_lote_status"),
        ]
        permissions = [
            ("send_lote", "Can send lotes now"),
            ("confirm_lote", "Can confirm whether lotes were received"),
        ]

    def __str__(self) -> str:
        return f"lote {self.pk}"

    @property
    def waits_for_a_person(self) -> bool:
        """Whether it was turned away for a reason that won't pass by itself, or for too long."""
        turned_away = self.http_status is not None and self.http_status != HTTPStatus.TOO_MANY_REQUESTS
        return self.status == LoteStatus.READY and self.tries > 0 and (turned_away or self.tries >= MANY_TRIES)


class LoteItemQuerySet(models.QuerySet["LoteItem"]):
    """Every change of `LoteItem.status` is one method here, with its *from* states in the query."""

    def answer(self, refused: Mapping[int, list[dict[str, str]]]) -> int:
        """claimed, uncertain, submitted → submitted, or refused for those (by primary key) that the answer names."""
        return self.filter(
            status__in=[LoteItemStatus.CLAIMED, LoteItemStatus.UNCERTAIN, LoteItemStatus.SUBMITTED]
        ).update(status=either(refused, LoteItemStatus.REFUSED, LoteItemStatus.SUBMITTED), errors=errors_by(refused))

    def mark_uncertain(self) -> int:
        """claimed → uncertain."""
        return self.filter(status=LoteItemStatus.CLAIMED).update(status=LoteItemStatus.UNCERTAIN)

    def withdraw(self) -> int:
        """claimed, uncertain → withdrawn."""
        return self.filter(status__in=[LoteItemStatus.CLAIMED, LoteItemStatus.UNCERTAIN]).update(
            status=LoteItemStatus.WITHDRAWN
        )

    def issue(self, result: dict[str, Any]) -> int:
        """Anything but issued → issued."""
        return self.exclude(status=LoteItemStatus.ISSUED).update(status=LoteItemStatus.ISSUED, result=result, errors=[])

    def fail(self, errors: list[dict[str, str]]) -> int:
        """claimed, submitted, uncertain → failed."""
        return self.filter(
            status__in=[LoteItemStatus.CLAIMED, LoteItemStatus.SUBMITTED, LoteItemStatus.UNCERTAIN]
        ).update(status=LoteItemStatus.FAILED, errors=errors)

    def heard_of(self) -> LoteItemQuerySet:
        """Return the items that any notification was about: the proof that their lote was received."""
        told = Q(status__in=[LoteItemStatus.ISSUED, LoteItemStatus.FAILED]) | Q(events__isnull=False)
        return self.filter(told).distinct()

    def live(self) -> LoteItemQuerySet:
        """Return the items whose result is still to come: an answer, or a person, may move them and their invoices."""
        return self.filter(status__in=[LoteItemStatus.CLAIMED, LoteItemStatus.UNCERTAIN, LoteItemStatus.SUBMITTED])


class LoteItem(models.Model):
    """One try to issue one invoice. A new try is a new item with a new reference, so words about the old one stay its.

    `position` is the 0-based row in the call. `result` is what the provider issued, in the provider's words.
    """

    lote = models.ForeignKey(
        Lote, on_delete=models.PROTECT, related_name="items", verbose_name=_("lote"), db_index=False
    )
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="items", verbose_name=_("invoice"))
    position = models.PositiveSmallIntegerField(_("row"))
    reference = models.CharField(_("reference"), max_length=64, unique=True)
    status = models.CharField(
        _("status"), max_length=12, choices=LoteItemStatus.choices, default=LoteItemStatus.CLAIMED
    )
    errors = models.JSONField(_("errors"), default=list, blank=True)
    result = models.JSONField(_("result"), null=True, blank=True)

    objects = LoteItemQuerySet.as_manager()

    class Meta:
        verbose_name = _("lote item")
        verbose_name_plural = _("lote items")
        constraints = [models.UniqueConstraint(fields=["lote", "position"], name="tusfacturas_one_per_row")]

    def __str__(self) -> str:
        return self.reference

    @property
    def is_latest_try(self) -> bool:
        """Whether no newer try of its invoice was claimed: the try's number is the end of the reference."""
        return self.reference.rpartition("-")[2] == str(self.invoice.tries)
