"""Law 14: who changes an invoice for one of its tries locks the lotes of all of them first, then tries, then it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from django_tusfacturas_lotes import operations, reception
from django_tusfacturas_lotes.conf import conf
from django_tusfacturas_lotes.models import (
    Attention,
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    LoteStatus,
    WebhookEventStatus,
)
from django_tusfacturas_lotes.provider.client import Reply
from django_tusfacturas_lotes.reconciliation.findings import apply_lookup_result
from django_tusfacturas_lotes.submission import queue_operations
from django_tusfacturas_lotes.wire.answers.lookup import Found, Standing
from django_tusfacturas_lotes.wire.dates import argentine_day
from tests.support.rows import make_event, make_item, make_lote, make_operation

pytestmark = pytest.mark.django_db(transaction=True)

S = LoteItemStatus
_UPDATE = re.compile(r"UPDATE\s+[\"`](\w+)[\"`]\s+SET\b(.*)\bWHERE\b(.*)", re.DOTALL)
_LOCKING = re.compile(r"SELECT\b(.*?)\bFROM [\"`](\w+)[\"`](.*)\b(?:/\* )?FOR UPDATE", re.DOTALL)


@contextlib.contextmanager
def locked_rows(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, int]]]:
    """Each row, as table and key, in the order in which it was locked first: by a query that locks, or by a change."""
    if connection.vendor == "sqlite":  # it has one writer at a time, so Django asks it for no lock of a row
        monkeypatch.setattr(connection.features, "has_select_for_update", True)
        monkeypatch.setattr(connection.ops, "for_update_sql", lambda **_: "/* FOR UPDATE */")
    rows: list[tuple[str, int]] = []

    def note(table: str, rest: str, params: Any) -> None:
        key = f"{connection.ops.quote_name(table)}.{connection.ops.quote_name('id')}"
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {key} FROM {connection.ops.quote_name(table)} {rest}", params)
            found = [(table.removeprefix("django_tusfacturas_lotes_"), pk) for (pk,) in cursor.fetchall()]
        rows.extend(row for row in found if row not in rows)

    def watch(run: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if change := _UPDATE.match(sql):
            table, columns, which = change.groups()
            note(table, f"WHERE {which}", params[columns.count("%s") :])
        elif locking := _LOCKING.match(sql):
            columns, table, which = locking.groups()
            note(table, which, params[columns.count("%s") :])
        return run(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield rows


def two_tries(older: LoteItemStatus, newer: LoteItemStatus, status: InvoiceStatus) -> tuple[LoteItem, LoteItem]:
    """An invoice with a try that was given up, and a newer one, whose lote has the lower key."""
    newer_lote = make_lote(modality="nuevo_encola")
    older_lote = make_lote(
        LoteStatus.CANCELLED if older == S.WITHDRAWN else LoteStatus.ACCEPTED, modality="nuevo_encola"
    )
    first = make_item(older, status, older_lote, due_at=timezone.now())
    Invoice.objects.filter(pk=first.invoice_id).update(tries=2, failure_stage="emission", attention=Attention.OVERDUE)
    second = LoteItem.objects.create(
        lote=newer_lote, invoice=first.invoice, position=0, reference=f"{first.invoice.public_id}-2", status=newer,
        due_at=timezone.now(),
    )  # fmt: skip
    return first, second


def told(evento: str, item: LoteItem) -> object:
    payload = {"recurso": "facturacion", "evento": evento, "external_reference": item.reference, "msg": ["no"]}
    event = make_event(item, WebhookEventStatus.RECEIVED, payload=payload, modality="nuevo_encola")
    return reception.process(event.pk)


def looked_up(standing: Standing, item: LoteItem) -> object:
    reply = Reply((Found(standing, errors=("no",)),))
    return apply_lookup_result(conf.account("default"), item.reference, reply)


def sent_operation(item: LoteItem) -> object:
    return queue_operations._start(make_operation(item, status="requested", response=None, open_for=item.pk))


def expired_operation(item: LoteItem) -> object:
    operation = make_operation(item, status="sending", response=None, open_for=item.pk, sent_at=timezone.now())
    return queue_operations._expire(operation, "of a killed process")


WAITING = (S.WITHDRAWN, S.SUBMITTED, InvoiceStatus.SUBMITTED)
PENDING = (S.WITHDRAWN, S.WITHDRAWN, InvoiceStatus.PENDING)
FAILED = (S.WITHDRAWN, S.REFUSED, InvoiceStatus.FAILED)
WHO: dict[str, tuple[Any, Callable[[LoteItem, LoteItem], object]]] = {
    "told queued": (PENDING, lambda older, _: told("encolado", older)),
    "told of an error": (WAITING, lambda _, newer: told("error", newer)),
    "told issued": (WAITING, lambda older, _: told("emitido", older)),
    "found queued": (PENDING, lambda older, _: looked_up(Standing.QUEUED, older)),
    "found in error": (WAITING, lambda _, newer: looked_up(Standing.IN_ERROR, newer)),
    "an operation is sent": (WAITING, lambda _, newer: sent_operation(newer)),
    "an operation is lost": (WAITING, lambda _, newer: expired_operation(newer)),
    "retry": (FAILED, lambda _, newer: operations.retry(newer.invoice)),
    "cancel": (FAILED, lambda _, newer: operations.cancel(newer.invoice)),
    "delete": (WAITING, lambda _, newer: operations.delete(newer.invoice)),
    "redate": (WAITING, lambda _, newer: operations.redate(newer.invoice, argentine_day())),
    "look up": (WAITING, lambda _, newer: operations.look_up_now(newer.invoice)),
    "say not issued": (WAITING, lambda _, newer: operations.confirm_not_issued(newer.invoice)),
}


@pytest.mark.parametrize(("states", "act"), WHO.values(), ids=WHO)
def test_the_lotes_of_all_tries_are_locked_in_one_order_before_any_try_and_tries_before_the_invoice(
    monkeypatch: pytest.MonkeyPatch, states: Any, act: Callable[[LoteItem, LoteItem], object]
) -> None:
    older, newer = two_tries(*states)
    with locked_rows(monkeypatch) as rows:
        act(older, newer)
    ours = [row for row in rows if row[0] in ("lote", "loteitem", "invoice")]
    assert ours[:2] == [("lote", pk) for pk in Lote.objects.order_by("pk").values_list("pk", flat=True)]
    tables = [table for table, _ in ours]
    assert tables == sorted(tables, key=["lote", "loteitem", "invoice"].index)
