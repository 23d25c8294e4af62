"""The demonstration from beginning to end: data, processes, payments, lotes, report."""

import contextlib
import fcntl
import logging
import random
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django_q.tasks import queue_size

from django_tusfacturas_lotes import tasks
from shop import payments
from shop.demo import data, pace, report
from shop.demo.processes import LOOPBACK, DemoError, Interruption, NotInTimeError, Processes, choose_port
from shop.demo.progress import Progress
from shop.models import Order

MANAGE = Path(__file__).resolve().parents[2] / "manage.py"
SEED = 1810
UNPAID_ORDERS = 3
"""Left over for the person who looks at the pages: something to press "Pay" on."""


SECONDS_BETWEEN_WAKES = 2.0
"""A shop's schedule wakes the sending and the looking up once a minute, which is long for somebody who watches."""


@dataclass(frozen=True)
class Options:
    modality: str
    orders: int
    port: int
    sandbox_port: int
    exit_when_done: bool
    keep_data: bool
    timeout: float
    faults: tuple[str, ...]


class Demonstration:
    """One run of the demonstration, which tells its story on `out`."""

    def __init__(self, options: Options, out: TextIO) -> None:
        self.options = options
        self.out = out
        self.port, self.sandbox_port = choose_ports(options.port, options.sandbox_port)
        self.url = f"http://{LOOPBACK}:{self.port}"
        self.sandbox_url = f"http://{LOOPBACK}:{self.sandbox_port}"
        self.serving = False
        self._wake_at = 0.0

    def run(self, interruption: Interruption) -> bool:
        """True if every paid order has exactly one issued invoice. Without `exit_when_done` it returns only by
        `Interrupted`. Raises `DemoError` for what keeps it from going on."""
        log_dir = Path(settings.DATA_DIR) / "logs"
        log_dir.mkdir(exist_ok=True)
        # Here is a person who reads progress; the children's logs have the details.
        logging.getLogger().setLevel(logging.WARNING)
        with (
            only_one_here(Path(settings.DATA_DIR)),
            Processes(interruption, self.options.timeout, log_dir) as processes,
        ):
            orders = self._load()
            self._serve(processes)
            agrees = self._issue(orders, processes)
            if not self.options.exit_when_done:
                self._say_where_to_look()
                self.serving = True
                processes.watch()
            return agrees

    def _load(self) -> list[Order]:
        if not self.options.keep_data:
            remove_database()
        self._say("Preparing the database…")
        call_command("migrate", verbosity=0, interactive=False)
        data.load_admin(*settings.DEMO_ADMIN)
        orders = data.create_orders(self.options.orders + UNPAID_ORDERS, random.Random(SEED))  # noqa: S311 - made-up data
        return orders[: self.options.orders]

    def _serve(self, processes: Processes) -> None:
        faults = [argument for fault in self.options.faults for argument in ("--fault", fault)]
        sandbox = [
            sys.executable,
            "-m",
            "django_tusfacturas_lotes.sandbox",
            "--quiet",
            "--port",
            str(self.sandbox_port),
            # For the encola modalities, as it is configured at TusFacturas; lotes names it in each call. The token is
            # the sandbox's own, which the shop's settings have too.
            "--webhook-url",
            f"{self.url}/tusfacturas/webhook/",
        ]
        # Quiet: what is written to a log stays there, and credentials have no business in one.
        processes.start("sandbox", [*sandbox, *faults], {})
        web = [sys.executable, str(MANAGE), "runserver", "--noreload", f"{LOOPBACK}:{self.port}"]
        processes.start("web", web, self._environment)
        processes.wait_for_port(self.sandbox_port, "the sandbox")
        processes.wait_for_port(self.port, "the web server")
        self._say(f"The shop is open at {self.url}, the sandbox at {self.sandbox_url}.")
        self._say(pace.describe(self.options.modality, self.options.orders))

    def _issue(self, orders: list[Order], processes: Processes) -> bool:
        started = time.monotonic()
        self._pay(orders, processes)
        # Only now: what is paid before the first flush goes in as few lotes as there can be.
        self._wake_up()
        processes.start("cluster", [sys.executable, str(MANAGE), "qcluster"], self._environment)
        late = self._wait_for_invoices(orders, processes)
        seconds = time.monotonic() - started
        ledger = report.fetch_ledger(self.sandbox_url)
        found = list(report.differences(orders, ledger))
        self._say("", report.table(orders, seconds, ledger), "", *late)
        if found:
            self._say("Not every paid order has exactly one issued invoice:", report.summary_of(found))
        else:
            self._say("Ledger and database agree: every paid order has exactly one issued invoice.")
        return not found

    def _pay(self, orders: list[Order], processes: Processes) -> None:
        with Progress(self.out, "Paying", len(orders)) as progress:
            for number, order in enumerate(orders, start=1):
                processes.check("the orders are not all paid yet")
                payments.pay(order)
                progress(number)

    def _wait_for_invoices(self, orders: list[Order], processes: Processes) -> list[str]:
        """Wait until nothing more will happen by itself; the complaint if that takes too long."""
        with Progress(self.out, "Issued", len(orders)) as progress:

            def settled() -> bool:
                self._wake_up()
                state = report.state_of(orders)
                progress(state.issued, state.note)
                return state.waiting == 0 and (state.uncertain == 0 or report.sandbox_is_idle(self.sandbox_url))

            try:
                processes.wait_for(settled, "there are invoices under way", pause=0.5)
            except NotInTimeError as error:
                return [str(error)]
        return []

    def _wake_up(self) -> None:
        """Ask the cluster to look for something to do, not too often, and not while it has more to do than it can."""
        if time.monotonic() >= self._wake_at and not queue_size():
            tasks.wake_up_all()
            self._wake_at = time.monotonic() + SECONDS_BETWEEN_WAKES

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "DJANGO_SETTINGS_MODULE": settings.SETTINGS_MODULE,
            "SHOP_DATABASE": str(settings.DATABASE),
            "SHOP_PORT": str(self.port),
            "SHOP_SANDBOX_URL": self.sandbox_url,
            "SHOP_MODALITY": self.options.modality,
        }

    def _say_where_to_look(self) -> None:
        user, password = settings.DEMO_ADMIN
        self._say(
            "",
            f"  Shop     {self.url}/",
            f"  Admin    {self.url}/admin/   user {user}, password {password}",
            f"  Ledger   {self.sandbox_url}/_sandbox/ledger",
            "",
            "Ctrl-C ends it.",
        )

    def _say(self, *lines: str) -> None:
        self.out.write("\n".join(lines) + "\n")
        self.out.flush()


def choose_ports(port: int, sandbox_port: int) -> tuple[int, int]:
    chosen = choose_port(port, "--port")
    while True:
        other = choose_port(sandbox_port, "--sandbox-port")
        if other != chosen:
            return chosen, other
        if sandbox_port:
            raise DemoError(f"The shop and the sandbox can't share port {port}: leave --sandbox-port out.")


@contextlib.contextmanager
def only_one_here(data_dir: Path) -> Iterator[None]:
    """Keep a second demonstration from taking this one's database away from under it."""
    with (data_dir / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DemoError(
                f"Another demonstration is running in {data_dir}. End it, or set SHOP_DATABASE to a file elsewhere."
            ) from error
        yield


def remove_database() -> None:
    """Begin with nothing: the SQLite file goes, with what SQLite keeps beside it, and the PDFs of its invoices."""
    if connection.vendor != "sqlite":
        raise DemoError("Only a SQLite database is made anew; for any other one use --keep-data.")
    connection.close()
    database = Path(connection.settings_dict["NAME"])
    for path in (database, Path(f"{database}-wal"), Path(f"{database}-shm")):
        path.unlink(missing_ok=True)
    shutil.rmtree(Path(settings.MEDIA_ROOT) / "tusfacturas", ignore_errors=True)
