"""`ACCOUNT_FOR`: which account invoices which order."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.db import transaction

from django_tusfacturas_lotes import operations
from django_tusfacturas_lotes.conf.spreading import Spread, over_all_accounts
from django_tusfacturas_lotes.models import FailureStage, Invoice, InvoiceStatus
from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoice, queue_invoices
from django_tusfacturas_lotes.signals import order_paid
from django_tusfacturas_lotes.submission import accounts_with_work, flush
from tests.support.builders import documento, order, orders
from tests.support.provider import Provider
from tests.testshop.models import Order

pytestmark = pytest.mark.django_db(transaction=True)


def configure(settings: Any, chooser: Any, *aliases: str) -> None:
    account = settings.TUSFACTURAS_LOTES["ACCOUNTS"]["default"]
    settings.TUSFACTURAS_LOTES = {
        **settings.TUSFACTURAS_LOTES,
        "ACCOUNTS": dict.fromkeys(("default", *aliases), account),
        "ACCOUNT_FOR": chooser,
    }


def test_the_host_picks_the_account_of_an_order(settings: Any) -> None:
    configure(settings, lambda order: "b" if order.pk % 2 else None, "b")
    made = orders(4)
    queue_invoices(made[:2])
    for paid in made[2:]:
        order_paid.send(sender=Order, order=paid)
    accounts = dict(Invoice.objects.values_list("source_id", "account"))
    assert accounts == {str(order.pk): "b" if order.pk % 2 else "default" for order in made}


def test_an_account_that_is_given_goes_before_it_and_a_key_has_no_order_to_ask_about(settings: Any) -> None:
    configure(settings, lambda order: "b", "b", "c")
    (order,) = orders(1)
    queue_invoice(order, account="c")
    queue_invoices([ToInvoice(documento(), "erp-1")])
    assert list(Invoice.objects.order_by("pk").values_list("account", flat=True)) == ["c", "default"]


@pytest.mark.parametrize("wrong", [lambda order: "nowhere", lambda order: 3, lambda order: 1 / 0])
def test_a_choice_that_is_wrong_fails_the_invoice_with_the_reason_and_a_retry_asks_anew(
    settings: Any, wrong: Any
) -> None:
    configure(settings, wrong, "b")
    (order,) = orders(1)
    order_paid.send(sender=Order, order=order)
    invoice = Invoice.objects.get()
    assert (invoice.status, invoice.failure_stage) == (InvoiceStatus.FAILED, "build")
    assert invoice.reasons
    configure(settings, lambda order: "b", "b")
    assert operations.retry(invoice).status == InvoiceStatus.PENDING
    assert Invoice.objects.get().account == "b"


def test_the_ready_one_spreads_evenly_and_always_the_same_way(settings: Any) -> None:
    configure(settings, "django_tusfacturas_lotes.conf.spreading.over_all_accounts", "b", "c")
    made = [Order(pk=pk) for pk in range(1, 3001)]
    chosen = [over_all_accounts(order) for order in made]
    assert chosen == [over_all_accounts(order) for order in made]
    assert all(850 < count < 1150 for count in Counter(chosen).values())
    # Another point of sale takes its share from each, and leaves the rest where it was.
    more = [Spread(["default", "b", "c", "d"])(order) for order in made]
    assert {new for old, new in zip(chosen, more, strict=True) if old != new} == {"d"}


def test_accounts_are_independent_in_queue_waiting_and_pace(provider: Provider, settings: Any) -> None:
    account = provider.sandbox.account
    provider.configure(ACCOUNTS={"a": account, "b": account}, ACCOUNT_FOR=lambda order: "ab"[order.pk % 2])
    queue_invoices(orders(6))
    assert accounts_with_work() == ["a", "b"]
    provider.fault("reject=401")
    report = flush()
    assert [one.account for one in report.waiting if one.needs_person] == ["a"]
    provider.settle()
    statuses = Counter(Invoice.objects.values_list("account", "status"))
    assert statuses["b", InvoiceStatus.ISSUED] == sum(1 for invoice in Invoice.objects.filter(account="b"))
    assert statuses["a", InvoiceStatus.CLAIMED] == Invoice.objects.filter(account="a").count() > 0


def test_a_pause_that_one_account_is_asked_for_keeps_no_other_waiting(provider: Provider) -> None:
    account = provider.sandbox.account
    provider.configure(ACCOUNTS={"a": account, "b": account}, ACCOUNT_FOR=lambda order: "ab"[order.pk % 2])
    queue_invoices(orders(4))
    provider.fault("answer=429:30")
    flush("a")
    assert [one.account for one in flush().waiting] == ["a"]
    provider.settle()
    statuses = Counter(Invoice.objects.values_list("account", "status"))
    assert statuses == {("a", InvoiceStatus.CLAIMED): 2, ("b", InvoiceStatus.ISSUED): 2}


def test_an_order_that_has_its_invoice_keeps_it_when_the_choice_changes(settings: Any, caplog: Any) -> None:
    configure(settings, lambda order: "b", "b", "c")
    (order,) = orders(1)
    first = queue_invoice(order)
    configure(settings, lambda order: "c", "b", "c")
    assert queue_invoice(order) == first
    assert Invoice.objects.get().account == "b"


@pytest.mark.parametrize("account", ["x" * 60, 5, "a\x00b"])
def test_an_account_that_can_not_be_one_breaks_no_checkout(provider: Provider, account: Any) -> None:
    with transaction.atomic():
        order_paid.send(sender=Order, order=order(), account=account)
    invoice = Invoice.objects.get()
    assert (invoice.status, invoice.failure_stage) == (InvoiceStatus.FAILED, FailureStage.BUILD)
    assert "not an alias" in invoice.reasons[0]
