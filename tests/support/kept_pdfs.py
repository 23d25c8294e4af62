"""Issued invoices with an address of their PDF, and storages to keep it in."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage, Storage
from django.utils import timezone

from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote, LoteItem
from django_tusfacturas_lotes.queueing import queue_invoice
from django_tusfacturas_lotes.wire.dates import ARGENTINA, argentine_day
from tests.support.builders import documento
from tests.support.pdf_server import Server

MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)
NOON = dt.datetime(2026, 11, 6, 12, tzinfo=ARGENTINA)


def use(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> Storage:
    monkeypatch.setattr(Invoice._meta.get_field("pdf"), "storage", storage)
    return storage


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


def issued_at_a(server: Server, settings: Any, key: str = "k", **changes: Any) -> Invoice:
    """One that was issued today, by a provider that gives its PDF's address at this server."""
    account = settings.TUSFACTURAS_LOTES["ACCOUNTS"]["default"]
    settings.TUSFACTURAS_LOTES = {
        **settings.TUSFACTURAS_LOTES,
        "ACCOUNTS": {"default": {**account, "BASE_URL": f"http://127.0.0.1:{server.port}/api"}},
        "CONNECT_TIMEOUT": 30,
        "READ_TIMEOUT": 30,
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
