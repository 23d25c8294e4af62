"""What a third reader found: settings, notas, what a person has seen, and proofs that could not be acted on."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.files.storage import FileSystemStorage
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from django_tusfacturas_lotes import checks, operations, reception, reconciliation, tasks
from django_tusfacturas_lotes.conf import conf
from django_tusfacturas_lotes.models import (
    Attention,
    FailureStage,
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    WebhookEvent,
    WebhookEventStatus,
)
from django_tusfacturas_lotes.monitoring.health import Level, status
from django_tusfacturas_lotes.outcomes import calls, tries
from django_tusfacturas_lotes.pdfs import keeping
from django_tusfacturas_lotes.queueing import queue_invoice
from django_tusfacturas_lotes.queueing.paid_orders import queue_credit_note
from django_tusfacturas_lotes.reconciliation import look_up
from django_tusfacturas_lotes.signals import order_paid, order_refunded
from django_tusfacturas_lotes.submission import flush, queue_operations
from django_tusfacturas_lotes.wire.dates import argentine_day, format_day
from django_tusfacturas_lotes.wire.orders.credit_note import NotCreditableError
from tests.builders import day, documento, order
from tests.provider import Provider
from tests.rows import make_invoice, make_lote
from tests.test_admin import act
from tests.test_credit_notes import LINE, issued
from tests.test_found_by_a_second_review import told
from tests.test_pdfs import use
from tests.test_queue_operations import waiting
from tests.test_reception import failure, post, success
from tests.test_reconciliation import later, queue, statuses
from tests.testshop.models import Order

pytestmark = pytest.mark.django_db(transaction=True)


def exit_status(command: str, *args: str) -> Any:
    try:
        call_command(command, *args, stdout=io.StringIO())
    except SystemExit as exc:
        return exc.code
    return 0


# Proofs that were stored and could not be acted on


@pytest.fixture
def lost_with_its_notices_unmatched(provider: Provider) -> tuple[Provider, dict[str, Any]]:
    """A lost call whose notices came while its account could not be read, and another one has the same token."""
    provider.sandbox.configure_webhook(provider.webhook_url)
    good = provider.sandbox.settings_for("nuevo_encola")
    other = {**good, "APIKEY": "1", "APITOKEN": "x" * 12, "USERTOKEN": "y" * 12}
    mended = {"a": good, "b": other}
    provider.configure(ACCOUNTS=mended)
    queue_invoice(comprobante=documento(), key="k", account="a")
    provider.sandbox.pause()
    provider.sandbox.fault("answer=none", "webhook=never*always")
    flush()
    provider.sandbox.clear_faults()
    provider.configure(ACCOUNTS={"a": {**good, "CONDICION_IVA": "a typo"}, "b": other})
    provider.sandbox.resume()
    provider.settle()
    for evento in ("encolado", "emitido"):
        told(provider, evento, LoteItem.objects.get().reference)
    assert set(WebhookEvent.objects.values_list("status", flat=True)) == {WebhookEventStatus.UNMATCHED}
    assert statuses() == [InvoiceStatus.UNCERTAIN]
    return provider, mended


def test_they_are_acted_on_once_the_settings_are_mended(
    lost_with_its_notices_unmatched: tuple[Provider, dict[str, Any]],
) -> None:
    provider, mended = lost_with_its_notices_unmatched
    provider.configure(ACCOUNTS=mended)
    with later(minutes=5):
        reception.process_again()
        assert statuses() == [InvoiceStatus.SUBMITTED]
        look_up("a")
    assert statuses() == [InvoiceStatus.ISSUED]
    assert not WebhookEvent.objects.filter(status=WebhookEventStatus.UNMATCHED).exists()


def test_they_prove_receipt_whatever_look_ups_say(
    lost_with_its_notices_unmatched: tuple[Provider, dict[str, Any]],
) -> None:
    provider, mended = lost_with_its_notices_unmatched
    provider.configure(ACCOUNTS=mended)
    provider.fault("lookup=absent*3")
    for minutes in (70, 140, 200):
        with later(minutes=minutes):
            look_up("a")
            flush()
            provider.settle()
    assert len(provider.sandbox.calls) == 1, "nothing was sent again"
    assert Lote.objects.needing_a_person().exists()
    assert "could not be acted on" in Lote.objects.get().discrepancies[0]
    provider.assert_the_promise()


def test_what_failed_for_a_passing_reason_is_for_the_account_whose_old_credential_it_had(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = provider.sandbox.account
    old = str(account["APITOKEN"])
    provider.configure(
        ACCOUNTS={"a": {**account, "APITOKEN": ["the-new-apitoken-123", old]}, "b": {**account, "APITOKEN": [old]}}
    )
    queue_invoice(comprobante=documento(), key="k", account="b")
    provider.fault("webhook=never*always")
    flush()

    def broken(*args: Any) -> Any:
        raise RuntimeError("passing")

    with monkeypatch.context() as passing:
        passing.setattr(tries, "mark_issued", broken)
        post({**success(LoteItem.objects.get()), **provider.credentials})
    with later(minutes=5):
        reception.process_again()
    assert statuses() == [InvoiceStatus.ISSUED]


# Accounts that have another name by now, or none


def test_what_is_told_of_an_account_that_has_another_alias_by_now_is_believed(provider: Provider) -> None:
    provider.sandbox.pause()
    queue(1)
    flush()
    provider.configure(ACCOUNTS={"pv3": provider.sandbox.account})
    provider.sandbox.resume()
    provider.settle()
    assert statuses() == [InvoiceStatus.ISSUED]


def test_without_a_cae_it_is_not_issued_for_an_account_that_is_gone(provider: Provider) -> None:
    queue(1)
    provider.fault("webhook=never*always")
    flush()
    provider.configure(ACCOUNTS={"pv3": provider.sandbox.account})
    post({**success(LoteItem.objects.get(), cae=" "), **provider.credentials})
    invoice = Invoice.objects.get()
    assert (invoice.status, invoice.attention) == (InvoiceStatus.SUBMITTED, Attention.NO_CAE)


def test_what_is_under_way_of_an_account_that_is_gone_is_in_front_of_a_person(provider: Provider) -> None:
    queue(1)
    provider.sandbox.pause()
    flush()
    provider.configure(ACCOUNTS={"other": {**provider.sandbox.account, "APIKEY": "1"}})
    with later(days=2):
        assert exit_status("reconcile_lotes") == 1
    assert Invoice.objects.needing_a_person().get().attention == Attention.OVERDUE


def test_the_apikey_of_a_lote_is_known_by_a_secret_key_that_was_rotated(provider: Provider, settings: Any) -> None:
    invoice = waiting(provider, "nuevo_encola")
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another one"
    with later(hours=4):
        look_up("default")
        with pytest.raises(operations.NotPossibleError):
            operations.confirm_not_issued(invoice)


# What a person has seen is what the person was shown


def test_what_asks_for_attention_since_an_invoice_was_read_is_not_marked_as_seen() -> None:
    invoice = make_invoice(InvoiceStatus.ISSUED, attention=Attention.OLDER_TRY)
    Invoice.objects.filter(pk=invoice.pk).ask_for_attention(Attention.DUPLICATE)
    with pytest.raises(operations.NotPossibleError, match="look again"):
        operations.mark_invoice_seen(invoice)
    assert Invoice.objects.needing_a_person().exists()


def test_a_discrepancy_since_a_lote_was_read_is_not_marked_as_seen() -> None:
    lote = make_lote(discrepancies=["one"])
    calls.add_discrepancy(lote.pk, "another")
    with pytest.raises(operations.NotPossibleError, match="look again"):
        operations.mark_seen(lote)
    assert Lote.objects.needing_a_person().exists()


# Notas de crédito


def issued_twice(provider: Provider) -> tuple[Invoice, LoteItem]:
    invoice = issued(provider)
    item = LoteItem.objects.get()
    post({**success(item, cae="22222222222222", comprobante_nro="0003-00000008"), **provider.credentials})
    return invoice, item


def test_a_third_document_that_comes_while_the_second_is_credited_is_shown(
    provider: Provider,
) -> None:
    invoice, item = issued_twice(provider)
    operations.credit_duplicate(invoice)
    post({**success(item, cae="33333333333333", comprobante_nro="0003-00000009"), **provider.credentials})
    assert Invoice.objects.needing_a_person().filter(pk=invoice.pk).exists()
    assert len(operations.credit_duplicate(invoice)) == 2
    assert not Invoice.objects.needing_a_person().exists()


def test_a_cancelled_nota_of_a_duplicate_is_queued_again(provider: Provider) -> None:
    invoice, _ = issued_twice(provider)
    (nota,) = operations.credit_duplicate(invoice)
    operations.cancel(nota)
    (again,) = operations.credit_duplicate(invoice)
    assert (again.pk, again.status) == (nota.pk, InvoiceStatus.PENDING)


def test_an_invoice_issued_with_other_data_is_not_credited_by_its_own_also_once_it_is_issued_twice(
    provider: Provider,
) -> None:
    paid = order()
    order_paid.send(sender=Order, order=paid)
    provider.fault("webhook=never*always")
    flush()
    invoice = Invoice.objects.get()
    post({**failure(f"{invoice.public_id}-1"), **provider.credentials})
    paid.documento = documento(detalle=[{**LINE, "cantidad": 2}], total=None)
    paid.save()
    operations.retry(invoice, rebuild=True)
    flush()
    for number, cae in ((1, "1" * 14), (2, "2" * 14)):
        notice = success(f"{invoice.public_id}-{number}", cae=cae, comprobante_nro=f"0003-0000000{number}")
        post({**notice, **provider.credentials})
        invoice.refresh_from_db()
        with pytest.raises(NotCreditableError, match="by hand"):
            queue_credit_note(invoice, key=f"refund-{number}")
    assert invoice.attention == Attention.DUPLICATE


def test_one_refund_of_two_orders_leaves_neither_without_a_word(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = order(), order()
    for paid in (one, two):
        order_paid.send(sender=Order, order=paid)
    flush()
    provider.settle()
    refund = Order.objects.create(documento=None)
    for _ in range(2):
        for paid in (one, two):
            order_refunded.send(sender=Order, order=paid, refund=refund)
    first, second = Invoice.objects.exclude(credits=None).order_by("pk")
    assert (first.status, second.status) == (InvoiceStatus.PENDING, InvoiceStatus.FAILED)
    assert first.credits != second.credits
    assert "another invoice" in second.reasons[0]
    assert "has no nota de crédito" in caplog.text


@pytest.mark.parametrize("way", ["send_on", "redated"])
def test_the_nota_of_a_duplicate_names_the_day_that_was_sent(provider: Provider, way: str) -> None:
    provider.fault("webhook=never*always")
    if way == "send_on":
        send_on = argentine_day() + dt.timedelta(days=3)
        invoice = queue_invoice(comprobante=documento(), key="x", send_on=send_on)
        flush()
    else:
        provider.configure(DATE_POLICY="today")
        invoice = queue_invoice(comprobante=documento(fecha=day()), key="x")
        with later(days=1):
            flush()
    assert invoice is not None
    item = LoteItem.objects.get()
    sent = provider.sandbox.calls[0].body["requests"][0]["comprobante"]["fecha"]
    for number in (7, 8):
        notice = success(item, cae=f"{number}" * 14, comprobante_nro=f"0003-0000000{number}")
        post({**notice, **provider.credentials})
    (nota,) = operations.credit_duplicate(invoice)
    assert nota.comprobante["comprobante"]["comprobantes_asociados"][0]["comprobante_fecha"] == sent


def test_an_older_try_is_deleted_by_the_day_that_it_was_sent_with(provider: Provider) -> None:
    provider.use("nuevo_encola")
    provider.configure(DATE_POLICY="today")
    provider.sandbox.pause()
    queue_invoice(comprobante=documento(fecha=day()), key="x")
    provider.sandbox.fault("answer=none", "webhook=never*always")
    with later(days=1):
        flush()
        operations.confirm_not_received(Lote.objects.get())
    with later(days=2):
        flush()
    first = LoteItem.objects.select_related("invoice", "lote").order_by("pk")[0]
    sent = [call.body["comprobante"]["fecha"] for call in provider.sandbox.calls]
    assert sent[0] != sent[1]
    assert format_day(queue_operations._day_of(first)) == sent[0]


# A broker that is down


def no_broker(*args: Any, **named: Any) -> Any:
    raise ConnectionError("the broker is down")


def test_a_broker_that_is_down_keeps_nothing_else_from_happening(
    monkeypatch: pytest.MonkeyPatch, admin_client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("django_q.tasks.async_task", no_broker)
    ran: list[int] = []
    with transaction.atomic():
        tasks.wake_up("default")
        transaction.on_commit(lambda: ran.append(1))
    assert ran == [1]
    assert "the broker is down" in caplog.text
    failed = [make_invoice(InvoiceStatus.FAILED, failure_stage=FailureStage.INTAKE) for _ in range(2)]
    data = {"action": "retry_selected", "_selected_action": [invoice.pk for invoice in failed]}
    assert admin_client.post("/admin/django_tusfacturas_lotes/invoice/", data).status_code == 302
    assert statuses() == [InvoiceStatus.PENDING] * 2


def test_the_command_says_that_it_could_leave_nothing_to_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_q.tasks.async_task", no_broker)
    queue(1)
    with pytest.raises(CommandError, match="without --background"):
        call_command("flush_lotes", "--background")


# What is told, and to whom


def test_the_exit_status_tells_of_every_account(provider: Provider) -> None:
    account = provider.sandbox.account
    provider.configure(ACCOUNTS={"default": account, "b": account})
    make_invoice(InvoiceStatus.FAILED, failure_stage=FailureStage.INTAKE)
    queue_invoice(comprobante=documento(), key="of-b", account="b")
    assert exit_status("flush_lotes") == 1
    assert exit_status("flush_lotes", "--account=b") == 0


def test_look_ups_that_nobody_makes_are_seen_behind_what_is_sent(provider: Provider) -> None:
    provider.use("nuevo_encola")
    provider.configure(SCHEDULES=False)
    queue(1)
    flush()
    provider.settle()
    with later(hours=3):
        queue(1)
        exit_status("flush_lotes")
        assert status().level is Level.STUCK
        reconciliation.look_up("default")
        assert status().level is not Level.STUCK


def test_who_confirms_that_it_is_not_there_has_the_host_told(provider: Provider, heard: list[Any]) -> None:
    (invoice,) = queue(1)
    provider.sandbox.pause()
    flush()
    with later(hours=5):
        look_up("default")
        operations.confirm_not_issued(invoice)
    assert [name for name, _ in heard] == ["invoice_failed"]


def test_the_host_is_told_of_one_that_can_not_be_sent(provider: Provider, heard: list[Any]) -> None:
    queue(1)
    Invoice.objects.update(comprobante={})
    flush()
    assert statuses() == [InvoiceStatus.FAILED]
    assert [name for name, _ in heard] == ["invoice_failed"]


@pytest.mark.parametrize("account", ["x" * 60, 5, "a\x00b"])
def test_an_account_that_can_not_be_one_breaks_no_checkout(provider: Provider, account: Any) -> None:
    with transaction.atomic():
        order_paid.send(sender=Order, order=order(), account=account)
    invoice = Invoice.objects.get()
    assert (invoice.status, invoice.failure_stage) == (InvoiceStatus.FAILED, FailureStage.BUILD)
    assert "not an alias" in invoice.reasons[0]


def test_an_account_whose_trial_is_a_text_is_not_used(settings: Any) -> None:
    """`"False"` from an environment would have everything issued without a CAE."""
    account = {**settings.TUSFACTURAS_LOTES["ACCOUNTS"]["default"], "TRIAL": "False"}
    settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "ACCOUNTS": {"default": account}}
    assert conf.accounts() == []


def test_a_worker_that_stood_still_does_not_replace_the_pdf_that_another_has_kept(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    storage = use(FileSystemStorage(tmp_path), monkeypatch)
    invoice = issued(provider)
    download = keeping.download
    saved: list[str] = []
    save = storage.save
    monkeypatch.setattr(storage, "save", lambda name, *args, **named: saved.append(name) or save(name, *args, **named))

    def stand_still(*args: Any, **named: Any) -> Any:
        found = download(*args, **named)
        monkeypatch.setattr(keeping, "download", download)
        clock.shift(dt.timedelta(minutes=9))
        assert keeping.keep_due() == 1
        return found

    monkeypatch.setattr(keeping, "download", stand_still)
    with time_machine.travel(timezone.now()) as clock:
        keeping.keep_due()
    invoice.refresh_from_db()
    assert (saved, storage.exists(invoice.pdf.name)) == ([invoice.pdf.name], True)


def test_what_is_about_nothing_of_ours_can_be_marked_as_seen(provider: Provider, admin_client: Any) -> None:
    queue(1)
    provider.fault("webhook=never*always")
    flush()
    post({**success("of-another-system"), **provider.credentials})
    event = WebhookEvent.objects.get()
    assert status().level is Level.ATTENTION
    act(admin_client, "webhookevent", "mark_seen", [event])
    event.refresh_from_db()
    assert (event.status, "a person has seen it" in event.error) == (WebhookEventStatus.IGNORED, True)
    assert not WebhookEvent.objects.needing_a_person().exists()


def test_what_is_about_one_of_ours_is_not_marked_as_seen(
    lost_with_its_notices_unmatched: tuple[Provider, dict[str, Any]],
) -> None:
    with pytest.raises(operations.NotPossibleError, match="which is ours"):
        operations.mark_event_seen(WebhookEvent.objects.all()[0])


def test_the_documents_of_one_that_was_issued_twice_are_shown_with_it(provider: Provider, admin_client: Any) -> None:
    invoice, _ = issued_twice(provider)
    page = admin_client.get(f"/admin/django_tusfacturas_lotes/invoice/{invoice.pk}/change/").content.decode()
    assert "CAE 22222222222222" in page
    assert f"CAE {invoice.cae}" in page


def test_a_broken_urlconf_is_left_to_djangos_own_checks(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> str:
        raise AttributeError("'tuple' object has no attribute 'pattern'")

    monkeypatch.setattr(checks, "reverse", broken)
    assert checks.check_urls(None) == []
