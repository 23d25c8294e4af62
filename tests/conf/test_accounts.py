"""Accounts that have another name by now, or none, or settings that can not be used."""

from __future__ import annotations

from typing import Any

import pytest

from django_tusfacturas_lotes import operations
from django_tusfacturas_lotes.conf import conf
from django_tusfacturas_lotes.models import Attention, Invoice, InvoiceStatus, LoteItem
from django_tusfacturas_lotes.reconciliation import look_up
from django_tusfacturas_lotes.submission import flush
from tests.support.commands import exit_status
from tests.support.encola import later, queue, statuses, waiting
from tests.support.provider import Provider
from tests.support.webhook import post, success

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_is_told_of_an_account_that_has_another_alias_by_now_is_believed(provider: Provider) -> None:
    provider.sandbox.pause()
    queue(1)
    flush()
    provider.configure(ACCOUNTS={"pv3": provider.sandbox.account})
    provider.sandbox.resume()
    provider.settle()
    assert statuses() == [InvoiceStatus.ISSUED]


def test_without_a_cae_it_is_not_issued_for_an_account_that_is_gone(provider: Provider) -> None:
    queue(1)
    provider.fault("webhook=never*always")
    flush()
    provider.configure(ACCOUNTS={"pv3": provider.sandbox.account})
    post({**success(LoteItem.objects.get(), cae=" "), **provider.credentials})
    invoice = Invoice.objects.get()
    assert (invoice.status, invoice.attention) == (InvoiceStatus.SUBMITTED, Attention.NO_CAE)


def test_what_is_under_way_of_an_account_that_is_gone_is_in_front_of_a_person(provider: Provider) -> None:
    queue(1)
    provider.sandbox.pause()
    flush()
    provider.configure(ACCOUNTS={"other": {**provider.sandbox.account, "APIKEY": "1"}})
    with later(days=2):
        assert exit_status("reconcile_lotes") == 1
    assert Invoice.objects.needing_a_person().get().attention == Attention.OVERDUE


def test_the_apikey_of_a_lote_is_known_by_a_secret_key_that_was_rotated(provider: Provider, settings: Any) -> None:
    invoice = waiting(provider, "nuevo_encola")
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another one"
    with later(hours=4):
        look_up("default")
        with pytest.raises(operations.NotPossibleError):
            operations.confirm_not_issued(invoice)


def test_an_account_whose_trial_is_a_text_is_not_used(settings: Any) -> None:
    """`"False"` from an environment would have everything issued without a CAE."""
    account = {**settings.TUSFACTURAS_LOTES["ACCOUNTS"]["default"], "TRIAL": "False"}
    settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "ACCOUNTS": {"default": account}}
    assert conf.accounts() == []
