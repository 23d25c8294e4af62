"""The admin of lotes and their items: what was sent, what came back, and what to do about a lost call."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from .. import operations, tasks
from ..models import Lote, LoteItem, LoteStatus
from ..operations.evidence import lote_evidence
from .presentation import (
    NeedsPersonFilter,
    ReadOnlyAdmin,
    age,
    ask_first,
    badge,
    errors,
    link,
    link_to,
    operate,
    pretty,
    reasons,
)


@admin.register(Lote)
class LoteAdmin(ReadOnlyAdmin):
    """Calls to the provider."""

    list_display = (
        "__str__",
        "status_badge",
        "account",
        "items_count",
        "send_on",
        "tries",
        "sent",
        "next_try_at",
        "why",
    )
    list_filter = (NeedsPersonFilter, "status", "account", "created_at")
    search_fields = ("=id", "=items__reference")
    search_help_text = _("Number of the lote, or a reference in it.")
    ordering = ("-pk",)
    list_per_page = 50
    show_full_result_count = False
    actions = ("send_now", "look_up", "confirm_received", "confirm_not_received", "mark_seen")
    fields = (
        "status_badge", "why", "account", "modality", "send_on", "items_link", "tries", "next_try_at", "created_at",
        "sent_at", "answered_at", "http_status", "look_up_at", "known", "answer", "seen_at",
    )  # fmt: skip
    readonly_fields = ("status_badge", "why", "items_link", "known", "answer")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Lote]:
        lotes: QuerySet[Lote] = super().get_queryset(request).annotate(items_total=Count("items"))
        return lotes

    @admin.display(description=_("status"), ordering="status")
    def status_badge(self, lote: Lote) -> SafeString:
        alarming = (bool(lote.discrepancies) and lote.seen_at is None) or lote.waits_for_a_person
        return badge("failed" if alarming else lote.status, lote.get_status_display())

    @admin.display(description=_("items"))
    def items_count(self, lote: Lote) -> int:
        return int(getattr(lote, "items_total", 0))

    @admin.display(description=_("items"))
    def items_link(self, lote: Lote) -> SafeString:
        text = ngettext("%(n)d item", "%(n)d items", self.items_count(lote)) % {"n": self.items_count(lote)}
        return format_html('<a href="../../../loteitem/?lote__id__exact={}">{}</a>', lote.pk, text)

    @admin.display(description=_("sent"), ordering="sent_at")
    def sent(self, lote: Lote) -> str:
        return age(lote.sent_at)

    @admin.display(description=_("reason"))
    def why(self, lote: Lote) -> SafeString | str:
        shown = lote.error if lote.status in (LoteStatus.READY, LoteStatus.UNCERTAIN, LoteStatus.CANCELLED) else ""
        return reasons([*([shown] if shown else []), *lote.discrepancies])

    @admin.display(description=_("what is known"))
    def known(self, lote: Lote) -> SafeString | str:
        return reasons(_known(lote)) if lote.tries else "–"

    @admin.display(description=_("answer"))
    def answer(self, lote: Lote) -> SafeString | str:
        return pretty(lote.response)

    def has_send_permission(self, request: HttpRequest) -> bool:
        return self._has(request, "send_lote")

    def has_confirm_permission(self, request: HttpRequest) -> bool:
        return self._has(request, "confirm_lote")

    @admin.action(description=_("Send now: don't wait for the next try"), permissions=["send"])
    def send_now(self, request: HttpRequest, queryset: QuerySet[Lote]) -> None:
        def send(lote: Lote) -> None:
            operations.send_now(lote)
            tasks.wake_up(lote.account)

        operate(request, queryset, send, _sent_now)

    @admin.action(description=_("Confirm received: TusFacturas has it"), permissions=["confirm"])
    def confirm_received(self, request: HttpRequest, queryset: QuerySet[Lote]) -> HttpResponse | None:
        """Ask first, showing what is known: if it was not received, its invoices wait for results that never come."""
        if request.POST.get("confirmed") != "yes":
            return ask_first(
                self, request, queryset, "confirm_received", title=_("Confirm that TusFacturas has these lotes"),
                warning=_(
                    "Nothing is sent: their invoices wait for their results. What TusFacturas does not have after all "
                    "is shown as overdue."
                ),
                yes=_("TusFacturas has them"), known=_known,
            )  # fmt: skip
        operate(request, queryset, operations.confirm_received, _confirmed)
        return None

    @admin.action(description=_("Confirm NOT received: send its invoices again"), permissions=["confirm"])
    def confirm_not_received(self, request: HttpRequest, queryset: QuerySet[Lote]) -> HttpResponse | None:
        """Ask first, showing what is known: if the lote was received after all, its invoices are issued twice."""
        if request.POST.get("confirmed") != "yes":
            return ask_first(
                self, request, queryset, "confirm_not_received",
                title=_("Confirm that TusFacturas did not receive these lotes"),
                warning=_(
                    "Look for these lotes in TusFacturas first. If one of them was received after all, each of its "
                    "invoices will be issued twice, and only a nota de crédito undoes that."
                ),
                yes=_("They were not received: send their invoices again"), known=_known,
            )  # fmt: skip
        operate(request, queryset, operations.confirm_not_received, _confirmed)
        return None

    @admin.action(description=_("Look up in TusFacturas what is in it"), permissions=["send"])
    def look_up(self, request: HttpRequest, queryset: QuerySet[Lote]) -> None:
        def ask(lote: Lote) -> None:
            operations.look_up_lote(lote)
            tasks.wake_up_to_reconcile(lote.account)

        operate(request, queryset, ask, _looked_up)

    @admin.action(description=_("Discrepancies seen"), permissions=["confirm"])
    def mark_seen(self, request: HttpRequest, queryset: QuerySet[Lote]) -> None:
        operate(request, queryset, operations.mark_seen, _confirmed)


@admin.register(LoteItem)
class LoteItemAdmin(ReadOnlyAdmin):
    """Tries: one invoice in one lote."""

    list_display = ("reference", "status_badge", "invoice_link", "lote_link", "position", "why")
    list_filter = ("status",)
    list_select_related = ("invoice",)
    search_fields = ("=reference", "=invoice__public_id")
    search_help_text = _("Reference, or the invoice's public id.")
    ordering = ("-pk",)
    list_per_page = 100
    show_full_result_count = False
    fields = (
        "reference", "status_badge", "invoice_link", "lote_link", "position", "why", "issued_as", "due_at", "told",
        "finding", "looked_up_at", "lookups", "absences", "look_up_at", "sent_with",
    )  # fmt: skip
    readonly_fields = fields

    def lookup_allowed(self, lookup: str, value: str, request: Any = None) -> bool:
        return lookup == "lote__id__exact" or super().lookup_allowed(lookup, value, request)

    @admin.display(description=_("status"), ordering="status")
    def status_badge(self, item: LoteItem) -> SafeString:
        return badge(item.status, item.get_status_display())

    @admin.display(description=_("invoice"))
    def invoice_link(self, item: LoteItem) -> SafeString | str:
        return link(item.invoice)

    @admin.display(description=_("lote"))
    def lote_link(self, item: LoteItem) -> SafeString | str:
        return link_to("django_tusfacturas_lotes", "lote", item.lote_id, f"lote {item.lote_id}")

    @admin.display(description=_("reason"))
    def why(self, item: LoteItem) -> SafeString | str:
        return errors(item.errors) or "–"

    @admin.display(description=_("sent with, if its invoice has other data since"))
    def sent_with(self, item: LoteItem) -> SafeString | str:
        return pretty(item.comprobante)

    @admin.display(description=_("issued as"))
    def issued_as(self, item: LoteItem) -> SafeString | str:
        return pretty(item.result)


def _known(lote: Lote) -> list[str]:
    return lote_evidence(lote).lines()


def _looked_up(count: int) -> str:
    text = ngettext("%(n)d lote is looked up.", "%(n)d lotes are looked up.", count)
    return text % {"n": count}


def _sent_now(count: int) -> str:
    text = ngettext(
        "%(n)d lote goes as soon as the cluster, or flush_lotes, takes it.",
        "%(n)d lotes go as soon as the cluster, or flush_lotes, takes them.",
        count,
    )
    return text % {"n": count}


def _confirmed(count: int) -> str:
    return ngettext("%(n)d lote was settled.", "%(n)d lotes were settled.", count) % {"n": count}
