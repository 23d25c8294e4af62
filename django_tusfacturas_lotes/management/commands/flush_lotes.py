"""`manage.py flush_lotes`: send what is pending, now, with or without a cluster running."""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from ... import reception, tasks
from ...conf import conf
from ...models import Invoice, InvoiceStatus, Lote, WebhookEvent
from ...operations.waiting import not_configured
from ...provider import ceiling
from ...provider.client import Verdict
from ...submission import FlushReport, Sent, accounts_with_work, flush
from ...wire.dates import argentine_day
from ..progress import Progress


class Command(BaseCommand):
    """Send every pending invoice in lotes, until nothing is left or an account has to wait."""

    help = (
        "Send pending invoices to TusFacturas in lotes. Exit status 1 when something needs a person: "
        "a failed invoice, a refused or uncertain lote, an account that is not configured."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--account", help="only this account (an alias of ACCOUNTS)")
        parser.add_argument("--dry-run", action="store_true", help="say what would be sent, and send nothing")
        parser.add_argument("--background", action="store_true", help="leave it to the django-q2 cluster")

    def handle(self, *args: Any, **options: Any) -> None:
        alias: str | None = options["account"]
        if alias is not None and alias not in conf.aliases:
            known = ", ".join(conf.aliases) or "none"
            raise CommandError(f"There is no account {alias!r}. Configured: {known}.")
        aliases = [alias] if alias else accounts_with_work()
        if options["dry_run"]:
            self._preview(aliases)
            return
        if options["background"]:
            try:
                for one in aliases:
                    tasks.wake_up_now(one)
            except Exception as exc:  # whatever the host's broker raises
                why = type(exc).__name__
                raise CommandError(f"django-q2's broker can't be reached ({why}); do it without --background") from exc
            self.stdout.write(f"Left to the cluster: {', '.join(aliases) or 'nothing is pending'}.")
            return
        ceiling.refresh()
        reception.process_again()
        pending = Invoice.objects.filter(status=InvoiceStatus.PENDING, account__in=aliases).count()
        with Progress(self.stdout, "Sending", pending) as progress:
            report = flush(alias, on_step=lambda sent: progress.advance(sent.items, _line(sent)))
        self._summarise(report)
        if report.needs_person or self._needs_person([alias] if alias else []):
            sys.exit(1)

    def _preview(self, aliases: list[str]) -> None:
        for alias in aliases:
            days = Counter(
                Invoice.objects.filter(status=InvoiceStatus.PENDING, account=alias).values_list("send_on", flat=True)
            )
            today = argentine_day()
            groups: Counter[Any] = Counter()
            for day, count in days.items():
                groups[day if day is not None and day > today else None] += count
            modality = None if not_configured(alias) else conf.account(alias).modality
            most = conf.max_items if modality is None else min(conf.max_items, modality.max_items)
            waits_there = modality is None or modality.waits_by_itself
            for day, count in sorted(groups.items(), key=lambda group: str(group[0] or "")):
                lotes = math.ceil(count / most)
                later = f"to be issued from {day}" if waits_there else f"to be sent on {day}"
                when = later if day else "to be issued at once"
                self.stdout.write(f"{alias}: {count} invoices in {lotes} lotes, {when}")
        if not Invoice.objects.filter(status=InvoiceStatus.PENDING, account__in=aliases).exists():
            self.stdout.write("Nothing is pending.")

    def _summarise(self, report: FlushReport) -> None:
        waiting = Invoice.objects.filter(
            status__in=[InvoiceStatus.PENDING, InvoiceStatus.CLAIMED],
            account__in=[one.account for one in report.waiting],
        ).count()
        self.stdout.write(
            f"Sent {report.accepted} in {len(report.sent)} calls, refused {report.refused}, "
            f"waiting {waiting}, uncertain {report.uncertain}."
        )
        for one in report.waiting:
            until = f" until {timezone.localtime(one.until):%Y-%m-%d %H:%M:%S}" if one.until else ""
            lote = f" (lote {one.lote_id})" if one.lote_id else ""
            self.stdout.write(self.style.WARNING(f"{one.account} waits{until}{lote}: {one.reason}"))

    def _needs_person(self, aliases: list[str]) -> bool:
        """Print how much needs a person, also from earlier runs, and return whether anything does."""
        invoices, lotes = Invoice.objects.needing_a_person(), Lote.objects.needing_a_person()
        if aliases:
            invoices, lotes = invoices.filter(account__in=aliases), lotes.filter(account__in=aliases)
        events = WebhookEvent.objects.needing_a_person()
        counts = {"invoices": invoices.count(), "lotes": lotes.count(), "events": events.count()}
        if not any(counts.values()):
            return False
        self.stdout.write(
            self.style.WARNING(
                f"In need of a person: {counts['invoices']} invoices, {counts['lotes']} lotes and {counts['events']} "
                "notifications; "
                'see the filter "what needs me" in the admin.'
            )
        )
        return True


def _line(sent: Sent) -> str:
    outcome = {
        Verdict.ACCEPTED: f"taken, {sent.refused} refused" if sent.refused else "taken",
        Verdict.REFUSED: "refused whole",
        Verdict.NOT_SENT: "not sent",
        Verdict.UNCERTAIN: "UNCERTAIN",
    }[sent.verdict]
    return (
        f"lote {sent.lote_id} ({sent.account}), {sent.items} items: {outcome}{f' – {sent.text}' if sent.text else ''}"
    )
