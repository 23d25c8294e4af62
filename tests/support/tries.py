"""Invoices with more than one try, and look-ups that say of each what a test wants."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from django_tusfacturas_lotes.conf import conf
from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote, LoteItem, LoteStatus
from django_tusfacturas_lotes.reception import Authenticated, receive
from django_tusfacturas_lotes.reconciliation import look_up, look_ups
from django_tusfacturas_lotes.submission import flush, queue_operations
from django_tusfacturas_lotes.wire.answers.lookup import Found, Standing
from django_tusfacturas_lotes.wire.modalities import modalities
from tests.support import documented
from tests.support.encola import later, queue, statuses, told
from tests.support.provider import PATIENCE, Provider


def item_statuses() -> list[str]:
    return list(LoteItem.objects.order_by("pk").values_list("status", flat=True))


def turned_away(provider: Provider) -> None:
    """Have the next lote wait, known not to have been taken."""
    provider.fault("reject=401")
    with later(minutes=201):
        flush()
    assert Lote.objects.last().status == LoteStatus.READY


def lost(provider: Provider, count: int, modality: str = "lotes_encola") -> Lote:
    """Return a lote of which the answer was lost, and whose items the provider has, and waits to issue."""
    provider.use(modality)
    provider.sandbox.pause()
    queue(count)
    provider.sandbox.fault("answer=none", "webhook=never*always")
    flush()
    provider.sandbox.clear_faults()
    lote = Lote.objects.get()
    assert lote.status == LoteStatus.UNCERTAIN
    return lote


def tell_of(item: LoteItem, provider: Provider, **changes: Any) -> None:
    """A notification as `lotes` makes it."""
    payload = {
        **documented.lotes_webhook(),
        **provider.credentials,
        "facturacion_lote_id_referencia": item.reference,
        **changes,
    }
    receive(payload, Authenticated((conf.account("default"),), modalities()["lotes"]))


def sent_beside(provider: Provider, *faults: str) -> tuple[LoteItem, LoteItem]:
    """Return a try that was given up although TusFacturas has it, and the next one, sent under these faults."""
    given_up(provider)
    provider.sandbox.fault(*faults)
    with later(minutes=201):
        flush()
    # Its own notice is not to come after what the test tells.
    backend = provider.sandbox._backend
    provider.sandbox._wait(lambda: not backend._dispatcher.pending, PATIENCE, "has notices to send")
    provider.sandbox.clear_faults()
    older, newer = LoteItem.objects.order_by("pk")
    return older, newer


def work(provider: Provider, *minutes: int, most: int = 20) -> None:
    """Do at these moments what the schedule does, and hold it to the promise each time."""
    now = timezone.now()
    for after in minutes:
        with time_machine.travel(now + dt.timedelta(minutes=after)):
            queue_operations.send_requested("default")
            look_up("default", most=most)
            flush()
        assert sum(provider.issued().values()) <= Invoice.objects.count()


A_DAY_LATER = (24 * 60 + 400, 24 * 60 + 402, 24 * 60 + 410, 24 * 60 + 430, 24 * 60 + 500, 24 * 60 + 700)


def failed_beside(provider: Provider) -> tuple[LoteItem, LoteItem]:
    """Return a try that was given up although it waits in the queue, and the next one, which lies there in error."""
    older, newer = sent_beside(provider, "fail_rows=0")
    told(provider, "error", newer.reference)
    assert statuses() == [InvoiceStatus.FAILED]
    return older, newer


def look_up_at(minutes: float) -> None:
    with later(minutes=minutes):
        look_up("default")


def says(monkeypatch: pytest.MonkeyPatch, **answers: str) -> None:
    """Have look-ups of the try with a number (`_1`, `_2`) answered so, whatever the provider has."""
    real = look_ups.read_lookup
    found: dict[str, tuple[Found, ...]] = {
        "absent": (), "queued": (Found(Standing.QUEUED),), "in_error": (Found(Standing.IN_ERROR, errors=("no",)),),
    }  # fmt: skip

    def read(answer: Any, reference: str) -> Any:
        said = answers.get(f"_{reference.rpartition('-')[2]}")
        return real(answer, reference) if said is None else found[said]

    monkeypatch.setattr(look_ups, "read_lookup", read)


DAY = 24 * 60
REST_OF_THE_DAY = (DAY + 302, DAY + 304, DAY + 310, DAY + 330, DAY + 400, DAY + 500, DAY + 700)


def go_to_the_end(provider: Provider) -> None:
    provider.sandbox.resume()
    provider.settle()
    work(provider, 2 * DAY, 2 * DAY + 10, 2 * DAY + 300, 3 * DAY)


def given_up(provider: Provider) -> LoteItem:
    """A try that was taken, and that lying look-ups made us give up."""
    provider.use("nuevo_encola")
    provider.sandbox.pause()
    queue(1)
    provider.sandbox.fault("answer=none", "webhook=never*always", "lookup=absent*9")
    flush()
    for minutes in (6, 70, 130, 200):
        with later(minutes=minutes):
            look_up("default")
    assert statuses() == [InvoiceStatus.PENDING]
    provider.sandbox.clear_faults()
    return LoteItem.objects.get()
