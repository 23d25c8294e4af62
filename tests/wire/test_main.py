"""`python -m django_tusfacturas_lotes.wire check`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import documented
from tests.support.wire import samples

BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"django", "requests", "rest_framework"}:
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
import runpy
runpy.run_module("django_tusfacturas_lotes.wire", run_name="__main__", alter_sys=True)
"""
WRONG = samples.put(samples.factura_b(), "comprobante.detalle[0].producto.alicuota", 20)


def run(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BLOCKED, "check", *arguments],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        encoding="utf-8",
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONIOENCODING": "utf-8"},
    )


def check(content: Any, *options: str) -> subprocess.CompletedProcess[str]:
    return run("-", *options, given=json.dumps(content))


def test_a_file_without_problems_prints_nothing_and_exits_0(tmp_path: Path) -> None:
    file = tmp_path / "comprobante.json"
    file.write_text(json.dumps(samples.factura_b()), encoding="utf-8-sig")
    done = run(str(file))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("content", [documented.lotes_call(), samples.documented_items(), []])
def test_a_whole_body_or_a_list_can_be_checked(content: Any) -> None:
    assert check(content).returncode == 0


@pytest.mark.parametrize(
    ("content", "place"),
    [(WRONG, ""), ([samples.factura_b(), WRONG], "[1]."), ({"requests": [WRONG]}, "requests[0].")],
)
def test_a_problem_is_printed_with_the_path_of_its_field_and_exits_1(content: Any, place: str) -> None:
    done = check(content)
    assert done.returncode == 1
    assert done.stdout.splitlines()[0].startswith(f"{place}comprobante.detalle[0].producto.alicuota: is not a rate")


def test_every_problem_is_printed() -> None:
    broken = samples.put(samples.put(WRONG, "cliente.provincia", "99"), "comprobante.fecha", "x")
    assert len(check(broken).stdout.splitlines()) == 3


@pytest.mark.parametrize("content", [None, 5, "x", {}])
def test_what_is_not_a_comprobante_is_a_problem(content: Any) -> None:
    assert check(content).returncode == 1


@pytest.mark.parametrize("given", ["", "{", "\ufeffx", "[" * 100_000])
def test_what_is_not_json_exits_2(given: str) -> None:
    done = run("-", given=given)
    assert (done.returncode, done.stdout) == (2, "")
    assert "can't be read" in done.stderr


def test_a_file_that_is_not_there_exits_2(tmp_path: Path) -> None:
    assert run(str(tmp_path / "none.json")).returncode == 2


@pytest.mark.parametrize(
    ("options", "path"),
    [
        (["--today", "01/01/2018"], "comprobante.fecha"),
        (["--today", "03/04/2018", "--concepto", "productos"], "comprobante.fecha"),
        (["--condicion-iva", "RI"], "comprobante.tipo"),
        (["--punto-venta", "4"], "comprobante.punto_venta"),
        (["--concepto", "servicios"], "comprobante.periodo_facturado_desde"),
    ],
)
def test_the_options_are_the_facts_of_the_account(options: list[str], path: str) -> None:
    done = check(samples.factura_b(), *options)
    assert done.returncode == 1
    assert done.stdout.startswith(path)


@pytest.mark.parametrize("options", [["--today", "2018-13-01"], ["--condicion-iva", "X"], ["--punto-venta", "x"]])
def test_a_wrong_option_is_refused(options: list[str]) -> None:
    assert check(samples.factura_b(), *options).returncode == 2


def test_numbers_are_checked_digit_by_digit() -> None:
    exact = json.dumps(samples.factura_b()).replace("139.0,", "139.00000000000000001,")
    assert run("-", given=exact).returncode == 1
