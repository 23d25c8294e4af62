"""`wire` can be used on its own."""

from __future__ import annotations

import subprocess
import sys


def test_the_package_needs_neither_django_nor_requests() -> None:
    code = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"django", "rest_framework", "django_q", "requests"}:
            raise ImportError(name + " is blocked")
sys.meta_path.insert(0, Blocked())
import pkgutil
from django_tusfacturas_lotes import wire
for module in pkgutil.walk_packages(wire.__path__, wire.__name__ + "."):
    __import__(module.name)
from django_tusfacturas_lotes.wire.comprobante import Comprobante
assert not any(name.split(".")[0] in {"django", "requests"} for name in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
