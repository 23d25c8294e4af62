"""The webhook: what is kept of a notification, and what it changes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from django_tusfacturas_lotes import reception
from django_tusfacturas_lotes.models import (
    Attention,
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    LoteStatus,
    WebhookEvent,
    WebhookEventStatus,
)
from django_tusfacturas_lotes.outcomes import tries
from django_tusfacturas_lotes.queueing import queue_invoice
from tests import settings as test_settings
from tests.support.builders import documento
from tests.support.webhook import CREDENTIALS, failure, item_in, post, success

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_event_is_stored_even_where_requests_are_atomic_and_acting_on_it_fails(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import connections

    monkeypatch.setitem(connections["default"].settings_dict, "ATOMIC_REQUESTS", True)
    item = item_in()
    payload = success(item)
    monkeypatch.setattr(tries, "mark_issued", _raise)
    assert post(payload).status_code == 200
    event = WebhookEvent.objects.get()
    assert event.status == WebhookEventStatus.ERROR
    assert "out of order" in event.error
    assert Invoice.objects.get().status == InvoiceStatus.SUBMITTED
    monkeypatch.undo()
    # The same notification coming again makes up for it by itself.
    assert post(payload).status_code == 200
    event.refresh_from_db()
    assert (event.status, event.deliveries) == (WebhookEventStatus.PROCESSED, 2)
    assert Invoice.objects.get().status == InvoiceStatus.ISSUED


def _raise(*args: Any) -> None:
    raise RuntimeError("out of order")


def test_an_unknown_reference_is_kept_as_unmatched_and_answered_200() -> None:
    assert post(success("nobody-1")).status_code == 200
    event = WebhookEvent.objects.get()
    assert (event.status, event.reference) == (WebhookEventStatus.UNMATCHED, "nobody-1")


@pytest.mark.parametrize("reference", ["", None, [], "x" * 5000, "UPPER"])
def test_a_strange_reference_is_kept_and_matches_nothing(reference: Any) -> None:
    item = item_in()
    reference = item.reference.upper() if reference == "UPPER" else reference
    assert post({**success(item), "facturacion_lote_id_referencia": reference}).status_code == 200
    status = WebhookEvent.objects.get().status
    if item.reference == str(reference):  # all digits: upper case is the same
        assert status == WebhookEventStatus.PROCESSED
    else:
        assert status == WebhookEventStatus.UNMATCHED
        assert Invoice.objects.get().status == InvoiceStatus.SUBMITTED


def test_another_accounts_credentials_do_not_settle_our_item(settings: Any) -> None:
    account = settings.TUSFACTURAS_LOTES["ACCOUNTS"]["default"]
    other = {**account, "APIKEY": "777", "APITOKEN": "other-token", "USERTOKEN": "other-user", "PUNTO_VENTA": 4}
    settings.TUSFACTURAS_LOTES = {
        **settings.TUSFACTURAS_LOTES, "ACCOUNTS": {"default": account, "other": other},
    }  # fmt: skip
    item = item_in()
    payload = success(item, apikey="777", apitoken="other-token", usertoken="other-user")
    assert post(payload).status_code == 200
    assert WebhookEvent.objects.get().status == WebhookEventStatus.UNMATCHED
    assert Invoice.objects.get().status == InvoiceStatus.SUBMITTED


def test_duplicates_count_as_deliveries_and_tell_the_host_once(heard: list[Any]) -> None:
    item = item_in()
    for _ in range(10):
        assert post(success(item)).status_code == 200
    event = WebhookEvent.objects.get()
    assert (event.deliveries, event.status) == (10, WebhookEventStatus.PROCESSED)
    assert heard == [("invoice_issued", Invoice.objects.get())]


def test_a_receiver_that_raises_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    from django_tusfacturas_lotes.signals import invoice_issued

    def receiver(**named: Any) -> None:
        raise RuntimeError("the host is broken")

    invoice_issued.connect(receiver)
    try:
        assert post(success(item_in())).status_code == 200
    finally:
        invoice_issued.disconnect(receiver)
    assert Invoice.objects.get().status == InvoiceStatus.ISSUED
    assert WebhookEvent.objects.get().status == WebhookEventStatus.PROCESSED
    assert "the host is broken" in caplog.text


def test_issued_is_final() -> None:
    item = item_in()
    post(success(item))
    post(failure(item))
    invoice = Invoice.objects.get()
    assert (invoice.status, invoice.cae) == (InvoiceStatus.ISSUED, "71234567890123")
    assert WebhookEvent.objects.latest("pk").status == WebhookEventStatus.IGNORED


def test_a_failed_one_that_gets_there_after_all_is_issued() -> None:
    item = item_in()
    post(failure(item))
    post(success(item))
    invoice = Invoice.objects.get()
    assert (invoice.status, invoice.errors, invoice.failure_stage) == (InvoiceStatus.ISSUED, [], "")


@pytest.mark.parametrize("status", [status for status in InvoiceStatus if status != InvoiceStatus.ISSUED])
def test_a_success_issues_the_invoice_whatever_we_had_made_of_it(status: InvoiceStatus) -> None:
    item = item_in(invoice_status=status)
    post(success(item))
    assert Invoice.objects.get().status == InvoiceStatus.ISSUED


@pytest.mark.parametrize("first", [success, failure])
def test_a_webhook_may_come_before_the_answer(first: Any) -> None:
    item = item_in(LoteStatus.SENDING, LoteItemStatus.CLAIMED, InvoiceStatus.CLAIMED)
    post(first(item))
    assert Invoice.objects.get().status in (InvoiceStatus.ISSUED, InvoiceStatus.FAILED)
    assert Lote.objects.get().status == LoteStatus.SENDING


def test_a_webhook_settles_an_uncertain_lote_as_received() -> None:
    item = item_in(LoteStatus.UNCERTAIN, LoteItemStatus.UNCERTAIN, InvoiceStatus.UNCERTAIN)
    other = queue_invoice(comprobante=documento(), key="other")
    assert other is not None
    Invoice.objects.filter(pk=other.pk).update(status=InvoiceStatus.UNCERTAIN, tries=1)
    LoteItem.objects.create(
        lote=item.lote, invoice=other, position=1, reference=f"{other.public_id}-1", status=LoteItemStatus.UNCERTAIN
    )
    post(success(item))
    assert Lote.objects.get().status == LoteStatus.ACCEPTED
    other.refresh_from_db()
    assert other.status == InvoiceStatus.SUBMITTED
    assert Invoice.objects.get(pk=item.invoice_id).status == InvoiceStatus.ISSUED


def test_a_word_about_an_older_try_does_not_fail_the_newer_one() -> None:
    item = item_in()
    Invoice.objects.filter(pk=item.invoice_id).update(tries=2)
    LoteItem.objects.create(
        lote=Lote.objects.create(account="default", modality="lotes", status=LoteStatus.ACCEPTED),
        invoice=item.invoice, position=0, reference=f"{item.invoice.public_id}-2", status=LoteItemStatus.SUBMITTED,
    )  # fmt: skip
    post(failure(item))
    assert Invoice.objects.get().status == InvoiceStatus.SUBMITTED
    assert LoteItem.objects.get(pk=item.pk).status == LoteItemStatus.FAILED


def test_two_documents_for_one_order_are_told_and_shown(heard: list[Any]) -> None:
    item = item_in()
    second = LoteItem.objects.create(
        lote=Lote.objects.create(account="default", modality="lotes", status=LoteStatus.ACCEPTED),
        invoice=item.invoice, position=0, reference=f"{item.invoice.public_id}-2", status=LoteItemStatus.SUBMITTED,
    )  # fmt: skip
    post(success(item))
    post(success(second, cae="99999999999999", comprobante_nro="0003-00000008"))
    invoice = Invoice.objects.get()
    assert (invoice.status, invoice.cae) == (InvoiceStatus.ISSUED, "71234567890123")
    assert invoice.attention == Attention.DUPLICATE
    assert [name for name, _ in heard] == ["invoice_issued", "duplicate_issued"]
    assert {one.status for one in LoteItem.objects.all()} == {LoteItemStatus.ISSUED}
    assert invoice in Invoice.objects.needing_a_person()


def test_two_documents_for_one_reference_are_told_too(heard: list[Any]) -> None:
    item = item_in()
    post(success(item))
    post(success(item, cae="99999999999999", comprobante_nro="0003-00000008"))
    assert Invoice.objects.get().attention == Attention.DUPLICATE
    assert [name for name, _ in heard] == ["invoice_issued", "duplicate_issued"]


def test_another_notice_of_the_same_document_is_no_duplicate(heard: list[Any]) -> None:
    item = item_in()
    post(success(item))
    post(success(item, observaciones="otra"))
    assert Invoice.objects.get().attention == ""
    assert [name for name, _ in heard] == ["invoice_issued"]


@pytest.mark.parametrize("cae", ["", " ", None])
def test_a_success_without_a_cae_is_no_invoice_and_needs_a_person(cae: Any, heard: list[Any]) -> None:
    item = item_in()
    post(success(item, cae=cae))
    invoice = Invoice.objects.get()
    assert (invoice.status, invoice.attention) == (InvoiceStatus.SUBMITTED, Attention.NO_CAE)
    assert heard == []
    post(success(item))
    invoice.refresh_from_db()
    assert (invoice.status, invoice.attention) == (InvoiceStatus.ISSUED, "")


def test_a_success_without_a_cae_is_issued_for_a_trial_account(settings: Any) -> None:
    account = {**settings.TUSFACTURAS_LOTES["ACCOUNTS"]["default"], "TRIAL": True}
    settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "ACCOUNTS": {"default": account}}
    post(success(item_in(), cae=" "))
    assert Invoice.objects.get().status == InvoiceStatus.ISSUED


@pytest.mark.parametrize("change", [{"cae": ["7"]}, {"error": "?"}, {"comprobante_tipo": "F" * 500}, {"cae": {"a": 1}}])
def test_what_can_not_be_read_is_kept_with_its_error_and_changes_nothing(change: dict[str, Any]) -> None:
    post(success(item_in(), **change))
    event = WebhookEvent.objects.get()
    assert event.status == WebhookEventStatus.ERROR
    assert event.error
    assert Invoice.objects.get().status == InvoiceStatus.SUBMITTED


def test_no_credential_is_stored_wherever_it_stands() -> None:
    item = item_in()
    post({**failure(item, f"token {test_settings.APITOKEN} vencido"), "extra": [{"usertoken": "x"}, CREDENTIALS]})
    event = WebhookEvent.objects.get()
    stored = json.dumps([event.payload, event.error, Invoice.objects.get().errors])
    assert not any(secret in stored for secret in CREDENTIALS.values())


def test_an_event_can_be_processed_again() -> None:
    item = item_in()
    LoteItem.objects.filter(pk=item.pk).update(reference="later-1")
    post(success(item))
    event = WebhookEvent.objects.get()
    assert event.status == WebhookEventStatus.UNMATCHED
    LoteItem.objects.filter(pk=item.pk).update(reference=item.reference)
    assert reception.process(event.pk) == WebhookEventStatus.PROCESSED
    assert Invoice.objects.get().status == InvoiceStatus.ISSUED
    assert reception.process(event.pk) == WebhookEventStatus.PROCESSED
