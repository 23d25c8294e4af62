"""`manage.py reconcile_lotes`: look up what is uncertain or overdue, and send operations on the queue, now."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q, QuerySet

from ... import pdfs, reception
from ...conf import conf
from ...models import FailureStage, Invoice, InvoiceStatus, Lote, LoteStatus, QueueOperation
from ...operations.waiting import not_configured
from ...reconciliation import look_ups
from ...submission import leases, queue_operations
from ...tasks import accounts_to_reconcile


class Command(BaseCommand):
    """Settle what can be settled by asking TusFacturas, with or without a cluster running."""

    help = (
        "Ask TusFacturas about lost calls, overdue invoices and what was told issued; send the operations that were "
        "asked for; fetch PDFs. Exit status 1 when something is left that needs a person."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--account", help="only this account (an alias of ACCOUNTS)")
        parser.add_argument(
            "--all", action="store_true", help="ask at once about all that is uncertain or overdue, whatever its pause"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        alias: str | None = options["account"]
        if alias is not None and alias not in conf.aliases:
            known = ", ".join(conf.aliases) or "none"
            raise CommandError(f"There is no account {alias!r}. Configured: {known}.")
        expired = leases.expire_leases()
        if expired:
            self.stdout.write(self.style.WARNING(f"{expired} calls were lost: their processes stopped."))
        reception.process_again()
        if options["all"]:
            look_ups.expedite(alias)
        raised: Exception | None = None
        aliases = [alias] if alias else accounts_to_reconcile()
        for one in aliases:
            try:
                self._reconcile(one)
            except Exception as exc:  # noqa: BLE001 - raised below: it must not keep the other accounts waiting
                raised = raised or exc
        if not aliases:
            self.stdout.write("There is nothing to ask TusFacturas about.")
        taken_up = 0
        while some := pdfs.keep_due():
            taken_up += some
        if taken_up:
            self.stdout.write(f"{taken_up} PDFs taken up.")
        left = self._left(alias)
        if raised is not None:
            raise raised
        if left or any(not_configured(one) for one in aliases):
            sys.exit(1)

    def _reconcile(self, alias: str) -> None:
        performed = asked = settled = 0
        while some := queue_operations.send_requested(alias):
            performed += some
        while True:
            report = look_ups.look_up(alias)
            asked, settled = asked + report.asked, settled + report.settled
            if report.stopped or not report.asked:
                break
        self.stdout.write(f"{alias}: {performed} operations sent, {asked} looked up, {settled} settled.")
        if report.stopped:
            self.stdout.write(self.style.WARNING(f"{alias} stopped there: {report.stopped}"))

    def _left(self, alias: str | None) -> bool:
        """Print what is left to a person of all that this command is for, and return whether anything is."""
        asked_about = Q(status=InvoiceStatus.FAILED, failure_stage=FailureStage.EMISSION) | ~Q(attention="")
        left: dict[str, QuerySet[Any]] = {
            "uncertain lotes": Lote.objects.filter(status=LoteStatus.UNCERTAIN),
            "invoices that are overdue, failed or ask for attention": (
                Invoice.objects.needing_a_person().filter(asked_about)
            ),
            "operations in TusFacturas' queue": QueueOperation.objects.needing_a_person(),
        }
        if alias is not None:
            left = {what: rows.filter(account=alias) for what, rows in left.items()}
        counts = {what: count for what, rows in left.items() if (count := rows.count())}
        if counts:
            listed = ", ".join(f"{count} {what}" for what, count in counts.items())
            self.stdout.write(self.style.WARNING(f"In need of a person: {listed}."))
        return bool(counts)
