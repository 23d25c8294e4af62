"""`manage.py confirm_lote`: show what is known of a lote whose answer was lost, and settle it."""

from __future__ import annotations

import argparse
import textwrap
from typing import Any

from django.core.management.base import BaseCommand, CommandError, no_translations

from ... import operations
from ...models import Lote, LoteStatus
from ...operations.evidence import Evidence, lote_evidence
from ...operations.lotes import refuse_if_received

_MEANING = """\
Look for its invoices in TusFacturas, then say one of:
  manage.py confirm_lote {pk} --received
    TusFacturas has it: its invoices wait for their results. Nothing is sent.
  manage.py confirm_lote {pk} --not-received
    TusFacturas never got it: its invoices go out again, with new references.
    If that is wrong, each of them is issued TWICE, and only a nota de crédito undoes it."""


class Command(BaseCommand):
    """Show what is known of a lote, and settle an uncertain one."""

    help = "Show what is known of a lote whose answer was lost, and settle it as received or not received."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("lote", type=int, metavar="LOTE_ID", help="the number of the lote")
        answer = parser.add_mutually_exclusive_group()
        answer.add_argument("--received", action="store_true", help="TusFacturas has it")
        answer.add_argument("--not-received", action="store_true", help="TusFacturas never got it: send it again")
        parser.add_argument("--yes", action="store_true", help="don't ask; for scripts")

    @no_translations
    def handle(self, *args: Any, **options: Any) -> None:
        lote = Lote.objects.filter(pk=options["lote"]).first()
        if lote is None:
            raise CommandError(f"There is no lote {options['lote']}.")
        known = lote_evidence(lote)
        self.stdout.write(f"Lote {lote.pk} is {lote.status}.")
        for line in known.lines():
            self.stdout.write(f"  {line}")
        try:
            if options["received"]:
                operations.confirm_received(lote)
                self.stdout.write("Received: its invoices wait for their results.")
            elif options["not_received"]:
                self._not_received(known, sure=options["yes"])
            else:
                self._explain(known)
        except operations.NotPossibleError as exc:
            raise CommandError(f"Not possible: {exc}.") from exc

    def _explain(self, known: Evidence) -> None:
        if known.lote.status != LoteStatus.UNCERTAIN:
            self.stdout.write("It is not uncertain: there is nothing to confirm.")
            return
        if known.proves_receipt:
            self.stdout.write("A notification or a look-up told of its items: it was received.")
        self.stdout.write(_MEANING.format(pk=known.lote.pk))

    def _not_received(self, known: Evidence, *, sure: bool) -> None:
        lote = known.lote
        if lote.status != LoteStatus.UNCERTAIN:
            raise operations.NotPossibleError(f"{lote} is {lote.status}, not uncertain")
        refuse_if_received(known)
        if not sure:
            self._ask(lote)
        count = operations.confirm_not_received(lote)
        self.stdout.write(f"Not received: {count} invoices went back into the queue, each for a new try.")

    def _ask(self, lote: Lote) -> None:
        warning = (
            "If TusFacturas did get it, each of its invoices is issued TWICE, and only a nota de crédito undoes that. "
            "Have you looked in TusFacturas?"
        )
        self.stdout.write(self.style.WARNING(textwrap.fill(warning, 100)))
        self.stdout.write(f"Type the number of the lote to go on ({lote.pk}): ", ending="")
        self.stdout.flush()
        try:
            typed = input()
        except EOFError:
            raise CommandError("Nobody answers. A script says --yes.") from None
        if typed.strip() != str(lote.pk):
            raise CommandError("That is not its number. Nothing was changed.")
