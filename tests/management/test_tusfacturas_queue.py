"""`manage.py tusfacturas_queue` and `manage.py reconcile_lotes`."""

from __future__ import annotations

import datetime as dt
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, LoteItem, QueueOperation
from django_tusfacturas_lotes.submission import flush
from django_tusfacturas_lotes.wire.dates import argentine_day
from tests.support.encola import in_error, later, queue, statuses, waiting
from tests.support.provider import Provider

pytestmark = pytest.mark.django_db(transaction=True)


def run(*arguments: Any, **options: Any) -> tuple[int, str]:
    """Run a command and return its exit status and what it printed."""
    out = StringIO()
    try:
        call_command(*arguments, stdout=out, stderr=out, **options)
    except SystemExit as exc:
        return int(exc.code or 0), out.getvalue()
    return 0, out.getvalue()


def test_one_in_error_is_sent_again_by_command(provider: Provider) -> None:
    invoice = in_error(provider, "nuevo_encola")
    status, text = run("tusfacturas_queue", "resend", invoice.public_id)
    assert (status, "1 operations sent" in text) == (0, True)
    provider.settle()
    status, text = run("reconcile_lotes")
    assert (status, "1 looked up, 1 settled" in text) == (0, True)
    assert statuses() == [InvoiceStatus.ISSUED]


def test_reconcile_lotes_fetches_the_pdfs_of_what_it_looked_up(provider: Provider) -> None:
    provider.use("nuevo_encola")
    queue(2)
    flush()
    provider.settle()
    status, text = run("reconcile_lotes")
    assert (status, "2 looked up, 2 settled" in text, "2 PDFs taken up" in text) == (0, True, True)
    assert all(invoice.pdf for invoice in Invoice.objects.all())


def test_a_try_is_named_by_its_reference_too(provider: Provider) -> None:
    waiting(provider, "nuevo_encola")
    run("tusfacturas_queue", "delete", LoteItem.objects.get().reference)
    provider.settle()
    run("reconcile_lotes")
    with later(minutes=6):
        run("reconcile_lotes")
    assert statuses() == [InvoiceStatus.CANCELLED]


def test_another_day_is_given_by_command(provider: Provider) -> None:
    invoice = waiting(provider, "nuevo_encola")
    day = argentine_day() + dt.timedelta(days=2)
    _, text = run("tusfacturas_queue", "redate", invoice.public_id, f"--fecha={day}")
    assert str(day) in text
    assert QueueOperation.objects.get().fecha == day


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["redate", "x"], "needs --fecha"),
        (["resend", "x", "--fecha=2026-01-31"], "nothing else takes one"),
        (["redate", "x", "--fecha=31/01/2026"], "not a date like"),
        (["resend", "nobody"], "could not be asked for"),
    ],
)
def test_what_can_not_be_asked_for_is_told(arguments: list[str], complaint: str) -> None:
    with pytest.raises(CommandError, match=complaint):
        call_command("tusfacturas_queue", *arguments, stderr=StringIO())


def test_reconcile_settles_a_lost_lote_and_says_what_is_left_for_a_person(provider: Provider) -> None:
    queue(2)
    provider.fault("reject=none")
    flush()
    status, text = run("reconcile_lotes")
    assert (status, "1 uncertain lotes" in text) == (1, True)
    assert provider.sandbox.ledger()["lookups"]["total"] == 0, "its first pause has not passed"
    status, text = run("reconcile_lotes", "--all")
    assert provider.sandbox.ledger()["lookups"]["total"] == 2
    assert status == 1


def test_reconcile_finds_what_a_killed_process_left(provider: Provider) -> None:
    from django.utils import timezone

    from django_tusfacturas_lotes.models import Lote

    queue(1)
    provider.fault("answer=none")
    provider.fault("webhook=never")
    flush()
    Lote.objects.update(status="sending", in_flight_for="default", sent_at=timezone.now() - dt.timedelta(hours=1))
    LoteItem.objects.update(status="claimed", look_up_at=None)
    provider.settle()
    _, text = run("reconcile_lotes", "--account=default")
    assert "1 calls were lost" in text
    with later(minutes=6):
        assert run("reconcile_lotes")[0] == 0
    assert statuses() == [InvoiceStatus.ISSUED]


def test_reconcile_names_an_account_that_is_not_there() -> None:
    with pytest.raises(CommandError, match="no account 'x'"):
        call_command("reconcile_lotes", account="x")


def test_delete_is_for_what_lies_in_their_queue_and_cancels_nothing_that_waits_here(provider: Provider) -> None:
    provider.use("nuevo_encola")
    (invoice,) = queue(1)
    out = StringIO()
    with pytest.raises(CommandError, match="1 of 1"):
        call_command("tusfacturas_queue", "delete", invoice.public_id, stdout=out, stderr=out)
    assert "is pending, and not in a queue" in out.getvalue()
    assert statuses() == [InvoiceStatus.PENDING]
