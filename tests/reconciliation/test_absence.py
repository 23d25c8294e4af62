"""A look-up that does not find it: when that proves that it is not there, and when it proves nothing."""

from __future__ import annotations

import pytest

from django_tusfacturas_lotes import operations
from django_tusfacturas_lotes.models import InvoiceStatus, LoteItem, LoteItemStatus
from django_tusfacturas_lotes.reconciliation import look_up
from django_tusfacturas_lotes.submission import flush, queue_operations
from tests.support.encola import go_on, in_error, later, queue, rounds, statuses
from tests.support.provider import Provider

pytestmark = pytest.mark.django_db(transaction=True)


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


def test_that_something_is_deleted_there_is_known_by_the_providers_word_or_after_a_while(provider: Provider) -> None:
    operations.cancel(in_error(provider, "nuevo_encola"))
    provider.sandbox.fault("operation=reject:none", "lookup=absent*2")
    queue_operations.send_requested("default")
    rounds(range(2, 30, 4))
    assert statuses() == [InvoiceStatus.FAILED], "two look-ups missed it, and nobody has said that it is gone"
    go_on(provider)
    assert statuses() == [InvoiceStatus.CANCELLED]


def test_an_absence_soon_after_a_lost_call_does_not_count(provider: Provider) -> None:
    provider.use("nuevo_encola")
    provider.sandbox.pause()
    queue(1)
    provider.sandbox.fault("answer=none", "webhook=never*always", "lookup=absent*2")
    flush()
    for minutes in (6, 61):
        with later(minutes=minutes):
            look_up("default")
    assert statuses() == [InvoiceStatus.UNCERTAIN]
    assert LoteItem.objects.get().absences == 1
