"""Webhook events: what the provider told, and what became of it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from .. import reception
from ..models import WebhookEvent, WebhookEventStatus
from ..operations import NotPossibleError
from .presentation import NeedsPersonFilter, ReadOnlyAdmin, age, badge, link, operate, pretty


@admin.register(WebhookEvent)
class WebhookEventAdmin(ReadOnlyAdmin):
    """Notifications."""

    list_display = (
        "__str__",
        "status_badge",
        "account",
        "item_link",
        "invoice_link",
        "deliveries",
        "received",
        "error",
    )
    list_filter = (NeedsPersonFilter, "status", "kind", "account", "received_at")
    list_select_related = ("item__invoice",)
    search_fields = ("=reference",)
    search_help_text = _("Reference.")
    ordering = ("-pk",)
    list_per_page = 100
    show_full_result_count = False
    actions = ("process_again",)
    fields = (
        "status_badge", "error", "account", "modality", "reference", "item_link", "invoice_link", "kind", "deliveries",
        "received_at", "last_received_at", "content",
    )  # fmt: skip
    readonly_fields = ("status_badge", "item_link", "invoice_link", "content")

    def lookup_allowed(self, lookup: str, value: str, request: Any = None) -> bool:
        return lookup == "item__id__exact" or super().lookup_allowed(lookup, value, request)

    @admin.display(description=_("status"), ordering="status")
    def status_badge(self, event: WebhookEvent) -> SafeString:
        return badge(event.status, event.status)

    @admin.display(description=_("item"))
    def item_link(self, event: WebhookEvent) -> SafeString | str:
        return link(event.item)

    @admin.display(description=_("invoice"))
    def invoice_link(self, event: WebhookEvent) -> SafeString | str:
        return link(event.item.invoice) if event.item else "–"

    @admin.display(description=_("received"), ordering="received_at")
    def received(self, event: WebhookEvent) -> str:
        return age(event.received_at)

    @admin.display(description=_("payload"))
    def content(self, event: WebhookEvent) -> SafeString | str:
        return pretty(event.payload)

    def has_process_permission(self, request: HttpRequest) -> bool:
        return self._has(request, "process_webhookevent")

    @admin.action(description=_("Process again"), permissions=["process"])
    def process_again(self, request: HttpRequest, queryset: QuerySet[WebhookEvent]) -> None:
        operate(
            request,
            queryset,
            _process,
            lambda count: ngettext("%(n)d event was processed.", "%(n)d events were processed.", count) % {"n": count},
        )


def _process(event: WebhookEvent) -> None:
    if event.status in (WebhookEventStatus.PROCESSED, WebhookEventStatus.IGNORED):
        raise NotPossibleError(f"event {event.pk} is {event.status} already")
    status = reception.process(event.pk)
    if status in (WebhookEventStatus.UNMATCHED, WebhookEventStatus.ERROR):
        text = WebhookEvent.objects.get(pk=event.pk).error
        raise NotPossibleError(f"event {event.pk} is still {status.value}: {text}")
