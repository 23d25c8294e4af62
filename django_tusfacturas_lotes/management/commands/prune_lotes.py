"""`manage.py prune_lotes`: delete what finished work no longer needs."""

from __future__ import annotations

import argparse
import datetime as dt
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ...operations.pruning import LEAST_DAYS, prune


class Command(BaseCommand):
    """Delete old notifications of finished work, and empty the answers to its calls."""

    help = (
        "Delete old notifications of finished invoices, and empty the answers to their calls, in small transactions. "
        "Invoices, their tries and results are never touched."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--older-than", type=int, required=True, metavar="DAYS", help=f"days, at least {LEAST_DAYS}"
        )
        parser.add_argument("--batch", type=int, default=500, help="rows in a transaction (default: %(default)s)")
        parser.add_argument(
            "--all-events",
            action="store_true",
            help="notifications too that match nothing of ours, or could not be acted on",
        )
        parser.add_argument("--dry-run", action="store_true", help="say how much there is, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            pruned = prune(
                dt.timedelta(days=options["older_than"]),
                batch=options["batch"],
                all_events=options["all_events"],
                dry_run=options["dry_run"],
            )
        except (ValueError, OverflowError) as exc:
            raise CommandError(f"{str(exc)[:1].upper()}{str(exc)[1:]}.") from exc
        deleted, emptied = ("Would delete", "would empty") if options["dry_run"] else ("Deleted", "emptied")
        self.stdout.write(
            f"{deleted} {pruned.events} notifications, {emptied} the answers of {pruned.lotes} lotes and "
            f"{pruned.operations} operations."
        )
