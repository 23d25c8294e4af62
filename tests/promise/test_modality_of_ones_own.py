"""A fourth modality is one file: everything else takes it as it takes the three."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from django_tusfacturas_lotes import operations
from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote
from django_tusfacturas_lotes.submission import flush
from django_tusfacturas_lotes.wire import modalities as wire_modalities
from django_tusfacturas_lotes.wire.modalities import modalities, showing_their_queue
from tests.support.encola import go_on, queue, statuses
from tests.support.provider import Provider

pytestmark = pytest.mark.django_db(transaction=True)


# It speaks as one that the sandbox knows, under a name that nobody else knows.
FILE = """
from . import Modality
from .nuevo_encola import NuevoEncola


class Cuarta(NuevoEncola):
    name = "cuarta"


MODALITY: Modality = Cuarta()
"""


@pytest.fixture
def cuarta(monkeypatch: pytest.MonkeyPatch, provider: Provider, tmp_path: Path) -> Iterator[None]:
    """Its file lies in the folder of the others, as far as Python sees."""
    (tmp_path / "cuarta.py").write_text(FILE)
    monkeypatch.setattr(wire_modalities, "__path__", [*wire_modalities.__path__, str(tmp_path)])
    look_anew()
    assert sorted(modalities()) == ["cuarta", "lotes", "lotes_encola", "nuevo_encola"]
    provider.use("nuevo_encola")
    account = {**provider.sandbox.settings_for("nuevo_encola"), "MODALITY": "cuarta"}
    provider.configure(ACCOUNTS={"default": account})
    yield
    sys.modules.pop(f"{wire_modalities.__name__}.cuarta")
    monkeypatch.undo()
    look_anew()


def look_anew() -> None:
    modalities.cache_clear()
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
