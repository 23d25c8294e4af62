"""Each method that changes a status, from each status: it moves the row as the table says, or leaves it as it was."""

from __future__ import annotations

import datetime as dt
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import time_machine
from django.db import models

from django_tusfacturas_lotes.models import (
    Attention,
    FailureStage,
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    LoteStatus,
    OperationStatus,
    QueueOperation,
    WebhookEvent,
    WebhookEventStatus,
)
from django_tusfacturas_lotes.models.lote_item import Due
from tests.builders import documento
from tests.rows import make_event, make_invoice, make_item, make_lote, make_operation

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 5, 4, 15, tzinfo=dt.timezone.utc)
LATER, BEFORE = NOW + dt.timedelta(hours=1), NOW - dt.timedelta(hours=1)
DAY, ANOTHER_DAY = dt.date(2026, 5, 4), dt.date(2026, 5, 9)
ERRORS = [{"code": "1", "text": "no", "hint": ""}]
TROUBLE = [{"code": "", "text": "why", "hint": ""}]
DUE = Due(NOW, dt.timedelta(hours=1))

I, L, T, O, W = InvoiceStatus, LoteStatus, LoteItemStatus, OperationStatus, WebhookEventStatus  # noqa: E741
Moves = Mapping[Any, Any]


@dataclass(frozen=True)
class Case:
    """A method: `moves` says where it brings what it moves, `sets` what else such a row has then, `row` what before."""

    model: type[models.Model]
    method: str
    call: Callable[[Any, int], object]
    moves: Moves
    sets: Mapping[str, Any] = field(default_factory=dict)
    row: Mapping[str, Any] = field(default_factory=dict)
    about: str = ""

    def __str__(self) -> str:
        return f"{self.model.__name__}.{self.method}{f' ({self.about})' if self.about else ''}"


def all_to(target: Any, *sources: Any) -> Moves:
    return dict.fromkeys(sources, target)


def but(*statuses: Any) -> list[Any]:
    """All statuses of the same kind except these."""
    return [status for status in type(statuses[0]) if status not in statuses]


UNDATED, DATED = documento(), documento(fecha="09/05/2026")
AS_FAILED = {"failure_stage": FailureStage.INTAKE, "errors": ERRORS, "attention": Attention.OVERDUE}
OPEN_LOTE = {"in_flight_for": "default", "next_try_at": LATER}
ASKED = {"told": "changed", "look_up_at": LATER, "lookups": 3, "absences": 2, "errors": ERRORS}
NOT_ASKED = {"told": "", "look_up_at": None}
ASKED_ANEW = {"lookups": 0, "absences": 0}

CASES = [
    # Invoices.
    Case(Invoice, "claim", lambda rows, _: rows.claim(DAY), {I.PENDING: I.CLAIMED}, {"tries": 2, "fecha": DAY}),
    Case(
        Invoice, "claim", lambda rows, _: rows.claim(DAY), {I.PENDING: I.CLAIMED}, {"fecha": ANOTHER_DAY},
        {"fecha": ANOTHER_DAY}, "with a day of its own",
    ),
    Case(
        Invoice, "requeue", lambda rows, _: rows.requeue(), all_to(I.PENDING, I.CLAIMED, I.UNCERTAIN),
        {"fecha": None}, {"fecha": DAY, "comprobante": UNDATED},
    ),
    Case(
        Invoice, "requeue", lambda rows, _: rows.requeue(), all_to(I.PENDING, I.CLAIMED, I.UNCERTAIN),
        {"fecha": ANOTHER_DAY}, {"fecha": ANOTHER_DAY, "comprobante": DATED}, "with a day of its own",
    ),
    Case(Invoice, "mark_uncertain", lambda rows, _: rows.mark_uncertain(), {I.CLAIMED: I.UNCERTAIN}),
    Case(
        Invoice, "answer", lambda rows, _: rows.answer({}), all_to(I.SUBMITTED, I.CLAIMED, I.UNCERTAIN, I.SUBMITTED),
        {"failure_stage": "", "errors": []}, {"errors": ERRORS},
    ),
    Case(
        Invoice, "answer", lambda rows, pk: rows.answer({pk: ERRORS}),
        all_to(I.FAILED, I.CLAIMED, I.UNCERTAIN, I.SUBMITTED),
        {"failure_stage": FailureStage.INTAKE, "errors": ERRORS}, about="refused",
    ),
    Case(
        Invoice, "answer", lambda rows, pk: rows.answer({pk + 1000: ERRORS}),
        all_to(I.SUBMITTED, I.CLAIMED, I.UNCERTAIN, I.SUBMITTED), {"failure_stage": "", "errors": []},
        about="another one is refused",
    ),
    Case(
        Invoice, "fail", lambda rows, _: rows.fail(ERRORS), all_to(I.FAILED, I.CLAIMED, I.SUBMITTED, I.UNCERTAIN),
        {"failure_stage": FailureStage.EMISSION, "errors": ERRORS, "attention": ""}, {"attention": Attention.OVERDUE},
    ),
    Case(
        Invoice, "reject", lambda rows, _: rows.reject("why"), {I.CLAIMED: I.FAILED},
        {"failure_stage": FailureStage.VALIDATION, "errors": TROUBLE},
    ),
    Case(
        Invoice, "issue", lambda rows, _: rows.issue(numero=7, cae="1"), all_to(I.ISSUED, *but(I.ISSUED)),
        {"failure_stage": "", "errors": [], "attention": "", "numero": 7, "cae": "1"}, AS_FAILED,
    ),
    Case(
        Invoice, "queue_again", lambda rows, _: rows.queue_again(), {I.FAILED: I.SUBMITTED},
        {"failure_stage": "", "errors": []}, {"failure_stage": FailureStage.EMISSION, "errors": ERRORS},
    ),
    *[
        Case(
            Invoice, "queue_again", lambda rows, _: rows.queue_again(), {}, row={"failure_stage": stage},
            about=f"failed at {stage}",
        )
        for stage in but(FailureStage.EMISSION)
    ],
    Case(
        Invoice, "revive", lambda rows, _: rows.revive(DAY), all_to(I.SUBMITTED, I.PENDING, I.FAILED),
        {"failure_stage": "", "errors": [], "fecha": DAY}, {**AS_FAILED, "comprobante": UNDATED},
    ),
    Case(
        Invoice, "revive", lambda rows, _: rows.revive(DAY), all_to(I.SUBMITTED, I.PENDING, I.FAILED),
        {"fecha": ANOTHER_DAY}, {**AS_FAILED, "fecha": ANOTHER_DAY, "comprobante": DATED}, "with a day of its own",
    ),
    Case(
        Invoice, "revive", lambda rows, _: rows.revive(DAY, claimed=True),
        all_to(I.SUBMITTED, I.PENDING, I.CLAIMED, I.FAILED), row=AS_FAILED, about="held back",
    ),
    *[
        Case(
            Invoice, "revive", lambda rows, _: rows.revive(DAY), {I.PENDING: I.SUBMITTED},
            row={"failure_stage": stage}, about=f"failed at {stage}",
        )
        for stage in but(FailureStage.INTAKE)
    ],
    *[
        Case(
            Invoice, "revive", lambda rows, _: rows.revive(DAY, queued=True),
            all_to(I.SUBMITTED, I.PENDING, I.FAILED), row={"failure_stage": stage}, about=f"queued, failed at {stage}",
        )
        for stage in FailureStage
    ],
    Case(
        Invoice, "drop", lambda rows, _: rows.drop(), all_to(I.CANCELLED, I.SUBMITTED, I.FAILED, I.UNCERTAIN),
        {"attention": ""}, {"attention": Attention.OVERDUE},
    ),
    Case(
        Invoice, "retry", lambda rows, _: rows.retry(tipo="FACTURA A"), all_to(I.PENDING, I.FAILED, I.CANCELLED),
        {"failure_stage": "", "errors": [], "tipo": "FACTURA A"}, AS_FAILED,
    ),
    Case(
        Invoice, "fail_again", lambda rows, _: rows.fail_again(FailureStage.BUILD, ERRORS, tipo="FACTURA A"),
        all_to(I.FAILED, I.FAILED, I.CANCELLED),
        {"failure_stage": FailureStage.BUILD, "errors": ERRORS, "tipo": "FACTURA A"},
    ),
    Case(
        Invoice, "cancel", lambda rows, _: rows.cancel(), all_to(I.CANCELLED, I.PENDING, I.CLAIMED, I.FAILED),
    ),
    # Lotes.
    *[
        Case(
            Lote, "start_sending", lambda rows, _: rows.start_sending(NOW, "me"), {L.READY: L.SENDING},
            {"tries": 2, "sent_at": NOW, "next_try_at": None, "answered_at": None, "sent_as": "me"},
            {"next_try_at": moment, "answered_at": BEFORE, "sent_at": BEFORE}, f"to wait until {moment}",
        )
        for moment in (None, BEFORE, NOW)
    ],
    Case(Lote, "start_sending", lambda rows, _: rows.start_sending(NOW), {}, row={"next_try_at": LATER}, about="waits"),
    Case(
        Lote, "hold", lambda rows, _: rows.hold(LATER, error="no"), {L.SENDING: L.READY},
        {"next_try_at": LATER, "error": "no", "in_flight_for": "default"}, {"in_flight_for": "default"},
    ),
    Case(
        Lote, "accept", lambda rows, _: rows.accept(NOW, error="no"), all_to(L.ACCEPTED, *but(L.CANCELLED)),
        {"in_flight_for": None, "next_try_at": None, "look_up_at": NOW, "error": "no"},
        {**OPEN_LOTE, "look_up_at": LATER},
    ),
    Case(
        Lote, "accept", lambda rows, _: rows.accept(LATER), all_to(L.ACCEPTED, *but(L.CANCELLED)),
        {"look_up_at": NOW}, {"look_up_at": NOW}, "to be looked up sooner",
    ),
    Case(
        Lote, "mark_uncertain", lambda rows, _: rows.mark_uncertain(NOW, error="no"), {L.SENDING: L.UNCERTAIN},
        {"in_flight_for": None, "look_up_at": NOW, "error": "no"}, {**OPEN_LOTE, "look_up_at": LATER},
    ),
    Case(
        Lote, "mark_uncertain", lambda rows, _: rows.mark_uncertain(LATER), {L.SENDING: L.UNCERTAIN},
        {"look_up_at": NOW}, {"look_up_at": NOW}, "to be looked up sooner",
    ),
    Case(Lote, "take_up", lambda rows, _: rows.take_up(), {L.CANCELLED: L.ACCEPTED}, row={"tries": 1}),
    Case(Lote, "take_up", lambda rows, _: rows.take_up(), {}, row={"tries": 0}, about="never tried"),
    Case(
        Lote, "give_up", lambda rows, _: rows.give_up(error="no"), {L.UNCERTAIN: L.CANCELLED},
        {"in_flight_for": None, "error": "no"}, OPEN_LOTE,
    ),
    Case(
        Lote, "close_empty", lambda rows, _: rows.close_empty(error="no"), all_to(L.CANCELLED, L.READY, L.SENDING),
        {"in_flight_for": None, "next_try_at": None, "error": "no"}, OPEN_LOTE,
    ),
    # Items.
    Case(
        LoteItem, "answer", lambda rows, _: rows.answer({}, DUE),
        all_to(T.SUBMITTED, T.CLAIMED, T.UNCERTAIN, T.SUBMITTED),
        {"errors": [], "due_at": NOW, "look_up_at": LATER}, {**ASKED, "told": "", "look_up_at": BEFORE},
    ),
    Case(
        LoteItem, "answer", lambda rows, _: rows.answer({}, DUE),
        all_to(T.SUBMITTED, T.CLAIMED, T.UNCERTAIN, T.SUBMITTED), {"look_up_at": BEFORE, "told": "changed"},
        {**ASKED, "look_up_at": BEFORE}, "a notification has asked for a look-up",
    ),
    Case(
        LoteItem, "answer", lambda rows, pk: rows.answer({pk: ERRORS}, DUE),
        all_to(T.REFUSED, T.CLAIMED, T.UNCERTAIN, T.SUBMITTED), {"errors": ERRORS, "look_up_at": None},
        {"look_up_at": BEFORE}, "refused",
    ),
    Case(
        LoteItem, "mark_uncertain", lambda rows, _: rows.mark_uncertain(NOW), {T.CLAIMED: T.UNCERTAIN},
        {"look_up_at": NOW}, {"look_up_at": LATER},
    ),
    Case(
        LoteItem, "withdraw", lambda rows, _: rows.withdraw(), {T.CLAIMED: T.WITHDRAWN}, NOT_ASKED, ASKED,
    ),
    Case(
        LoteItem, "give_up", lambda rows, pk: rows.give_up(NOW, [pk]), all_to(T.WITHDRAWN, T.CLAIMED, T.UNCERTAIN),
        {"look_up_at": NOW, "due_at": NOW, **ASKED_ANEW}, ASKED, "asked about",
    ),
    Case(
        LoteItem, "give_up", lambda rows, pk: rows.give_up(NOW, [pk + 1000]),
        all_to(T.WITHDRAWN, T.CLAIMED, T.UNCERTAIN), {"look_up_at": None, **ASKED_ANEW}, ASKED, "not asked about",
    ),
    Case(
        LoteItem, "revive", lambda rows, _: rows.revive(NOW, LATER), all_to(T.SUBMITTED, T.WITHDRAWN, T.REFUSED),
        {"errors": [], "due_at": NOW, "look_up_at": LATER, **ASKED_ANEW}, {**ASKED, "look_up_at": BEFORE},
    ),
    Case(
        LoteItem, "drop", lambda rows, _: rows.drop(NOW), all_to(T.WITHDRAWN, T.SUBMITTED, T.FAILED, T.UNCERTAIN),
        {"told": "", "look_up_at": NOW, **ASKED_ANEW}, ASKED,
    ),
    Case(
        LoteItem, "queue_again", lambda rows, _: rows.queue_again(NOW, LATER), {T.FAILED: T.SUBMITTED},
        {"errors": [], "told": "", "due_at": NOW, "look_up_at": LATER, **ASKED_ANEW}, {**ASKED, "look_up_at": BEFORE},
    ),
    Case(
        LoteItem, "issue", lambda rows, _: rows.issue({"cae": "1"}), all_to(T.ISSUED, *but(T.ISSUED)),
        {"result": {"cae": "1"}, "errors": [], **NOT_ASKED}, ASKED,
    ),
    Case(
        LoteItem, "fail", lambda rows, _: rows.fail(TROUBLE), all_to(T.FAILED, T.CLAIMED, T.SUBMITTED, T.UNCERTAIN),
        {"errors": TROUBLE, **NOT_ASKED}, ASKED,
    ),
    # Operations.
    *[
        Case(
            QueueOperation, "start_sending", lambda rows, _: rows.start_sending(NOW), {O.REQUESTED: O.SENDING},
            {"tries": 4, "sent_at": NOW, "next_try_at": None}, {"tries": 3, "next_try_at": moment, "sent_at": BEFORE},
            f"to wait until {moment}",
        )
        for moment in (None, BEFORE, NOW)
    ],
    Case(
        QueueOperation, "start_sending", lambda rows, _: rows.start_sending(NOW), {}, row={"next_try_at": LATER},
        about="waits",
    ),
    Case(
        QueueOperation, "hold", lambda rows, _: rows.hold(LATER, error="no"),
        all_to(O.REQUESTED, O.SENDING, O.ACCEPTED, O.UNCERTAIN), {"next_try_at": LATER, "error": "no"},
    ),
    Case(
        QueueOperation, "accept", lambda rows, _: rows.accept(error="no"), all_to(O.ACCEPTED, O.SENDING, O.UNCERTAIN),
        {"error": "no"},
    ),
    Case(
        QueueOperation, "mark_uncertain", lambda rows, _: rows.mark_uncertain(error="no"), {O.SENDING: O.UNCERTAIN},
        {"error": "no"},
    ),
    *[
        Case(
            QueueOperation, "close", lambda rows, _, end=end: rows.close(end, error="no"),
            all_to(end, O.REQUESTED, O.SENDING, O.ACCEPTED, O.UNCERTAIN),
            {"error": "no", "open_for": None, "ended_at": NOW}, {"open_for": 5}, f"as {end}",
        )
        for end in (O.DONE, O.REFUSED)
    ],
    # Notifications.
    *[
        Case(
            WebhookEvent, "close", lambda rows, _, end=end: rows.close(end, error="no"),
            all_to(end, W.RECEIVED, W.UNMATCHED, W.ERROR), {"error": "no"}, about=f"as {end}",
        )
        for end in but(W.RECEIVED)
    ],
    Case(WebhookEvent, "lock", lambda rows, _: rows.lock(), {}),
]  # fmt: skip


def make(model: type[models.Model], status: Any, columns: Mapping[str, Any]) -> models.Model:
    """A row in a status, however it may have come to that."""
    makers: dict[type[models.Model], Callable[[], models.Model]] = {
        Invoice: lambda: make_invoice(status),
        Lote: lambda: make_lote(L.ACCEPTED),
        LoteItem: lambda: make_item(T.CLAIMED),
        QueueOperation: lambda: make_operation(make_item(T.CLAIMED)),
        WebhookEvent: lambda: make_event(None),
    }
    row = makers[model]()
    model._default_manager.filter(pk=row.pk).update(status=status, **columns)
    row.refresh_from_db()
    return row


def columns_of(row: models.Model) -> dict[str, Any]:
    row.refresh_from_db()
    return {one.attname: getattr(row, one.attname) for one in row._meta.concrete_fields}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_status_is_moved_or_left(case: Case) -> None:
    for status in case.model._meta.get_field("status").choices or ():
        source = status[0]
        row = make(case.model, source, case.row)
        before = columns_of(row)
        with time_machine.travel(NOW, tick=False):
            moved = case.call(case.model._default_manager.filter(pk=row.pk), row.pk)
        after = columns_of(row)
        # `lock` writes a row as it is.
        assert bool(moved) == (source in case.moves) or case.method == "lock", source
        if source in case.moves:
            expected = {
                "status": case.moves[source],
                **({"updated_at": NOW} if case.model is Invoice else {}),
                **case.sets,
            }
            assert {name: after[name] for name in expected} == expected, source
        else:
            assert after == before, source
        row.delete()


@pytest.mark.parametrize("model", [Invoice, Lote, LoteItem, QueueOperation, WebhookEvent])
def test_the_table_has_every_method_that_changes_a_status(model: type[models.Model]) -> None:
    queryset = type(model._default_manager.all())
    writes = re.compile(r"\.update\(\s*status=|\._move\(|\.update\((?=[^)]*\bstatus=)")
    methods = {
        name
        for name, method in vars(queryset).items()
        if inspect.isfunction(method) and not name.startswith("_") and writes.search(inspect.getsource(method))
    }
    assert methods == {case.method for case in CASES if case.model is model}


@pytest.mark.parametrize("status", InvoiceStatus)
def test_only_what_is_submitted_is_shown_as_overdue_and_once(status: InvoiceStatus) -> None:
    for attention in ("", *Attention):
        invoice = make_invoice(status, attention=attention, seen_at=NOW)
        shown = Invoice.objects.filter(pk=invoice.pk).show_overdue()
        invoice.refresh_from_db()
        if status == I.SUBMITTED and not attention:
            assert (shown, invoice.attention, invoice.seen_at) == (1, Attention.OVERDUE, None)
        else:
            assert (shown, invoice.attention, invoice.seen_at) == (0, attention, NOW)


@pytest.mark.parametrize("attention", ["", *Attention])
def test_a_pdf_that_was_given_up_is_shown_where_nothing_graver_is(attention: str) -> None:
    invoice = make_invoice(I.ISSUED, attention=attention)
    shown = Invoice.objects.filter(pk=invoice.pk).show_without_pdf()
    invoice.refresh_from_db()
    assert (bool(shown), invoice.attention) == (not attention, attention or Attention.NO_PDF)


@pytest.mark.parametrize("status", LoteStatus)
def test_only_a_lote_that_is_ready_stops_waiting(status: LoteStatus) -> None:
    lote = make_lote(status, next_try_at=LATER)
    Lote.objects.filter(pk=lote.pk).stop_waiting()
    lote.refresh_from_db()
    assert (lote.status, lote.next_try_at) == (status, None if status == L.READY else LATER)


def test_a_nota_that_failed_here_waits_for_no_try_that_is_queued() -> None:
    credited = make_invoice(I.ISSUED)
    for stage in FailureStage:
        nota = make_invoice(I.FAILED, failure_stage=stage, credits=credited)
        moved = Invoice.objects.filter(pk=nota.pk).revive(DAY, queued=True)
        assert bool(moved) == (stage in (FailureStage.INTAKE, FailureStage.EMISSION)), stage
