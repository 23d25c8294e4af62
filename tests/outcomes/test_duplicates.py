"""Two documents for one order: told, shown until it is credited, and credited with one click."""

from __future__ import annotations

from typing import Any

import pytest

from django_tusfacturas_lotes import operations
from django_tusfacturas_lotes.models import Attention, Invoice, InvoiceStatus, Lote, LoteItem
from django_tusfacturas_lotes.operations import NotPossibleError
from django_tusfacturas_lotes.queueing import queue_credit_note, queue_invoice
from django_tusfacturas_lotes.reconciliation import look_up, look_ups
from django_tusfacturas_lotes.submission import flush
from django_tusfacturas_lotes.wire.answers.lookup import Found, Standing
from tests.support.builders import day, documento
from tests.support.encola import later, queue, statuses
from tests.support.issued import issued_twice
from tests.support.provider import Provider
from tests.support.webhook import post, success

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("modality", ["lotes", "lotes_encola", "nuevo_encola"])
def test_a_late_success_after_the_second_one_is_told_and_shown_until_it_is_credited(
    provider: Provider, modality: str, heard: list[tuple[str, Any]]
) -> None:
    invoice = issued_twice(provider, modality)
    assert ("duplicate_issued", invoice) in heard
    assert (invoice.status, invoice.attention) == (InvoiceStatus.ISSUED, Attention.DUPLICATE)
    assert invoice in Invoice.objects.needing_a_person()
    (nota,) = operations.credit_duplicate(invoice)
    assert nota.status == InvoiceStatus.PENDING
    assert nota.tipo == "NOTA DE CREDITO B"
    (asociado,) = nota.comprobante["comprobante"]["comprobantes_asociados"]
    second = LoteItem.objects.order_by("pk")[0].result
    assert second is not None
    # Of the document that is not the invoice's own.
    assert asociado["numero"] == second["numero"] != invoice.numero
    assert invoice not in Invoice.objects.needing_a_person()
    assert operations.credit_duplicate(invoice) == [nota], "asked for twice, it is one"
    flush()
    provider.settle()
    look_up("default")
    nota.refresh_from_db()
    assert nota.status == InvoiceStatus.ISSUED


def test_the_nota_of_a_duplicate_leaves_the_invoice_creditable(provider: Provider) -> None:
    invoice = issued_twice(provider)
    operations.credit_duplicate(invoice)
    refund = queue_credit_note(Invoice.objects.get(pk=invoice.pk))
    assert refund.status == InvoiceStatus.PENDING


def test_the_nota_says_what_was_sent_then_not_what_the_invoice_says_now(provider: Provider) -> None:
    queue_invoice(comprobante=documento(), key="erp-1")
    provider.sandbox.pause()
    flush()
    invoice = Invoice.objects.get()
    # It fails by a wrong word, is mended and issued; the first try gets there after all.
    LoteItem.objects.update(status="failed")
    Invoice.objects.update(status="failed", failure_stage="emission", errors=[{"text": "no"}])
    before = invoice.comprobante
    Invoice.objects.update(comprobante={**before, "cliente": {**before["cliente"], "razon_social": "Otra"}})
    LoteItem.objects.update(comprobante=before)
    operations.retry(Invoice.objects.get())
    flush()
    provider.sandbox.resume()
    provider.settle()
    invoice = Invoice.objects.get()
    assert invoice.attention == Attention.DUPLICATE
    (nota,) = operations.credit_duplicate(invoice)
    issued_as = {item.result["numero"]: item.comprobante or invoice.comprobante for item in LoteItem.objects.all()}
    numero = nota.comprobante["comprobante"]["comprobantes_asociados"][0]["numero"]
    assert nota.razon_social == issued_as[numero]["cliente"]["razon_social"]


def test_a_retry_that_changes_the_data_keeps_what_was_sent_before(provider: Provider) -> None:
    queue_invoice(comprobante=documento(fecha=day(0)), key="erp-1")
    provider.fault("fail_rows=0")
    flush()
    provider.settle()
    invoice = Invoice.objects.get()
    operations.retry(invoice, today=True)
    assert LoteItem.objects.get().comprobante == invoice.comprobante
    assert Invoice.objects.get().comprobante != invoice.comprobante


def test_what_was_issued_once_has_no_duplicate_to_credit(provider: Provider) -> None:
    queue_invoice(comprobante=documento(), key="erp-1")
    flush()
    provider.settle()
    with pytest.raises(NotPossibleError, match="was not issued twice"):
        operations.credit_duplicate(Invoice.objects.get())


def test_a_second_document_under_one_reference_is_told_once_and_credited(
    provider: Provider, heard: list[tuple[str, Any]]
) -> None:

    queue_invoice(comprobante=documento(), key="erp-1")
    flush()
    provider.settle()
    item = LoteItem.objects.get()
    other = success(item, comprobante_nro="0003-00000099", cae="799")
    provider.configure(ACCOUNTS={"default": {**provider.sandbox.account}})
    other.update(provider.credentials)
    post(other)
    post({**other, "observaciones": "otra vez"})
    assert [name for name, _ in heard].count("duplicate_issued") == 1
    (nota, *more) = operations.credit_duplicate(Invoice.objects.get())
    assert nota.comprobante["comprobante"]["comprobantes_asociados"][0]["numero"] == 99
    assert not more


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


def test_a_duplicate_is_shown_until_it_is_credited(provider: Provider) -> None:
    queue(1)
    Invoice.objects.update(attention=Attention.DUPLICATE)
    with pytest.raises(NotPossibleError, match="queue the nota de crédito"):
        operations.mark_invoice_seen(Invoice.objects.get())
    assert Invoice.objects.needing_a_person().exists()
    operations.mark_invoice_seen(Invoice.objects.get(), credited_elsewhere=True)
    assert not Invoice.objects.needing_a_person().exists()
