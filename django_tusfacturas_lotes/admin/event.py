"""The admin of webhook events: what the provider told, and what became of it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from .. import operations, reception
from ..models import WebhookEvent, WebhookEventStatus
from ..operations import NotPossibleError
from ..wire.modalities import NotificationKind
from .presentation import NeedsPersonFilter, ReadOnlyAdmin, age, badge, link, operate, pretty

_KINDS = {
    NotificationKind.ISSUED.value: _("issued"),
    NotificationKind.TOLD_ISSUED.value: _("told issued"),
    NotificationKind.FAILED.value: _("failed"),
    NotificationKind.QUEUED.value: _("in TusFacturas' queue"),
    NotificationKind.DELETED.value: _("told deleted"),
    NotificationKind.REDATED.value: _("told changed"),
    NotificationKind.TEST.value: _("a test"),
    NotificationKind.UNKNOWN.value: _("not known"),
}


@admin.register(WebhookEvent)
class WebhookEventAdmin(ReadOnlyAdmin):
    """Notifications."""

    list_display = (
        "kind_label",
        "reference",
        "status_badge",
        "account",
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
    actions = ("process_again", "mark_seen")
    fields = (
        "status_badge", "error", "account", "modality", "reference", "item_link", "invoice_link", "kind_label",
        "deliveries", "received_at", "last_received_at", "content",
    )  # fmt: skip
    readonly_fields = ("status_badge", "item_link", "invoice_link", "kind_label", "content")

    def lookup_allowed(self, lookup: str, value: str, request: Any = None) -> bool:
        return lookup == "item__id__exact" or super().lookup_allowed(lookup, value, request)

    @admin.display(description=_("status"), ordering="status")
    def status_badge(self, event: WebhookEvent) -> SafeString:
        return badge(event.status, event.get_status_display())

    @admin.display(description=_("what it says"), ordering="kind")
    def kind_label(self, event: WebhookEvent) -> str:
        return str(_KINDS.get(event.kind, event.kind)) or "–"

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

    @admin.action(description=_("Seen to: about nothing of ours, or it can't be acted on"), permissions=["process"])
    def mark_seen(self, request: HttpRequest, queryset: QuerySet[WebhookEvent]) -> None:
        operate(
            request,
            queryset,
            operations.mark_event_seen,
            lambda count: ngettext("%(n)d event was seen to.", "%(n)d events were seen to.", count) % {"n": count},
        )


def _process(event: WebhookEvent) -> None:
    if event.status in (WebhookEventStatus.PROCESSED, WebhookEventStatus.IGNORED):
        raise NotPossibleError(f"event {event.pk} is {event.status} already")
    status = reception.process(event.pk)
    if status in (WebhookEventStatus.UNMATCHED, WebhookEventStatus.ERROR):
        text = WebhookEvent.objects.get(pk=event.pk).error
        raise NotPossibleError(f"event {event.pk} is still {status.value}: {text}")
