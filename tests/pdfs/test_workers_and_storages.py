"""Several workers, killed and slow ones, and storages that fail: one file is kept."""

from __future__ import annotations

import datetime as dt
import threading
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, InMemoryStorage, Storage
from django.db import connection
from django.utils import timezone

from django_tusfacturas_lotes.models import Invoice
from django_tusfacturas_lotes.pdfs import keeping
from tests.support.issued import issued
from tests.support.kept_pdfs import HOUR, MINUTE, NOON, Broken, assert_kept, issued_at_a, pause, stored, use
from tests.support.pdf_server import PDF, a_server, answer
from tests.support.provider import Provider

pytestmark = pytest.mark.django_db(transaction=True)


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
