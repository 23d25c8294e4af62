"""Which invoices become one lote, and which worker has it."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from django_tusfacturas_lotes import operations
from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote, LoteStatus
from django_tusfacturas_lotes.queueing import queue_invoice
from django_tusfacturas_lotes.submission import Idle, Waiting, flush, send_next
from django_tusfacturas_lotes.wire.dates import argentine_day, format_day
from tests.support.builders import day, documento
from tests.support.provider import Provider
from tests.support.sending import later, queue, statuses

pytestmark = pytest.mark.django_db(transaction=True)


def test_lotes_are_as_few_as_there_can_be_and_in_order(provider: Provider) -> None:
    provider.configure(MAX_ITEMS=5)
    queue(7)
    queue(5, fecha=day(-1))
    flush()
    assert [lote.items.count() for lote in Lote.objects.order_by("pk")] == [5, 5, 2]
    sent = [item["comprobante"]["fecha"] for call in provider.sandbox.calls for item in call.body["requests"]]
    assert sent == [day(-1)] * 5 + [day()] * 7


def test_a_lote_holds_one_account_and_one_send_on(provider: Provider) -> None:
    tomorrow = argentine_day() + dt.timedelta(days=1)
    account = provider.sandbox.account
    provider.configure(ACCOUNTS={"default": account, "other": account})
    for number, (alias, send_on) in enumerate([("default", None), ("other", None), ("default", tomorrow)] * 2):
        queue_invoice(comprobante=documento(), key=f"k{number}", account=alias, send_on=send_on)
    flush()
    lotes = {(lote.account, lote.send_on): lote.items.count() for lote in Lote.objects.all()}
    assert lotes == {("default", None): 2, ("default", tomorrow): 2, ("other", None): 2}
    days = [call.body.get("fecha_envio_inicial") for call in provider.sandbox.calls]
    assert sorted(days, key=str) == [format_day(tomorrow), None, None]


def test_what_was_to_be_sent_on_a_day_that_has_come_goes_with_the_rest(provider: Provider) -> None:
    tomorrow = argentine_day() + dt.timedelta(days=1)
    queue(1)
    queue_invoice(comprobante=documento(), key="send-on", send_on=tomorrow)
    with later(2 * 86400):
        provider.sandbox.advance_days(2)
        today = format_day(argentine_day())
        assert flush().accepted == 2
    body = provider.sandbox.calls[0].body
    assert "fecha_envio_inicial" not in body
    assert [item["comprobante"]["fecha"] for item in body["requests"]] == [today, today]


def test_a_lote_that_waited_overnight_bears_the_day_that_it_is_sent(provider: Provider) -> None:
    queue(1)
    provider.fault("reject=401")
    flush()
    assert Invoice.objects.get().fecha == argentine_day()
    with later(86400):
        provider.sandbox.advance_days(1)
        flush()
        assert provider.sandbox.calls[-1].body["requests"][0]["comprobante"]["fecha"] == day()
        assert Invoice.objects.get().fecha == argentine_day()


def test_at_most_one_lote_of_an_account_is_in_flight_whatever_the_workers_do(provider: Provider) -> None:
    provider.configure(MAX_ITEMS=10)
    queue(100)

    def work(_: int) -> None:
        try:
            flush()
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    flush()
    provider.settle()
    ledger = provider.sandbox.ledger()
    assert max(ledger["max_concurrent_calls"].values()) == 1
    assert set(provider.issued().values()) == {1}
    assert Invoice.objects.filter(status=InvoiceStatus.ISSUED).count() == 100


def test_a_second_worker_waits_while_the_first_is_sending(provider: Provider) -> None:
    queue(1)
    provider.fault("answer=hold")

    def work() -> None:
        try:
            flush()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(work)
        provider.wait_held()
        lote = Lote.objects.get()
        assert (lote.status, lote.tries) == (LoteStatus.SENDING, 1)
        assert send_next("default") == Waiting("default", "another process is sending", lote.pk)
        with pytest.raises(operations.NotPossibleError):
            operations.cancel(Invoice.objects.get())
        provider.sandbox.release()
        sending.result()
    assert statuses(Lote) == [LoteStatus.ACCEPTED]


def test_nothing_pending_is_nothing_sent(provider: Provider) -> None:
    assert flush().sent == []
    assert send_next("default") == Idle("default")
    assert not Lote.objects.exists()
