"""Fixtures. Nothing of Django is imported here, so that the tests of `wire` and of the sandbox run without it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.support.provider import Provider


@pytest.fixture
def provider(tusfacturas_sandbox: Any, live_server: Any, settings: Any) -> Iterator[Provider]:
    from tests.support.provider import Provider

    yield Provider(tusfacturas_sandbox, live_server, settings)
    # A notification that is still on its way must not reach the next test's database: let those that are being taken
    # come to an end, and no others begin.
    tusfacturas_sandbox.release()
    tusfacturas_sandbox.reset()
    with contextlib.suppress(TimeoutError):
        tusfacturas_sandbox.wait_idle(timeout=60)


@pytest.fixture
def heard() -> Iterator[list[tuple[str, Any]]]:
    """Everything that our signals told the host, as (name, invoice or lote)."""
    from django_tusfacturas_lotes import signals

    told: list[tuple[str, Any]] = []
    receivers: list[tuple[Any, Callable[..., None]]] = []
    for name in ("invoice_issued", "invoice_failed", "lote_uncertain", "duplicate_issued"):

        def receiver(sender: Any, name: str = name, **named: Any) -> None:
            told.append((name, named.get("invoice") or named.get("lote")))

        getattr(signals, name).connect(receiver)
        receivers.append((getattr(signals, name), receiver))
    yield told
    for signal, receiver in receivers:
        signal.disconnect(receiver)
