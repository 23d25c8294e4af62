"""The actions on selected invoices."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminDateWidget
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from .. import operations, pdfs, tasks
from ..models import Invoice, InvoiceStatus, QueueOperation
from ..operations import NotPossibleError
from .presentation import ReadOnlyAdmin, ask_first, asked_for_text, operate


class InvoiceActions(ReadOnlyAdmin):
    """The actions of the invoices' list, with the permission that each needs."""

    actions = (
        "retry_selected", "retry_with_todays_date", "retry_rebuilt", "cancel_selected", "mark_seen", "look_up",
        "resend", "redate", "confirm_not_issued", "credit_duplicate", "credited_elsewhere", "fetch_pdf",
    )  # fmt: skip

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return self._has(request, "retry_invoice")

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return self._has(request, "cancel_invoice")

    def has_confirm_permission(self, request: HttpRequest) -> bool:
        return self._has(request, "confirm_lote")

    @admin.action(description=_("Retry: a new try with a new reference"), permissions=["retry"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> None:
        self._retry_all(request, queryset)

    @admin.action(description=_("Retry with today's date"), permissions=["retry"])
    def retry_with_todays_date(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> None:
        self._retry_all(request, queryset, today=True)

    @admin.action(description=_("Retry with the order's data as it is now"), permissions=["retry"])
    def retry_rebuilt(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> None:
        self._retry_all(request, queryset, rebuild=True)

    @admin.action(description=_("Cancel: not to be issued"), permissions=["cancel"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> HttpResponse | None:
        """Ask first: a paid order has no invoice then."""
        if request.POST.get("confirmed") != "yes":
            return ask_first(
                self, request, queryset, "cancel_selected", title=_("Cancel these invoices"),
                warning=_(
                    "They are not issued. Those in TusFacturas' queue are deleted there; one that is issued before "
                    "that stays issued."
                ),
                yes=_("Cancel them"),
            )  # fmt: skip
        operate(
            request,
            queryset,
            self._in_background(operations.cancel),
            lambda count: (
                ngettext("%(n)d invoice was cancelled.", "%(n)d invoices were cancelled.", count) % {"n": count}
            ),
            asked_for=_is_asked_for,
        )
        return None

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
            warning=_(
                "They are issued on that day. It can't be before the date of the last one issued at the point of sale."
            ),
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
        """Ask first: nobody is reminded of the nota de crédito any more."""
        if request.POST.get("confirmed") != "yes":
            return ask_first(
                self, request, queryset, "credited_elsewhere", title=_("Credited in TusFacturas already"),
                warning=_("A second legal invoice counts until a nota de crédito for it is issued. Is it issued?"),
                yes=_("The nota de crédito is issued"),
            )  # fmt: skip
        operate(request, queryset, functools.partial(operations.mark_invoice_seen, credited_elsewhere=True), _seen_to)
        return None

    @admin.action(description=_("Fetch the PDF"), permissions=["retry"])
    def fetch_pdf(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> None:
        operate(request, queryset, pdfs.fetch_now, asked_for_text)
        tasks.wake_up_all()

    def _retry_all(self, request: HttpRequest, queryset: QuerySet[Invoice], **how: bool) -> None:
        retry = self._in_background(functools.partial(_retry, **how))
        operate(request, queryset, retry, _requeued, asked_for=_is_asked_for)

    def _in_background(self, operation: Callable[[Invoice], Any]) -> Callable[[Invoice], Any]:
        """Wake the cluster up after an operation, once for an account however many invoices are selected."""
        woken: set[str] = set()

        def run(invoice: Invoice) -> Any:
            result = operation(invoice)
            if invoice.account not in woken:
                woken.add(invoice.account)
                tasks.wake_up_to_reconcile(invoice.account)
            return result

        return run


class DayForm(forms.Form):
    """The new date of a queued comprobante."""

    fecha = forms.DateField(label=_("date"), widget=AdminDateWidget)
    vencimiento = forms.DateField(label=_("due date"), widget=AdminDateWidget, required=False)


def _retry(invoice: Invoice, /, **how: bool) -> Invoice:
    """As `operations.retry`, but raise with the reasons for an invoice that fails again at once."""
    after = operations.retry(invoice, **how)
    if after.status == InvoiceStatus.FAILED and not _is_asked_for(after):
        raise NotPossibleError(f"invoice {after.public_id} failed again: {'; '.join(after.reasons)}")
    return after


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
