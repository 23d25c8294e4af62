"""`manage.py confirm_lote`: what a person is shown, and what the word does."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone, translation

from django_tusfacturas_lotes.models import (
    Finding,
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    LoteStatus,
    WebhookEventStatus,
)
from django_tusfacturas_lotes.operations.evidence import MOST_NAMED, lote_evidence
from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoices
from django_tusfacturas_lotes.submission import flush
from tests.support.builders import documento
from tests.support.provider import Provider
from tests.support.raw_http import answering
from tests.support.rows import make_event, make_item, make_lote

pytestmark = pytest.mark.django_db(transaction=True)


def run(lote: Lote | int, *options: str) -> str:
    out = io.StringIO()
    call_command("confirm_lote", str(lote if isinstance(lote, int) else lote.pk), *options, stdout=out)
    return out.getvalue()


def types(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def uncertain(items: int = 3, **columns: Any) -> Lote:
    lote = make_lote(LoteStatus.UNCERTAIN, error="no answer came in time", http_status=524, **columns)
    for _ in range(items):
        make_item(LoteItemStatus.UNCERTAIN, InvoiceStatus.UNCERTAIN, lote)
    return lote


def statuses() -> tuple[str, set[str], set[str]]:
    return (
        Lote.objects.get().status,
        set(LoteItem.objects.values_list("status", flat=True)),
        set(Invoice.objects.values_list("status", flat=True)),
    )


def test_without_an_answer_it_shows_what_is_known_and_changes_nothing() -> None:
    lote = uncertain()
    out = run(lote)
    for said in (
        f"Lote {lote.pk} is uncertain.",
        "3 items of account default (lotes), sent: ",
        "How it ended: no answer came in time (HTTP status: 524).",
        "Heard of by notification: 0 of 3.",
        "Looked up: not yet.",
        f"confirm_lote {lote.pk} --received",
        f"confirm_lote {lote.pk} --not-received",
        "issued TWICE",
    ):
        assert said in out
    assert statuses() == (LoteStatus.UNCERTAIN, {LoteItemStatus.UNCERTAIN}, {InvoiceStatus.UNCERTAIN})


def test_what_was_heard_of_and_found_is_named() -> None:
    lote = uncertain()
    heard, found, absent = lote.items.order_by("position")
    make_event(None, WebhookEventStatus.ERROR, reference=heard.reference, error="a passing reason")
    LoteItem.objects.filter(pk=found.pk).update(finding=Finding.QUEUED, looked_up_at=timezone.now())
    LoteItem.objects.filter(pk=absent.pk).update(finding=Finding.ABSENT, looked_up_at=timezone.now())
    out = run(lote)
    assert f"{heard.reference}: uncertain, a notification came" in out
    assert f"{found.reference}: uncertain, look-up: in TusFacturas' queue" in out
    assert f"{absent.reference}:" not in out
    assert "not found: 1, in TusFacturas' queue: 1" in out
    assert "it was received" in out


def test_a_look_up_is_not_called_a_notification() -> None:
    lote = uncertain()
    found = lote.items.order_by("position")[0]
    LoteItem.objects.filter(pk=found.pk).update(status=LoteItemStatus.ISSUED, finding=Finding.ISSUED)
    known = lote_evidence(lote)
    assert (known.heard_of, known.found, known.proves_receipt) == (0, 1, True)
    assert "a notification came" not in run(lote)


def test_of_many_items_the_first_are_named_and_all_are_counted() -> None:
    lote = uncertain(MOST_NAMED + 2)
    for item in lote.items.all():
        make_event(item)
    known = lote_evidence(lote)
    assert (known.items, known.heard_of, len(known.known)) == (MOST_NAMED + 2, MOST_NAMED + 2, MOST_NAMED)


def test_what_is_known_takes_two_queries(django_assert_num_queries: Any) -> None:
    lote = uncertain()
    with django_assert_num_queries(2):
        lote_evidence(lote).lines()


def test_received_needs_no_second_word_and_sends_nothing() -> None:
    lote = uncertain()
    assert "Received: its invoices wait for their results." in run(lote, "--received")
    assert statuses() == (LoteStatus.ACCEPTED, {LoteItemStatus.SUBMITTED}, {InvoiceStatus.SUBMITTED})


@pytest.mark.parametrize("typed", ["", "yes\n", "y\n", "0\n"])
def test_not_received_wants_the_number_typed(typed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lote = uncertain()
    types(typed, monkeypatch)
    with pytest.raises(CommandError, match=r"Nothing was changed|says --yes"):
        run(lote, "--not-received")
    assert statuses()[0] == LoteStatus.UNCERTAIN


@pytest.mark.parametrize("options", [(), ("--yes",)])
def test_not_received_puts_its_invoices_back_into_the_queue(
    options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    lote = uncertain()
    types("" if options else f" {lote.pk}\n", monkeypatch)
    out = run(lote, "--not-received", *options)
    assert "Not received: 3 invoices went back into the queue" in out
    assert ("issued TWICE" in out) is not bool(options)
    assert statuses() == (LoteStatus.CANCELLED, {LoteItemStatus.WITHDRAWN}, {InvoiceStatus.PENDING})


@pytest.mark.parametrize("proof", ["heard", "found"])
def test_not_received_is_refused_where_something_proves_that_it_was(proof: str) -> None:
    lote = uncertain()
    item = lote.items.all()[0]
    if proof == "heard":
        make_event(None, WebhookEventStatus.RECEIVED, reference=item.reference)
    else:
        LoteItem.objects.filter(pk=item.pk).update(finding=Finding.IN_ERROR, looked_up_at=timezone.now())
    with pytest.raises(CommandError, match="confirm that it was received"):
        run(lote, "--not-received", "--yes")
    assert statuses()[0] == LoteStatus.UNCERTAIN
    run(lote, "--received")
    assert statuses()[0] == LoteStatus.ACCEPTED


@pytest.mark.parametrize("status", [status for status in LoteStatus if status != LoteStatus.UNCERTAIN])
def test_a_lote_that_is_not_uncertain_is_shown_and_not_changed(status: LoteStatus) -> None:
    lote = make_lote(status)
    assert "there is nothing to confirm" in run(lote)
    for options in (["--received"], ["--not-received", "--yes"]):
        with pytest.raises(CommandError, match=f"is {status}, not uncertain"):
            run(lote, *options)
    assert Lote.objects.get().status == status


def test_an_unknown_lote_and_two_answers_at_once_are_errors() -> None:
    with pytest.raises(CommandError, match="There is no lote 7"):
        run(7)
    with pytest.raises(CommandError, match="not allowed with"):
        run(uncertain(), "--received", "--not-received")


def test_the_command_speaks_english_and_the_evidence_the_persons_language(settings: Any) -> None:
    settings.LANGUAGE_CODE = "es-ar"
    lote = uncertain()
    make_event(lote.items.all()[0])
    with translation.override("es-ar"):
        assert "Heard of by notification: 1 of 3." in run(lote)
        assert any(": incierto" in line for line in lote_evidence(lote).lines())


def test_a_lote_that_was_lost_before_it_arrived_is_sent_again_and_issued_once(provider: Provider) -> None:
    queue_invoices(ToInvoice(documento(), f"erp-{number}") for number in range(3))
    account = dict(provider.sandbox.account)
    with answering([b""]) as elsewhere:
        provider.configure(ACCOUNTS={"default": {**account, "BASE_URL": elsewhere}})
        flush()
    lote = Lote.objects.get()
    assert lote.status == LoteStatus.UNCERTAIN
    run(lote, "--not-received", "--yes")
    provider.configure(ACCOUNTS={"default": account})
    flush()
    provider.settle()
    assert set(Invoice.objects.values_list("status", flat=True)) == {InvoiceStatus.ISSUED}
    provider.assert_the_promise()


def test_a_lote_that_was_taken_is_confirmed_and_issued_once(provider: Provider) -> None:
    queue_invoices(ToInvoice(documento(), f"erp-{number}") for number in range(3))
    provider.fault("answer=none")
    provider.sandbox.pause()
    flush()
    run(Lote.objects.get(), "--received")
    provider.sandbox.resume()
    provider.settle()
    assert set(Invoice.objects.values_list("status", flat=True)) == {InvoiceStatus.ISSUED}
    provider.assert_the_promise()
