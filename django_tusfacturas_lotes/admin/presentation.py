"""What all the admins share: read-only pages, and how states, reasons, links and payloads look."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError
from django.db.models import Model
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..operations import NotPossibleError

if TYPE_CHECKING:
    from datetime import datetime

    _Admin = admin.ModelAdmin[Model]
else:
    _Admin = admin.ModelAdmin

M = TypeVar("M", bound=Model)

# Background and text of a status, with a contrast that can be read in the admin's light and dark themes.
_NEEDS_A_PERSON = ("#b3261e", "#fff")
_UNDER_WAY = ("#175a8e", "#fff")
_DONE = ("#1b6e3c", "#fff")
_WAITS = ("#8a5a00", "#fff")
_CLOSED = ("#5f6368", "#fff")
_COLOURS = {
    "pending": _WAITS, "ready": _WAITS, "received": _WAITS,
    "claimed": _UNDER_WAY, "sending": _UNDER_WAY, "submitted": _UNDER_WAY,
    "issued": _DONE, "accepted": _DONE, "processed": _DONE,
    "failed": _NEEDS_A_PERSON, "uncertain": _NEEDS_A_PERSON, "refused": _NEEDS_A_PERSON,
    "unmatched": _NEEDS_A_PERSON, "error": _NEEDS_A_PERSON,
    "requested": _WAITS, "done": _DONE,
}  # fmt: skip

_MOST_REASONS = 5


class ReadOnlyAdmin(_Admin):
    """Rows are made by the app and changed by operations only; what was sent and what came back is evidence."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def _has(self, request: HttpRequest, permission: str) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.{permission}")


def badge(status: str, label: str) -> SafeString:
    """Return a status as a coloured label."""
    background, colour = _COLOURS.get(status, _CLOSED)
    return format_html(
        '<span style="background:{};color:{};padding:2px 8px;border-radius:9px;white-space:nowrap">{}</span>',
        background,
        colour,
        label,
    )


def age(moment: datetime | None) -> str:
    """Return how long ago, in its largest unit."""
    return timesince(moment, timezone.now(), depth=1) if moment else "–"


def reasons(texts: Iterable[str]) -> SafeString | str:
    """Return texts as a list, escaped: they come from outside."""
    return format_html_join("", "<div>{}</div>", ((text,) for text in texts)) or "–"


def errors(entries: Iterable[Any]) -> SafeString | str:
    """Return errors as they are kept (`text`, `hint`): the text as it came, and below it what to do."""
    rows = [
        (entry.get("text", ""), entry.get("hint", "")) if isinstance(entry, dict) else (str(entry), "")
        for entry in entries
    ]
    return format_html_join("", "<div>{}<br><em>{}</em></div>", rows)


def pretty(value: Any) -> SafeString | str:
    """Return JSON to read."""
    if value in (None, {}, []):
        return "–"
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return format_html('<pre style="white-space:pre-wrap;max-height:32em;overflow:auto">{}</pre>', text)


def link(obj: Model | None, text: str | None = None) -> SafeString | str:
    """Return a link to an object's admin page, or its text where it has none."""
    if obj is None:
        return "–"
    return link_to(obj._meta.app_label, str(obj._meta.model_name), obj.pk, text or str(obj))


def link_to(app_label: str, model_name: str, pk: Any, text: str) -> SafeString | str:
    """As `link`, for an object that need not be loaded."""
    try:
        url = reverse(f"admin:{app_label}_{model_name}_change", args=[pk])
    except NoReverseMatch:
        return text
    return format_html('<a href="{}">{}</a>', url, text)


def operate(
    request: HttpRequest, objects: Iterable[M], operation: Callable[[M], Any], done: Callable[[int], str],
    *, asked_for: Callable[[Any], bool] = lambda _result: False,
) -> None:  # fmt: skip
    """Apply an operation to each selected object, and say how many changed, and how many were skipped and why.

    A result for which `asked_for` is true is reported as still to be done at TusFacturas.
    """
    changed = asked = 0
    skipped: Counter[str] = Counter()
    for obj in objects:
        try:
            result = operation(obj)
        except (NotPossibleError, ImproperlyConfigured, DatabaseError) as exc:
            skipped[str(exc)] += 1
        else:
            asked += asked_for(result)
            changed += not asked_for(result)
    if asked:
        messages.success(request, asked_for_text(asked))
    if changed or not (skipped or asked):
        messages.success(request, done(changed))
    if skipped:
        count = sum(skipped.values())
        text = ngettext("%(count)d was skipped", "%(count)d were skipped", count) % {"count": count}
        shown = [reason for reason, _count in skipped.most_common(_MOST_REASONS)]
        more = [_("and %(count)d more") % {"count": len(skipped) - len(shown)}] if len(skipped) > len(shown) else []
        messages.warning(request, f"{text}: {'; '.join([*shown, *more])}.")


def asked_for_text(count: int) -> str:
    """Return the message that so many are still to be done at TusFacturas."""
    text = ngettext(
        "%(n)d was asked for: the cluster, or reconcile_lotes, does it.",
        "%(n)d were asked for: the cluster, or reconcile_lotes, does it.",
        count,
    )
    return text % {"n": count}


def ask_first(
    model_admin: Any, request: HttpRequest, objects: Iterable[Model], action: str, *, title: Any, warning: Any,
    yes: Any, known: Callable[[Any], list[str]] | None = None, form: Any = None,
) -> TemplateResponse:  # fmt: skip
    """Return a page that asks before an action is done, and shows what is `known` of each selected object."""
    shown = [{"object": obj, "lines": known(obj) if known else []} for obj in objects]
    context = {
        **model_admin.admin_site.each_context(request), "title": title, "warning": warning, "yes": yes, "form": form,
        "opts": model_admin.opts, "shown": shown, "action": action, "action_checkbox_name": ACTION_CHECKBOX_NAME,
        "media": model_admin.media + form.media if form is not None else model_admin.media,
    }  # fmt: skip
    return TemplateResponse(request, "admin/django_tusfacturas_lotes/ask_first.html", context)


class NeedsPersonFilter(admin.SimpleListFilter):
    """Narrow a list to what needs a person."""

    parameter_name = "needs"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.title = _("what needs me")
        super().__init__(*args, **kwargs)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("me", _("Needs a person"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.needing_a_person() if self.value() == "me" else queryset
