"""Things going wrong together, found by a sceptical reader of the code; each ended in two documents, or in silence."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from django_tusfacturas_lotes import operations, tasks
from django_tusfacturas_lotes.models import (
    Attention,
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    LoteStatus,
    OperationStatus,
    Turn,
    WebhookEvent,
)
from django_tusfacturas_lotes.operations import NotPossibleError
from django_tusfacturas_lotes.provider.client import Client, Verdict
from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoices
from django_tusfacturas_lotes.reconciliation import look_up, look_ups
from django_tusfacturas_lotes.submission import flush, leases, queue_operations, sending
from django_tusfacturas_lotes.wire.answers.lookup import Found, Standing
from tests.builders import documento
from tests.provider import Provider
from tests.rows import make_event, make_item, make_lote
from tests.test_queue_operations import done, go_on, in_error
from tests.test_reconciliation import later, queue, statuses

pytestmark = pytest.mark.django_db(transaction=True)


def told(provider: Provider, evento: str, reference: str) -> None:
    """Have the provider notify, and wait until that was acted on."""
    like_it = WebhookEvent.objects.filter(reference=reference, payload__evento=evento).exclude(status="received")
    before = like_it.count()
    provider.sandbox.notify(reference, evento, msg=["no"] if evento == "error" else [])
    provider.sandbox._wait(lambda: like_it.count() > before, 30, "told nothing")


def given_up(provider: Provider) -> LoteItem:
    """A try that was taken, and that lying look-ups made us give up."""
    provider.use("nuevo_encola")
    provider.sandbox.pause()
    queue(1)
    provider.sandbox.fault("answer=none", "webhook=never*always", "lookup=absent*9")
    flush()
    for minutes in (6, 70, 130, 200):
        with later(minutes=minutes):
            look_up("default")
    assert statuses() == [InvoiceStatus.PENDING]
    provider.sandbox.clear_faults()
    return LoteItem.objects.get()


def rounds(minutes: Iterator[int] | range) -> None:
    now = timezone.now()
    for after in minutes:
        with time_machine.travel(now + dt.timedelta(minutes=after)):
            look_up("default")


def test_what_was_told_issued_is_not_sent_anew_although_look_ups_miss_it(provider: Provider) -> None:
    invoice = in_error(provider, "nuevo_encola")
    operations.retry(invoice)
    told(provider, "emitido", LoteItem.objects.get().reference)
    provider.fault("operation=reject:S")
    queue_operations.send_requested("default")
    provider.fault("lookup=absent*9")
    rounds(range(1, 120, 3))
    assert statuses() == [InvoiceStatus.FAILED]
    assert LoteItem.objects.count() == 1


def test_that_something_is_deleted_there_is_known_by_the_providers_word_or_after_a_while(provider: Provider) -> None:
    operations.cancel(in_error(provider, "nuevo_encola"))
    provider.sandbox.fault("operation=reject:none", "lookup=absent*2")
    queue_operations.send_requested("default")
    rounds(range(2, 30, 4))
    assert statuses() == [InvoiceStatus.FAILED], "two look-ups missed it, and nobody has said that it is gone"
    go_on(provider)
    assert statuses() == [InvoiceStatus.CANCELLED]


@pytest.mark.parametrize("evento", ["encolado", "error"])
def test_a_given_up_try_that_is_there_after_all_keeps_back_the_next_one_that_waits(
    provider: Provider, evento: str
) -> None:
    item = given_up(provider)
    provider.fault("reject=401")
    with later(minutes=201):
        flush()
    assert (statuses(), Lote.objects.last().status) == ([InvoiceStatus.CLAIMED], LoteStatus.READY)
    told(provider, evento, item.reference)
    assert statuses() == [InvoiceStatus.SUBMITTED if evento == "encolado" else InvoiceStatus.FAILED]
    with later(minutes=400):
        flush()
    assert len(provider.sandbox.ledger()["references"]) == 1 or len(provider.sandbox.calls) == 2
    assert Lote.objects.last().status in (LoteStatus.READY, LoteStatus.CANCELLED)
    if evento == "encolado":
        provider.sandbox.resume()
        provider.settle()
        look_up("default")
        assert statuses() == [InvoiceStatus.ISSUED]
    provider.assert_the_promise()


def test_a_given_up_try_whose_error_is_told_lies_in_the_queue_and_is_shown(provider: Provider) -> None:
    item = given_up(provider)
    told(provider, "error", item.reference)
    assert statuses() == [InvoiceStatus.FAILED]
    assert Lote.objects.get().discrepancies


def test_what_was_deleted_and_is_told_issued_is_waited_for_and_shown_if_nothing_comes_of_it(provider: Provider) -> None:
    operations.retry(in_error(provider, "nuevo_encola"))
    item = LoteItem.objects.get()
    queue_operations.send_requested("default")
    rounds(range(2, 30, 4))
    assert statuses() == [InvoiceStatus.PENDING]
    told(provider, "emitido", item.reference)
    assert statuses() == [InvoiceStatus.SUBMITTED]
    flush()
    assert len(provider.sandbox.calls) == 1
    rounds(range(1, 60 * 24, 20))
    item.refresh_from_db()
    assert item.told == ""
    assert "a notification told of" in Lote.objects.get().discrepancies[-1]
    assert Lote.objects.get() in Lote.objects.needing_a_person()


def test_a_late_answer_takes_up_what_was_given_up(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    provider.sandbox.pause()
    queue(1)
    real = sending.record_answer

    def slow(account: Any, call: Any, outcome: Any) -> Any:
        with later(minutes=10):
            leases.expire_leases()
        operations.confirm_not_received(Lote.objects.get())
        assert statuses() == [InvoiceStatus.PENDING]
        return real(account, call, outcome)

    monkeypatch.setattr(sending, "record_answer", slow)
    sending.send_next("default")
    assert statuses() == [InvoiceStatus.SUBMITTED]
    flush()
    provider.sandbox.resume()
    provider.settle()
    assert list(provider.issued().values()) == [1]
    assert statuses() == [InvoiceStatus.ISSUED]


def test_a_process_that_was_suspended_before_its_call_does_not_make_it(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.use("nuevo_encola")
    queue(1)
    real = sending._is_stale
    woken: list[time_machine.travel] = []

    def suspended(call: Any) -> bool:
        if not woken:
            woken.append(time_machine.travel(timezone.now() + dt.timedelta(hours=3)))
            woken[0].start()
            leases.expire_leases()
            rounds(range(0, 200, 10))
        return real(call)

    monkeypatch.setattr(sending, "_is_stale", suspended)
    try:
        sending.send_next("default")
        assert len(provider.sandbox.calls) == 0
    finally:
        woken[0].stop()
    go_on(provider)
    assert list(provider.issued().values()) == [1]
    assert statuses() == [InvoiceStatus.ISSUED]


def test_two_comprobantes_of_one_try_are_shown_and_watched(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    provider.use("nuevo_encola")
    queue(1)
    provider.fault("webhook=never*always")
    flush()
    provider.settle()
    real = look_ups.read_lookup
    monkeypatch.setattr(look_ups, "read_lookup", lambda *read: (*real(*read), Found(Standing.QUEUED)))
    with later(hours=4):
        look_up("default")
    assert statuses() == [InvoiceStatus.ISSUED]
    assert LoteItem.objects.get().look_up_at is not None
    assert "lists 2 comprobantes" in Lote.objects.get().discrepancies[0]


def test_an_absence_soon_after_a_lost_call_does_not_count(provider: Provider) -> None:
    provider.use("nuevo_encola")
    provider.sandbox.pause()
    queue(1)
    provider.sandbox.fault("answer=none", "webhook=never*always", "lookup=absent*2")
    flush()
    for minutes in (6, 61):
        with later(minutes=minutes):
            look_up("default")
    assert statuses() == [InvoiceStatus.UNCERTAIN]
    assert LoteItem.objects.get().absences == 1


def test_an_operation_on_what_is_not_there_any_more_is_not_sent(provider: Provider) -> None:
    invoice = in_error(provider, "nuevo_encola")
    operations.resend(invoice)
    provider.fault("operation=reject:429:7200")
    queue_operations.send_requested("default")
    told(provider, "eliminado", LoteItem.objects.get().reference)
    Turn.objects.update(free_from=None)
    provider.fault("lookup=absent*2")
    rounds(range(1, 9, 4))
    operations.retry(Invoice.objects.get())
    provider.sandbox.clear_faults()
    flush()
    with later(minutes=130):
        queue_operations.send_requested("default")
    assert done() == [OperationStatus.REFUSED]
    provider.settle()
    assert max(provider.issued().values()) == 1
    provider.assert_the_promise()


def test_a_document_of_other_data_than_the_invoice_has_by_now_asks_for_attention(provider: Provider) -> None:
    queue(1)
    provider.sandbox.pause()
    flush()
    LoteItem.objects.update(status=LoteItemStatus.FAILED)
    Invoice.objects.update(status=InvoiceStatus.FAILED, failure_stage="emission", fecha=None)
    operations.retry(Invoice.objects.get(), today=True)
    LoteItem.objects.update(comprobante=documento())  # as a retry with other data keeps it
    provider.sandbox.resume()
    provider.settle()
    invoice = Invoice.objects.get()
    assert (invoice.status, invoice.attention) == (InvoiceStatus.ISSUED, Attention.OLDER_TRY)


def test_what_was_told_issued_without_a_cae_can_be_given_up_by_a_person(provider: Provider) -> None:
    queue(1)
    provider.sandbox.pause()
    flush()
    Invoice.objects.update(attention=Attention.NO_CAE)
    assert operations.confirm_not_issued(Invoice.objects.get()).status == InvoiceStatus.FAILED


def test_a_lote_that_was_heard_of_is_not_confirmed_as_not_received(provider: Provider) -> None:
    lote = make_lote(LoteStatus.UNCERTAIN)
    make_event(make_item(LoteItemStatus.UNCERTAIN, InvoiceStatus.UNCERTAIN, lote))
    with pytest.raises(NotPossibleError, match="so it has it"):
        operations.confirm_not_received(lote)
    assert statuses() == [InvoiceStatus.UNCERTAIN]


def test_a_duplicate_is_shown_until_it_is_credited(provider: Provider) -> None:
    queue(1)
    Invoice.objects.update(attention=Attention.DUPLICATE)
    with pytest.raises(NotPossibleError, match="queue the nota de crédito"):
        operations.mark_invoice_seen(Invoice.objects.get())
    assert Invoice.objects.needing_a_person().exists()
    operations.mark_invoice_seen(Invoice.objects.get(), credited_elsewhere=True)
    assert not Invoice.objects.needing_a_person().exists()


def test_an_account_that_can_not_be_called_holds_back_no_other(provider: Provider) -> None:
    good = provider.sandbox.account
    bad = {**good, "BASE_URL": "https://www..tusfacturas.app/app/api"}
    provider.configure(ACCOUNTS={"a": bad, "b": good})
    queue_invoices([ToInvoice(documento(), "a-1", account="a"), ToInvoice(documento(), "b-1", account="b")])
    report = flush()
    assert [one.verdict for one in report.sent] == [Verdict.NOT_SENT, Verdict.ACCEPTED]
    assert "BASE_URL" in Lote.objects.get(account="a").error


def test_an_error_in_one_account_is_raised_once_the_others_have_had_their_turn(provider: Provider) -> None:
    account = provider.sandbox.account
    provider.configure(ACCOUNTS={"a": account, "b": account})
    queue_invoices([ToInvoice(documento(), "a-1", account="a"), ToInvoice(documento(), "b-1", account="b")])

    def on_step(step: Any) -> None:
        if step.account == "a":
            raise LookupError("of the caller's own")

    with pytest.raises(LookupError, match="own"):
        flush(on_step=on_step)
    assert len(provider.sandbox.calls) == 2


def test_a_missing_ca_bundle_is_known_not_to_have_been_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    with Client(connect_timeout=1, read_timeout=1) as client:
        outcome = client.send("https://127.0.0.1:9/", {}, lambda answer: pytest.fail("nothing was answered"))
    assert (outcome.verdict, "CA certificates" in outcome.text) == (Verdict.NOT_SENT, True)


def test_a_stored_lote_of_a_modality_that_is_not_known_holds_nothing_back(provider: Provider) -> None:
    old = timezone.now() - dt.timedelta(hours=1)
    lote = make_lote(LoteStatus.SENDING, account="retired", modality="retired", sent_at=old, answered_at=None)
    make_event(make_item(LoteItemStatus.CLAIMED, InvoiceStatus.CLAIMED, lote))
    queue(1)
    assert "1 lotes were lost" in tasks.flush()
    flush()
    assert Invoice.objects.filter(account="default").first().status == InvoiceStatus.SUBMITTED
