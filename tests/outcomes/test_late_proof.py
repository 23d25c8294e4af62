"""Proof that comes late, of what was given up or refused: one document, and nothing is sent anew."""

from __future__ import annotations

import pytest

from django_tusfacturas_lotes import operations
from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote, LoteItem, LoteItemStatus, LoteStatus
from django_tusfacturas_lotes.reconciliation import look_up
from django_tusfacturas_lotes.submission import flush
from tests.support.encola import later, queue, statuses
from tests.support.provider import Provider

pytestmark = pytest.mark.django_db(transaction=True)


def given_up(provider: Provider) -> LoteItem:
    """A call that was taken, though two look-ups long after it did not find it: its invoice is pending again."""
    provider.use("nuevo_encola")
    queue(1)
    provider.fault("answer=none")
    provider.fault("webhook=never*9")
    provider.fault("lookup=absent*3")
    flush()
    for minutes in (6, 70, 130):
        with later(minutes=minutes):
            look_up("default")
    assert Lote.objects.get().status == LoteStatus.CANCELLED
    assert statuses() == [InvoiceStatus.PENDING]
    provider.sandbox.clear_faults()
    return LoteItem.objects.get()


@pytest.mark.parametrize("evento", ["emitido", "encolado", "cambio_fecha"])
def test_what_was_given_up_and_is_told_of_before_it_is_sent_anew_is_not_sent_anew(
    provider: Provider, evento: str
) -> None:
    item = given_up(provider)
    provider.sandbox.notify(item.reference, evento)
    provider.settle()
    with later(minutes=200):
        flush()
        provider.settle()
        look_up("default")
    assert statuses() == [InvoiceStatus.ISSUED]
    assert provider.issued() == {item.reference: 1}
    assert Lote.objects.get().discrepancies, "and a person sees that it was given up wrongly"


def test_what_was_given_up_and_is_found_by_a_persons_look_up_is_not_sent_anew(provider: Provider) -> None:
    provider.sandbox.pause()
    given_up_item = given_up(provider)
    operations.look_up_now(Invoice.objects.get())
    with later(minutes=140):
        look_up("default")
    assert statuses() == [InvoiceStatus.SUBMITTED]
    flush()
    assert LoteItem.objects.get() == given_up_item


def test_what_was_refused_and_is_told_queued_is_not_sent_anew_by_a_retry(provider: Provider) -> None:
    provider.use("lotes_encola")
    (invoice,) = queue(1)
    provider.sandbox.pause()
    provider.fault("webhook=never")
    flush()
    # The answer that refused it was wrong.
    LoteItem.objects.update(status=LoteItemStatus.REFUSED, look_up_at=None)
    Invoice.objects.update(status=InvoiceStatus.FAILED, failure_stage="intake", errors=[{"text": "no"}])
    provider.sandbox.notify(LoteItem.objects.get().reference, "encolado")
    provider.sandbox.resume()
    provider.settle()
    assert statuses() == [InvoiceStatus.SUBMITTED]
    with pytest.raises(operations.NotPossibleError):
        operations.retry(invoice)
    look_up("default")
    assert statuses() == [InvoiceStatus.ISSUED]
