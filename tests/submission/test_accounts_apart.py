"""One account that can not be called holds back no other."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from django_tusfacturas_lotes import tasks
from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote, LoteItemStatus, LoteStatus
from django_tusfacturas_lotes.provider.client import Verdict
from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoices
from django_tusfacturas_lotes.submission import flush
from tests.support.builders import documento
from tests.support.encola import queue
from tests.support.provider import Provider
from tests.support.rows import make_event, make_item, make_lote

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_account_that_can_not_be_called_holds_back_no_other(provider: Provider) -> None:
    good = provider.sandbox.account
    bad = {**good, "BASE_URL": "https://www..tusfacturas.app/app/api"}
    provider.configure(ACCOUNTS={"a": bad, "b": good})
    queue_invoices([ToInvoice(documento(), "a-1", account="a"), ToInvoice(documento(), "b-1", account="b")])
    report = flush()
    assert [one.verdict for one in report.sent] == [Verdict.NOT_SENT, Verdict.ACCEPTED]
    assert "BASE_URL" in Lote.objects.get(account="a").error


def test_an_error_in_one_account_is_raised_once_the_others_have_had_their_turn(provider: Provider) -> None:
    account = provider.sandbox.account
    provider.configure(ACCOUNTS={"a": account, "b": account})
    queue_invoices([ToInvoice(documento(), "a-1", account="a"), ToInvoice(documento(), "b-1", account="b")])

    def on_step(step: Any) -> None:
        if step.account == "a":
            raise LookupError("of the caller's own")

    with pytest.raises(LookupError, match="own"):
        flush(on_step=on_step)
    assert len(provider.sandbox.calls) == 2


def test_a_stored_lote_of_a_modality_that_is_not_known_holds_nothing_back(provider: Provider) -> None:
    old = timezone.now() - dt.timedelta(hours=1)
    lote = make_lote(LoteStatus.SENDING, account="retired", modality="retired", sent_at=old, answered_at=None)
    make_event(make_item(LoteItemStatus.CLAIMED, InvoiceStatus.CLAIMED, lote))
    queue(1)
    assert "1 lotes were lost" in tasks.flush()
    flush()
    assert Invoice.objects.filter(account="default").first().status == InvoiceStatus.SUBMITTED
