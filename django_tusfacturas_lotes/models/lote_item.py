"""`LoteItem`: one try to issue one invoice, and every change of its state."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, Value, When
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..wire.modalities import showing_their_queue
from .expressions import either, errors_by, sooner
from .invoice import Invoice
from .lote import Lote


class LoteItemStatus(models.TextChoices):
    """How one try to issue an invoice went."""

    CLAIMED = "claimed", _("claimed")
    """In a lote without an answer."""
    SUBMITTED = "submitted", _("submitted")
    """Taken."""
    REFUSED = "refused", _("refused")
    """Not taken; it will never be notified."""
    ISSUED = "issued", _("issued")
    """Issued as the document in `result`. Final."""
    FAILED = "failed", _("failed")
    """The provider gave up on it."""
    UNCERTAIN = "uncertain", _("uncertain")
    """May have been taken."""
    WITHDRAWN = "withdrawn", _("withdrawn")
    """Taken out before it was sent, or given up by a person."""


class Finding(models.TextChoices):
    """What the last look-up of an item found."""

    ISSUED = "issued", _("issued")
    """A document with its CAE."""
    QUEUED = "queued", _("in TusFacturas' queue")
    """Taken, and still to be issued."""
    IN_ERROR = "in_error", _("in error at TusFacturas")
    """Taken, and could not be issued."""
    ABSENT = "absent", _("not found")
    """Not found. In a modality whose queue look-ups do not show, that proves nothing."""
    UNANSWERED = "unanswered", _("the look-up failed")
    """The look-up had no answer that says anything."""


class Told(models.TextChoices):
    """What a notification said of an item that a look-up must still confirm."""

    ISSUED = "issued", _("told issued")
    DELETED = "deleted", _("told deleted")
    CHANGED = "changed", _("told changed")


@dataclass(frozen=True)
class Due:
    """From when items could have been issued: `moment`, or a later one for the items (primary keys) in `later`.

    `patience` is how long their notification may take after that before they are looked up.
    """

    moment: dt.datetime
    patience: dt.timedelta
    later: Mapping[dt.datetime, Sequence[int]] = field(default_factory=dict)

    @property
    def first_look_up(self) -> dt.datetime:
        """When the first of the items may have to be looked up."""
        return self.moment + self.patience

    def at(self, after: dt.timedelta = dt.timedelta()) -> Any:
        """Return an expression for each item's moment, plus `after`."""
        when = Value(self.moment + after, models.DateTimeField())
        if not self.later:
            return when
        whens = [
            When(pk__in=list(pks), then=Value(moment + after, models.DateTimeField()))
            for moment, pks in self.later.items()
        ]
        return Case(*whens, default=when)


# What a look-up finds of a try that is in the provider's queue.
FOUND_IN_QUEUE = (Finding.QUEUED, Finding.IN_ERROR)
_LIVE = (LoteItemStatus.CLAIMED, LoteItemStatus.UNCERTAIN, LoteItemStatus.SUBMITTED)


class LoteItemQuerySet(models.QuerySet["LoteItem"]):
    """Every change of `LoteItem.status` is one method here, with its *from* states in the query."""

    def answer(self, refused: Mapping[int, list[dict[str, str]]], due: Due) -> int:
        """claimed, uncertain, submitted → submitted, or refused for those (by primary key) that the answer names.

        `due` says from when each can be issued and when it is looked up. A look-up that a notification asked for stays
        as it is, and what was refused is not looked up.
        """
        whens = [When(~Q(told=""), then=F("look_up_at"))]
        if refused:
            whens.append(When(pk__in=list(refused), then=Value(None, models.DateTimeField())))
        return self.filter(
            status__in=[LoteItemStatus.CLAIMED, LoteItemStatus.UNCERTAIN, LoteItemStatus.SUBMITTED]
        ).update(
            status=either(refused, LoteItemStatus.REFUSED, LoteItemStatus.SUBMITTED),
            errors=errors_by(refused),
            due_at=due.at(),
            look_up_at=Case(*whens, default=due.at(due.patience)),
        )

    def mark_uncertain(self, look_up_at: dt.datetime) -> int:
        """claimed → uncertain, and looked up at `look_up_at`, or earlier if that was asked for."""
        return self.filter(status=LoteItemStatus.CLAIMED).update(
            status=LoteItemStatus.UNCERTAIN, look_up_at=sooner("look_up_at", look_up_at)
        )

    def withdraw(self) -> int:
        """claimed → withdrawn: taken out of a lote before it was sent, so it is not looked up."""
        return self.filter(status=LoteItemStatus.CLAIMED).update(
            status=LoteItemStatus.WITHDRAWN, told="", look_up_at=None
        )

    def give_up(self, look_up_at: dt.datetime, asked: Collection[int]) -> int:
        """claimed, uncertain → withdrawn, after a call; `due_at` tells it from what was withdrawn before one.

        Those in `asked` (primary keys) are looked up once more, at `look_up_at`, in case the provider has them after
        all.
        """
        asked_at = Case(
            When(pk__in=list(asked), then=Value(look_up_at)), default=None, output_field=models.DateTimeField()
        )
        return self.filter(status__in=[LoteItemStatus.CLAIMED, LoteItemStatus.UNCERTAIN]).update(
            status=LoteItemStatus.WITHDRAWN, due_at=timezone.now(), look_up_at=asked_at, lookups=0, absences=0
        )

    def reopen(self, due_at: Any, look_up_at: Any) -> int:
        """withdrawn, refused → submitted: it was taken after all. Both arguments are moments, or `Due.at`."""
        return self.filter(status__in=[LoteItemStatus.WITHDRAWN, LoteItemStatus.REFUSED]).update(
            status=LoteItemStatus.SUBMITTED, errors=[], due_at=due_at, look_up_at=look_up_at, lookups=0, absences=0
        )

    def look_up_soon(self, at: dt.datetime) -> int:
        """Have items looked up at `at`, whatever was found before. A look-up that is due earlier stays so."""
        return self.update(look_up_at=sooner("look_up_at", at), lookups=0, absences=0)

    def mark_gone(self, look_up_at: dt.datetime) -> int:
        """submitted, failed, uncertain → withdrawn: the provider no longer has it, or a person gave it up.

        It is looked up once more, at `look_up_at`, as after `give_up`.
        """
        return self.filter(
            status__in=[LoteItemStatus.SUBMITTED, LoteItemStatus.FAILED, LoteItemStatus.UNCERTAIN]
        ).update(status=LoteItemStatus.WITHDRAWN, told="", look_up_at=look_up_at, lookups=0, absences=0)

    def queue_again(self, due_at: dt.datetime, look_up_at: dt.datetime) -> int:
        """failed → submitted: it is in the provider's queue again, with the same reference."""
        return self.filter(status=LoteItemStatus.FAILED).update(
            status=LoteItemStatus.SUBMITTED,
            errors=[],
            told="",
            lookups=0,
            absences=0,
            due_at=due_at,
            look_up_at=look_up_at,
        )

    def issue(self, result: dict[str, Any]) -> int:
        """Anything but issued → issued."""
        return self.exclude(status=LoteItemStatus.ISSUED).update(
            status=LoteItemStatus.ISSUED, result=result, errors=[], told="", look_up_at=None
        )

    def fail(self, errors: list[dict[str, str]]) -> int:
        """claimed, submitted, uncertain → failed."""
        return self.filter(
            status__in=[LoteItemStatus.CLAIMED, LoteItemStatus.SUBMITTED, LoteItemStatus.UNCERTAIN]
        ).update(status=LoteItemStatus.FAILED, errors=errors, told="", look_up_at=None)

    def mark_told(self, told: Told, at: dt.datetime) -> int:
        """Record what a notification says of an item, and have a look-up at `at` confirm it.

        A look-up that is due earlier stays so: repeated notifications don't put off the look-up that they ask for.
        """
        return self.update(told=told, look_up_at=sooner("look_up_at", at), lookups=0, absences=0)

    def lock_lotes(self) -> list[Lote]:
        """Lock the lotes of these tries, in one order, before any item or invoice (law 14).

        Whoever changes an invoice for one of its tries locks the lotes of all: it may have to look at another one.
        """
        return list(Lote.objects.lock().filter(pk__in=self.order_by().values("lote_id")).order_by("pk"))

    def notified(self) -> LoteItemQuerySet:
        """Return the items that any notification was about: the proof that their lote was received.

        Notifications that could not be acted on count too: their sender proved to be TusFacturas.
        """
        # By name, as Django has it for a model that is defined above this one.
        events: models.Manager[Any] = apps.get_model("django_tusfacturas_lotes", "WebhookEvent")._default_manager
        told_of = Exists(events.filter(reference=OuterRef("reference")))
        return self.filter(Q(status__in=[LoteItemStatus.ISSUED, LoteItemStatus.FAILED]) | told_of)

    def live(self) -> LoteItemQuerySet:
        """Return the items whose result is still to come: an answer, or a person, may move them and their invoices."""
        return self.filter(status__in=_LIVE)

    def awaited_by(self, invoice: Invoice) -> LoteItem | None:
        """Return the try that an invoice waits for, or has its state from; None before the first.

        That is the newest, unless an older one turned out to be at the provider after all.
        """
        nothing = [LoteItemStatus.WITHDRAWN, LoteItemStatus.REFUSED]
        # What failed is still in the provider's queue, if the modality has one.
        in_error = Q(status=LoteItemStatus.FAILED, lote__modality__in=showing_their_queue())
        standing = Case(
            When(status__in=_LIVE, then=0), When(in_error, then=1), When(status__in=nothing, then=3), default=2
        )
        return self.filter(invoice=invoice).order_by(standing, "-pk").first()

    def found_in_queue(self) -> LoteItemQuerySet:
        """Return the tries withdrawn or refused here that a look-up found in the provider's queue."""
        return self.filter(
            status__in=[LoteItemStatus.WITHDRAWN, LoteItemStatus.REFUSED],
            finding__in=FOUND_IN_QUEUE,
            lote__modality__in=showing_their_queue(),
        )

    def under_way(self) -> LoteItemQuerySet:
        """Return the tries that may still be issued, as far as is known: no new one is sent beside them."""
        in_error = Q(status=LoteItemStatus.FAILED, lote__modality__in=showing_their_queue())
        return self.filter(Q(status__in=_LIVE) | in_error | Q(pk__in=self.found_in_queue().values("pk")))

    def undecided(self) -> LoteItemQuerySet:
        """Return the tries that their invoices may wait for, or were issued by: not those that came to nothing."""
        return self.filter(status__in=[*_LIVE, LoteItemStatus.ISSUED])

    def taken(self) -> LoteItemQuerySet:
        """Return the tries that the provider has, or may have: not those taken back, given up or refused."""
        return self.filter(status__in=[*_LIVE, LoteItemStatus.ISSUED, LoteItemStatus.FAILED])


class LoteItem(models.Model):
    """One try to issue one invoice. A new try is a new item with a new reference, which tells news of the two apart.

    `position` is the 0-based row in the call. `result` is what the provider issued, in the provider's words;
    `comprobante` what was sent, if its invoice's has been changed since. `due_at` is from when it could have been
    issued, once it is known to be taken; `look_up_at` when it is looked up next.
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
    comprobante = models.JSONField(_("comprobante"), null=True, blank=True)
    due_at = models.DateTimeField(_("issued at the earliest"), null=True, blank=True)
    told = models.CharField(_("told"), max_length=12, choices=Told.choices, blank=True)
    look_up_at = models.DateTimeField(_("looked up at the earliest"), null=True, blank=True)
    looked_up_at = models.DateTimeField(_("looked up at"), null=True, blank=True)
    lookups = models.PositiveSmallIntegerField(_("look-ups"), default=0)
    absences = models.PositiveSmallIntegerField(_("look-ups in a row that did not find it"), default=0)
    finding = models.CharField(_("last look-up"), max_length=12, choices=Finding.choices, blank=True)

    objects = LoteItemQuerySet.as_manager()

    class Meta:
        verbose_name = _("lote item")
        verbose_name_plural = _("lote items")
        constraints = [models.UniqueConstraint(fields=["lote", "position"], name="tusfacturas_one_per_row")]

    def __str__(self) -> str:
        return self.reference

    @property
    def is_awaited(self) -> bool:
        """Whether its invoice waits for this try, or has its state from it. Read it before the status is changed."""
        if self.is_newest_try and self.status in _LIVE:
            return True
        return LoteItem.objects.awaited_by(self.invoice) == self

    @property
    def is_newest_try(self) -> bool:
        """Whether it is its invoice's newest try, whatever became of it: the reference ends with the try's number."""
        return self.reference.rpartition("-")[2] == str(self.invoice.tries)
