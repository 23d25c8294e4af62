"""The pytest fixture, in a run of its own without Django."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

SUITE = """
import json
import urllib.request

import pytest

seen = []


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_has_its_own(tusfacturas_sandbox, turn):
    account = tusfacturas_sandbox.account
    assert account["BASE_URL"] == tusfacturas_sandbox.base_url == tusfacturas_sandbox.url
    tusfacturas_sandbox.fault("webhook=never")
    keys = {"apikey": account["APIKEY"], "apitoken": account["APITOKEN"], "usertoken": account["USERTOKEN"]}
    item = {**keys, "comprobante": {"numero": 0, "facturacion_lote_id_referencia": "A"}}
    body = {**keys, "webhook_url": "http://127.0.0.1:9/", "requests": [item]}
    request = urllib.request.Request(account["BASE_URL"] + "/v2/facturacion/lotes", json.dumps(body).encode())
    with urllib.request.urlopen(request) as answer:
        assert json.load(answer)["procesados"] == 1
    tusfacturas_sandbox.wait_idle()
    assert tusfacturas_sandbox.issued("A") == 0
    assert tusfacturas_sandbox.ledger()["references"]["A"]["received"] == 1
    assert tusfacturas_sandbox.calls[0].body == body
    assert tusfacturas_sandbox.release() == 0
    seen.append(tusfacturas_sandbox)


def test_it_is_stopped():
    with pytest.raises(OSError):
        urllib.request.urlopen(seen[-1].url)
"""


def pytest_run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    plugin = ("-p", "django_tusfacturas_lotes.sandbox.pytest_plugin")
    command = [sys.executable, "-W", "error", "-m", "pytest", *plugin, "-c", os.devnull, "-q", *options, str(folder)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_fixture_works_without_django(tmp_path: Path) -> None:
    (tmp_path / "test_shop.py").write_text(SUITE)
    done = pytest_run(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


def test_the_fixture_explains_itself(tmp_path: Path) -> None:
    done = pytest_run(tmp_path, "--fixtures")
    assert "tusfacturas_sandbox" in done.stdout
    assert "A sandbox of its own for each test" in done.stdout


def test_importing_the_plugin_imports_no_server() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules);"
        "import django_tusfacturas_lotes.sandbox.pytest_plugin;"
        "print(sorted(name for name in set(sys.modules) - before if name.startswith('http')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
