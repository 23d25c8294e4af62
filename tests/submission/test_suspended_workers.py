"""A process that was suspended for longer than its lease."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from django_tusfacturas_lotes.models import InvoiceStatus
from django_tusfacturas_lotes.submission import leases, sending
from tests.support.encola import go_on, queue, rounds, statuses
from tests.support.provider import Provider

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_process_that_was_suspended_before_its_call_does_not_make_it(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.use("nuevo_encola")
    queue(1)
    real = sending._is_stale
    woken: list[time_machine.travel] = []

    def suspended(call: Any) -> bool:
        if not woken:
            woken.append(time_machine.travel(timezone.now() + dt.timedelta(hours=3)))
            woken[0].start()
            leases.expire_leases()
            rounds(range(0, 200, 10))
        return real(call)

    monkeypatch.setattr(sending, "_is_stale", suspended)
    try:
        sending.send_next("default")
        assert len(provider.sandbox.calls) == 0
    finally:
        woken[0].stop()
    go_on(provider)
    assert list(provider.issued().values()) == [1]
    assert statuses() == [InvoiceStatus.ISSUED]
