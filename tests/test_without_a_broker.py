"""A broker that is down keeps nothing else from happening."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from django_tusfacturas_lotes import tasks
from django_tusfacturas_lotes.models import FailureStage, InvoiceStatus
from tests.support.encola import queue, statuses
from tests.support.rows import make_invoice

pytestmark = pytest.mark.django_db(transaction=True)


def no_broker(*args: Any, **named: Any) -> Any:
    raise ConnectionError("the broker is down")


def test_a_broker_that_is_down_keeps_nothing_else_from_happening(
    monkeypatch: pytest.MonkeyPatch, admin_client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("django_q.tasks.async_task", no_broker)
    ran: list[int] = []
    with transaction.atomic():
        tasks.wake_up("default")
        transaction.on_commit(lambda: ran.append(1))
    assert ran == [1]
    assert "the broker is down" in caplog.text
    failed = [make_invoice(InvoiceStatus.FAILED, failure_stage=FailureStage.INTAKE) for _ in range(2)]
    data = {"action": "retry_selected", "_selected_action": [invoice.pk for invoice in failed]}
    assert admin_client.post("/admin/django_tusfacturas_lotes/invoice/", data).status_code == 302
    assert statuses() == [InvoiceStatus.PENDING] * 2


def test_the_command_says_that_it_could_leave_nothing_to_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_q.tasks.async_task", no_broker)
    queue(1)
    with pytest.raises(CommandError, match="without --background"):
        call_command("flush_lotes", "--background")
