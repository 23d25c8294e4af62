"""What a hostile reading found: each would have been two documents, or silence."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.utils import timezone

from django_tusfacturas_lotes import operations, tasks
from django_tusfacturas_lotes.models import (
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    LoteStatus,
    QueueOperation,
    Turn,
)
from django_tusfacturas_lotes.reception import events
from django_tusfacturas_lotes.reconciliation import look_up
from django_tusfacturas_lotes.submission import flush, queue_operations
from tests.provider import Provider
from tests.test_queue_operations import done, in_error
from tests.test_reconciliation import later, queue, statuses

pytestmark = pytest.mark.django_db(transaction=True)


def given_up(provider: Provider) -> LoteItem:
    """A call that was taken, though two look-ups long after it did not find it: its invoice is pending again."""
    provider.use("nuevo_encola")
    queue(1)
    provider.fault("answer=none")
    provider.fault("webhook=never*9")
    provider.fault("lookup=absent*3")
    flush()
    for minutes in (6, 70, 130):
        with later(minutes=minutes):
            look_up("default")
    assert Lote.objects.get().status == LoteStatus.CANCELLED
    assert statuses() == [InvoiceStatus.PENDING]
    provider.sandbox.clear_faults()
    return LoteItem.objects.get()


@pytest.mark.parametrize("evento", ["emitido", "encolado", "cambio_fecha"])
def test_what_was_given_up_and_is_told_of_before_it_is_sent_anew_is_not_sent_anew(
    provider: Provider, evento: str
) -> None:
    item = given_up(provider)
    provider.sandbox.notify(item.reference, evento)
    provider.settle()
    with later(minutes=200):
        flush()
        provider.settle()
        look_up("default")
    assert statuses() == [InvoiceStatus.ISSUED]
    assert provider.issued() == {item.reference: 1}
    assert Lote.objects.get().discrepancies, "and a person sees that it was given up wrongly"


def test_what_was_given_up_and_is_found_by_a_persons_look_up_is_not_sent_anew(provider: Provider) -> None:
    provider.sandbox.pause()
    given_up_item = given_up(provider)
    operations.look_up_now(Invoice.objects.get())
    with later(minutes=140):
        look_up("default")
    assert statuses() == [InvoiceStatus.SUBMITTED]
    flush()
    assert LoteItem.objects.get() == given_up_item


def test_what_was_refused_and_is_told_queued_is_not_sent_anew_by_a_retry(provider: Provider) -> None:
    provider.use("lotes_encola")
    (invoice,) = queue(1)
    provider.sandbox.pause()
    provider.fault("webhook=never")
    flush()
    # The answer that refused it was wrong.
    LoteItem.objects.update(status=LoteItemStatus.REFUSED, look_up_at=None)
    Invoice.objects.update(status=InvoiceStatus.FAILED, failure_stage="intake", errors=[{"text": "no"}])
    provider.sandbox.notify(LoteItem.objects.get().reference, "encolado")
    provider.sandbox.resume()
    provider.settle()
    assert statuses() == [InvoiceStatus.SUBMITTED]
    with pytest.raises(operations.NotPossibleError):
        operations.retry(invoice)
    look_up("default")
    assert statuses() == [InvoiceStatus.ISSUED]


def test_refused_rows_are_not_looked_up(provider: Provider) -> None:
    queue(3)
    provider.fault("refuse_rows=0,1,2")
    flush()
    with later(days=1):
        assert look_up("default").asked == 0


def test_one_look_up_that_misses_it_does_not_send_anew_what_could_not_be_deleted(provider: Provider) -> None:
    operations.retry(in_error(provider, "nuevo_encola"))
    provider.fault("operation=reject:S")
    queue_operations.send_requested("default")
    provider.fault("lookup=absent")
    with later(minutes=2):
        look_up("default")
    assert statuses() == [InvoiceStatus.FAILED]
    assert LoteItem.objects.get().status == LoteItemStatus.FAILED


def test_a_look_up_without_an_answer_does_not_count_as_one_that_found_nothing(provider: Provider) -> None:
    provider.use("nuevo_encola")
    queue(1)
    provider.fault("answer=none")
    provider.fault("webhook=never*9")
    flush()
    provider.settle()
    provider.fault("lookup=500")
    with later(minutes=6):
        look_up("default")
    provider.fault("lookup=absent")
    with later(minutes=70):
        look_up("default")
    assert statuses() == [InvoiceStatus.UNCERTAIN]


def test_an_answer_that_can_not_be_read_does_not_keep_the_others_waiting(provider: Provider) -> None:
    provider.use("nuevo_encola")
    queue(3)
    flush()
    provider.settle()
    provider.fault("lookup=S")
    report = look_up("default")
    assert (report.asked, report.settled, report.unanswered) == (3, 2, 1)


def test_the_task_does_not_enqueue_itself_while_the_provider_wants_a_pause(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    operations.resend(in_error(provider, "nuevo_encola"))
    LoteItem.objects.update(look_up_at=None)
    Lote.objects.update(look_up_at=None)
    Turn.objects.filter(pk="default").update(free_from=timezone.now() + dt.timedelta(hours=1))
    enqueued: list[str] = []
    monkeypatch.setattr(tasks, "_enqueue", lambda function, *args: enqueued.append(function))
    tasks.reconcile("default")
    assert enqueued == []


def test_an_operation_that_no_look_up_settles_is_shown_after_a_day(provider: Provider) -> None:
    operations.retry(in_error(provider, "nuevo_encola"))
    provider.fault("operation=reject:none")
    queue_operations.send_requested("default")
    assert done() == ["uncertain"]
    assert not QueueOperation.objects.needing_a_person().exists()
    with time_machine.travel(timezone.now() + dt.timedelta(days=2)):
        assert QueueOperation.objects.needing_a_person().exists()


def test_credentials_of_one_account_prove_nothing_for_another_that_shares_its_token(provider: Provider) -> None:
    mine = provider.sandbox.settings_for("lotes")
    token = {"WEBHOOK_TOKEN": "the-same-token-1234"}
    other = {**mine, "APIKEY": "1", "APITOKEN": "another-apitoken-1234", "USERTOKEN": "another-usertoken-1234"}
    provider.configure(ACCOUNTS={"default": {**mine, **token}, "b": {**other, **token}})
    body = {**provider.credentials, "error": "N", "facturacion_lote_id_referencia": "x"}
    proof = events.authenticate(body, {})
    assert proof is not None
    assert [account.alias for account in proof.accounts] == ["default"]
    event = events.receive(body, proof)
    assert events._aliases_of(event) == {"default"}
