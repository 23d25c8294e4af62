"""`Invoice`: one order's invoice, and every change of its state."""

from __future__ import annotations

import datetime as dt
import re
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.apps import apps
from django.conf import DEFAULT_STORAGE_ALIAS
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.core.files.storage import Storage, storages
from django.db import connections, models
from django.db.models import Case, Exists, F, OuterRef, Q, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .expressions import either, errors_by


class InvoiceStatus(models.TextChoices):
    """Where an invoice is on its way."""

    PENDING = "pending", _("pending")
    """Waits for a lote."""
    CLAIMED = "claimed", _("claimed")
    """In a lote that has not been answered."""
    SUBMITTED = "submitted", _("submitted")
    """Taken by TusFacturas, which will tell of the result."""
    ISSUED = "issued", _("issued")
    """A legal document with a CAE. Final."""
    FAILED = "failed", _("failed")
    """Not issued; `failure_stage` and `errors` say why. A person retries or cancels it."""
    UNCERTAIN = "uncertain", _("uncertain")
    """Its lote's answer was lost: it may have been taken. Never sent again by itself."""
    CANCELLED = "cancelled", _("cancelled")
    """A person decided that it is not to be issued."""


class FailureStage(models.TextChoices):
    """How far a failed invoice came."""

    BUILD = "build", _("builder")
    """The host's builder raised, or its account is not configured."""
    VALIDATION = "validation", _("validation")
    """The comprobante was refused here."""
    INTAKE = "intake", _("intake")
    """TusFacturas did not take it from the lote."""
    EMISSION = "emission", _("emission")
    """TusFacturas took it, and it could not be issued."""


class Attention(models.TextChoices):
    """What a person must look at although the status alone does not say so."""

    NO_CAE = "no_cae", _("told issued, but without a CAE")
    """A success came without a CAE for an account that is not marked as a trial one."""
    OLDER_TRY = "older_try", _("issued by an older try: its document may not be what is shown here")
    """A try that was given up was issued after all, and may have had other data."""
    CANCELLED = "cancelled", _("issued, although it was cancelled here")
    """It was on its way when it was cancelled, or somebody said wrongly that it was not taken."""
    OVER_CREDITED = "over_credit", _("with it, more is credited than the invoice came to")
    """A nota de crédito that was given up was issued after all, beside the ones that took its place."""
    OVERDUE = "overdue", _("taken by TusFacturas and not heard of in time; its last look-up settles nothing")
    """Its notification never came, and looking it up did not tell what became of it."""
    DUPLICATE = "duplicate", _("issued twice")
    """Two legal documents for one order: one needs a nota de crédito."""
    NO_PDF = "no_pdf", _("issued, and its PDF could not be had")
    """Fetching it was given up; `pdf_error` says why."""


def pdf_name(invoice: Invoice, filename: str) -> str:
    """Return where an invoice's PDF is kept in the storage; nobody can guess it from the number alone."""
    day = invoice.issued_at or timezone.now()
    number = re.sub("[^A-Za-z0-9]+", "-", f"{invoice.tipo} {invoice.comprobante_nro}").strip("-")
    return f"tusfacturas/{day:%Y/%m}/{number}-{invoice.public_id}.pdf"


def pdf_storage() -> Storage:
    """Return the storage that PDFs are kept in: `STORAGES["tusfacturas_lotes"]`, or the default one."""
    name = "tusfacturas_lotes"
    return storages[name if name in storages.backends else DEFAULT_STORAGE_ALIAS]


def new_public_id() -> str:
    """Return a new public id: the time in milliseconds and 64 random bits, in lower-case hex.

    In order of time, because each of 500 random ids touches another page of a large index; lower-case hex, so that no
    collation can confuse two of them.
    """
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(8)}"


class InvoiceQuerySet(models.QuerySet["Invoice"]):
    """Every change of `Invoice.status` is one method here, with its *from* states in the query."""

    def pending(self, account: str | None = None) -> InvoiceQuerySet:
        """Return what waits to be sent: oldest `fecha` first, those to be dated on the day of sending last."""
        queryset = self.filter(status=InvoiceStatus.PENDING)
        if account is not None:
            queryset = queryset.filter(account=account)
        return queryset.order_by(F("fecha").asc(nulls_last=True), "pk")

    def needing_a_person(self) -> InvoiceQuerySet:
        """Return the invoices that need a person."""
        unseen = ~Q(attention="") & Q(seen_at=None)
        return self.filter(Q(status__in=[InvoiceStatus.FAILED, InvoiceStatus.UNCERTAIN]) | unseen)

    def for_sources(self, sources: Iterable[models.Model], kind: str = "factura") -> InvoiceQuerySet:
        """Return the invoices of these orders (all of one model); `source_id` tells which order each is of.

        One query for a list of orders. A `GenericRelation` would join text to numbers, and delete the invoices along
        with an order.
        """
        keys = list(sources)
        if not keys:
            return self.none()
        source_type = ContentType.objects.get_for_model(keys[0])
        return self.filter(source_type=source_type, source_id__in=[str(source.pk) for source in keys], kind=kind)

    def last_fecha(self, account: str, tipo: str, punto_venta: int) -> dt.date | None:
        """Return the date of the last invoice issued of a type at a point of sale, as far as is known here."""
        issued = self.filter(account=account, tipo=tipo, punto_venta=punto_venta, status=InvoiceStatus.ISSUED)
        return issued.exclude(fecha=None).order_by("-fecha").values_list("fecha", flat=True).first()

    def read_latest(self) -> Iterable[Invoice]:
        """Return the rows as committed by now, also where the transaction reads from a snapshot (MySQL, MariaDB).

        There a shared lock does it. Not `select_for_update`: a refused INSERT has left a shared lock behind, and two
        processes that were refused at once would wait for each other's.
        """
        if connections[self.db].vendor != "mysql":
            return self
        sql, params = self.query.sql_with_params()
        return self.model.objects.using(self.db).raw(f"{sql} LOCK IN SHARE MODE", params)

    def claim(self, today: dt.date) -> int:
        """pending → claimed: into a lote. Counts the try, and dates the invoices without a date on `today`."""
        return self._move(
            [InvoiceStatus.PENDING],
            InvoiceStatus.CLAIMED,
            tries=F("tries") + 1,
            fecha=Coalesce("fecha", Value(today, models.DateField())),
        )

    def set_fecha(self, day: dt.date) -> int:
        """Date invoices on another day than they were claimed with, and keep the one that was asked for."""
        first_asked = Coalesce("redated_from", "fecha")
        asked = Case(When(comprobante__comprobante__has_key="fecha", then=first_asked), default=F("redated_from"))
        # In this order: MySQL and MariaDB assign from left to right, and see what they have assigned.
        return self.update(redated_from=asked, fecha=day, updated_at=timezone.now())

    def requeue(self) -> int:
        """claimed, uncertain → pending: it is known that the try was not taken. A day left open is open again."""
        own_day = Case(When(comprobante__comprobante__has_key="fecha", then=F("fecha")), default=None)
        return self._move([InvoiceStatus.CLAIMED, InvoiceStatus.UNCERTAIN], InvoiceStatus.PENDING, fecha=own_day)

    def latest_in(self, lote_id: int) -> InvoiceQuerySet:
        """Leave out invoices with a try in a later lote: news of this lote is not about them."""
        items: models.Manager[Any] = apps.get_model("django_tusfacturas_lotes", "LoteItem")._default_manager
        later = items.filter(invoice=OuterRef("pk"), lote_id__gt=lote_id)
        return self.filter(~Exists(later))

    def mark_uncertain(self) -> int:
        """claimed → uncertain: the answer was lost."""
        return self._move([InvoiceStatus.CLAIMED], InvoiceStatus.UNCERTAIN)

    def answer(self, refused: Mapping[int, list[dict[str, str]]]) -> int:
        """claimed, uncertain, submitted → submitted, or failed at intake for those that the answer names."""
        return self.filter(status__in=[InvoiceStatus.CLAIMED, InvoiceStatus.UNCERTAIN, InvoiceStatus.SUBMITTED]).update(
            status=either(refused, InvoiceStatus.FAILED, InvoiceStatus.SUBMITTED),
            failure_stage=either(refused, FailureStage.INTAKE, ""),
            errors=errors_by(refused),
            updated_at=timezone.now(),
        )

    def fail(self, errors: list[dict[str, str]]) -> int:
        """claimed, submitted, uncertain → failed at emission."""
        return self._move(
            [InvoiceStatus.CLAIMED, InvoiceStatus.SUBMITTED, InvoiceStatus.UNCERTAIN],
            InvoiceStatus.FAILED,
            failure_stage=FailureStage.EMISSION,
            errors=errors,
            attention="",
        )

    def reject(self, why: str) -> int:
        """claimed → failed at validation: its data can't be sent."""
        errors = [{"code": "", "text": why, "hint": ""}]
        return self._move(
            [InvoiceStatus.CLAIMED], InvoiceStatus.FAILED, failure_stage=FailureStage.VALIDATION, errors=errors
        )

    def issue(self, **result: Any) -> int:
        """Anything but issued → issued: a legal document counts, whatever the invoice's state was here."""
        not_issued = [status for status in InvoiceStatus if status != InvoiceStatus.ISSUED]
        return self._move(not_issued, InvoiceStatus.ISSUED, failure_stage="", errors=[], attention="", **result)

    def ask_for_attention(self, attention: Attention) -> int:
        """Set what a person must look at, whatever the status."""
        return self.update(attention=attention, seen_at=None, updated_at=timezone.now())

    def show_without_pdf(self) -> int:
        """Ask for attention to a PDF that was given up, unless something graver asks already."""
        return self.filter(attention="").ask_for_attention(Attention.NO_PDF)

    def show_overdue(self) -> int:
        """Ask for attention to overdue submitted invoices, once: not again after a person has seen them."""
        return self.filter(status=InvoiceStatus.SUBMITTED, attention="").ask_for_attention(Attention.OVERDUE)

    def queue_again(self) -> int:
        """failed at emission → submitted: it is in the provider's queue again, with the same reference."""
        return self.filter(failure_stage=FailureStage.EMISSION)._move(
            [InvoiceStatus.FAILED], InvoiceStatus.SUBMITTED, failure_stage="", errors=[]
        )

    def reopenable(self, *, claimed: bool = False, queued: bool = False) -> InvoiceQuerySet:
        """Return the invoices that `reopen` would move."""
        stages = [FailureStage.INTAKE, *([FailureStage.EMISSION] if queued else [])]
        failed = Q(status=InvoiceStatus.FAILED, failure_stage__in=stages)
        if queued:
            # Without notas: one that failed because it does not fit beside the others is not wanted any more.
            failed |= Q(status=InvoiceStatus.FAILED, credits=None)
        waiting = [InvoiceStatus.PENDING, *([InvoiceStatus.CLAIMED] if claimed else [])]
        return self.filter(Q(status__in=waiting) | failed)

    def reopen(self, day: dt.date, *, claimed: bool = False, queued: bool = False) -> int:
        """pending, failed → submitted: a try of it that was given up, deleted or refused was taken after all.

        From `failed` at another stage than intake only if the try is known to be `queued`; from `claimed` only if the
        caller has taken it out of a lote that was not sent. `day` is the try's date, where the invoice left it open.
        """
        own_day = Case(When(comprobante__comprobante__has_key="fecha", then=F("fecha")), default=Value(day))
        return self.reopenable(claimed=claimed, queued=queued).update(
            status=InvoiceStatus.SUBMITTED, failure_stage="", errors=[], fecha=own_day, updated_at=timezone.now()
        )

    def cancel_deleted(self) -> int:
        """submitted, failed, uncertain → cancelled: the provider has taken it out of its queue, as a person asked."""
        return self._move(
            [InvoiceStatus.SUBMITTED, InvoiceStatus.FAILED, InvoiceStatus.UNCERTAIN], InvoiceStatus.CANCELLED,
            attention="",
        )  # fmt: skip

    def retry(self, **comprobante: Any) -> int:
        """failed, cancelled → pending."""
        return self._move(
            [InvoiceStatus.FAILED, InvoiceStatus.CANCELLED],
            InvoiceStatus.PENDING,
            failure_stage="",
            errors=[],
            **comprobante,
        )

    def fail_again(self, stage: FailureStage, errors: list[dict[str, str]], **comprobante: Any) -> int:
        """failed, cancelled → failed: the retry failed before it reached a lote."""
        return self._move(
            [InvoiceStatus.FAILED, InvoiceStatus.CANCELLED],
            InvoiceStatus.FAILED,
            failure_stage=stage,
            errors=errors,
            **comprobante,
        )

    def cancel(self) -> int:
        """pending, claimed, failed → cancelled. Only for a claimed one whose lote is known not to have been sent."""
        return self._move([InvoiceStatus.PENDING, InvoiceStatus.CLAIMED, InvoiceStatus.FAILED], InvoiceStatus.CANCELLED)

    def _move(self, sources: Sequence[InvoiceStatus], target: InvoiceStatus, **fields: Any) -> int:
        return self.filter(status__in=sources).update(status=target, updated_at=timezone.now(), **fields)


class Invoice(models.Model):
    """The invoice of one order, or of one `key` of a caller without a model.

    `comprobante` is what was asked for, in the provider's shape, without credentials and without a reference; the
    columns beside it are copies to search by. `fecha` is its date: None until it is sent, if the comprobante leaves it
    open.
    """

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    account = models.CharField(_("account"), max_length=50)
    source_type = models.ForeignKey(
        ContentType, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )  # the unique constraint is its index
    source_id = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - null is outside the unique constraint, "" is not
    source = GenericForeignKey("source_type", "source_id")
    key = models.CharField(_("key"), max_length=255, null=True, blank=True)  # noqa: DJ001 - as source_id
    kind = models.CharField(_("kind"), max_length=50, default="factura")

    credits = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="credit_notes", verbose_name=_("credits")
    )
    credited_lines = models.JSONField(_("credited lines"), null=True, blank=True)

    comprobante = models.JSONField(_("comprobante"), default=dict)
    tipo = models.CharField(_("type"), max_length=60, blank=True)
    punto_venta = models.PositiveIntegerField(_("point of sale"), null=True, blank=True)
    fecha = models.DateField(_("date"), null=True, blank=True)
    total = models.DecimalField(_("total"), max_digits=17, decimal_places=2, null=True, blank=True)
    moneda = models.CharField(_("currency"), max_length=10, blank=True)
    razon_social = models.CharField(_("customer"), max_length=255, blank=True)
    documento_nro = models.CharField(_("document"), max_length=30, blank=True)
    redated_from = models.DateField(_("re-dated from"), null=True, blank=True)
    send_on = models.DateField(_("send on"), null=True, blank=True)

    status = models.CharField(_("status"), max_length=12, choices=InvoiceStatus.choices, default=InvoiceStatus.PENDING)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    failure_stage = models.CharField(_("failed at"), max_length=12, choices=FailureStage.choices, blank=True)
    errors = models.JSONField(_("errors"), default=list, blank=True)
    attention = models.CharField(_("attention"), max_length=12, choices=Attention.choices, blank=True)

    seen_at = models.DateTimeField(_("seen at"), null=True, blank=True)

    numero = models.PositiveBigIntegerField(_("number"), null=True, blank=True)
    cae = models.CharField(_("CAE"), max_length=40, blank=True)
    cae_expires_on = models.DateField(_("CAE expires on"), null=True, blank=True)
    issued_at = models.DateTimeField(_("issued at"), null=True, blank=True)
    pdf_url = models.TextField(_("PDF address"), blank=True)
    pdf_url_on = models.DateField(_("PDF address given on"), null=True, blank=True)
    pdf = models.FileField(_("PDF"), upload_to=pdf_name, storage=pdf_storage, max_length=255, blank=True)
    pdf_try_at = models.DateTimeField(_("PDF fetched at the earliest"), null=True, blank=True)
    pdf_tries = models.PositiveSmallIntegerField(_("tries to fetch the PDF"), default=0)
    pdf_error = models.TextField(_("why there is no PDF"), blank=True)
    observaciones = models.TextField(_("observations"), blank=True)

    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    updated_at = models.DateTimeField(_("updated at"), default=timezone.now)

    objects = InvoiceQuerySet.as_manager()

    class Meta:
        verbose_name = _("invoice")
        verbose_name_plural = _("invoices")
        constraints = [
            models.UniqueConstraint(fields=["source_type", "source_id", "kind"], name="tusfacturas_one_per_source"),
            models.UniqueConstraint(fields=["key", "kind"], name="tusfacturas_one_per_key"),
        ]
        indexes = [
            models.Index(fields=["status", "account", "fecha", "id"], name="tusfacturas_queue"),
            models.Index(fields=["account", "tipo", "punto_venta", "status", "fecha"], name="tusfacturas_last_fecha"),
            models.Index(fields=["attention"], name="tusfacturas_attention"),
            models.Index(fields=["cae"], name="tusfacturas_cae"),
            models.Index(fields=["punto_venta", "numero"], name="tusfacturas_numero"),
            models.Index(fields=["documento_nro"], name="tusfacturas_documento"),
            models.Index(fields=["pdf_try_at"], name="tusfacturas_pdf"),
        ]
        permissions = [
            ("retry_invoice", "Can retry invoices"),
            ("cancel_invoice", "Can cancel invoices"),
        ]

    def __str__(self) -> str:
        return f"{self.tipo or self.kind} {self.comprobante_nro or self.public_id}"

    @property
    def comprobante_nro(self) -> str:
        """The number as it is printed, `00003-00000007`; "" until it is known."""
        return "" if self.numero is None else f"{self.punto_venta or 0:05}-{self.numero:08}"

    @property
    def source_label(self) -> str:
        """What it is for, without a query: "order 42", or the caller's key."""
        if self.source_type_id is None:
            return self.key or ""
        source_type = ContentType.objects.get_for_id(self.source_type_id)
        return f"{source_type.name} {self.source_id}"

    @property
    def reasons(self) -> list[str]:
        """`errors` and `attention` as texts for a person."""
        texts = [str(error.get("text", error)) if isinstance(error, dict) else str(error) for error in self.errors]
        return [*([str(self.get_attention_display())] if self.attention else []), *texts]
