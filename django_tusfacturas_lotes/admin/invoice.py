"""The admin of invoices: the list and the page of one. Their actions are in `invoice_actions`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Case, CharField, OuterRef, Q, QuerySet, Subquery, Value, When
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..models import Invoice, InvoiceStatus, LoteItem, OperationKind, QueueOperation
from ..operations.waiting import why_accounts_wait
from ..wire.dates import argentine_day
from .invoice_actions import InvoiceActions
from .presentation import NeedsPersonFilter, age, badge, errors, link, link_to, pretty, reasons

if TYPE_CHECKING:
    _ItemInline = admin.TabularInline[LoteItem, Invoice]
else:
    _ItemInline = admin.TabularInline

_NUMBER = re.compile(r"(?:([0-9]{1,5})-)?([0-9]{1,8})")


class TriesInline(_ItemInline):
    """The tries of an invoice."""

    model = LoteItem
    verbose_name_plural = _("tries")
    fields = (
        "reference_link", "lote_link", "status_badge", "why", "documents", "finding", "looked_up_at", "events_link",
    )  # fmt: skip
    readonly_fields = fields
    extra = 0
    can_delete = False
    ordering = ("-pk",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("reference"))
    def reference_link(self, item: LoteItem) -> SafeString | str:
        return link(item)

    @admin.display(description=_("lote"))
    def lote_link(self, item: LoteItem) -> SafeString | str:
        return link_to("django_tusfacturas_lotes", "lote", item.lote_id, f"lote {item.lote_id}")

    @admin.display(description=_("status"))
    def status_badge(self, item: LoteItem) -> SafeString:
        return badge(item.status, item.get_status_display())

    @admin.display(description=_("reason"))
    def why(self, item: LoteItem) -> SafeString | str:
        return errors(item.errors) or "–"

    @admin.display(description=_("issued as"))
    def documents(self, item: LoteItem) -> SafeString | str:
        """Return every legal document of this try: more than one in all is one too many."""
        result = item.result or {}
        named = [
            f"{one.get('comprobante_tipo', '')} {one.get('numero', '')}, CAE {one.get('cae') or '–'}"
            for one in (result, *result.get("others", []))
            if one
        ]
        return reasons(named)

    @admin.display(description=_("events"))
    def events_link(self, item: LoteItem) -> SafeString | str:
        return format_html(
            '<a href="../../../webhookevent/?item__id__exact={}">{}</a>', item.pk, _("what was notified")
        )


class PdfFilter(admin.SimpleListFilter):
    """Narrow the list to what is issued and has no PDF here."""

    title = _("PDF")
    parameter_name = "pdf"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("none", _("Issued, without a PDF")), ("kept", _("Kept"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "none":
            return queryset.filter(status=InvoiceStatus.ISSUED, pdf="")
        return queryset.exclude(pdf="") if self.value() == "kept" else queryset


@admin.register(Invoice)
class InvoiceAdmin(InvoiceActions):
    """Every order's invoice."""

    list_display = (
        "name", "status_badge", "why", "order_link", "razon_social", "total", "fecha", "waiting_since",
    )  # fmt: skip
    list_filter = (
        NeedsPersonFilter, "status", "failure_stage", "attention", PdfFilter, "account", "tipo", "created_at",
    )  # fmt: skip
    search_fields = ("razon_social",)
    search_help_text = _("Order, key, reference, number (3-7 or 7), CAE, customer or document.")
    ordering = ("-pk",)
    list_per_page = 50
    show_full_result_count = False
    inlines = (TriesInline,)
    fieldsets = (
        (None, {"fields": ("status_badge", "why", "order_link", "key", "kind", "account", "tries", "created_at")}),
        (
            _("Result"),
            {
                "fields": (
                    "tipo",
                    "comprobante_nro",
                    "cae",
                    "cae_expires_on",
                    "issued_at",
                    "pdf_link",
                    "pdf_error",
                    "pdf_tries",
                    "pdf_try_at",
                    "observaciones",
                    "credits_link",
                    "credit_notes_links",
                )
            },
        ),
        (
            _("Asked for"),
            {
                "fields": (
                    "fecha",
                    "redated_from",
                    "send_on",
                    "total",
                    "moneda",
                    "razon_social",
                    "documento_nro",
                    "asked",
                )
            },
        ),
    )
    readonly_fields = (
        "status_badge",
        "why",
        "order_link",
        "comprobante_nro",
        "pdf_link",
        "asked",
        "credits_link",
        "credit_notes_links",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Invoice]:
        """Add to each invoice why its account's queue waits, and the operation on it in the provider's queue."""
        whens = [When(account=alias, then=Value(why)) for alias, why in _why_accounts_wait(request).items()]
        reason = Case(*whens, default=Value(""), output_field=CharField())
        operation = (
            QueueOperation.objects.open().filter(item__invoice=OuterRef("pk")).order_by("-pk").values("kind")[:1]
        )
        invoices: QuerySet[Invoice] = (
            super().get_queryset(request).annotate(queue_waits_for=reason, operation_under_way=Subquery(operation))
        )
        return invoices

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search each column by its own index; only the customer's name by a part of it."""
        term = search_term.strip()
        if not term:
            return queryset, False
        found = Q(razon_social__icontains=term)
        for column in ("public_id", "source_id", "key", "cae", "documento_nro"):
            found |= Q(**{column: term})
        found |= Q(pk__in=LoteItem.objects.filter(reference=term).values("invoice_id"))
        if number := _NUMBER.fullmatch(term):
            found |= Q(numero=int(number[2]), **({"punto_venta": int(number[1])} if number[1] else {}))
        return queryset.filter(found), False

    @admin.display(description=_("invoice"), ordering="pk")
    def name(self, invoice: Invoice) -> str:
        return f"{invoice.tipo or invoice.kind} {invoice.comprobante_nro or f'#{invoice.pk}'}"

    @admin.display(description=_("status"), ordering="status")
    def status_badge(self, invoice: Invoice) -> SafeString:
        return badge(
            "failed" if invoice.attention and invoice.seen_at is None else invoice.status, invoice.get_status_display()
        )

    @admin.display(description=_("order"))
    def order_link(self, invoice: Invoice) -> SafeString | str:
        if invoice.source_type_id is None:
            return invoice.key or "–"
        source_type = invoice.source_type
        assert source_type is not None  # noqa: S101 - for the type checker: its id is there
        return link_to(source_type.app_label, source_type.model, invoice.source_id, invoice.source_label)

    @admin.display(description=_("age"), ordering="created_at")
    def waiting_since(self, invoice: Invoice) -> str:
        return age(invoice.created_at)

    @admin.display(description=_("reason"))
    def why(self, invoice: Invoice) -> SafeString | str:
        texts = [str(invoice.get_attention_display())] if invoice.attention else []
        if invoice.status == InvoiceStatus.PENDING and invoice.send_on and invoice.send_on > argentine_day():
            texts.append(_("to be issued on %(day)s") % {"day": date_format(invoice.send_on, "SHORT_DATE_FORMAT")})
        queue_waits_for = getattr(invoice, "queue_waits_for", None)
        if invoice.status in (InvoiceStatus.PENDING, InvoiceStatus.CLAIMED) and queue_waits_for:
            texts.append(queue_waits_for)
        if operation := getattr(invoice, "operation_under_way", None):
            kind = dict(OperationKind.choices)[operation]
            texts.append(_("under way in TusFacturas' queue: %(operation)s") % {"operation": kind})
        return errors([*texts, *invoice.errors]) or "–"

    @admin.display(description=_("credits"))
    def credits_link(self, invoice: Invoice) -> SafeString | str:
        return link(invoice.credits)

    @admin.display(description=_("notas de crédito"))
    def credit_notes_links(self, invoice: Invoice) -> SafeString | str:
        return format_html_join(", ", "{}", ((link(nota),) for nota in invoice.credit_notes.all())) or "–"

    @admin.display(description=_("number"))
    def comprobante_nro(self, invoice: Invoice) -> str:
        return invoice.comprobante_nro or "–"

    @admin.display(description=_("PDF"))
    def pdf_link(self, invoice: Invoice) -> SafeString | str:
        if invoice.pdf:
            return format_html('<a href="{}">{}</a>', invoice.pdf.url, invoice.pdf.name)
        if not invoice.pdf_url.startswith(("https://", "http://")):
            return invoice.pdf_url or "–"
        return format_html('<a href="{}" rel="noreferrer noopener">{}</a>', invoice.pdf_url, invoice.pdf_url)

    @admin.display(description=_("comprobante"))
    def asked(self, invoice: Invoice) -> SafeString | str:
        return pretty(invoice.comprobante)


def _why_accounts_wait(request: HttpRequest) -> dict[str, str]:
    """Return why accounts wait, asked once in a request although the queryset is built several times."""
    known: dict[str, str] | None = getattr(request, "_tusfacturas_why_accounts_wait", None)
    if known is None:
        known = why_accounts_wait(timezone.now())
        # An attribute of our own, which Django's type does not have.
        request._tusfacturas_why_accounts_wait = known  # type: ignore[attr-defined]
    return known
