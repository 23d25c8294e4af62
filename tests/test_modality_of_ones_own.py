"""A fourth modality is one class: everything else takes it as it takes the three."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from django_tusfacturas_lotes import operations
from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote
from django_tusfacturas_lotes.submission import flush
from django_tusfacturas_lotes.wire.modalities import modalities, showing_their_queue
from django_tusfacturas_lotes.wire.modalities.nuevo_encola import NuevoEncola
from tests.provider import Provider
from tests.test_queue_operations import go_on
from tests.test_reconciliation import queue, statuses

pytestmark = pytest.mark.django_db(transaction=True)


class Cuarta(NuevoEncola):
    """Speaks as one that the sandbox knows, under a name that nobody else knows."""

    name = "cuarta"


@pytest.fixture
def cuarta(monkeypatch: pytest.MonkeyPatch, provider: Provider) -> Iterator[None]:
    provider.use("nuevo_encola")
    monkeypatch.setitem(modalities(), Cuarta.name, Cuarta())  # type: ignore[arg-type]
    showing_their_queue.cache_clear()
    account = {**provider.sandbox.settings_for("nuevo_encola"), "MODALITY": "cuarta"}
    provider.configure(ACCOUNTS={"default": account})
    yield
    showing_their_queue.cache_clear()


def test_it_is_sent_told_of_looked_up_and_operated_on(provider: Provider, cuarta: None) -> None:
    for fault in ("webhook=twice", "fail_rows=0", "answer=none"):
        queue(1)
        provider.fault(fault)
        flush()
        provider.settle()
    assert set(Lote.objects.values_list("modality", flat=True)) == {"cuarta"}
    go_on(provider)
    assert statuses() == [InvoiceStatus.ISSUED, InvoiceStatus.FAILED, InvoiceStatus.ISSUED]
    operations.retry(Invoice.objects.get(status=InvoiceStatus.FAILED))
    go_on(provider)
    assert statuses() == [InvoiceStatus.ISSUED] * 3
    provider.assert_the_promise()
