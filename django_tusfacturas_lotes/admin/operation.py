"""The admin of operations on the provider's queue: what was asked for, and how far it came."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from .. import operations
from ..models import QueueOperation
from .presentation import NeedsPersonFilter, ReadOnlyAdmin, age, badge, link, operate, pretty


@admin.register(QueueOperation)
class QueueOperationAdmin(ReadOnlyAdmin):
    """Operations on the queue."""

    list_display = (
        "__str__", "status_badge", "account", "invoice_link", "fecha", "tries", "requested", "next_try_at", "error",
    )  # fmt: skip
    list_filter = (NeedsPersonFilter, "status", "kind", "account", "requested_at")
    list_select_related = ("item__invoice",)
    search_fields = ("=item__reference",)
    search_help_text = _("Reference.")
    ordering = ("-pk",)
    list_per_page = 100
    show_full_result_count = False
    actions = ("mark_seen",)
    fields = (
        "kind", "status_badge", "error", "account", "item_link", "invoice_link", "fecha", "vencimiento", "purpose",
        "wanted", "tries", "next_try_at", "requested_at", "sent_at", "answered_at", "ended_at", "http_status", "answer",
        "seen_at",
    )  # fmt: skip
    readonly_fields = ("status_badge", "item_link", "invoice_link", "wanted", "answer")

    @admin.display(description=_("status"), ordering="status")
    def status_badge(self, operation: QueueOperation) -> SafeString:
        return badge(operation.status, operation.get_status_display())

    @admin.display(description=_("item"))
    def item_link(self, operation: QueueOperation) -> SafeString | str:
        return link(operation.item)

    @admin.display(description=_("invoice"))
    def invoice_link(self, operation: QueueOperation) -> SafeString | str:
        return link(operation.item.invoice)

    @admin.display(description=_("requested"), ordering="requested_at")
    def requested(self, operation: QueueOperation) -> str:
        return age(operation.requested_at)

    @admin.display(description=_("options of the retry"))
    def wanted(self, operation: QueueOperation) -> SafeString | str:
        return pretty(operation.options or None)

    @admin.display(description=_("answer"))
    def answer(self, operation: QueueOperation) -> SafeString | str:
        return pretty(operation.response)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return self._has(request, "retry_invoice")

    @admin.action(description=_("Seen to: asks for no attention any more"), permissions=["retry"])
    def mark_seen(self, request: HttpRequest, queryset: QuerySet[QueueOperation]) -> None:
        operate(
            request,
            queryset,
            operations.mark_operation_seen,
            _seen,
        )


def _seen(count: int) -> str:
    return ngettext("%(n)d operation was seen to.", "%(n)d operations were seen to.", count) % {"n": count}
