"""Each method that changes the status of an invoice, from each status."""

from __future__ import annotations

import datetime as dt

import pytest

from django_tusfacturas_lotes.models import Attention, FailureStage, Invoice, InvoiceStatus
from tests.support.builders import documento
from tests.support.rows import make_invoice
from tests.support.status_table import ERRORS, NOW, Case, all_to, but, check, methods_that_change_a_status

pytestmark = pytest.mark.django_db

DAY, ANOTHER_DAY = dt.date(2026, 5, 4), dt.date(2026, 5, 9)
TROUBLE = [{"code": "", "text": "why", "hint": ""}]
UNDATED, DATED = documento(), documento(fecha="09/05/2026")
AS_FAILED = {"failure_stage": FailureStage.INTAKE, "errors": ERRORS, "attention": Attention.OVERDUE}

I = InvoiceStatus  # noqa: E741

CASES = [
    Case("claim", lambda rows, _: rows.claim(DAY), {I.PENDING: I.CLAIMED}, {"tries": 2, "fecha": DAY}),
    Case(
        "claim", lambda rows, _: rows.claim(DAY), {I.PENDING: I.CLAIMED}, {"fecha": ANOTHER_DAY},
        {"fecha": ANOTHER_DAY}, "with a day of its own",
    ),
    Case(
        "requeue", lambda rows, _: rows.requeue(), all_to(I.PENDING, I.CLAIMED, I.UNCERTAIN),
        {"fecha": None}, {"fecha": DAY, "comprobante": UNDATED},
    ),
    Case(
        "requeue", lambda rows, _: rows.requeue(), all_to(I.PENDING, I.CLAIMED, I.UNCERTAIN),
        {"fecha": ANOTHER_DAY}, {"fecha": ANOTHER_DAY, "comprobante": DATED}, "with a day of its own",
    ),
    Case("mark_uncertain", lambda rows, _: rows.mark_uncertain(), {I.CLAIMED: I.UNCERTAIN}),
    Case(
        "answer", lambda rows, _: rows.answer({}), all_to(I.SUBMITTED, I.CLAIMED, I.UNCERTAIN, I.SUBMITTED),
        {"failure_stage": "", "errors": []}, {"errors": ERRORS},
    ),
    Case(
        "answer", lambda rows, pk: rows.answer({pk: ERRORS}),
        all_to(I.FAILED, I.CLAIMED, I.UNCERTAIN, I.SUBMITTED),
        {"failure_stage": FailureStage.INTAKE, "errors": ERRORS}, about="refused",
    ),
    Case(
        "answer", lambda rows, pk: rows.answer({pk + 1000: ERRORS}),
        all_to(I.SUBMITTED, I.CLAIMED, I.UNCERTAIN, I.SUBMITTED), {"failure_stage": "", "errors": []},
        about="another one is refused",
    ),
    Case(
        "fail", lambda rows, _: rows.fail(ERRORS), all_to(I.FAILED, I.CLAIMED, I.SUBMITTED, I.UNCERTAIN),
        {"failure_stage": FailureStage.EMISSION, "errors": ERRORS, "attention": ""}, {"attention": Attention.OVERDUE},
    ),
    Case(
        "reject", lambda rows, _: rows.reject("why"), {I.CLAIMED: I.FAILED},
        {"failure_stage": FailureStage.VALIDATION, "errors": TROUBLE},
    ),
    Case(
        "issue", lambda rows, _: rows.issue(numero=7, cae="1"), all_to(I.ISSUED, *but(I.ISSUED)),
        {"failure_stage": "", "errors": [], "attention": "", "numero": 7, "cae": "1"}, AS_FAILED,
    ),
    Case(
        "queue_again", lambda rows, _: rows.queue_again(), {I.FAILED: I.SUBMITTED},
        {"failure_stage": "", "errors": []}, {"failure_stage": FailureStage.EMISSION, "errors": ERRORS},
    ),
    *[
        Case(
            "queue_again", lambda rows, _: rows.queue_again(), {}, row={"failure_stage": stage},
            about=f"failed at {stage}",
        )
        for stage in but(FailureStage.EMISSION)
    ],
    Case(
        "reopen", lambda rows, _: rows.reopen(DAY), all_to(I.SUBMITTED, I.PENDING, I.FAILED),
        {"failure_stage": "", "errors": [], "fecha": DAY}, {**AS_FAILED, "comprobante": UNDATED},
    ),
    Case(
        "reopen", lambda rows, _: rows.reopen(DAY), all_to(I.SUBMITTED, I.PENDING, I.FAILED),
        {"fecha": ANOTHER_DAY}, {**AS_FAILED, "fecha": ANOTHER_DAY, "comprobante": DATED}, "with a day of its own",
    ),
    Case(
        "reopen", lambda rows, _: rows.reopen(DAY, claimed=True),
        all_to(I.SUBMITTED, I.PENDING, I.CLAIMED, I.FAILED), row=AS_FAILED, about="held back",
    ),
    *[
        Case(
            "reopen", lambda rows, _: rows.reopen(DAY), {I.PENDING: I.SUBMITTED},
            row={"failure_stage": stage}, about=f"failed at {stage}",
        )
        for stage in but(FailureStage.INTAKE)
    ],
    *[
        Case(
            "reopen", lambda rows, _: rows.reopen(DAY, queued=True),
            all_to(I.SUBMITTED, I.PENDING, I.FAILED), row={"failure_stage": stage}, about=f"queued, failed at {stage}",
        )
        for stage in FailureStage
    ],
    Case(
        "cancel_deleted", lambda rows, _: rows.cancel_deleted(),
        all_to(I.CANCELLED, I.SUBMITTED, I.FAILED, I.UNCERTAIN), {"attention": ""}, {"attention": Attention.OVERDUE},
    ),
    Case(
        "retry", lambda rows, _: rows.retry(tipo="FACTURA A"), all_to(I.PENDING, I.FAILED, I.CANCELLED),
        {"failure_stage": "", "errors": [], "tipo": "FACTURA A"}, AS_FAILED,
    ),
    Case(
        "fail_again", lambda rows, _: rows.fail_again(FailureStage.BUILD, ERRORS, tipo="FACTURA A"),
        all_to(I.FAILED, I.FAILED, I.CANCELLED),
        {"failure_stage": FailureStage.BUILD, "errors": ERRORS, "tipo": "FACTURA A"},
    ),
    Case(
        "cancel", lambda rows, _: rows.cancel(), all_to(I.CANCELLED, I.PENDING, I.CLAIMED, I.FAILED),
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_status_is_moved_or_left(case: Case) -> None:
    check(case, make_invoice, {"updated_at": NOW})


def test_the_table_has_every_method_that_changes_a_status() -> None:
    assert {case.method for case in CASES} == methods_that_change_a_status(Invoice)


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


def test_a_nota_that_failed_here_waits_for_no_try_that_is_queued() -> None:
    credited = make_invoice(I.ISSUED)
    for stage in FailureStage:
        nota = make_invoice(I.FAILED, failure_stage=stage, credits=credited)
        moved = Invoice.objects.filter(pk=nota.pk).reopen(DAY, queued=True)
        assert bool(moved) == (stage in (FailureStage.INTAKE, FailureStage.EMISSION)), stage
