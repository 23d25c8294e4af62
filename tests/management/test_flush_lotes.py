"""`manage.py flush_lotes`."""

from __future__ import annotations

import datetime as dt
import io
import os
import pty
import subprocess
import sys
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from django_tusfacturas_lotes.models import FailureStage, Invoice, InvoiceStatus, Lote
from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoice, queue_invoices
from django_tusfacturas_lotes.wire.dates import argentine_day
from tests.support.builders import documento
from tests.support.commands import exit_status
from tests.support.provider import Provider
from tests.support.rows import make_invoice

pytestmark = pytest.mark.django_db(transaction=True)


def queue(count: int, **changes: Any) -> None:
    queue_invoices(ToInvoice(documento(**changes), f"erp-{number}") for number in range(count))


def run(*options: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("flush_lotes", *options, stdout=out)
    except SystemExit as exc:
        return int(str(exc.code)), out.getvalue()
    return 0, out.getvalue()


def test_it_sends_all_and_says_so(provider: Provider) -> None:
    queue(5)
    provider.configure(MAX_ITEMS=2)
    status, out = run()
    assert status == 0
    assert "Sent 5 in 3 calls, refused 0, waiting 0, uncertain 0." in out
    assert out.count("taken") == 3


def test_with_nothing_to_do_it_ends_well(provider: Provider) -> None:
    assert run() == (0, "Sent 0 in 0 calls, refused 0, waiting 0, uncertain 0.\n")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("refuse_rows=0", "refused 1"),
        ("reject=S", "refused the whole lote"),
        ("reject=401", "credentials"),
        ("answer=none", "uncertain 2"),
        ("answer=miscount", "taken"),
    ],
)
def test_what_needs_a_person_is_said_and_ends_with_1(provider: Provider, fault: str, said: str) -> None:
    queue(2)
    provider.fault(fault)
    status, out = run()
    assert status == 1
    assert said in out


def test_a_pause_that_passes_by_itself_needs_nobody(provider: Provider) -> None:
    queue(2)
    provider.fault("answer=429")
    status, out = run()
    assert status == 0
    assert "waiting 2" in out
    assert "default waits until" in out


def test_what_failed_earlier_still_needs_a_person(provider: Provider) -> None:
    queue(1, total=1)
    status, out = run()
    assert status == 1
    assert "In need of a person: 1 invoices" in out


def test_a_dry_run_sends_nothing(provider: Provider) -> None:
    queue(5)
    provider.configure(MAX_ITEMS=2)
    status, out = run("--dry-run")
    assert (status, "default: 5 invoices in 3 lotes" in out) == (0, True)
    assert provider.sandbox.calls == []
    assert not Lote.objects.exists()
    Invoice.objects.update(status=InvoiceStatus.CANCELLED)
    assert "Nothing is pending" in run("--dry-run")[1]


def test_a_dry_run_counts_by_what_the_modality_takes(provider: Provider) -> None:
    provider.use("nuevo_encola")
    queue(5)
    tomorrow = argentine_day() + dt.timedelta(days=1)
    queue_invoices([ToInvoice(documento(), "later")], send_on=tomorrow)
    _, out = run("--dry-run")
    assert "default: 5 invoices in 5 lotes, to be issued at once" in out
    assert f"default: 1 invoices in 1 lotes, to be sent on {tomorrow}" in out


def test_one_account_only_and_an_unknown_one_is_an_error(provider: Provider) -> None:
    queue(1)
    with pytest.raises(CommandError, match="Configured: default"):
        run("--account", "nobody")
    assert run("--account", "default")[0] == 0
    assert Lote.objects.count() == 1


def test_in_the_background_it_leaves_it_to_the_cluster(provider: Provider) -> None:
    from django_q.models import OrmQ

    queue(1)
    status, out = run("--background")
    assert (status, "Left to the cluster: default" in out) == (0, True)
    if OrmQ.objects.exists():  # with the Redis broker the task is not here
        assert OrmQ.objects.get().func() == "django_tusfacturas_lotes.tasks.send_lote"
    assert provider.sandbox.calls == []


def test_on_a_terminal_there_is_a_bar() -> None:
    script = (
        "import sys\n"
        "from django_tusfacturas_lotes.management.progress import Progress\n"
        "with Progress(sys.stdout, 'Sending', 4) as progress:\n"
        "    progress.advance(4, 'lote 1: taken')\n"
    )
    parent, child = pty.openpty()
    subprocess.run([sys.executable, "-c", script], stdout=child, check=True, env={**os.environ, "TERM": "xterm"})
    os.close(child)
    shown = b""
    try:
        while chunk := os.read(parent, 4096):
            shown += chunk
    except OSError:  # Linux: the other end is closed
        pass
    os.close(parent)
    assert "━".encode() in shown
    assert b"lote 1: taken" in shown


def test_the_exit_status_tells_of_every_account(provider: Provider) -> None:
    account = provider.sandbox.account
    provider.configure(ACCOUNTS={"default": account, "b": account})
    make_invoice(InvoiceStatus.FAILED, failure_stage=FailureStage.INTAKE)
    queue_invoice(comprobante=documento(), key="of-b", account="b")
    assert exit_status("flush_lotes") == 1
    assert exit_status("flush_lotes", "--account=b") == 0
