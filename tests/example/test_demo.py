"""`manage.py demo` as a person runs it: a real process with real children, which must all be gone at the end."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PROC = Path("/proc")
MANAGE = Path(__file__).resolve().parents[2] / "example_project" / "manage.py"
TIMEOUT = 180.0

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not PROC.is_dir(), reason="looks for processes in /proc"),
]


class Demo:
    """A running demonstration with a database of its own."""

    def __init__(self, directory: Path, number: int, arguments: tuple[str, ...]) -> None:
        database = str(directory / "shop.sqlite3")
        self._mark = f"SHOP_DATABASE={database}"
        self._output = directory / f"output-{number}"
        self.logs = directory / "logs"
        environment = {**os.environ, "SHOP_DATABASE": database, "DJANGO_SETTINGS_MODULE": "config.settings"}
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(MANAGE), "demo", "--port", "0", *arguments],
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        return self._output.read_text()

    def wait(self) -> int:
        return self.process.wait(TIMEOUT)

    def wait_for(self, condition: Callable[[], object]) -> None:
        end = time.monotonic() + TIMEOUT
        while not condition():
            assert self.process.poll() is None, self.output
            assert time.monotonic() < end, self.output
            time.sleep(0.05)

    def wait_for_output(self, text: str) -> None:
        self.wait_for(lambda: text in self.output)

    def processes(self) -> dict[int, str]:
        """Command lines of everything that was started in this demonstration's environment and still runs."""
        found = {}
        for directory in PROC.iterdir():
            try:
                if not directory.name.isdigit():
                    continue
                if self._mark.encode() in (directory / "environ").read_bytes().split(b"\0"):
                    found[int(directory.name)] = (directory / "cmdline").read_text().replace("\0", " ")
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
        return found


StartDemo = Callable[..., Demo]


@pytest.fixture
def start_demo(tmp_path: Path) -> Iterator[StartDemo]:
    started: list[Demo] = []

    def start(*arguments: str) -> Demo:
        demo = Demo(tmp_path, len(started), arguments)
        started.append(demo)
        return demo

    yield start
    for demo in started:
        for pid in demo.processes():  # only what a failed test left
            os.kill(pid, signal.SIGKILL)
        demo.process.wait(TIMEOUT)


@pytest.mark.parametrize(
    ("modality", "orders", "lotes", "calls"),
    [
        ("lotes", 30, "1 (30)", "1 lotes,"),
        pytest.param(
            "lotes_encola", 101, "2 (100, 1)", "2 lotes_encola, 101 consulta_avanzada,", marks=pytest.mark.thorough
        ),
        pytest.param(
            "nuevo_encola", 8, "8 (1 each)", "8 nuevo_encola, 8 consulta_avanzada,", marks=pytest.mark.thorough
        ),
    ],
)
def test_every_paid_order_is_issued_once_and_nothing_stays_behind(
    start_demo: StartDemo, modality: str, orders: int, lotes: str, calls: str
) -> None:
    demo = start_demo("--exit", "--orders", str(orders), "--modality", modality)
    assert demo.wait() == 0, demo.output
    assert f"Modality {modality}:" in demo.output
    assert re.search(
        rf"lotes +{re.escape(lotes)}\n +issued +{orders}\n +failed +0\n +waiting +0\n +uncertain +0\n +calls +{calls} ",
        demo.output,
    ), demo.output
    assert "Ledger and database agree" in demo.output
    assert demo.processes() == {}


@pytest.mark.thorough
@pytest.mark.parametrize("modality", ["lotes", "lotes_encola", "nuevo_encola"])
def test_a_lost_answer_ends_in_one_invoice_all_the_same(start_demo: StartDemo, modality: str) -> None:
    demo = start_demo("--exit", "--orders", "3", "--modality", modality, "--fault", "answer=524")
    assert demo.wait() == 0, demo.output
    assert "lote 1, accepted: the provider answered HTTP 524" in demo.output
    assert "Ledger and database agree" in demo.output


@pytest.mark.thorough
def test_the_way_of_sending_can_be_changed_between_two_runs(start_demo: StartDemo) -> None:
    assert start_demo("--exit", "--orders", "2").wait() == 0
    demo = start_demo("--exit", "--orders", "2", "--modality", "nuevo_encola", "--keep-data")
    assert demo.wait() == 0, demo.output
    assert re.search(r"paid orders +2\n +lotes +2 \(1, 1\)\n", demo.output)


@pytest.mark.thorough
def test_a_run_that_keeps_its_data_adds_to_it(start_demo: StartDemo) -> None:
    assert start_demo("--exit", "--orders", "3").wait() == 0
    demo = start_demo("--exit", "--orders", "4", "--keep-data")
    assert demo.wait() == 0, demo.output
    assert re.search(r"paid orders +4\n +lotes +1 \(4\)\n +issued +4\n", demo.output)


@pytest.mark.thorough
def test_a_failed_invoice_is_told_with_its_reason_and_status_1(start_demo: StartDemo) -> None:
    demo = start_demo("--exit", "--orders", "3", "--fault", "refuse_rows=1")
    assert demo.wait() == 1, demo.output
    assert re.search(r"issued +2\n +failed +1\n", demo.output)
    assert "Not every paid order has exactly one issued invoice" in demo.output
    assert demo.processes() == {}


@pytest.mark.thorough
def test_what_takes_too_long_is_given_up_with_a_clear_message(start_demo: StartDemo) -> None:
    demo = start_demo("--exit", "--orders", "2", "--fault", "webhook=never*always", "--timeout", "15")
    assert demo.wait() == 1, demo.output
    assert "Given up after 15 s (--timeout): there are invoices under way." in demo.output
    assert demo.processes() == {}


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("moment", "sent", "status"),
    [
        ("Paying: ", signal.SIGINT, 130),
        ("Issued: ", signal.SIGINT, 130),
        ("Issued: ", signal.SIGTERM, 143),
        ("Ctrl-C ends it.", signal.SIGINT, 0),
        ("Ctrl-C ends it.", signal.SIGTERM, 143),
    ],
)
def test_an_interrupted_demonstration_leaves_no_process(
    start_demo: StartDemo, moment: str, sent: signal.Signals, status: int
) -> None:
    demo = start_demo("--orders", "30")
    demo.wait_for_output(moment)
    demo.process.send_signal(sent)
    demo.process.send_signal(sent)  # an impatient second Ctrl-C must not leave anything either
    assert demo.wait() == status, demo.output
    assert demo.processes() == {}
    assert "Traceback" not in demo.output


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("name", "command"), [("sandbox", "lotes.sandbox"), ("web", "runserver"), ("cluster", "qcluster")]
)
def test_a_child_that_dies_is_told_with_the_end_of_its_log(start_demo: StartDemo, name: str, command: str) -> None:
    demo = start_demo("--orders", "3")
    demo.wait_for_output("Ctrl-C ends it.")
    # The leader of the group: a cluster's workers have its command line too.
    leaders = [pid for pid, line in demo.processes().items() if command in line and os.getpgid(pid) == pid]
    assert len(leaders) == 1
    os.kill(leaders[0], signal.SIGKILL)
    assert demo.wait() == 1
    assert f"The {name} process ended (killed by SIGKILL)" in demo.output
    assert str(demo.logs / f"{name}.log") in demo.output
    assert demo.processes() == {}


def test_a_port_that_is_taken_is_said_before_anything_is_touched(start_demo: StartDemo, tmp_path: Path) -> None:
    database = tmp_path / "shop.sqlite3"
    database.write_bytes(b"somebody's")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        demo = start_demo("--port", str(port))
        assert demo.wait() == 1
    assert f"Port {port} can't be used" in demo.output
    assert "--port" in demo.output
    assert database.read_bytes() == b"somebody's"


@pytest.mark.thorough
def test_a_second_demonstration_does_not_take_the_first_ones_database(start_demo: StartDemo) -> None:
    first = start_demo("--orders", "2")
    first.wait_for_output("The shop is open")
    second = start_demo("--orders", "2")
    assert second.wait() == 1
    assert "Another demonstration is running" in second.output
    first.process.send_signal(signal.SIGTERM)
    assert first.wait() == 143, first.output
