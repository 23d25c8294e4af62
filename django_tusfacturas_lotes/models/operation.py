"""`QueueOperation`: what was asked to be done with an item in the provider's queue, and how far it came."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .lote import MANY_TRIES
from .lote_item import LoteItem


class OperationKind(models.TextChoices):
    """What can be done with an item in the queue."""

    RESEND = "resend", _("send again")
    """`reenviar_encolado`: one in error is tried again, with the same reference."""
    DELETE = "delete", _("delete")
    """`eliminar_encolado`: it will not be issued."""
    REDATE = "redate", _("change the date")
    """`cambiar_fecha_encolado`: it is issued on another day."""


class OperationStatus(models.TextChoices):
    """How far an operation came."""

    REQUESTED = "requested", _("requested")
    """Known not to have been sent. `next_try_at` and `error` say why it waits."""
    SENDING = "sending", _("sending")
    """Being sent; past `SENDING_LEASE` its process is taken for dead."""
    ACCEPTED = "accepted", _("accepted")
    """TusFacturas said that it does it; a notification or a look-up must show that it is done."""
    UNCERTAIN = "uncertain", _("uncertain")
    """Its answer was lost; a look-up tells."""
    DONE = "done", _("done")
    REFUSED = "refused", _("refused")
    """Not done, `error` says why. A person decides."""


class OperationPurpose(models.TextChoices):
    """What becomes of the invoice once its item is deleted."""

    CANCEL = "cancel", _("cancel the invoice")
    RETRY = "retry", _("send it anew")
    UNNEEDED = "spare", _("its invoice is settled, or waits for another try")
    """By the app itself: this try is not to be issued too."""


# After so long without proof of what became of it, an operation is shown to a person.
_LONG = dt.timedelta(days=1)

OPEN = (
    OperationStatus.REQUESTED, OperationStatus.SENDING, OperationStatus.ACCEPTED, OperationStatus.UNCERTAIN,
)  # fmt: skip


class QueueOperationQuerySet(models.QuerySet["QueueOperation"]):
    """Every change of `QueueOperation.status` is one method here, with its *from* states in the query."""

    def open(self) -> QueueOperationQuerySet:
        """Return those that have not come to an end."""
        return self.filter(status__in=OPEN)

    def to_send(self, now: dt.datetime) -> QueueOperationQuerySet:
        """Return those that may be sent now, in the order asked for."""
        due = Q(next_try_at=None) | Q(next_try_at__lte=now)
        return self.filter(due, status=OperationStatus.REQUESTED).order_by("pk")

    def start_sending(self, now: dt.datetime) -> int:
        """requested → sending. Counts the try before the call."""
        return (
            self.to_send(now)
            .order_by()
            .update(status=OperationStatus.SENDING, tries=F("tries") + 1, sent_at=now, next_try_at=None)
        )

    def hold(self, until: dt.datetime, **answer: Any) -> int:
        """sending, accepted, uncertain → requested: not sent, or without effect; sending it twice does no harm."""
        return self.filter(
            status__in=[OperationStatus.SENDING, OperationStatus.ACCEPTED, OperationStatus.UNCERTAIN]
        ).update(status=OperationStatus.REQUESTED, next_try_at=until, **answer)

    def accept(self, **answer: Any) -> int:
        """sending, uncertain → accepted."""
        return self.filter(status__in=[OperationStatus.SENDING, OperationStatus.UNCERTAIN]).update(
            status=OperationStatus.ACCEPTED, **answer
        )

    def mark_uncertain(self, **answer: Any) -> int:
        """sending → uncertain."""
        return self.filter(status=OperationStatus.SENDING).update(status=OperationStatus.UNCERTAIN, **answer)

    def close(self, status: OperationStatus, **answer: Any) -> int:
        """Anything open → done or refused."""
        return self.open().update(status=status, open_for=None, ended_at=timezone.now(), **answer)

    def needing_a_person(self) -> QueueOperationQuerySet:
        """Return those that were refused and not seen, could not be sent for long, or that no look-up settles."""
        waits = Q(status=OperationStatus.REQUESTED, tries__gte=MANY_TRIES)
        sent = Q(status__in=[OperationStatus.ACCEPTED, OperationStatus.UNCERTAIN])
        open_for_long = sent & Q(sent_at__lt=timezone.now() - _LONG)
        return self.filter(Q(status=OperationStatus.REFUSED, seen_at=None) | waits | open_for_long)


class QueueOperation(models.Model):
    """One operation on an item in the provider's queue, at most one open for an item (`open_for`).

    `fecha` and `vencimiento` belong to `redate`; `purpose` and `options` (of the retry) to `delete`.
    """

    item = models.ForeignKey(
        LoteItem, on_delete=models.PROTECT, related_name="operations", verbose_name=_("item"), db_index=False
    )
    account = models.CharField(_("account"), max_length=50)
    kind = models.CharField(_("operation"), max_length=12, choices=OperationKind.choices)
    fecha = models.DateField(_("date"), null=True, blank=True)
    vencimiento = models.DateField(_("due date"), null=True, blank=True)
    purpose = models.CharField(_("purpose"), max_length=12, choices=OperationPurpose.choices, blank=True)
    options = models.JSONField(default=dict, blank=True)
    status = models.CharField(
        _("status"), max_length=12, choices=OperationStatus.choices, default=OperationStatus.REQUESTED
    )
    open_for = models.PositiveBigIntegerField(null=True, blank=True, unique=True, editable=False)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    next_try_at = models.DateTimeField(_("next try at"), null=True, blank=True)
    requested_at = models.DateTimeField(_("requested at"), default=timezone.now)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    answered_at = models.DateTimeField(_("answered at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    http_status = models.PositiveSmallIntegerField(_("HTTP status"), null=True, blank=True)
    response = models.JSONField(_("response"), null=True, blank=True)
    error = models.TextField(_("error"), blank=True)
    seen_at = models.DateTimeField(_("seen at"), null=True, blank=True)

    objects = QueueOperationQuerySet.as_manager()

    class Meta:
        verbose_name = _("queue operation")
        verbose_name_plural = _("queue operations")
        indexes = [
            models.Index(fields=["item", "-id"], name="tusfacturas_op_item"),
            models.Index(fields=["status", "account"], name="tusfacturas_op_status"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.item_id}"
