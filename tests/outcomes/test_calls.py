"""What settles a lote, when several things speak about it at once: only its own items, and only their latest try."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from django_tusfacturas_lotes import operations, reception
from django_tusfacturas_lotes.conf.pauses import PAUSES
from django_tusfacturas_lotes.models import (
    Attention,
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteStatus,
    WebhookEvent,
    WebhookEventStatus,
)
from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoice, queue_invoices
from django_tusfacturas_lotes.submission import Waiting, expire_leases, flush, recording, send_next, sending
from django_tusfacturas_lotes.wire.dates import argentine_day
from tests.support.builders import day, documento
from tests.support.provider import Provider
from tests.support.webhook import failure, post, success

pytestmark = pytest.mark.django_db(transaction=True)


def queue(count: int, **changes: Any) -> list[Invoice]:
    start = Invoice.objects.count()
    queue_invoices(ToInvoice(documento(**changes), f"erp-{start + number}") for number in range(count))
    return list(Invoice.objects.order_by("pk")[start:])


def later(seconds: float) -> Any:
    return time_machine.travel(timezone.now() + dt.timedelta(seconds=seconds))


def state(*invoices: Invoice) -> list[str]:
    found = Invoice.objects.in_bulk([invoice.pk for invoice in invoices])
    return [found[invoice.pk].status for invoice in invoices]


def notify(provider: Provider, payload: dict[str, Any]) -> None:
    assert post({**payload, **provider.credentials}).status_code == 200


def test_a_notification_after_a_refusal_keeps_the_lote_from_being_sent_again(provider: Provider) -> None:
    first, second = queue(2)
    provider.fault("reject=404")
    flush()
    notify(provider, success(f"{first.public_id}-1"))
    lote = Lote.objects.get()
    assert (lote.status, lote.in_flight_for) == (LoteStatus.ACCEPTED, None)
    assert "notification" in lote.discrepancies[0]
    assert state(first, second) == [InvoiceStatus.ISSUED, InvoiceStatus.SUBMITTED]
    with later(PAUSES[0] + 1):
        assert flush().sent == []


def test_a_notification_before_a_refusal_keeps_the_lote_from_being_sent_again(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = queue(2)
    send = sending.Client.send

    def told_while_it_is_sent(*args: Any) -> Any:
        notify(provider, success(f"{first.public_id}-1"))
        return send(*args)

    monkeypatch.setattr(sending.Client, "send", told_while_it_is_sent)
    provider.fault("answer=429")
    flush()
    monkeypatch.undo()
    assert Lote.objects.get().status == LoteStatus.ACCEPTED
    assert Lote.objects.get().discrepancies
    assert state(first, second) == [InvoiceStatus.ISSUED, InvoiceStatus.SUBMITTED]


@pytest.mark.parametrize("notice", [{"cae": ""}, {"error": "?"}, {"cae": ["x"]}])
def test_any_notification_of_an_item_proves_receipt_whatever_it_says(
    provider: Provider, notice: dict[str, Any]
) -> None:
    first, second = queue(2)
    provider.fault("reject=500")
    flush()
    notify(provider, success(f"{first.public_id}-1", **notice))
    assert Lote.objects.get().status == LoteStatus.ACCEPTED
    assert state(first, second) == [InvoiceStatus.SUBMITTED, InvoiceStatus.SUBMITTED]


def two_lost_lotes(provider: Provider) -> tuple[Invoice, Invoice, Lote, Lote]:
    """I was taken out of lote A and is in lote B; J is in A. Both calls were lost."""
    i, j = queue(2)
    provider.fault("reject=401")
    flush()
    operations.cancel(i)
    operations.retry(i)
    a = Lote.objects.get()
    operations.send_now(a)
    provider.fault("reject=500")
    flush()
    with later(PAUSES[0] + 1):
        provider.fault("reject=500")
        flush()
    b = Lote.objects.latest("pk")
    assert state(i, j) == [InvoiceStatus.UNCERTAIN, InvoiceStatus.UNCERTAIN]
    return i, j, Lote.objects.get(pk=a.pk), b


def test_giving_up_a_lote_does_not_requeue_what_went_on_into_another(provider: Provider) -> None:
    i, j, a, b = two_lost_lotes(provider)
    assert operations.confirm_not_received(a) == 1
    assert state(i, j) == [InvoiceStatus.UNCERTAIN, InvoiceStatus.PENDING]
    assert operations.confirm_not_received(b) == 1
    assert state(i, j) == [InvoiceStatus.PENDING, InvoiceStatus.PENDING]


def test_a_notification_of_a_lote_does_not_move_what_went_on_into_another(provider: Provider) -> None:
    i, j, _, b = two_lost_lotes(provider)
    notify(provider, success(f"{j.public_id}-1"))
    assert state(i, j) == [InvoiceStatus.UNCERTAIN, InvoiceStatus.ISSUED]
    assert operations.confirm_not_received(b) == 1
    assert state(i) == [InvoiceStatus.PENDING]


# How a connection tells its number, and how another one ends it. SQLite has none to lose.
_OF_THE_CONNECTION = {
    "postgresql": ("SELECT pg_backend_pid()", "SELECT pg_terminate_backend(%s)"),
    "mysql": ("SELECT connection_id()", "KILL CONNECTION %s"),
}


def test_an_answer_is_written_although_the_connection_went_while_we_waited(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(1)
    send = sending.Client.send

    def send_and_lose_the_database(*args: Any) -> Any:
        outcome = send(*args)
        if connection.vendor in _OF_THE_CONNECTION:
            ours, kill = _OF_THE_CONNECTION[connection.vendor]
            with connection.cursor() as cursor:
                cursor.execute(ours)
                (number,) = cursor.fetchone()
            other = connection.copy()
            with other.cursor() as cursor:
                cursor.execute(kill % number)
            other.close()
        return outcome

    monkeypatch.setattr(sending.Client, "send", send_and_lose_the_database)
    assert flush().accepted == 1
    assert Lote.objects.get().status == LoteStatus.ACCEPTED


def test_an_event_that_was_left_by_a_killed_process_is_taken_up_again(provider: Provider) -> None:
    (invoice,) = queue(1)
    provider.fault("webhook=never")
    flush()
    notify(provider, success(f"{invoice.public_id}-1"))
    # As a process leaves it that was killed once it had stored the event.
    WebhookEvent.objects.update(status=WebhookEventStatus.RECEIVED, item=None)
    Invoice.objects.update(status=InvoiceStatus.SUBMITTED)
    LoteItem.objects.update(status="submitted")
    assert reception.process_again() == 0
    with later(121):
        assert WebhookEvent.objects.needing_a_person().count() == 1
        assert reception.process_again() == 1
    assert state(invoice) == [InvoiceStatus.ISSUED]


def test_a_success_without_a_cae_can_be_processed_again_once_the_account_is_marked_as_a_trial(
    provider: Provider,
) -> None:
    (invoice,) = queue(1)
    provider.fault("webhook=never")
    flush()
    notify(provider, success(f"{invoice.public_id}-1", cae=" "))
    assert Invoice.objects.get().attention == Attention.NO_CAE
    provider.configure(ACCOUNTS={"default": {**provider.sandbox.account, "TRIAL": True}})
    assert reception.process(WebhookEvent.objects.get().pk) == WebhookEventStatus.PROCESSED
    assert state(invoice) == [InvoiceStatus.ISSUED]


def test_an_older_word_is_not_about_a_try_that_is_under_way(provider: Provider) -> None:
    (invoice,) = queue(1)
    provider.fault("webhook=never*always")
    flush()
    notify(provider, failure(f"{invoice.public_id}-1"))
    operations.retry(invoice)
    provider.fault("reject=500")
    flush()
    assert state(invoice) == [InvoiceStatus.UNCERTAIN]
    # The first lote's process was only slow: its answer comes now.
    first = Lote.objects.order_by("pk")[0]
    Lote.objects.filter(pk=first.pk).update(answered_at=None)
    row = recording.Row(first.items.get().pk, invoice.pk, "x", argentine_day())
    call = recording.Call(first, first.tries, timezone.now(), [row], {})
    recording._record_accepted(call, {"answered_at": timezone.now()}, {row: [{"text": "no"}]}, [])
    assert state(invoice) == [InvoiceStatus.UNCERTAIN]


def test_an_undated_invoice_that_is_tried_again_goes_behind_the_dated_ones(provider: Provider) -> None:
    (undated,) = queue(1)
    provider.fault("fail_rows=0")
    with time_machine.travel(timezone.now() - dt.timedelta(days=2)):
        provider.sandbox.advance_days(-2)
        flush()
        provider.settle()
    provider.sandbox.advance_days(2)
    queue(1, fecha=day(-1))
    operations.retry(undated)
    flush()
    sent = [item["comprobante"]["fecha"] for item in provider.sandbox.calls[-1].body["requests"]]
    assert sent == [day(-1), day()]


def test_without_a_webhook_address_nothing_is_sent(provider: Provider) -> None:
    queue(1)
    provider.configure(WEBHOOK_URL="")
    step = send_next("default")
    assert isinstance(step, Waiting)
    assert step.needs_person
    assert "WEBHOOK_URL" in step.reason
    assert provider.sandbox.calls == []


def test_an_accounts_callable_that_fails_stops_that_account_only(provider: Provider) -> None:
    good = provider.sandbox.account

    def from_a_vault(alias: str) -> Any:
        if alias == "broken":
            raise ConnectionError(f"the vault is down, {good['USERTOKEN']}")
        return good

    provider.configure(ACCOUNTS=from_a_vault, ACCOUNT_ALIASES=["default", "broken"])
    queue(1)
    broken = queue_invoice(comprobante=documento(), key="broken", account="broken")
    assert broken is not None
    assert broken.failure_stage == "build"
    assert str(good["USERTOKEN"]) not in broken.reasons[0]
    Invoice.objects.filter(pk=broken.pk).update(status=InvoiceStatus.PENDING)
    report = flush()
    provider.settle()
    assert report.accepted == 1
    assert [one.account for one in report.waiting] == ["broken"]
    assert Invoice.objects.exclude(pk=broken.pk).get().status == InvoiceStatus.ISSUED


def test_what_was_never_built_is_always_built_anew_on_a_retry(provider: Provider) -> None:
    invoice = queue_invoice(comprobante={"nonsense": 1}, key="x")
    assert invoice is not None
    again = operations.retry(invoice, rebuild=False)
    assert (again.status, again.failure_stage) == (InvoiceStatus.FAILED, "validation")


def test_a_discrepancy_can_be_marked_as_seen(provider: Provider, admin_client: Any) -> None:
    queue(1)
    provider.fault("answer=miscount")
    flush()
    lote = Lote.objects.get()
    assert Lote.objects.needing_a_person().count() == 1
    data = {"action": "mark_seen", "_selected_action": [str(lote.pk)]}
    page = admin_client.post("/admin/django_tusfacturas_lotes/lote/", data, follow=True).content.decode()
    assert "1 lote was settled." in page
    assert Lote.objects.needing_a_person().count() == 0
    with pytest.raises(operations.NotPossibleError):
        operations.mark_seen(Lote.objects.create(account="x", modality="lotes"))


def test_expiring_a_lease_moves_only_live_items(provider: Provider) -> None:
    first, second = queue(2)
    provider.fault("webhook=never")
    flush()
    operations_before = state(first, second)
    Lote.objects.update(status=LoteStatus.SENDING, in_flight_for="default", answered_at=None)
    LoteItem.objects.update(status="claimed")
    Invoice.objects.update(status=InvoiceStatus.CLAIMED)
    with later(301):
        assert expire_leases() == 1
    assert operations_before == [InvoiceStatus.SUBMITTED] * 2
    assert state(first, second) == [InvoiceStatus.UNCERTAIN] * 2
