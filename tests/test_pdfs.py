"""The PDF of what was issued is kept while its address is good, whoever is killed, slow, or in the way meanwhile."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, InMemoryStorage, Storage
from django.db import connection, transaction
from django.utils import timezone

from django_tusfacturas_lotes import reconciliation
from django_tusfacturas_lotes.exceptions import NotPossibleError
from django_tusfacturas_lotes.models import Attention, Invoice, InvoiceStatus, Lote, LoteItem
from django_tusfacturas_lotes.models.lote_item import Finding
from django_tusfacturas_lotes.pdfs import keeping
from django_tusfacturas_lotes.queueing import queue_invoice
from django_tusfacturas_lotes.submission import flush
from django_tusfacturas_lotes.wire.dates import ARGENTINA, argentine_day
from tests.builders import documento
from tests.provider import Provider
from tests.test_budgets import Queries
from tests.test_pdf_download import PDF, Server, a_server, answer

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)
NOON = dt.datetime(2026, 11, 6, 12, tzinfo=ARGENTINA)


def use(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> Storage:
    monkeypatch.setattr(Invoice._meta.get_field("pdf"), "storage", storage)
    return storage


@pytest.fixture(autouse=True)
def storage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Storage:
    return use(FileSystemStorage(tmp_path / "media"), monkeypatch)


def stored(storage: Storage, folder: str = "") -> list[str]:
    """Every file of a storage."""
    try:
        folders, names = storage.listdir(folder)
    except FileNotFoundError:
        return []
    inside = [name for one in folders for name in stored(storage, f"{folder}{one}/")]
    return sorted([*(f"{folder}{name}" for name in names), *inside])


def give_address(invoice: Invoice, url: str, **changes: Any) -> Invoice:
    """What another step does when an address becomes known."""
    columns = {"pdf_url": url, "pdf_url_on": argentine_day(), "pdf_try_at": timezone.now(), "pdf_tries": 0, "pdf": ""}
    Invoice.objects.filter(pk=invoice.pk).update(**{**columns, "pdf_error": "", **changes})
    invoice.refresh_from_db()
    return invoice


@pytest.fixture
def invoice(provider: Provider) -> Invoice:
    """One that the sandbox has issued today."""
    made = queue_invoice(comprobante=documento(), key="k")
    assert made is not None
    flush()
    provider.settle()
    made.refresh_from_db()
    assert made.status == InvoiceStatus.ISSUED
    assert made.pdf_url.startswith(provider.sandbox.url)
    return give_address(made, made.pdf_url)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def issued_at_a(server: Server, settings: Any, key: str = "k", **changes: Any) -> Invoice:
    """One that was issued today, by a provider that gives its PDF's address at this server."""
    account = settings.TUSFACTURAS_LOTES["ACCOUNTS"]["default"]
    settings.TUSFACTURAS_LOTES = {
        **settings.TUSFACTURAS_LOTES,
        "ACCOUNTS": {"default": {**account, "BASE_URL": f"http://127.0.0.1:{server.port}/api"}},
        "CONNECT_TIMEOUT": 2,
        "READ_TIMEOUT": 2,
    }
    made = queue_invoice(comprobante=documento(), key=key)
    assert made is not None
    lote = Lote.objects.create(account="default", modality="lotes", status="accepted", sent_at=timezone.now())
    LoteItem.objects.create(
        lote=lote, invoice=made, position=0, reference=f"{made.public_id}-1", status="issued", result={"cae": "7" * 14}
    )
    Invoice.objects.filter(pk=made.pk).update(
        status=InvoiceStatus.ISSUED, numero=7, punto_venta=3, cae="7" * 14, issued_at=timezone.now()
    )
    made.refresh_from_db()
    return give_address(made, server.url, **changes)


def pause(invoice: Invoice) -> dt.timedelta | None:
    invoice.refresh_from_db()
    return invoice.pdf_try_at - timezone.now() if invoice.pdf_try_at else None


def assert_kept(invoice: Invoice, storage: Storage, content: bytes | None = None) -> None:
    invoice.refresh_from_db()
    assert (invoice.pdf_error, invoice.pdf_try_at) == ("", None)
    assert stored(storage) == [invoice.pdf.name]
    with invoice.pdf.open() as file:
        kept = file.read()
    assert kept.startswith(b"%PDF-")
    assert content is None or kept == content


def test_a_pdf_is_fetched_from_the_provider_and_kept(invoice: Invoice, storage: Storage) -> None:
    assert keeping.keep_due() == 1
    assert_kept(invoice, storage)
    assert invoice.pdf.name.endswith(f"FACTURA-B-00003-00000001-{invoice.public_id}.pdf")
    assert b"SIN VALOR FISCAL" in invoice.pdf.open().read()
    assert keeping.keep_due() == 0


def test_any_storage_will_do(invoice: Invoice, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = use(InMemoryStorage(), monkeypatch)
    assert keeping.keep_due() == 1
    assert_kept(invoice, memory)


def test_only_the_columns_of_the_pdf_are_written(invoice: Invoice) -> None:
    def columns() -> dict[str, Any]:
        ours = {"pdf", "pdf_try_at", "pdf_tries", "pdf_error", "updated_at"}
        row = Invoice.objects.filter(pk=invoice.pk).values().get()
        return {name: value for name, value in row.items() if name not in ours}

    before = columns()
    keeping.keep_due()
    assert columns() == before


def test_with_keep_pdf_off_nothing_is_fetched_until_it_is_on(
    provider: Provider, invoice: Invoice, storage: Storage
) -> None:
    provider.configure(KEEP_PDF=False)
    with Queries() as queries:
        assert keeping.keep_due() == 0
    assert queries.statements == []
    with pytest.raises(NotPossibleError, match="KEEP_PDF"):
        keeping.fetch_now(invoice)
    provider.configure(KEEP_PDF=True)
    keeping.keep_due()
    assert_kept(invoice, storage)


def test_what_is_not_due_waits_and_the_oldest_comes_first(settings: Any) -> None:
    with a_server(answer()) as server:
        now = timezone.now()
        due = [now - 1 * HOUR, now - 3 * HOUR, now + HOUR, now - 2 * HOUR, None]
        for number, moment in enumerate(due):
            made = issued_at_a(server, settings, key=f"k{number}", pdf_try_at=moment)
            give_address(made, f"{server.url}?{number}", pdf_try_at=moment)
        assert keeping.keep_due(most=2) == 2
        assert [request.split()[1][-1:] for request in server.requests] == [b"1", b"3"]
        assert keeping.keep_due() == 1
        assert keeping.keep_due() == 0
        assert len(server.requests) == 3


def test_a_pdf_costs_one_get_and_the_same_few_queries_however_many_there_are(settings: Any) -> None:
    with a_server(answer()) as server:
        for count in (1, 5):
            for number in range(count):
                issued_at_a(server, settings, key=f"k{count}-{number}")
            before = len(server.requests)
            with Queries() as queries:
                assert keeping.keep_due() == count
            assert len(server.requests) - before == count
            assert len(queries.statements) == 2 + 2 * count, queries.statements
            assert "comprobante" not in queries.statements[0].replace('"django_tusfacturas_lotes', "")


@pytest.mark.parametrize(
    ("said", "day_is_over", "most"),
    [(answer(b"", "500 Oops"), False, 2), (answer(b"", "404 Not Found"), False, 4), (b"", True, 3)],
)
def test_one_that_fails_costs_at_most_four_queries_beside_the_two_of_the_run(
    settings: Any, said: bytes, day_is_over: bool, most: int
) -> None:
    with a_server(said) as server:
        for number in range(3):
            changes = {"pdf_url_on": argentine_day() - DAY} if day_is_over else {}
            issued_at_a(server, settings, key=f"k{number}", **changes)
        with Queries() as queries:
            assert keeping.keep_due() == 3
        assert len(queries.statements) == 2 + 3 * most, queries.statements


def test_the_try_is_counted_before_the_get_and_no_transaction_is_open(settings: Any) -> None:
    seen: list[Any] = []

    def talk(connection_: Any) -> None:
        row = Invoice.objects.get()
        seen.append((row.pdf_tries, row.pdf_try_at is not None and row.pdf_try_at > timezone.now() + 5 * MINUTE))
        connection.close()
        connection_.sendall(answer())

    with a_server(talk) as server:
        issued_at_a(server, settings)
        keeping.keep_due()
        assert seen == [(1, True)]
        give_address(Invoice.objects.get(), server.url)
        with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
            keeping.keep_due()
        assert len(server.requests) == 1


def test_two_workers_never_fetch_the_same_at_once(settings: Any, storage: Storage) -> None:
    meanwhile: list[int] = []

    def another_comes_by(connection_: Any) -> None:
        meanwhile.append(keeping.keep_due())
        connection.close()
        connection_.sendall(answer())

    with a_server(another_comes_by) as server:
        invoice = issued_at_a(server, settings)
        assert keeping.keep_due() == 1
        assert (meanwhile, len(server.requests)) == ([0], 1)
        assert_kept(invoice, storage)


def test_many_workers_with_the_same_list_fetch_each_once(settings: Any, storage: Storage) -> None:
    with a_server(answer()) as server:
        for number in range(6):
            issued_at_a(server, settings, key=f"k{number}")
        at_once = threading.Barrier(3)
        taken_up: list[int] = []

        def work() -> None:
            at_once.wait()
            taken_up.append(keeping.keep_due())
            connection.close()

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (sum(taken_up), len(server.requests)) == (6, 6)
    assert len(stored(storage)) == Invoice.objects.exclude(pdf="").count() == 6


def test_one_that_was_taken_up_since_it_was_read_is_left_alone(settings: Any) -> None:
    """The list of a worker is old by the time that it comes to its end."""

    def another_takes_the_second(connection_: Any) -> None:
        Invoice.objects.filter(key="k1").update(pdf_try_at=timezone.now() + HOUR)
        connection.close()
        connection_.sendall(answer())

    with a_server(another_takes_the_second) as server:
        issued_at_a(server, settings, key="k0", pdf_try_at=timezone.now() - HOUR)
        issued_at_a(server, settings, key="k1")
        assert keeping.keep_due() == 1
        assert len(server.requests) == 1


class Killed(BaseException):
    """As a worker's end, it passes every `except Exception`."""


@pytest.mark.parametrize("at", ["before the file", "in the file", "after the file"])
def test_a_worker_that_is_killed_leaves_one_file_at_most_and_the_next_try_takes_its_place(
    settings: Any, monkeypatch: pytest.MonkeyPatch, storage: Storage, at: str, tmp_path: Path
) -> None:
    class Deadly(FileSystemStorage):
        def _save(self, name: str, content: Any) -> str:
            if at == "in the file":
                super()._save(name, ContentFile(PDF[:99]))
            elif at == "after the file":
                super()._save(name, content)
            raise Killed

    with a_server(answer()) as server, time_machine.travel(NOON, tick=False) as clock:
        invoice = issued_at_a(server, settings)
        for killed in range(1, 4):
            with monkeypatch.context() as patch:
                use(Deadly(tmp_path / "media"), patch)
                with pytest.raises(Killed):
                    keeping.keep_due()
            invoice.refresh_from_db()
            assert (invoice.pdf.name, invoice.pdf_tries) == ("", killed)
            assert len(stored(storage)) == (at != "before the file")
            assert keeping.keep_due() == 0
            clock.shift(10 * MINUTE)
        assert keeping.keep_due() == 1
        assert_kept(invoice, storage, PDF)


class Broken(FileSystemStorage):
    """It can do all but what it is told not to."""

    def __init__(self, location: Path, *fails: str) -> None:
        super().__init__(location)
        self.fails = fails

    def _fail(self, what: str) -> None:
        if what in self.fails:
            raise OSError(28, "No space left on https://disk.example/?sig=s3cret apitoken-4b1f7c9a52d84e6fb0c3")

    def exists(self, name: str) -> bool:
        self._fail("exists")
        return super().exists(name)

    def _save(self, name: str, content: Any) -> str:
        self._fail("save")
        return super()._save(name, content)

    def delete(self, name: str) -> None:
        self._fail("delete")
        super().delete(name)


@pytest.mark.parametrize("fails", ["exists", "save"])
def test_what_a_storage_raises_is_told_and_tried_again(
    settings: Any, monkeypatch: pytest.MonkeyPatch, storage: Storage, tmp_path: Path, fails: str
) -> None:
    with a_server(answer()) as server, time_machine.travel(NOON, tick=False) as clock:
        invoice = issued_at_a(server, settings)
        with monkeypatch.context() as patch:
            use(Broken(tmp_path / "media", fails), patch)
            assert keeping.keep_due() == 1
        assert pause(invoice) == MINUTE
        assert invoice.pdf_error.startswith("the storage did not take it: OSError: [Errno 28] No space left on")
        assert "s3cret" not in invoice.pdf_error
        assert "apitoken-4b1f7c9a52d84e6fb0c3" not in invoice.pdf_error
        clock.shift(MINUTE)
        assert keeping.keep_due() == 1
        assert_kept(invoice, storage)


def test_a_storage_that_gives_names_of_its_own_is_believed(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Renaming(InMemoryStorage):
        def get_available_name(self, name: str, max_length: int | None = None) -> str:
            return f"elsewhere/{len(stored(self))}.pdf"

    renaming = use(Renaming(), monkeypatch)
    with a_server(answer()) as server:
        invoice = issued_at_a(server, settings)
        keeping.keep_due()
        assert_kept(invoice, renaming)
        assert invoice.pdf.name == "elsewhere/0.pdf"


def test_who_comes_too_late_leaves_no_file_and_changes_nothing(
    settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Slow(FileSystemStorage):
        def _save(self, name: str, content: Any) -> str:
            saved = super()._save(name, content)
            # While it was at it, its lease ended, and somebody else kept another file.
            other = super()._save("other.pdf", ContentFile(PDF))
            Invoice.objects.update(pdf=other, pdf_try_at=None, pdf_tries=9)
            return saved

    with a_server(answer()) as server:
        slow = use(Slow(tmp_path / "media"), monkeypatch)
        invoice = issued_at_a(server, settings)
        keeping.keep_due()
        assert_kept(invoice, slow, PDF)
        assert (invoice.pdf.name, invoice.pdf_tries) == ("other.pdf", 9)


@pytest.mark.parametrize("settled", [True, False])
def test_who_comes_too_late_does_not_remove_the_file_of_who_came_in_time(
    settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settled: bool
) -> None:
    """Both save by the same name: the other has recorded it, or is about to."""

    class Slow(FileSystemStorage):
        def _save(self, name: str, content: Any) -> str:
            saved = super()._save(name, content)
            changes = {"pdf": saved, "pdf_try_at": None} if settled else {"pdf_try_at": timezone.now() + HOUR}
            Invoice.objects.update(pdf_tries=9, **changes)
            return saved

    with a_server(answer()) as server:
        slow = use(Slow(tmp_path / "media"), monkeypatch)
        issued_at_a(server, settings)
        keeping.keep_due()
        assert len(stored(slow)) == 1


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


def test_a_person_has_a_given_up_one_fetched_now(settings: Any, storage: Storage) -> None:
    with a_server(answer()) as server:
        given_up = {"pdf_try_at": None, "pdf_tries": 30, "pdf_error": "given up", "attention": Attention.NO_PDF}
        invoice = issued_at_a(server, settings, **given_up)
        after = keeping.fetch_now(invoice)
        assert (after.pdf_tries, after.pdf_error, after.status) == (0, "", InvoiceStatus.ISSUED)
        assert after.attention == ""
        assert LoteItem.objects.get().look_up_at is None
        keeping.keep_due()
        assert_kept(invoice, storage)


def test_a_given_up_one_that_a_new_address_brings_is_asked_for_no_more(settings: Any, storage: Storage) -> None:
    with a_server(answer()) as server:
        invoice = issued_at_a(server, settings, pdf_tries=30, attention=Attention.NO_PDF)
        keeping.keep_due()
        assert_kept(invoice, storage)
        assert invoice.attention == ""


def test_where_its_day_is_over_fetching_it_now_begins_with_a_look_up(
    settings: Any, clock: time_machine.Traveller
) -> None:
    with a_server(answer()) as server:
        invoice = issued_at_a(server, settings, pdf_try_at=None)
        LoteItem.objects.update(looked_up_at=timezone.now() + DAY, finding=Finding.ISSUED)
        clock.shift(DAY)
        keeping.fetch_now(invoice)
        assert LoteItem.objects.get().look_up_at == Lote.objects.get().look_up_at == timezone.now()
        keeping.keep_due()
        assert server.requests == []


def test_one_that_is_kept_can_be_fetched_anew_and_stays_until_the_new_one_is_there(
    settings: Any, monkeypatch: pytest.MonkeyPatch, storage: Storage, tmp_path: Path
) -> None:
    anew = [PDF.replace(b"FACTURA", what) for what in (b"factura", b"FACTuRA")]
    with a_server(answer(), answer(anew[0]), answer(b"", "500 Oops"), answer(anew[1])) as server:
        invoice = issued_at_a(server, settings)
        keeping.keep_due()
        first = stored(storage)
        keeping.fetch_now(invoice)
        keeping.keep_due()
        assert_kept(invoice, storage, anew[0])
        keeping.fetch_now(invoice)
        keeping.keep_due()
        assert invoice.pdf.open().read() == anew[0]
        keeping.fetch_now(invoice)
        use(Broken(tmp_path / "media", "delete"), monkeypatch)
        keeping.keep_due()
        invoice.refresh_from_db()
        assert invoice.pdf.open().read() == anew[1]
        assert [invoice.pdf.name] == first
        assert invoice.pdf_error == ""


@pytest.mark.parametrize("status", [one for one in InvoiceStatus if one != InvoiceStatus.ISSUED])
def test_only_an_issued_invoice_has_a_pdf_to_fetch(status: InvoiceStatus) -> None:
    invoice = queue_invoice(comprobante=documento(), key="k")
    assert invoice is not None
    Invoice.objects.update(status=status)
    with pytest.raises(NotPossibleError, match=f"{invoice.public_id} is {status}"):
        keeping.fetch_now(invoice)
    invoice.refresh_from_db()
    assert (invoice.status, invoice.pdf_try_at) == (status, None)


def test_no_more_is_begun_when_half_of_the_time_is_over(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopwatch:
        now = 0.0

        def monotonic(self) -> float:
            return self.now

    stopwatch = Stopwatch()
    monkeypatch.setattr(keeping, "time", stopwatch)

    def slow(connection_: Any) -> None:
        stopwatch.now += 2.5  # of 4 seconds
        connection_.sendall(answer())

    with a_server(slow) as server:
        for number in range(3):
            issued_at_a(server, settings, key=f"k{number}")
        assert keeping.keep_due() == 1
        assert Invoice.objects.exclude(pdf="").count() == 1
        assert keeping.keep_due() == 1
        assert Invoice.objects.exclude(pdf="").count() == 2


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
