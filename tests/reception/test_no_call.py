"""Law 8: the webhook makes no outbound call, whatever waits to be sent, looked up or fetched."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from django_tusfacturas_lotes.models import Invoice, Lote, LoteItem, LoteStatus
from django_tusfacturas_lotes.queueing import queue_invoice
from django_tusfacturas_lotes.reconciliation import look_up
from tests.support.builders import documento
from tests.support.webhook import item_in, post, success

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_notification_makes_no_call_although_there_is_something_to_send_and_to_look_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Any] = []

    def resolve(host: Any, *args: Any, **named: Any) -> Any:
        asked.append(host)
        raise OSError("nobody is to be called")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    queue_invoice(comprobante=documento(), key="to-be-sent")
    waiting = item_in(LoteStatus.UNCERTAIN)
    Lote.objects.filter(pk=waiting.lote_id).look_up_by(waiting.lote.created_at)
    LoteItem.objects.filter(pk=waiting.pk).look_up_soon(waiting.lote.created_at)
    told = success(item_in(), comprobante_pdf_url="https://www.tusfacturas.app/a.pdf")
    assert post(told).status_code == 200
    assert Invoice.objects.filter(status="issued").exists()
    assert asked == []
    look_up("default")
    assert asked, "the schedule does"
