"""The shop's pages. Each makes the same number of queries for one order as for a thousand."""

import random

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from shop import payments
from shop.demo.data import create_orders
from shop.invoice_state import latest_lote, states_of
from shop.models import Order

ORDERS_ON_A_PAGE = 25


def orders_to_show() -> QuerySet[Order]:
    return Order.objects.select_related("refund").prefetch_related("lines")


@require_GET
def order_list(request: HttpRequest) -> HttpResponse:
    counts = Order.objects.aggregate(all=Count("pk"), paid=Count("paid_at"))
    page = Paginator(orders_to_show(), ORDERS_ON_A_PAGE).get_page(request.GET.get("page"))
    states = states_of(page.object_list)
    rows = [(order, states[order.pk]) for order in page.object_list]
    return render(
        request,
        "shop/order_list.html",
        {
            "page": page,
            "page_numbers": page.paginator.get_elided_page_range(page.number, on_each_side=2, on_ends=1),
            "rows": rows,
            "counts": counts,
            "here": request.get_full_path(),
        },
    )


@require_GET
def order_detail(request: HttpRequest, pk: int) -> HttpResponse:
    order = get_object_or_404(orders_to_show(), pk=pk)
    state = states_of([order])[order.pk]
    context = {"order": order, "state": state, "lote": latest_lote(state.invoice), "here": request.path}
    return render(request, "shop/order_detail.html", context)


@require_POST
def order_pay(request: HttpRequest, pk: int) -> HttpResponse:
    order = get_object_or_404(Order, pk=pk)
    if payments.pay(order):
        messages.success(request, f"{order} is paid. Its invoice goes out with the next lote, in a minute or so.")
    else:
        messages.info(request, f"{order} was paid already.")
    return back_from(request, pk)


@require_POST
def order_refund(request: HttpRequest, pk: int) -> HttpResponse:
    order = get_object_or_404(Order.objects.prefetch_related("lines"), pk=pk)
    if payments.refund(order):
        messages.success(request, f"{order} is refunded. Its nota de crédito goes out with the next lote.")
    else:
        messages.info(request, f"{order} is not paid, or was refunded already: nothing was done.")
    return back_from(request, pk)


def back_from(request: HttpRequest, pk: int) -> HttpResponse:
    """Back to the page of the list that the button was on, if it names one of ours, or else to the order's."""
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        back = reverse("shop:order_detail", args=[pk])
    return redirect(back)


@require_POST
def order_new(request: HttpRequest) -> HttpResponse:
    (order,) = create_orders(1, random.Random())  # noqa: S311 - a demo order, not a secret
    messages.success(request, f"{order} is here: pay it to see its invoice.")
    return redirect("shop:order_detail", pk=order.pk)
