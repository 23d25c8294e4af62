"""An address that is no good any more is asked for anew by a look-up."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.core.files.storage import Storage
from django.utils import timezone

from django_tusfacturas_lotes import reconciliation
from django_tusfacturas_lotes.models import Attention, Invoice, InvoiceStatus, Lote, LoteItem
from django_tusfacturas_lotes.models.lote_item import Finding
from django_tusfacturas_lotes.pdfs import keeping
from django_tusfacturas_lotes.wire.dates import ARGENTINA, argentine_day
from tests.support.kept_pdfs import DAY, HOUR, MINUTE, NOON, assert_kept, give_address, issued_at_a, pause, stored
from tests.support.pdf_server import a_server, answer
from tests.support.provider import Provider

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_failure_is_told_and_tried_again_with_growing_pauses(settings: Any, clock: time_machine.Traveller) -> None:
    with a_server(answer(b"", "500 Oops")) as server:
        invoice = issued_at_a(server, settings)
        pauses = []
        for _ in range(6):
            assert keeping.keep_due() == 1
            after = pause(invoice)
            assert after is not None
            pauses.append(after / MINUTE)
            clock.shift(after - dt.timedelta(seconds=1))
            assert keeping.keep_due() == 0
            clock.shift(dt.timedelta(seconds=1))
        assert pauses == [1, 5, 15, 60, 60, 60]
        assert invoice.pdf_error == "127.0.0.1 answered HTTP 500"
        assert len(server.requests) == invoice.pdf_tries == 6
        assert LoteItem.objects.get().look_up_at is None


def test_once_its_day_is_over_a_look_up_is_asked_for_and_the_old_address_left_alone(
    settings: Any, clock: time_machine.Traveller
) -> None:
    with a_server(answer(b"", "500 Oops")) as server:
        invoice = issued_at_a(server, settings)
        keeping.keep_due()
        # In UTC the day was over three hours ago.
        clock.move_to(dt.datetime(2026, 11, 6, 23, 59, tzinfo=ARGENTINA))
        keeping.keep_due()
        assert len(server.requests) == 2
        clock.move_to(dt.datetime(2026, 11, 7, 0, 30, tzinfo=ARGENTINA))
        midnight = timezone.now()
        pauses = []
        for _ in range(4):
            assert keeping.keep_due() == 1
            after = pause(invoice)
            assert after is not None
            pauses.append(after / HOUR)
            clock.shift(after)
        assert pauses == [1, 6, 24, 24]
        assert len(server.requests) == 2
        assert LoteItem.objects.get().look_up_at == Lote.objects.get().look_up_at == midnight
        assert invoice.pdf_error == (
            "its address was good on 06/11/2026 only, and TusFacturas is asked for a new one; "
            "that day: 127.0.0.1 answered HTTP 500"
        )
        assert invoice.status == InvoiceStatus.ISSUED


def test_the_new_address_of_a_look_up_is_fetched(
    settings: Any, storage: Storage, clock: time_machine.Traveller
) -> None:
    with a_server(answer()) as server:
        invoice = issued_at_a(server, settings)
        clock.shift(DAY)
        keeping.keep_due()
        assert server.requests == []
        give_address(invoice, server.url, pdf_tries=invoice.pdf_tries)
        keeping.keep_due()
        assert_kept(invoice, storage)


def test_an_invoice_whose_address_was_never_told_is_asked_about(settings: Any) -> None:
    with a_server(answer()) as server:
        invoice = issued_at_a(server, settings)
        give_address(invoice, "", pdf_url_on=None)
        assert keeping.keep_due() == 1
        invoice.refresh_from_db()
        assert invoice.pdf_error == "TusFacturas gave no address for it that is good, and is asked for one"
        assert LoteItem.objects.get().look_up_at is not None


@pytest.mark.parametrize(
    ("url", "said", "why"),
    [
        ("", answer(b"", "404 Not Found"), "127.0.0.1 answered HTTP 404"),
        ("", answer(b"", "410 Gone"), "127.0.0.1 answered HTTP 410"),
        ("https://evil.example/7.pdf", b"", "evil.example, which is not among the allowed hosts (PDF_HOSTS)"),
        ("", answer(b"", "302 Found", Location="http://169.254.169.254/"), "169.254.169.254, which is not among"),
    ],
)
def test_an_address_that_will_not_do_is_asked_for_anew_at_once(
    settings: Any, clock: time_machine.Traveller, url: str, said: bytes, why: str
) -> None:
    with a_server(said) as server:
        invoice = issued_at_a(server, settings)
        give_address(invoice, url or server.url)
        keeping.keep_due()
        assert pause(invoice) == HOUR
        assert why in invoice.pdf_error
        assert LoteItem.objects.get().look_up_at == Lote.objects.get().look_up_at == timezone.now()


def test_the_hosts_of_the_setting_are_the_ones_that_are_allowed(settings: Any) -> None:
    with a_server(answer()) as server:
        invoice = issued_at_a(server, settings)
        settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "PDF_HOSTS": ["Files.Example"]}
        give_address(invoice, "http://a.files.example/7.pdf")
        keeping.keep_due()
        invoice.refresh_from_db()
        assert invoice.pdf_error == "its address at a.files.example is not https"


def test_only_the_accounts_own_base_url_may_be_a_loopback_address(settings: Any) -> None:
    with a_server(answer()) as server:
        invoice = issued_at_a(server, settings)
        for base_url in ("http://127.0.0.1:9/api", "https://www.tusfacturas.app/app/api", None):
            accounts = settings.TUSFACTURAS_LOTES["ACCOUNTS"]["default"]
            changed = {name: value for name, value in {**accounts, "BASE_URL": base_url}.items() if value}
            settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "ACCOUNTS": {"default": changed}}
            give_address(invoice, server.url)
            keeping.keep_due()
            invoice.refresh_from_db()
            assert "127.0.0.1, which is not among the allowed hosts" in invoice.pdf_error
        settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "ACCOUNTS": {}}
        give_address(invoice, server.url)
        assert keeping.keep_due() == 1
        assert server.requests == []


def test_a_look_up_that_was_answered_is_not_repeated_at_once(settings: Any, clock: time_machine.Traveller) -> None:
    with a_server(answer(b"", "404 Not Found")) as server:
        invoice = issued_at_a(server, settings)
        now = timezone.now()
        for finding, when in ((Finding.ISSUED, now + 5 * HOUR), (Finding.UNANSWERED, now)):
            LoteItem.objects.update(looked_up_at=now - HOUR, finding=finding, look_up_at=None)
            Lote.objects.update(look_up_at=None)
            give_address(invoice, server.url)
            keeping.keep_due()
            assert LoteItem.objects.get().look_up_at == Lote.objects.get().look_up_at == when


def test_an_earlier_look_up_is_not_put_off(settings: Any, clock: time_machine.Traveller) -> None:
    with a_server(answer(b"", "404 Not Found")) as server:
        issued_at_a(server, settings)
        earlier = timezone.now() - MINUTE
        Lote.objects.update(look_up_at=earlier)
        LoteItem.objects.update(look_up_at=earlier)
        keeping.keep_due()
        assert LoteItem.objects.get().look_up_at == Lote.objects.get().look_up_at == earlier


def test_of_two_documents_the_one_that_the_invoice_shows_is_looked_up(settings: Any) -> None:
    with a_server(answer(b"", "404 Not Found")) as server:
        invoice = issued_at_a(server, settings)
        other = Lote.objects.create(account="default", modality="lotes", status="accepted")
        LoteItem.objects.create(
            lote=other, invoice=invoice, position=0, reference="other-2", status="issued", result={"cae": "8" * 14}
        )
        keeping.keep_due()
        assert [item.look_up_at is None for item in LoteItem.objects.order_by("pk")] == [False, True]


def test_after_many_tries_it_is_given_up_in_words_that_say_what_to_do(
    settings: Any, clock: time_machine.Traveller, caplog: pytest.LogCaptureFixture
) -> None:
    with a_server(answer(b"", "404 Not Found")) as server:
        invoice = issued_at_a(server, settings)
        while (after := pause(invoice)) is not None:
            assert timezone.now() - NOON < 40 * DAY
            clock.shift(after)
            assert keeping.keep_due() == 1
        assert "given up after" in invoice.pdf_error
        assert "have it fetched anew in the admin" in invoice.pdf_error
        assert "HTTP 404" in invoice.pdf_error
        assert keeping.keep_due() == 0
        assert invoice.attention == Attention.NO_PDF
        assert invoice in Invoice.objects.needing_a_person()
    assert invoice.public_id in caplog.text


def test_new_addresses_that_are_never_any_good_come_to_an_end_too(settings: Any, clock: time_machine.Traveller) -> None:
    with a_server(answer(b"<html>")) as server:
        invoice = issued_at_a(server, settings)
        Invoice.objects.update(issued_at=timezone.now() - 29 * DAY)
        while (after := pause(invoice)) is not None:
            assert timezone.now() - NOON < 3 * DAY
            clock.shift(after)
            if invoice.pdf_url_on != argentine_day():
                give_address(invoice, server.url, pdf_error=invoice.pdf_error)
            keeping.keep_due()
        assert "given up" in invoice.pdf_error
        assert invoice.attention == Attention.NO_PDF


def test_a_pdf_that_was_given_up_hides_nothing_graver(settings: Any) -> None:
    with a_server(answer(b"", "404 Not Found")) as server:
        invoice = issued_at_a(server, settings, pdf_tries=29, attention=Attention.DUPLICATE)
        keeping.keep_due()
        invoice.refresh_from_db()
        assert "given up" in invoice.pdf_error
        assert invoice.attention == Attention.DUPLICATE


def test_the_providers_own_day_is_over_with_ours(provider: Provider, invoice: Invoice, storage: Storage) -> None:
    provider.sandbox.advance_days(1)
    keeping.keep_due()
    invoice.refresh_from_db()
    assert invoice.pdf_error == "127.0.0.1 answered HTTP 410"
    assert stored(storage) == []
    assert LoteItem.objects.get().look_up_at is not None


def test_from_the_end_of_the_day_to_a_new_address_to_the_pdf(
    provider: Provider, invoice: Invoice, storage: Storage
) -> None:
    with time_machine.travel(timezone.now() + DAY):
        keeping.keep_due()
        assert stored(storage) == []
        report = reconciliation.look_up("default")
        assert (report.asked, report.stopped) == (1, "")
        keeping.keep_due()
        assert_kept(invoice, storage)
        assert LoteItem.objects.get().look_up_at is None


def test_a_kept_one_that_is_wanted_anew_gets_there_by_a_new_address_too(
    provider: Provider, invoice: Invoice, storage: Storage
) -> None:
    keeping.keep_due()
    with time_machine.travel(timezone.now() + DAY):
        keeping.fetch_now(invoice)
        reconciliation.look_up("default")
        keeping.keep_due()
        assert_kept(invoice, storage)
        assert invoice.pdf.name.endswith("-2.pdf")
