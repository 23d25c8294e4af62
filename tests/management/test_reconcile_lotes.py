"""What `manage.py reconcile_lotes` says of what is left, and with which exit status it ends."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import call_command

from django_tusfacturas_lotes.models import (
    Attention,
    FailureStage,
    InvoiceStatus,
    LoteItemStatus,
    LoteStatus,
    OperationStatus,
)
from django_tusfacturas_lotes.submission import flush
from tests.support.encola import later, queue
from tests.support.provider import Provider
from tests.support.rows import make_invoice, make_item, make_lote, make_operation

pytestmark = pytest.mark.django_db(transaction=True)

INVOICES = "invoices that are overdue, failed or ask for attention"


def run(*arguments: str) -> tuple[int, list[str]]:
    out = io.StringIO()
    try:
        call_command("reconcile_lotes", *arguments, stdout=out, no_color=True)
    except SystemExit as exc:
        return int(exc.code or 0), out.getvalue().splitlines()
    return 0, out.getvalue().splitlines()


def test_with_nothing_to_ask_about_it_says_so_and_ends_well() -> None:
    assert run() == (0, ["There is nothing to ask TusFacturas about."])


def test_what_is_left_is_counted_by_what_it_is() -> None:
    make_lote(LoteStatus.UNCERTAIN)
    make_lote(LoteStatus.UNCERTAIN, account="b")
    make_invoice(InvoiceStatus.FAILED, failure_stage=FailureStage.EMISSION)
    make_invoice(InvoiceStatus.ISSUED, attention=Attention.DUPLICATE)
    make_invoice(InvoiceStatus.FAILED, failure_stage=FailureStage.BUILD)
    make_invoice(InvoiceStatus.SUBMITTED)
    make_operation(make_item(), status=OperationStatus.REFUSED)
    make_operation(make_item(), status=OperationStatus.DONE)
    code, lines = run()
    left = f"In need of a person: 2 uncertain lotes, 2 {INVOICES}, 1 operations in TusFacturas' queue."
    assert (code, lines[-1]) == (1, left)
    # Of one account, only what is its own.
    code, lines = run("--account=default")
    assert (code, lines[-1]) == (1, left.replace("2 uncertain", "1 uncertain"))


@pytest.mark.parametrize("fault", ["", "lookup=500*always"])
def test_of_each_account_it_is_told_what_was_done_and_why_it_stopped(provider: Provider, fault: str) -> None:
    provider.use("nuevo_encola")
    queue(2)
    provider.fault("webhook=never*2")
    flush()
    provider.settle()
    if fault:
        provider.fault(fault)
    with later(hours=30):
        code, lines = run()
    if fault:
        assert lines[0] == "default: 0 operations sent, 1 looked up, 0 settled."
        assert lines[1].startswith("default stopped there: ")
        assert "HTTP 500" in lines[1]
    else:
        assert (code, lines[0]) == (0, "default: 0 operations sent, 2 looked up, 2 settled.")
        assert not [line for line in lines if "stopped" in line]


def test_an_account_that_is_not_configured_is_for_a_person(settings: Any) -> None:
    make_item(LoteItemStatus.SUBMITTED, InvoiceStatus.SUBMITTED, make_lote(account="gone"), told="changed")
    code, lines = run("--all")
    assert code == 1
    assert any(line.startswith("gone stopped there: ") for line in lines)


def test_calls_that_were_lost_are_counted() -> None:
    import datetime as dt

    from django.utils import timezone

    for account in ("default", "b"):
        lote = make_lote(LoteStatus.SENDING, account=account, sent_at=timezone.now() - dt.timedelta(hours=1))
        make_item(LoteItemStatus.CLAIMED, InvoiceStatus.CLAIMED, lote)
    code, lines = run()
    assert (code, lines[0]) == (1, "2 calls were lost: their processes stopped.")
