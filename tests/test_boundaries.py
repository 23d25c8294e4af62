"""What the import contracts in pyproject.toml can't say of the package's files (docs/architecture.md, Layers)."""

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
import importlib, pathlib, pkgutil, types
# The folder of a pure file may have others that are not: it is not run.
for folder in {folders!r}:
    sys.modules[folder] = types.ModuleType(folder)
    sys.modules[folder].__path__ = [str(pathlib.Path(*folder.split(".")))]
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
        ("django_tusfacturas_lotes.provider.client", ["django", "rest_framework", "django_q"], []),
        ("django_tusfacturas_lotes.pdfs.download", ["django", "rest_framework", "django_q"], []),
        (
            "django_tusfacturas_lotes.sandbox",
            ["django", "rest_framework", "django_q", "requests", "pydantic", "stdnum"],
            ["__main__", "pytest_plugin"],
        ),
    ],
)
def test_the_pure_parts_import_without_django(package: str, blocked: list[str], left_out: list[str]) -> None:
    folders = ["django_tusfacturas_lotes.pdfs"] if ".pdfs." in package else []
    script = BLOCK.format(blocked=blocked, package=package, left_out=left_out, folders=folders)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=PACKAGE.parent
    )
    assert done.stdout == "imported\n", done.stderr


def files(*parts: str) -> list[Path]:
    return [path for part in parts for path in sorted(PACKAGE.glob(part)) if "__pycache__" not in path.parts]


def test_only_submission_sends_and_only_who_looks_up_or_operates_calls_beside_it() -> None:
    callers = {
        path.relative_to(PACKAGE).as_posix() for path in files("**/*.py") if "Client(" in path.read_text("utf-8")
    }
    assert callers == {
        "submission/sending.py", "submission/queue_operations.py", "reconciliation/look_ups.py", "provider/ceiling.py",
    }  # fmt: skip


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
    assert named - others == own | {("conf/accounts.py", "lotes")}
