"""What a person has seen is what the person was shown."""

from __future__ import annotations

import pytest

from django_tusfacturas_lotes import operations
from django_tusfacturas_lotes.models import Attention, Invoice, InvoiceStatus, Lote
from django_tusfacturas_lotes.outcomes import calls
from tests.support.rows import make_invoice, make_lote

pytestmark = pytest.mark.django_db(transaction=True)


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
