"""One word about a lote that was given up takes up all of it."""

from __future__ import annotations

import pytest
from django.utils import timezone

from django_tusfacturas_lotes import operations
from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote, LoteItem, LoteItemStatus, WebhookEvent
from django_tusfacturas_lotes.reconciliation import look_up
from django_tusfacturas_lotes.submission import flush
from tests.support.encola import go_on, later, queue, statuses, told
from tests.support.provider import Provider
from tests.support.queries import Queries
from tests.support.tries import item_statuses, lost, tell_of, turned_away

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_word_about_a_lote_that_was_given_up_takes_up_all_of_it(provider: Provider) -> None:
    lote = lost(provider, 3)
    operations.confirm_not_received(lote)
    assert statuses() == [InvoiceStatus.PENDING] * 3
    told(provider, "encolado", LoteItem.objects.first().reference)
    assert statuses() == [InvoiceStatus.SUBMITTED] * 3
    assert "given up, and a notification proves" in Lote.objects.get().discrepancies[0]
    flush()
    assert len(provider.sandbox.calls) == 1
    provider.sandbox.resume()
    go_on(provider)
    assert statuses() == [InvoiceStatus.ISSUED] * 3
    assert set(provider.issued().values()) == {1}


def test_a_look_up_that_finds_one_takes_up_all_of_it_out_of_a_lote_that_waits(provider: Provider) -> None:
    operations.confirm_not_received(lost(provider, 3))
    turned_away(provider)
    assert statuses() == [InvoiceStatus.CLAIMED] * 3
    with later(days=1, minutes=5):
        assert look_up("default", most=1).asked == 1
        assert statuses() == [InvoiceStatus.SUBMITTED] * 3
        assert item_statuses() == [LoteItemStatus.SUBMITTED] * 3 + [LoteItemStatus.WITHDRAWN] * 3
        flush()
    assert len(provider.sandbox.calls) == 2, "the lost one, and the one that was turned away"
    assert not Invoice.objects.exclude(status=InvoiceStatus.SUBMITTED).exists()


def test_what_was_taken_out_of_a_lote_before_it_was_sent_is_not_taken_up_with_it(provider: Provider) -> None:
    provider.use("lotes_encola")
    provider.sandbox.pause()
    queue(2)
    provider.fault("reject=401")
    flush()
    operations.cancel(Invoice.objects.first())
    operations.send_now(Lote.objects.get())
    provider.sandbox.fault("answer=none", "webhook=never*always")
    flush()
    provider.sandbox.clear_faults()
    operations.confirm_not_received(Lote.objects.get())
    operations.retry(Invoice.objects.first())
    assert statuses() == [InvoiceStatus.PENDING] * 2
    told(provider, "encolado", LoteItem.objects.last().reference)
    assert statuses() == [InvoiceStatus.PENDING, InvoiceStatus.SUBMITTED]


def test_what_was_sent_again_since_is_looked_up_at_once(provider: Provider) -> None:
    operations.confirm_not_received(lost(provider, 2))
    with later(minutes=2):
        flush()
    assert statuses() == [InvoiceStatus.SUBMITTED] * 2
    older = LoteItem.objects.order_by("pk")[:2]
    tell_of(older[0], provider, error="S", errores=["no"], cae="", comprobante_nro="")
    assert item_statuses() == [LoteItemStatus.WITHDRAWN] * 2 + [LoteItemStatus.SUBMITTED] * 2
    assert all(item.look_up_at <= timezone.now() for item in older)
    assert Lote.objects.first() in Lote.objects.needing_a_person()


@pytest.mark.parametrize("waits", [False, True])
def test_taking_up_a_lote_costs_the_same_however_many_it_has(provider: Provider, waits: bool) -> None:
    counts = []
    for count in (2, 60):
        operations.confirm_not_received(lost(provider, count))
        if waits:
            turned_away(provider)
        item = LoteItem.objects.select_related("lote", "invoice").first()
        with Queries() as queries:
            tell_of(item, provider, error="S", errores=["no"], cae="", comprobante_nro="")
        assert set(statuses()[1:]) == {InvoiceStatus.SUBMITTED}
        counts.append(len(queries.statements))
        for model in (WebhookEvent, LoteItem, Lote, Invoice):
            model.objects.all().delete()
        provider.sandbox.reset()
    assert counts[0] == counts[1] <= (35 if waits else 26), queries.statements
