"""Invoices: lists that answer "what needs me?", and the actions on them."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from .. import operations
from ..models import Invoice, InvoiceStatus, Lote, LoteItem, LoteStatus
from .presentation import NeedsPersonFilter, ReadOnlyAdmin, age, badge, errors, link, link_to, operate, pretty

if TYPE_CHECKING:
    _ItemInline = admin.TabularInline[LoteItem, Invoice]
else:
    _ItemInline = admin.TabularInline

_NUMBER = re.compile(r"(?:([0-9]{1,5})-)?([0-9]{1,8})")


class TriesInline(_ItemInline):
    """The tries of an invoice."""

    model = LoteItem
    verbose_name_plural = _("tries")
    fields = ("reference_link", "lote_link", "status_badge", "why", "events_link")
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

    @admin.display(description=_("events"))
    def events_link(self, item: LoteItem) -> SafeString | str:
        return format_html(
            '<a href="../../../webhookevent/?item__id__exact={}">{}</a>', item.pk, _("what was notified")
        )


@admin.register(Invoice)
class InvoiceAdmin(ReadOnlyAdmin):
    """What every order is owed."""

    list_display = (
        "name", "status_badge", "why", "order_link", "razon_social", "total", "fecha", "waiting_since",
    )  # fmt: skip
    list_filter = (NeedsPersonFilter, "status", "failure_stage", "attention", "account", "tipo", "created_at")
    search_fields = ("razon_social",)
    search_help_text = _("Order, key, reference, number (3-7 or 7), CAE, customer or document.")
    ordering = ("-pk",)
    list_per_page = 50
    show_full_result_count = False
    inlines = (TriesInline,)
    actions = ("retry_selected", "retry_with_todays_date", "retry_rebuilt", "cancel_selected", "mark_seen")
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
        """Add why an account's queue waits, for what waits in it."""
        waiting = Lote.objects.filter(in_flight_for=OuterRef("account"), status=LoteStatus.READY)
        reason = Subquery(waiting.values("error")[:1])
        invoices: QuerySet[Invoice] = super().get_queryset(request).annotate(queue_waits_for=reason)
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
        queue_waits_for = getattr(invoice, "queue_waits_for", None)
        if invoice.status in (InvoiceStatus.PENDING, InvoiceStatus.CLAIMED) and queue_waits_for:
            texts.append(queue_waits_for)
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
        if not invoice.pdf_url.startswith(("https://", "http://")):
            return invoice.pdf_url or "–"
        return format_html('<a href="{}" rel="noreferrer noopener">{}</a>', invoice.pdf_url, invoice.pdf_url)

    @admin.display(description=_("comprobante"))
    def asked(self, invoice: Invoice) -> SafeString | str:
        return pretty(invoice.comprobante)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return self._has(request, "retry_invoice")

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return self._has(request, "cancel_invoice")

    @admin.action(description=_("Retry: a new try with a new reference"), permissions=["retry"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> None:
        operate(request, queryset, operations.retry, _requeued)

    @admin.action(description=_("Retry with today's date"), permissions=["retry"])
    def retry_with_todays_date(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> None:
        operate(request, queryset, functools.partial(operations.retry, today=True), _requeued)

    @admin.action(description=_("Retry with the order's data as it is now"), permissions=["retry"])
    def retry_rebuilt(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> None:
        operate(request, queryset, functools.partial(operations.retry, rebuild=True), _requeued)

    @admin.action(description=_("Cancel: not to be issued"), permissions=["cancel"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> None:
        operate(
            request,
            queryset,
            operations.cancel,
            lambda count: (
                ngettext("%(n)d invoice was cancelled.", "%(n)d invoices were cancelled.", count) % {"n": count}
            ),
        )

    @admin.action(description=_("Seen to: asks for no attention any more"), permissions=["retry"])
    def mark_seen(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> None:
        operate(
            request,
            queryset,
            operations.mark_invoice_seen,
            lambda count: ngettext("%(n)d invoice was seen to.", "%(n)d invoices were seen to.", count) % {"n": count},
        )


def _requeued(count: int) -> str:
    text = ngettext("%(n)d invoice was tried again.", "%(n)d invoices were tried again.", count)
    return text % {"n": count}
