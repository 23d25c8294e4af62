"""The pytest fixture ``tusfacturas_sandbox``, registered by an entry point. It works without Django too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .sandbox import Sandbox


@pytest.fixture
def tusfacturas_sandbox() -> Iterator[Sandbox]:
    """A sandbox of its own for each test, on a free port. See docs/sandbox.md."""
    from .sandbox import Sandbox  # not above: pytest loads this file in every run, used or not

    with Sandbox() as sandbox:
        yield sandbox
