"""Data, settings and words that are not what they were when it was sent."""

from __future__ import annotations

import pytest

from django_tusfacturas_lotes import operations
from django_tusfacturas_lotes.models import (
    Attention,
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    OperationStatus,
    QueueOperation,
)
from django_tusfacturas_lotes.operations import NotPossibleError
from django_tusfacturas_lotes.queueing import queue_invoices
from django_tusfacturas_lotes.reconciliation import look_up, look_ups
from django_tusfacturas_lotes.submission import flush, queue_operations
from django_tusfacturas_lotes.wire.answers.lookup import Found, Standing
from django_tusfacturas_lotes.wire.modalities import Result
from tests.support.builders import documento, order
from tests.support.encola import done, go_on, in_error, later, queue, statuses, told, waiting
from tests.support.provider import Provider
from tests.support.tries import DAY, REST_OF_THE_DAY, failed_beside, look_up_at, sent_beside, work
from tests.testshop.models import Order

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("mishap", ["raise", "invalid"])
def test_what_it_was_sent_with_comes_back_with_the_try_that_is_waited_for(provider: Provider, mishap: str) -> None:
    provider.use("nuevo_encola")
    provider.sandbox.pause()
    bought = order()
    queue_invoices([bought])
    flush()
    before = Invoice.objects.values("comprobante", "total", "fecha", "razon_social").get()
    Invoice.objects.update(attention=Attention.OVERDUE)
    operations.confirm_not_issued(Invoice.objects.get())
    Order.objects.update(**({"mishap": "raise"} if mishap == "raise" else {"documento": documento(total=1)}))
    assert operations.retry(Invoice.objects.get(), rebuild=True).failure_stage in ("build", "validation")
    look_up_at(DAY + 10)
    assert statuses() == [InvoiceStatus.SUBMITTED]
    assert Invoice.objects.values("comprobante", "total", "fecha", "razon_social").get() == before
    told(provider, "error", LoteItem.objects.get().reference)
    operations.retry(Invoice.objects.get())
    work(provider, *REST_OF_THE_DAY)
    provider.sandbox.resume()
    work(provider, 2 * DAY)
    assert [call.body["comprobante"]["total"] for call in provider.sandbox.calls] == [139, 139]


def test_one_that_can_not_be_sent_holds_no_other(provider: Provider) -> None:
    provider.sandbox.pause()
    queue(2)
    Invoice.objects.filter(key="erp-0").update(comprobante={})
    assert [sent.items for sent in flush().sent] == [1]
    bad, good = Invoice.objects.order_by("key")
    assert (bad.status, bad.failure_stage, good.status) == (InvoiceStatus.FAILED, "validation", InvoiceStatus.SUBMITTED)
    assert "no comprobante" in bad.reasons[0]


@pytest.mark.parametrize("modality", ["lotes", "nuevo_encola"])
def test_a_person_has_a_way_out_where_the_account_is_gone(provider: Provider, modality: str) -> None:
    invoice = waiting(provider, "nuevo_encola") if modality == "nuevo_encola" else queue(1)[0]
    if modality == "lotes":
        provider.sandbox.pause()
        flush()
    Invoice.objects.update(attention=Attention.OVERDUE)
    provider.configure(ACCOUNTS={"another": provider.sandbox.account})
    with pytest.raises(NotPossibleError, match=r"default|be cancelled"):
        operations.cancel(invoice)
    assert not QueueOperation.objects.exists()
    assert operations.confirm_not_issued(invoice).status == InvoiceStatus.FAILED
    assert operations.cancel(invoice).status == InvoiceStatus.CANCELLED


def test_what_is_told_without_a_cae_is_shown_once_and_can_be_given_up(provider: Provider) -> None:
    provider.use("nuevo_encola")
    provider.sandbox.pause()
    (invoice,) = queue(1)
    flush()
    found = Found(Standing.ISSUED, result=Result(cae="", tipo="FACTURA B", numero=7))
    with pytest.MonkeyPatch.context() as trial:
        trial.setattr(look_ups, "read_lookup", lambda *_: (found,))
        told(provider, "emitido", LoteItem.objects.get().reference)
        look_up("default")
        invoice.refresh_from_db()
        assert invoice.attention == Attention.NO_CAE
        operations.mark_invoice_seen(invoice)
        look_up_at(10)
    assert not Invoice.objects.needing_a_person().exists()
    assert operations.confirm_not_issued(invoice).status == InvoiceStatus.FAILED


def test_a_look_up_by_hand_is_of_what_keeps_it_from_a_retry_too(provider: Provider) -> None:
    older, newer = sent_beside(provider)
    LoteItem.objects.filter(pk=older.pk).update(finding="queued", look_up_at=None)
    LoteItem.objects.filter(pk=newer.pk).update(status="withdrawn")
    Invoice.objects.update(status=InvoiceStatus.CANCELLED)
    with pytest.raises(NotPossibleError, match="look it up"):
        operations.retry(Invoice.objects.get())
    operations.look_up_now(Invoice.objects.get())
    provider.fault("lookup=absent*9")
    work(provider, 0, 10, 30)
    assert operations.retry(Invoice.objects.get()).status == InvoiceStatus.PENDING


def test_a_cancellation_takes_every_try_out_of_the_queue(provider: Provider) -> None:
    older, _ = failed_beside(provider)
    look_up_at(DAY + 299)
    told(provider, "error", older.reference)
    look_up_at(DAY + 300)
    LoteItem.objects.filter(pk=older.pk).update(status=LoteItemStatus.FAILED)
    Invoice.objects.update(status=InvoiceStatus.FAILED, failure_stage="emission")
    QueueOperation.objects.all().delete()
    with later(minutes=DAY + 300):
        operations.cancel(Invoice.objects.get())
    work(provider, *REST_OF_THE_DAY, DAY + 900, DAY + 1000)
    assert statuses() == [InvoiceStatus.CANCELLED]
    assert [entry["status"] for entry in provider.sandbox.ledger()["references"].values()] == ["deleted"] * 2


@pytest.mark.parametrize("evento", ["error", "cambio_fecha"])
def test_a_late_word_about_a_deleted_try_alarms_nobody(provider: Provider, evento: str) -> None:
    operations.cancel(in_error(provider, "nuevo_encola"))
    go_on(provider)
    assert statuses() == [InvoiceStatus.CANCELLED]
    told(provider, evento, LoteItem.objects.get().reference)
    work(provider, 2 * DAY, 2 * DAY + 10, 2 * DAY + 30, 2 * DAY + 100)
    assert LoteItem.objects.get().look_up_at is None
    assert not Lote.objects.needing_a_person().exists()


def test_an_operation_is_looked_up_also_once_a_word_came_to_nothing(provider: Provider) -> None:
    operations.retry(in_error(provider, "nuevo_encola"))
    assert queue_operations.send_requested("default") == 1
    told(provider, "emitido", LoteItem.objects.get().reference)
    work(provider, *range(0, 2 * DAY, 30))
    assert done() == [OperationStatus.DONE]


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
