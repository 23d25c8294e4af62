"""`manage.py demo`: the whole way of an order on one machine, with real processes and real HTTP."""

import argparse
import signal
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from shop.demo import pace
from shop.demo.processes import DemoError, Interrupted, Interruption
from shop.demo.run import Demonstration, Options


class Command(BaseCommand):
    help = (
        "Starts the shop, a sandbox in TusFacturas' place and a django-q2 cluster, pays orders and waits for their "
        "invoices. Begins with a new database (--keep-data to go on with the old one)."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--modality",
            choices=list(pace.ORDERS),
            default="lotes",
            help="how invoices are sent to TusFacturas (lotes); docs/modalities.md",
        )
        defaults = ", ".join(f"{count} by {name}" for name, count in pace.ORDERS.items())
        parser.add_argument("--orders", type=at_least_one, metavar="N", help=f"orders to pay ({defaults})")
        parser.add_argument(
            "--exit",
            action="store_true",
            dest="exit_when_done",
            help="stop once all is issued; status "
            "0 only if ledger and database agree that each paid order has exactly one invoice",
        )
        parser.add_argument("--port", type=int, default=8000, help="the shop's port (8000); 0 takes a free one")
        parser.add_argument(
            "--sandbox-port", type=int, default=0, help="the sandbox's port; 0, the default, takes a free one"
        )
        parser.add_argument("--keep-data", action="store_true", help="add to the database of the last run")
        parser.add_argument(
            "--timeout",
            type=float,
            metavar="SECONDS",
            help=f"give up waiting after ({pace.TIMEOUT:g}, or a second for each call if that is more)",
        )
        parser.add_argument(
            "--fault",
            action="append",
            default=[],
            dest="faults",
            metavar="FAULT",
            help="a fault for the sandbox, as its own --fault takes it; may be repeated",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        # Progress rewrites its line: every line end is written by who wants one.
        self.stdout.ending = ""
        modality = options["modality"]
        orders = options["orders"] or pace.ORDERS[modality]
        chosen = Options(
            modality=modality,
            orders=orders,
            port=options["port"],
            sandbox_port=options["sandbox_port"],
            exit_when_done=options["exit_when_done"],
            keep_data=options["keep_data"],
            timeout=pace.timeout(modality, orders) if options["timeout"] is None else options["timeout"],
            faults=tuple(options["faults"]),
        )
        demonstration = None
        try:
            with Interruption() as interruption:
                demonstration = Demonstration(chosen, self.stdout)
                agrees = demonstration.run(interruption)
        except DemoError as error:
            raise CommandError(str(error)) from error
        except Interrupted as interrupted:
            self.stdout.write("\nEverything is stopped.\n")
            if interrupted.signum == signal.SIGINT and demonstration and demonstration.serving:
                return  # that is how it is ended
            sys.exit(128 + interrupted.signum)
        if not agrees:
            sys.exit(1)


def at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number
