"""Notifications that were stored and could not be acted on prove what they say all the same."""

from __future__ import annotations

from typing import Any

import pytest

from django_tusfacturas_lotes import operations, reception
from django_tusfacturas_lotes.models import InvoiceStatus, Lote, LoteItem, WebhookEvent, WebhookEventStatus
from django_tusfacturas_lotes.outcomes import tries
from django_tusfacturas_lotes.queueing import queue_invoice
from django_tusfacturas_lotes.reconciliation import look_up
from django_tusfacturas_lotes.submission import flush
from tests.support.builders import documento
from tests.support.encola import later, statuses, told
from tests.support.provider import Provider
from tests.support.webhook import post, success

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lost_with_its_notices_unmatched(provider: Provider) -> tuple[Provider, dict[str, Any]]:
    """A lost call whose notices came while its account could not be read, and another one has the same token."""
    provider.sandbox.configure_webhook(provider.webhook_url)
    good = provider.sandbox.settings_for("nuevo_encola")
    other = {**good, "APIKEY": "1", "APITOKEN": "x" * 12, "USERTOKEN": "y" * 12}
    mended = {"a": good, "b": other}
    provider.configure(ACCOUNTS=mended)
    queue_invoice(comprobante=documento(), key="k", account="a")
    provider.sandbox.pause()
    provider.sandbox.fault("answer=none", "webhook=never*always")
    flush()
    provider.sandbox.clear_faults()
    provider.configure(ACCOUNTS={"a": {**good, "CONDICION_IVA": "a typo"}, "b": other})
    provider.sandbox.resume()
    provider.settle()
    for evento in ("encolado", "emitido"):
        told(provider, evento, LoteItem.objects.get().reference)
    assert set(WebhookEvent.objects.values_list("status", flat=True)) == {WebhookEventStatus.UNMATCHED}
    assert statuses() == [InvoiceStatus.UNCERTAIN]
    return provider, mended


def test_they_are_acted_on_once_the_settings_are_mended(
    lost_with_its_notices_unmatched: tuple[Provider, dict[str, Any]],
) -> None:
    provider, mended = lost_with_its_notices_unmatched
    provider.configure(ACCOUNTS=mended)
    with later(minutes=5):
        reception.process_again()
        assert statuses() == [InvoiceStatus.SUBMITTED]
        look_up("a")
    assert statuses() == [InvoiceStatus.ISSUED]
    assert not WebhookEvent.objects.filter(status=WebhookEventStatus.UNMATCHED).exists()


def test_they_prove_receipt_whatever_look_ups_say(
    lost_with_its_notices_unmatched: tuple[Provider, dict[str, Any]],
) -> None:
    provider, mended = lost_with_its_notices_unmatched
    provider.configure(ACCOUNTS=mended)
    provider.fault("lookup=absent*3")
    for minutes in (70, 140, 200):
        with later(minutes=minutes):
            look_up("a")
            flush()
            provider.settle()
    assert len(provider.sandbox.calls) == 1, "nothing was sent again"
    assert Lote.objects.needing_a_person().exists()
    assert "could not be acted on" in Lote.objects.get().discrepancies[0]
    provider.assert_the_promise()


def test_what_failed_for_a_passing_reason_is_for_the_account_whose_old_credential_it_had(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = provider.sandbox.account
    old = str(account["APITOKEN"])
    provider.configure(
        ACCOUNTS={"a": {**account, "APITOKEN": ["the-new-apitoken-123", old]}, "b": {**account, "APITOKEN": [old]}}
    )
    queue_invoice(comprobante=documento(), key="k", account="b")
    provider.fault("webhook=never*always")
    flush()

    def broken(*args: Any) -> Any:
        raise RuntimeError("passing")

    with monkeypatch.context() as passing:
        passing.setattr(tries, "mark_issued", broken)
        post({**success(LoteItem.objects.get()), **provider.credentials})
    with later(minutes=5):
        reception.process_again()
    assert statuses() == [InvoiceStatus.ISSUED]


def test_what_is_about_one_of_ours_is_not_marked_as_seen(
    lost_with_its_notices_unmatched: tuple[Provider, dict[str, Any]],
) -> None:
    with pytest.raises(operations.NotPossibleError, match="which is ours"):
        operations.mark_event_seen(WebhookEvent.objects.all()[0])
