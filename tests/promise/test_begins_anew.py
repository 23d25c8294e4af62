"""Each of our transactions begins anew after the database has ended it to break a deadlock."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

import django_tusfacturas_lotes
from django_tusfacturas_lotes.conf import conf
from django_tusfacturas_lotes.models import (
    Invoice,
    InvoiceStatus,
    LoteItemStatus,
    LoteStatus,
    OperationStatus,
    QueueOperation,
    WebhookEventStatus,
)
from django_tusfacturas_lotes.operations import lotes
from django_tusfacturas_lotes.outcomes import calls
from django_tusfacturas_lotes.pdfs import keeping
from django_tusfacturas_lotes.provider.client import Outcome, Reply, Verdict
from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoice, queue_invoices
from django_tusfacturas_lotes.reception import events
from django_tusfacturas_lotes.reconciliation.findings import apply_lookup_result
from django_tusfacturas_lotes.submission import queue_operations
from django_tusfacturas_lotes.wire.modalities import modalities
from tests.support.builders import documento
from tests.support.decisions import DECISIONS
from tests.support.rows import make_event, make_item, make_lote, make_operation

pytestmark = pytest.mark.django_db(transaction=True)

I, L, T = InvoiceStatus, LoteStatus, LoteItemStatus  # noqa: E741
OF_DECISIONS = {
    "retry": "retry", "cancel": "cancel", "say received": "confirm_received", "say not issued": "confirm_not_issued",
    "say not received": "confirm_not_received", "delete": "delete", "resend": "resend", "redate": "redate",
    "look up": "look_up_now", "look up a lote": "look_up_lote", "credit a duplicate": "credit_duplicate",
    "credit": "queue_credit_note", "expedite look-ups": "expedite", "nothing to look up": "_next",
    "begin to send": "start_sending", "prune": "_take",
}  # fmt: skip


def operation(status: OperationStatus = OperationStatus.REQUESTED, **columns: Any) -> QueueOperation:
    item = make_item(T.SUBMITTED, I.SUBMITTED, make_lote(modality="nuevo_encola"))
    return make_operation(item, status=status, open_for=item.pk, **columns)


def issued(**columns: Any) -> Invoice:
    invoice = make_item().invoice
    Invoice.objects.filter(pk=invoice.pk).update(pdf_try_at=timezone.now(), **columns)
    return Invoice.objects.get(pk=invoice.pk)


def uncertain(lote_status: LoteStatus, **columns: Any) -> Any:
    return make_item(T.CLAIMED, I.CLAIMED, make_lote(lote_status, **columns)).lote


WRITERS: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
    "insert": (lambda: None, lambda _: queue_invoice(comprobante=documento(), key="one")),
    "_insert_all": (lambda: None, lambda _: queue_invoices(ToInvoice(documento(), f"{n}") for n in range(3))),
    "send_now": (lambda: make_lote(L.READY), lotes.send_now),
    "requeue_unsent": (lambda: uncertain(L.READY, tries=0), lambda lote: calls.requeue_unsent(lote.pk, "a test")),
    "mark_answer_lost": (
        lambda: uncertain(L.SENDING), lambda lote: calls.mark_answer_lost(lote.pk, 1, {"error": "lost"}),
    ),
    "apply_lookup_result": (
        lambda: make_item(T.SUBMITTED, I.SUBMITTED),
        lambda item: apply_lookup_result(conf.account("default"), item.reference, Reply(())),
    ),
    "_store": (lambda: None, lambda _: events._store({"a": 1}, modalities()["lotes"], "default")),
    "_process": (
        lambda: make_event(make_item(T.SUBMITTED, I.SUBMITTED), WebhookEventStatus.RECEIVED),
        lambda event: events.process(event.pk),
    ),
    "_start": (operation, queue_operations._start),
    "_record": (
        lambda: operation(OperationStatus.SENDING, tries=0),
        lambda asked: queue_operations._record(conf.account("default"), asked, Outcome(Verdict.UNCERTAIN)),
    ),
    "_expire": (
        lambda: operation(OperationStatus.SENDING), lambda asked: queue_operations._expire(asked, "it stopped"),
    ),
    "fetch_now": (issued, keeping.fetch_now),
    "_try_again": (issued, lambda invoice: keeping._try_again(invoice, "no", ask=False)),
    "_ask": (issued, keeping._ask),
}  # fmt: skip
WRITERS |= {OF_DECISIONS[one.about]: (one.prepare, one.decide) for one in DECISIONS if one.about in OF_DECISIONS}


def deadlock() -> OperationalError:
    raised = OperationalError("deadlock detected")
    raised.__cause__ = type("DriverError", (Exception,), {"sqlstate": "40P01"})()
    return raised


@pytest.mark.parametrize(("name", "prepare", "write"), [(name, *of) for name, of in WRITERS.items()], ids=WRITERS)
def test_it_begins_anew_and_is_done_once(
    name: str,
    prepare: Callable[[], Any],
    write: Callable[[Any], object],
    caplog: pytest.LogCaptureFixture,
    settings: Any,
) -> None:
    settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "KEEP_PDF": True}
    what = prepare()
    ended: list[str] = []

    def end_the_first(run: Callable[..., Any], sql: str, *others: Any) -> Any:
        if not ended and sql.startswith(("INSERT", "UPDATE", "DELETE")):
            ended.append(sql)
            raise deadlock()
        return run(sql, *others)

    with connection.execute_wrapper(end_the_first):
        write(what)
    assert ended
    assert [text for text in caplog.messages if "begins anew" in text] == [
        f"A deadlock was broken here; {name} begins anew"
    ]


def test_the_table_has_every_function_that_begins_anew() -> None:
    package = Path(django_tusfacturas_lotes.__file__).parent
    decorated = {
        node.name
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
        and any(isinstance(one, ast.Name) and one.id == "again_on_deadlock" for one in node.decorator_list)
    }
    assert decorated == set(WRITERS)
