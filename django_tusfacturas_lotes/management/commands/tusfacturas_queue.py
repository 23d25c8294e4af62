"""`manage.py tusfacturas_queue`: send again, delete or re-date invoices in TusFacturas' queue."""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ... import operations
from ...models import Invoice, LoteItem
from ...submission import queue_operations

_DONE = {
    "resend": "is to be sent again, with the same reference",
    "delete": "is to be deleted there, and cancelled once that is shown",
    "redate": "is to be issued on {fecha}",
}


class Command(BaseCommand):
    """Ask for operations on the queue, and send them."""

    help = (
        "Operations on TusFacturas' queue, for accounts of the modalities that have one. What is asked for is sent at "
        "once, and settled by notifications and look-ups (the cluster, or reconcile_lotes)."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("operation", choices=list(_DONE))
        parser.add_argument("invoices", nargs="+", metavar="INVOICE", help="a public id, or the reference of a try")
        parser.add_argument("--fecha", type=_day, metavar="AAAA-MM-DD", help="of redate: the day to issue it on")
        parser.add_argument("--vencimiento", type=_day, metavar="AAAA-MM-DD", help="of redate: its due date")

    def handle(self, *args: Any, **options: Any) -> None:
        name: str = options["operation"]
        if (name == "redate") == (options["fecha"] is None):
            raise CommandError("redate needs --fecha, and nothing else takes one.")
        operation = self._operation(name, options)
        refused = 0
        accounts = set()
        for wanted in options["invoices"]:
            invoice = _find(wanted)
            if invoice is None:
                self.stderr.write(f"{wanted}: there is no invoice or try of that name.")
                refused += 1
                continue
            try:
                operation(invoice)
            except operations.NotPossibleError as exc:
                self.stderr.write(f"{wanted}: {exc}")
                refused += 1
                continue
            accounts.add(invoice.account)
            self.stdout.write(f"{wanted} {_DONE[name].format(fecha=options['fecha'])}.")
        for account in sorted(accounts):
            self.stdout.write(f"{account}: {queue_operations.send_requested(account)} operations sent.")
        if refused:
            raise CommandError(f"{refused} of {len(options['invoices'])} could not be asked for.")

    def _operation(self, name: str, options: dict[str, Any]) -> Callable[[Invoice], Any]:
        if name == "redate":
            return lambda invoice: operations.redate(invoice, options["fecha"], options["vencimiento"])
        return operations.resend if name == "resend" else operations.delete


def _find(wanted: str) -> Invoice | None:
    item = LoteItem.objects.select_related("invoice").filter(reference=wanted).first()
    return item.invoice if item is not None else Invoice.objects.filter(public_id=wanted).first()


def _day(value: str) -> dt.date:
    try:
        return dt.date.fromisoformat(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is not a date like 2026-01-31") from None
