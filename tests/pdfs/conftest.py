"""A storage of PDFs, an issued invoice, a clock that stands still, and names that lead where a test wants."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import time_machine
from django.core.files.storage import FileSystemStorage, Storage

from django_tusfacturas_lotes.models import Invoice, InvoiceStatus
from django_tusfacturas_lotes.queueing import queue_invoice
from django_tusfacturas_lotes.submission import flush
from tests.support.builders import documento
from tests.support.kept_pdfs import NOON, give_address, use
from tests.support.pdf_server import Names
from tests.support.provider import Provider


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    return Names(monkeypatch)


@pytest.fixture(autouse=True)
def storage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Storage:
    return use(FileSystemStorage(tmp_path / "media"), monkeypatch)


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
