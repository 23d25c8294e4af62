"""The budgets of queries and memory, counted. BEGIN, COMMIT and savepoints are not counted: they differ by database."""

from __future__ import annotations

import gc
import json
import re
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from django_tusfacturas_lotes.models import (
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    LoteStatus,
    Turn,
    WebhookEvent,
)
from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoice, queue_invoices
from django_tusfacturas_lotes.reconciliation import look_up
from django_tusfacturas_lotes.submission import flush, send_next
from tests.support.builders import documento, orders
from tests.support.provider import Provider
from tests.support.queries import Queries
from tests.support.webhook import failure, item_in, post, success

pytestmark = pytest.mark.django_db(transaction=True)


def queue(count: int) -> None:
    start = Invoice.objects.count()
    queue_invoices(ToInvoice(documento(), f"erp-{start + number}") for number in range(count))


@pytest.mark.parametrize("fault", [None, "refuse_rows=0,2,4", "answer=500", "reject=401", "answer=miscount"])
def test_a_lote_costs_at_most_12_queries_the_same_for_5_as_for_500(provider: Provider, fault: str | None) -> None:
    counts = []
    Turn.objects.create(account="default")  # an account's very first call inserts it, once and for all
    for count in (5, 500):
        provider.sandbox.pause()
        queue(count)
        if fault:
            provider.fault(fault)
        with Queries() as queries:
            send_next("default")
        counts.append(len(queries.statements))
        LoteItem.objects.all().delete()
        Lote.objects.all().delete()
        Invoice.objects.all().delete()
    assert counts[0] == counts[1] <= 12, queries.statements


def test_a_lote_that_waited_costs_no_more(provider: Provider) -> None:
    queue(5)
    provider.fault("reject=401")
    flush()
    Lote.objects.update(next_try_at=None)
    with Queries() as queries:
        send_next("default")
    assert len(queries.statements) <= 12


@pytest.mark.parametrize("make", [success, failure])
def test_a_webhook_stored_and_applied_costs_at_most_8_queries(make: Any) -> None:
    item = item_in()
    post(success("warm-up"))
    with Queries() as queries:
        assert post(make(item)).status_code == 200
    assert len(queries.statements) <= 8, queries.statements
    with Queries() as queries:
        assert post(make(item)).status_code == 200
    assert len(queries.statements) <= 8, queries.statements


def test_the_one_webhook_that_settles_a_lost_lote_costs_four_more_however_large_the_lote() -> None:
    counts = []
    for size in (1, 50):
        item = item_in(LoteStatus.UNCERTAIN, LoteItemStatus.UNCERTAIN, InvoiceStatus.UNCERTAIN)
        for position in range(1, size):
            other = item_in(LoteStatus.UNCERTAIN, LoteItemStatus.UNCERTAIN, InvoiceStatus.UNCERTAIN)
            LoteItem.objects.filter(pk=other.pk).update(lote=item.lote, position=position)
        with Queries() as queries:
            post(success(item))
        counts.append(len(queries.statements))
        assert not LoteItem.objects.filter(lote=item.lote, status=LoteItemStatus.UNCERTAIN).exists()
    assert counts[0] == counts[1] <= 8 + 4, queries.statements


def test_a_webhooks_queries_are_all_on_an_index() -> None:
    post(success("warm-up"))
    for _ in range(50):
        item = item_in()
    with Queries() as queries:
        post(success(item))
    assert_on_an_index(queries)


@pytest.mark.parametrize("evento", ["emitido", "error"])
def test_a_thin_notices_queries_and_its_look_ups_are_all_on_an_index(
    provider: Provider, client: Any, evento: str
) -> None:
    provider.use("nuevo_encola")
    provider.sandbox.fault("webhook=never*always")
    queue(50)
    flush()
    provider.settle()
    item = LoteItem.objects.last()
    token = str(provider.sandbox.settings_for("nuevo_encola")["WEBHOOK_TOKEN"])
    notice = {
        "recurso": "facturacion", "evento": evento, "external_reference": item.reference, "intento": 1,
        "msg": ["no"], "hook_id": "h",
    }  # fmt: skip
    with Queries() as queries:
        client.post(
            "/tusfacturas/webhook/", json.dumps(notice), content_type="application/json",
            headers={"TF-WebhookToken": token},
        )  # fmt: skip
        assert look_up("default").asked == (evento == "emitido")
    assert_on_an_index(queries)


def assert_on_an_index(queries: Queries) -> None:
    for sql in queries.statements:
        if sql.startswith("INSERT"):
            continue
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SET enable_seqscan = off")
            explain = "EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN "
            cursor.execute(explain + sql.replace("%", "%%"))
            plan = str(cursor.fetchall())
            if connection.vendor == "postgresql":
                cursor.execute("RESET enable_seqscan")
        # MariaDB reads all of what a subquery gave, which it calls `<subquery2>`.
        scans = {"sqlite": "SCAN ", "postgresql": "Seq Scan", "mysql": r"'[^<']+', 'ALL'"}[connection.vendor]
        assert not re.search(scans, plan), f"{sql}\n{plan}"


def test_queueing_1000_orders_costs_at_most_6_queries_beyond_the_builders() -> None:
    paid = orders(1000)
    queue_invoice(orders(1)[0])
    with Queries() as queries:
        report = queue_invoices(paid)
    assert report.queued == 1000
    assert len(queries.statements) <= 6, [sql[:80] for sql in queries.statements]


@pytest.mark.thorough
def test_the_memory_of_queueing_does_not_grow_with_how_many_there_are() -> None:
    def peak(count: int) -> int:
        def documents() -> Iterator[ToInvoice]:
            for number in range(count):
                if number % 1000 == 0:
                    gc.collect()  # Django's own cycles: when they would be collected by themselves is left to chance
                yield ToInvoice(documento(), f"{count}-{number}")

        tracemalloc.start()
        queue_invoices(documents())
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(10)
    assert peak(6000) < 1.2 * peak(2000)


@pytest.mark.parametrize("model", ["invoice", "lote", "loteitem", "webhookevent", "queueoperation"])
def test_an_admin_list_costs_the_same_for_few_rows_as_for_many(admin_client: Any, model: str) -> None:
    def cost() -> int:
        with Queries() as queries:
            assert admin_client.get(f"/admin/django_tusfacturas_lotes/{model}/").status_code == 200
        return len(queries.statements)

    post(success(item_in()))
    cost()
    few = cost()
    for _ in range(20):
        post(success(item_in()))
    assert WebhookEvent.objects.count() == 21
    assert cost() == few


@pytest.mark.parametrize("fault", [None, "refuse_rows=0", "answer=500", "reject=401", "reject=S", "answer=partial"])
@pytest.mark.parametrize(("modality", "sizes"), [("lotes_encola", (5, 100)), ("nuevo_encola", (1, 1))])
def test_a_lote_costs_the_same_in_each_modality(
    provider: Provider, modality: str, sizes: tuple[int, int], fault: str | None
) -> None:
    provider.use(modality)
    provider.sandbox.pause()
    provider.sandbox.fault("webhook=never*always")
    Turn.objects.create(account="default")
    counts = []
    for count in sizes:
        queue(count)
        if fault:
            provider.fault(fault)
        with Queries() as queries:
            send_next("default")
        counts.append(len(queries.statements))
        for model in (LoteItem, Lote, Invoice):
            model.objects.all().delete()
    # One more asks whether a notice has told of what the answer refuses.
    assert counts[0] == counts[1] <= 12 + (fault == "refuse_rows=0"), queries.statements


@pytest.mark.parametrize("evento", ["encolado", "emitido", "error", "eliminado", "cambio_fecha", "inventado"])
def test_a_thin_notice_stored_and_applied_costs_at_most_8_queries(provider: Provider, client: Any, evento: str) -> None:
    provider.use("nuevo_encola")
    provider.sandbox.pause()
    queue(2)
    flush()
    token = str(provider.sandbox.settings_for("nuevo_encola")["WEBHOOK_TOKEN"])
    for number, item in enumerate(LoteItem.objects.order_by("pk")):
        notice = {
            "recurso": "facturacion", "evento": evento, "external_reference": item.reference, "intento": 1,
            "msg": ["no"], "hook_id": f"h{number}",
        }  # fmt: skip
        with Queries() as queries:
            response = client.post(
                "/tusfacturas/webhook/", json.dumps(notice), content_type="application/json",
                headers={"TF-WebhookToken": token},
            )  # fmt: skip
        assert response.status_code == 200
    assert len(queries.statements) <= 8, queries.statements


def test_a_look_up_costs_the_same_however_many_are_waiting(provider: Provider) -> None:
    provider.use("lotes_encola")
    Turn.objects.create(account="default")
    counts = []
    for count in (2, 50):
        queue(count)
        flush()
        provider.settle()
        with Queries() as queries:
            assert look_up("default", most=1).settled == 1
        counts.append(len(queries.statements))
        look_up("default", most=100)
    assert counts[0] == counts[1] <= 16, queries.statements
