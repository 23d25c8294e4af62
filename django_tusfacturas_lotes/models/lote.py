"""`Lote`: one call to TusFacturas, and every change of its state."""

from __future__ import annotations

import datetime as dt
from http import HTTPStatus
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .expressions import sooner

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
    """Not taken, as is known or a person decided; its invoices went back into the queue. If it is proven to have been
    taken after all, it becomes accepted, and its discrepancies say so."""


class LoteQuerySet(models.QuerySet["Lote"]):
    """Every change of `Lote.status` is one method here, with its *from* states in the query."""

    def start_sending(self, now: dt.datetime, sent_as: str = "") -> int:
        """ready → sending, if its pause is over. Counts the try before the call."""
        return (
            self.filter(Q(next_try_at=None) | Q(next_try_at__lte=now))
            .filter(status=LoteStatus.READY)
            .update(
                status=LoteStatus.SENDING,
                tries=F("tries") + 1,
                sent_at=now,
                next_try_at=None,
                answered_at=None,
                sent_as=sent_as,
            )
        )

    def hold(self, until: dt.datetime, **answer: Any) -> int:
        """sending → ready: known not to have been sent; the account's queue waits behind it."""
        return self.filter(status=LoteStatus.SENDING).update(status=LoteStatus.READY, next_try_at=until, **answer)

    def accept(self, look_up_by: dt.datetime, **answer: Any) -> int:
        """ready, sending, uncertain → accepted; also for one that a notification has proven received already.

        Its items are looked up at `look_up_by`, or earlier if a notification asked for that.
        """
        return self.exclude(status=LoteStatus.CANCELLED).update(
            status=LoteStatus.ACCEPTED,
            in_flight_for=None,
            next_try_at=None,
            look_up_at=sooner("look_up_at", look_up_by),
            **answer,
        )

    def look_up_by(self, moment: dt.datetime) -> int:
        """Have the items of a lote looked up at `moment` at the latest."""
        return self.filter(Q(look_up_at=None) | Q(look_up_at__gt=moment)).update(look_up_at=moment)

    def mark_uncertain(self, look_up_by: dt.datetime, **answer: Any) -> int:
        """sending → uncertain. Its items are looked up at `look_up_by`, or earlier if that was asked for."""
        return self.filter(status=LoteStatus.SENDING).update(
            status=LoteStatus.UNCERTAIN, in_flight_for=None, look_up_at=sooner("look_up_at", look_up_by), **answer
        )

    def reopen(self) -> int:
        """cancelled → accepted, if it was tried: there is proof that it was taken after all."""
        return self.filter(status=LoteStatus.CANCELLED, tries__gt=0).update(status=LoteStatus.ACCEPTED)

    def give_up(self, **answer: Any) -> int:
        """uncertain → cancelled: it is known, or a person says, that it was not taken."""
        return self.filter(status=LoteStatus.UNCERTAIN).update(
            status=LoteStatus.CANCELLED, in_flight_for=None, **answer
        )

    def close_empty(self, **answer: Any) -> int:
        """ready, or about to be sent → cancelled: nothing is left in it to send."""
        return self.filter(status__in=[LoteStatus.READY, LoteStatus.SENDING]).update(
            status=LoteStatus.CANCELLED, in_flight_for=None, next_try_at=None, **answer
        )

    def stop_waiting(self) -> int:
        """ready: end its pause, so that it is sent next."""
        return self.filter(status=LoteStatus.READY).update(next_try_at=None)

    def needing_a_person(self) -> LoteQuerySet:
        """Return what is uncertain, was turned away for a reason that won't pass, or has unseen discrepancies."""
        turned_away = Q(http_status__isnull=False) & ~Q(http_status=HTTPStatus.TOO_MANY_REQUESTS)
        waits = Q(status=LoteStatus.READY, tries__gt=0) & (turned_away | Q(tries__gte=MANY_TRIES))
        return self.filter(Q(status=LoteStatus.UNCERTAIN) | waits | (~Q(discrepancies=[]) & Q(seen_at=None)))

    def lock(self) -> LoteQuerySet:
        """Lock rows, always before their items and invoices (law 14)."""
        return self.select_for_update()


class Lote(models.Model):
    """One call, with at most one in flight for an account: `in_flight_for` is unique, and null once it is answered.

    `look_up_at` is at most the earliest `look_up_at` of its items: that is how they are found. `sent_as` is a digest of
    the apikey that it was sent with: a look-up with another one proves nothing by not finding it.
    """

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
    look_up_at = models.DateTimeField(_("looked up at the earliest"), null=True, blank=True)
    sent_as = models.CharField(max_length=32, blank=True, editable=False)

    objects = LoteQuerySet.as_manager()

    class Meta:
        verbose_name = _("lote")
        verbose_name_plural = _("lotes")
        indexes = [
            models.Index(fields=["account", "-id"], name="tusfacturas_lote_account"),
            models.Index(fields=["status", "sent_at"], name="tusfacturas_lote_status"),
            models.Index(fields=["look_up_at"], name="tusfacturas_lote_look_up"),
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
