"""Law 2: what is committed before a call, that it runs in no transaction, and that its answer is not lost with one."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection

from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote, LoteItem, LoteStatus
from django_tusfacturas_lotes.provider.client import Outcome, Verdict
from django_tusfacturas_lotes.submission import flush, recording, sending
from django_tusfacturas_lotes.wire.modalities import Answer
from tests.support.rows import make_lote
from tests.support.sending import queue, statuses

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_call_runs_in_no_transaction_once_its_lote_is_committed_as_sending(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def call(*_: Any) -> Outcome:
        lote = Lote.objects.get()
        seen.append((connection.in_atomic_block, lote.status, lote.tries, statuses(LoteItem), statuses(Invoice)))
        return Outcome(Verdict.ACCEPTED, answer=Answer())

    monkeypatch.setattr(sending.Client, "send", call)
    queue(2)
    flush()
    assert seen == [(False, LoteStatus.SENDING, 1, ["claimed"] * 2, ["claimed"] * 2)]
    assert statuses(Lote) == [LoteStatus.ACCEPTED]


def test_an_answer_that_can_not_be_written_at_first_is_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    real, broken = recording._record_accepted, iter([OperationalError("the server closed the connection")])

    def record(*args: Any) -> None:
        real(*args)
        for error in broken:
            raise error

    calls: list[None] = []
    answer = Outcome(Verdict.ACCEPTED, answer=Answer())
    monkeypatch.setattr(sending.Client, "send", lambda *_: calls.append(None) or answer)
    monkeypatch.setattr(recording, "_record_accepted", record)
    monkeypatch.setattr(recording, "_PAUSES_OF_THE_DATABASE", (0, 0))
    queue(1)
    assert flush().accepted == 1
    assert (statuses(Lote), statuses(Invoice)) == ([LoteStatus.ACCEPTED], [InvoiceStatus.SUBMITTED])
    assert len(calls) == 1


@pytest.mark.parametrize("status", [LoteStatus.READY, LoteStatus.SENDING])
def test_the_database_has_no_second_lote_in_flight_for_an_account(status: LoteStatus) -> None:
    """Law 6: whatever a worker does."""
    make_lote(status)
    with pytest.raises(IntegrityError):
        make_lote(LoteStatus.READY)
    make_lote(LoteStatus.READY, account="another")
    make_lote(LoteStatus.ACCEPTED)
