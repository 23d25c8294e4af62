"""Law 4: what does not prove that a lost call was not taken, although a look-up did not find it."""

from __future__ import annotations

import pytest

from django_tusfacturas_lotes.models import InvoiceStatus, Lote, LoteItem
from django_tusfacturas_lotes.reconciliation import look_up
from django_tusfacturas_lotes.submission import flush
from tests.support.encola import later, queue, statuses
from tests.support.provider import Provider

pytestmark = pytest.mark.django_db(transaction=True)


def lost(provider: Provider) -> None:
    """A call whose answer was lost, of an invoice that nobody tells of."""
    provider.use("nuevo_encola")
    provider.sandbox.pause()
    queue(1)
    provider.sandbox.fault("answer=none", "webhook=never*always")
    flush()


def look_ups(provider: Provider, *answers: str) -> None:
    """Look-ups with these answers, an hour apart, the first an hour after the call."""
    for number, answer in enumerate(answers):
        provider.fault(f"lookup={answer}")
        with later(minutes=70 * (number + 1)):
            assert look_up("default").asked == 1


def test_one_look_up_alone_proves_nothing_and_two_do(provider: Provider) -> None:
    lost(provider)
    look_ups(provider, "absent")
    assert statuses() == [InvoiceStatus.UNCERTAIN]
    with later(minutes=140):
        provider.fault("lookup=absent")
        look_up("default")
    assert statuses() == [InvoiceStatus.PENDING]


def test_one_that_had_no_answer_is_not_one_that_missed_it(provider: Provider) -> None:
    lost(provider)
    look_ups(provider, "500", "absent")
    assert statuses() == [InvoiceStatus.UNCERTAIN]
    assert LoteItem.objects.get().absences == 1


def test_with_another_apikey_than_it_was_sent_with_they_prove_nothing(provider: Provider) -> None:
    lost(provider)
    Lote.objects.update(sent_as="of another apikey")
    look_ups(provider, "absent", "absent", "absent")
    assert statuses() == [InvoiceStatus.UNCERTAIN]
    assert LoteItem.objects.get().absences == 0
