"""From a command line, in processes of their own."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from django_tusfacturas_lotes.sandbox import APIKEY, APITOKEN, USERTOKEN, WEBHOOK_TOKEN
from tests.support.sandbox.receiver import Receiver
from tests.support.sandbox.sending import PATH, item, request, until

ROOT = Path(__file__).parents[2]
MODULE = [sys.executable, "-W", "error", "-m", "django_tusfacturas_lotes.sandbox"]
MANAGE = [
    sys.executable,
    "-c",
    "import sys; from django.conf import settings; settings.configure();"
    "from django_tusfacturas_lotes.management.commands.tusfacturas_sandbox import Command;"
    "Command().run_from_argv(['manage.py', 'tusfacturas_sandbox', *sys.argv[1:]])",
]
both = pytest.mark.parametrize("command", [MODULE, MANAGE], ids=["module", "manage"])


@contextmanager
def running(command: list[str], *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and its URL."""
    process = subprocess.Popen(
        [*command, "--port", "0", *options], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().split()[-1]
    finally:
        process.kill()
        process.communicate()


def end(process: subprocess.Popen[str], number: signal.Signals) -> tuple[str, str]:
    """Signals the process; what else it wrote. Not communicate(), which forgets what readline() has read ahead."""
    process.send_signal(number)
    assert process.stdout is not None
    assert process.stderr is not None
    out, err = process.stdout.read(), process.stderr.read()
    process.wait(30)
    return out, err


@both
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly_when_it_is_asked_to(command: list[str], number: signal.Signals) -> None:
    with running(command) as (process, url):
        assert request(url + "/_sandbox/state").json["idle"] is True
        out, err = end(process, number)
        assert (process.returncode, err) == (0, "")
        assert out.endswith("stopped\n")


@both
def test_it_prints_what_to_paste_and_takes_faults_either_way(command: list[str]) -> None:
    options = ("--fault", "answer=500", "--fault", "fail=X*", "--faults", "webhook=twice; answer=none;")
    with running(command, *options, "--trial", "--date", "2018-03-28") as (process, url):
        faults = request(url + "/_sandbox/faults").json["faults"]
        assert faults == ["answer=500", "fail=X*", "webhook=twice", "answer=none"]
        assert request(url + "/_sandbox/state").json["today"] == "2018-03-28"
        out, _ = end(process, signal.SIGINT)
    pasted: dict[str, dict[str, object]] = {}
    exec(out[out.index("TUSFACTURAS_LOTES") : out.index("\n}\n") + 3], pasted)
    assert pasted["TUSFACTURAS_LOTES"]["ACCOUNTS"] == {
        "default": {
            "APIKEY": APIKEY,
            "APITOKEN": APITOKEN,
            "USERTOKEN": USERTOKEN,
            "PUNTO_VENTA": 3,
            "WEBHOOK_TOKEN": WEBHOOK_TOKEN,
            "MODALITY": "lotes",
            "BASE_URL": url,
            "TRIAL": True,
        }
    }


def test_it_prints_the_settings_of_another_modality_and_knows_the_webhook(receiver: Receiver) -> None:
    options = ("--modality", "nuevo_encola", "--webhook-url", receiver.url)
    with running(MODULE, *options) as (process, url):
        assert request(url + "/_sandbox/test_notice", "POST").status == 200
        until(lambda: bool(receiver.notices))
        out, _ = end(process, signal.SIGINT)
    pasted: dict[str, dict[str, dict[str, dict[str, object]]]] = {}
    exec(out[out.index("TUSFACTURAS_LOTES") : out.index("\n}\n") + 3], pasted)
    account = pasted["TUSFACTURAS_LOTES"]["ACCOUNTS"]["default"]
    assert (account["MODALITY"], account["WEBHOOK_TOKEN"]) == ("nuevo_encola", WEBHOOK_TOKEN)
    assert pasted["TUSFACTURAS_LOTES"]["WEBHOOK_URL"] == receiver.url  # type: ignore[comparison-overlap]
    assert receiver.headers[0]["TF-WebhookToken"] == WEBHOOK_TOKEN
    assert WEBHOOK_TOKEN not in out[out.index("\n}\n") :]


def test_it_issues_and_logs_plain_lines_without_credentials(receiver: Receiver) -> None:
    keys = {"apikey": "71", "apitoken": "token-a", "usertoken": "token-u"}
    options = [f"--{name}={value}" for name, value in keys.items()]
    with running(MODULE, *options, "--date", "2018-03-28") as (process, url):
        body = {**keys, "webhook_url": receiver.url, "requests": [{**item("A"), **keys}]}
        receiver.gate.clear()
        assert request(url + PATH, "POST", body).json["procesados"] == 1
        receiver.gate.set()
        until(lambda: bool(request(url + "/_sandbox/state").json["idle"]))
        out, err = end(process, signal.SIGTERM)
    log = out[out.index("\n}\n") + 3 :]
    assert "call 0: 1 items, 1 taken, answered 200" in log
    assert "issued A: FACTURA B 0003-00000001" in log
    assert "webhook of A, try 1: 200" in log
    assert "token-" not in log
    assert err == ""


@both
@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--fault", "answer=200"], "'answer=200'"),
        (["--faults", "nonsense"], "name=value"),
        (["--webhook-workers", "0"], "webhook worker"),
        (["--date", "28/03/2018"], "2026-01-31"),
        (["--port", "99999"], "99999"),
        (["--speed", "warp"], "fast"),
        (["--modality", "nuevo"], "nuevo_encola"),
        (["--webhook-url", "https://shop.example/"], "--allow-remote-webhooks"),
    ],
)
def test_wrong_options_end_with_status_2_and_say_why(command: list[str], options: list[str], text: str) -> None:
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert text in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_said(receiver: Receiver) -> None:
    port = receiver.url.split(":")[2].split("/")[0]
    done = subprocess.run([*MODULE, "--port", port], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"can't listen on 127.0.0.1:{port}" in done.stderr


BLOCKED = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("django", "rest_framework", "django_q", "requests", "pydantic", "stdnum"):
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Block())
from django_tusfacturas_lotes.sandbox import Sandbox
with Sandbox() as sandbox:
    sandbox.wait_idle()
own = [name for name in sys.modules if name.startswith("django_tusfacturas_lotes.")]
assert all(name.startswith("django_tusfacturas_lotes.sandbox") for name in own), own
foreign = {name.split(".")[0] for name in sys.modules} - sys.stdlib_module_names - {"django_tusfacturas_lotes"}
print(sorted(name for name in foreign if not name.startswith("_")))
"""


def test_it_needs_only_the_standard_library_and_nothing_of_the_rest() -> None:
    done = subprocess.run([sys.executable, "-S", "-c", BLOCKED], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "[]\n"
