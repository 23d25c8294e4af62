"""Who may import whom (design.md), held by tests."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "django_tusfacturas_lotes"
BLOCK = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ImportError(name + " is blocked here")
sys.meta_path.insert(0, Blocked())
import importlib, pkgutil
package = importlib.import_module("{package}")
for module in pkgutil.walk_packages(getattr(package, "__path__", []), package.__name__ + "."):
    if module.name.rpartition(".")[2] not in {left_out!r}:
        importlib.import_module(module.name)
print("imported")
"""


@pytest.mark.parametrize(
    ("package", "blocked", "left_out"),
    [
        ("django_tusfacturas_lotes.wire", ["django", "rest_framework", "django_q", "requests"], ["__main__"]),
        ("django_tusfacturas_lotes.client", ["django", "rest_framework", "django_q"], []),
        ("django_tusfacturas_lotes.pdf_download", ["django", "rest_framework", "django_q"], []),
        (
            "django_tusfacturas_lotes.sandbox",
            ["django", "rest_framework", "django_q", "requests", "pydantic", "stdnum"],
            ["__main__", "pytest_plugin"],
        ),
    ],
)
def test_the_pure_parts_import_without_django(package: str, blocked: list[str], left_out: list[str]) -> None:
    script = BLOCK.format(blocked=blocked, package=package, left_out=left_out)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == "imported\n", done.stderr


STEPS = {
    "queueing", "building", "identity", "crediting", "retrying", "claiming", "submission", "recording", "settling",
    "reception", "results", "reviving", "reconciliation", "findings", "queue_requests", "queue_operations",
    "queue_proofs", "pdfs", "operations", "ceiling", "pace", "evidence", "queues", "pruning", "tasks",
}  # fmt: skip
OUTER = {
    "views", "urls", "admin", "management", "apps", "checks", "schedules", "health", "measuring", "progress",
    "django_health_check",
}  # fmt: skip
INNER = {
    "__init__", "models", "client", "conf", "wire", "signals", "accounts", "exceptions", "transactions", "spreading",
    "pdf_download",
}  # fmt: skip


def imported_by(path: Path) -> set[str]:
    """The package's own top-level modules that a file imports, relative imports resolved."""
    found = set()
    here = path.relative_to(PACKAGE).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = [*here[: len(here) - node.level + 1], *(node.module or "").split(".")]
            names = [base[0]] if base[0] else [alias.name for alias in node.names]
            found.update(name for name in names if name)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{PACKAGE.name}."):
            found.add(str(node.module).split(".")[1])
    return found


def files(*parts: str) -> list[Path]:
    return [path for part in parts for path in sorted(PACKAGE.glob(part)) if "__pycache__" not in path.parts]


@pytest.mark.parametrize(
    ("who", "may_not"),
    [
        (["models/*.py"], STEPS | OUTER | {"client", "conf", "signals"}),
        (["wire/**/*.py"], STEPS | OUTER | {"client", "conf", "signals", "models", "sandbox"}),
        (["sandbox/**/*.py"], STEPS | OUTER | {"client", "conf", "signals", "models", "wire"}),
        (
            ["client.py", "pdf_download.py", "conf.py", "accounts.py", "exceptions.py", "signals.py", "spreading.py"],
            STEPS | OUTER | {"models"},
        ),
        ([f"{step}.py" for step in sorted(STEPS)], OUTER),
    ],
)
def test_nothing_imports_outwards(who: list[str], may_not: set[str]) -> None:
    for path in files(*who):
        assert not imported_by(path) & may_not, path.relative_to(PACKAGE)


def test_every_module_has_its_place() -> None:
    modules = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in files("*.py", "*/*.py")}
    assert modules == STEPS | OUTER | INNER | {"sandbox", "migrations"}


def test_only_submission_sends_and_only_who_looks_up_or_operates_calls_beside_it() -> None:
    callers = {
        path.relative_to(PACKAGE).as_posix() for path in files("**/*.py") if "Client(" in path.read_text("utf-8")
    }
    assert callers == {"submission.py", "queue_operations.py", "reconciliation.py", "ceiling.py"}


def test_the_package_is_typed_and_has_no_drawers() -> None:
    assert (PACKAGE / "py.typed").exists()
    assert not [path for path in files("**/*.py") if path.stem in {"utils", "helpers", "common", "base", "misc"}]


def test_nobody_asks_which_modality_it_is_by_name() -> None:
    """Their own files say what they are, the sandbox speaks each, and one is the default of an account."""
    named = {
        (path.relative_to(PACKAGE).as_posix(), node.value)
        for path in files("**/*.py")
        if path.relative_to(PACKAGE).parts[0] not in ("sandbox", "migrations")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and node.value in ("lotes", "lotes_encola", "nuevo_encola")
    }
    others = {("management/commands/flush_lotes.py", "lotes"), ("models/lote.py", "lotes")}  # the thing, in words
    own = {(f"wire/modalities/{name}.py", name) for name in ("lotes", "lotes_encola", "nuevo_encola")}
    assert named - others == own | {("accounts.py", "lotes")}
