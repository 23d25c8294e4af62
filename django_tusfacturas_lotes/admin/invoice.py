"""Invoices: lists that answer "what needs me?", and the actions on them."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminDateWidget
from django.db.models import Case, CharField, OuterRef, Q, QuerySet, Subquery, Value, When
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from .. import operations, pdfs, tasks
from ..models import Invoice, InvoiceStatus, LoteItem, OperationKind, QueueOperation
from ..queues import why_accounts_wait
from ..wire.dates import argentine_day
from .presentation import (
    NeedsPersonFilter,
    ReadOnlyAdmin,
    age,
    ask_first,
    asked_for_text,
    badge,
    errors,
    link,
    link_to,
    operate,
    pretty,
)

if TYPE_CHECKING:
    _ItemInline = admin.TabularInline[LoteItem, Invoice]
else:
    _ItemInline = admin.TabularInline

_NUMBER = re.compile(r"(?:([0-9]{1,5})-)?([0-9]{1,8})")


class TriesInline(_ItemInline):
    """The tries of an invoice."""

    model = LoteItem
    verbose_name_plural = _("tries")
    fields = ("reference_link", "lote_link", "status_badge", "why", "finding", "looked_up_at", "events_link")
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
class InvoiceAdmin(ReadOnlyAdmin):
    """What every order is owed."""

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
    actions = (
        "retry_selected", "retry_with_todays_date", "retry_rebuilt", "cancel_selected", "mark_seen", "look_up",
        "resend", "redate", "confirm_not_issued", "credit_duplicate", "credited_elsewhere", "fetch_pdf",
    )  # fmt: skip
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
        """Add why an account's queue waits, for what waits in it, and what is under way in the provider's queue."""
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

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return self._has(request, "retry_invoice")

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return self._has(request, "cancel_invoice")

    @admin.action(description=_("Retry: a new try with a new reference"), permissions=["retry"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> None:
        operate(request, queryset, self._in_background(operations.retry), _requeued, asked_for=_is_asked_for)

    @admin.action(description=_("Retry with today's date"), permissions=["retry"])
    def retry_with_todays_date(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> None:
        operate(
            request,
            queryset,
            self._in_background(functools.partial(operations.retry, today=True)),
            _requeued,
            asked_for=_is_asked_for,
        )

    @admin.action(description=_("Retry with the order's data as it is now"), permissions=["retry"])
    def retry_rebuilt(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> None:
        operate(
            request,
            queryset,
            self._in_background(functools.partial(operations.retry, rebuild=True)),
            _requeued,
            asked_for=_is_asked_for,
        )

    @admin.action(description=_("Cancel: not to be issued"), permissions=["cancel"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> None:
        operate(
            request,
            queryset,
            self._in_background(operations.cancel),
            lambda count: (
                ngettext("%(n)d invoice was cancelled.", "%(n)d invoices were cancelled.", count) % {"n": count}
            ),
            asked_for=_is_asked_for,
        )

    @admin.action(description=_("Seen to: asks for no attention any more"), permissions=["retry"])
    def mark_seen(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> None:
        operate(request, queryset, operations.mark_invoice_seen, _seen_to)

    @admin.action(description=_("Look it up in TusFacturas"), permissions=["retry"])
    def look_up(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> None:
        operate(request, queryset, self._in_background(operations.look_up_now), asked_for_text)

    @admin.action(description=_("In TusFacturas' queue: send again what is in error"), permissions=["retry"])
    def resend(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> None:
        operate(request, queryset, self._in_background(operations.resend), asked_for_text)

    @admin.action(description=_("In TusFacturas' queue: change the date"), permissions=["retry"])
    def redate(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> HttpResponse | None:
        """Ask for the day first."""
        form = DayForm(request.POST if request.POST.get("confirmed") == "yes" else None)
        if form.is_bound and form.is_valid():
            change = functools.partial(operations.redate, **form.cleaned_data)
            operate(request, queryset, self._in_background(change), asked_for_text)
            return None
        return ask_first(
            self, request, queryset, "redate", title=_("Change the date in TusFacturas' queue"), form=form,
            warning=_("They are issued on that day. It can't lie before the last one issued at the point of sale."),
            yes=_("Change the date"),
        )  # fmt: skip

    @admin.action(description=_("Confirm that TusFacturas does not have it (overdue)"), permissions=["confirm"])
    def confirm_not_issued(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> HttpResponse | None:
        """Ask first: if TusFacturas has it after all, a retry issues it twice."""
        if request.POST.get("confirmed") != "yes":
            return ask_first(
                self, request, queryset, "confirm_not_issued", title=_("Confirm that TusFacturas does not have these"),
                warning=_(
                    "Look for them in TusFacturas first. They fail, and can be retried. If TusFacturas has one after "
                    "all, a retry issues it twice, and only a nota de crédito undoes that."
                ),
                yes=_("TusFacturas does not have them"),
            )  # fmt: skip
        operate(request, queryset, operations.confirm_not_issued, _given_up)
        return None

    @admin.action(description=_("Issued twice: queue the nota de crédito of the second one"), permissions=["retry"])
    def credit_duplicate(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> None:
        operate(
            request,
            queryset,
            operations.credit_duplicate,
            _credited,
        )

    @admin.action(description=_("Issued twice: credited in TusFacturas already"), permissions=["retry"])
    def credited_elsewhere(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> HttpResponse | None:
        """Ask first: nobody is asked for a nota de crédito any more."""
        if request.POST.get("confirmed") != "yes":
            return ask_first(
                self, request, queryset, "credited_elsewhere", title=_("Credited in TusFacturas already"),
                warning=_("A second legal invoice stays owed until a nota de crédito for it is issued. Is it?"),
                yes=_("The nota de crédito is issued"),
            )  # fmt: skip
        operate(request, queryset, functools.partial(operations.mark_invoice_seen, credited_elsewhere=True), _seen_to)
        return None

    @admin.action(description=_("Fetch the PDF"), permissions=["retry"])
    def fetch_pdf(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> None:
        operate(request, queryset, pdfs.fetch_now, asked_for_text)
        tasks.wake_up_all()

    def has_confirm_permission(self, request: HttpRequest) -> bool:
        return self._has(request, "confirm_lote")

    def _in_background(self, operation: Callable[[Invoice], Any]) -> Callable[[Invoice], Any]:
        """Let the cluster do at once what an operation asks for; once for an account, however many are selected."""
        woken: set[str] = set()

        def run(invoice: Invoice) -> Any:
            result = operation(invoice)
            if invoice.account not in woken:
                woken.add(invoice.account)
                tasks.wake_up_to_reconcile(invoice.account)
            return result

        return run


def _why_accounts_wait(request: HttpRequest) -> dict[str, str]:
    """Ask once in a request, which asks for the queryset several times."""
    known: dict[str, str] | None = getattr(request, "_tusfacturas_why_accounts_wait", None)
    if known is None:
        known = why_accounts_wait(timezone.now())
        # An attribute of our own, which Django's type does not have.
        request._tusfacturas_why_accounts_wait = known  # type: ignore[attr-defined]
    return known


class DayForm(forms.Form):
    """The day that a queued comprobante is to bear."""

    fecha = forms.DateField(label=_("date"), widget=AdminDateWidget)
    vencimiento = forms.DateField(label=_("due date"), widget=AdminDateWidget, required=False)


def _is_asked_for(invoice: Invoice) -> bool:
    """Whether a retry or a cancellation waits for TusFacturas to take the invoice out of its queue."""
    return QueueOperation.objects.open().filter(item__invoice=invoice).exists()


def _seen_to(count: int) -> str:
    return ngettext("%(n)d invoice was seen to.", "%(n)d invoices were seen to.", count) % {"n": count}


def _credited(count: int) -> str:
    return ngettext("%(n)d duplicate was credited.", "%(n)d duplicates were credited.", count) % {"n": count}


def _given_up(count: int) -> str:
    return ngettext("%(n)d invoice failed.", "%(n)d invoices failed.", count) % {"n": count}


def _requeued(count: int) -> str:
    text = ngettext("%(n)d invoice was tried again.", "%(n)d invoices were tried again.", count)
    return text % {"n": count}
