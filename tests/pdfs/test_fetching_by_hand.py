"""A person has a PDF fetched now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.files.storage import Storage
from django.utils import timezone

from django_tusfacturas_lotes.exceptions import NotPossibleError
from django_tusfacturas_lotes.models import Attention, Invoice, InvoiceStatus, Lote, LoteItem
from django_tusfacturas_lotes.models.lote_item import Finding
from django_tusfacturas_lotes.pdfs import keeping
from django_tusfacturas_lotes.queueing import queue_invoice
from tests.support.builders import documento
from tests.support.kept_pdfs import DAY, Broken, assert_kept, issued_at_a, stored, use
from tests.support.pdf_server import PDF, a_server, answer

pytestmark = pytest.mark.django_db(transaction=True)


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
