"""Whatever a notice of the queue says, nothing breaks, leaks or is issued."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote, LoteItem, WebhookEvent
from django_tusfacturas_lotes.wire.answers.decode import MAX_DEPTH
from tests.support.strange import (
    SCRIPT,
    TOKEN,
    WHAT_WAS_ASKED_FOR,
    Changes,
    all_that_was_logged,
    assert_no_credential_in,
    assert_nothing_broke,
    changed,
    everything,
    fuzzed,
    headers,
    keys,
    post_raw,
    spelt,
    strange,
)
from tests.support.webhook import item_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.thorough(fewer="examples")]

THIN_KEYS = ["recurso", "evento", "external_reference", "intento", "msg", "hook_id"]
EVENTOS = ["encolado", "emitido", "error", "eliminado", "cambio_fecha", "test", "inventado"]
thin_keys = st.one_of(st.sampled_from(THIN_KEYS), keys)
thin_changes = st.lists(st.tuples(st.booleans(), thin_keys, st.none() | strange), max_size=4)


@pytest.fixture
def with_token(settings: Any) -> None:
    account = {
        **settings.TUSFACTURAS_LOTES["ACCOUNTS"]["default"], "MODALITY": "lotes_encola", "WEBHOOK_TOKEN": TOKEN,
    }  # fmt: skip
    settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "ACCOUNTS": {"default": account}}


def thin_notice(reference: str, evento: str) -> list[tuple[str, str]]:
    values = ["facturacion", evento, reference, 1, ["no"] if evento == "error" else [], "h1"]
    return [(key, json.dumps(value)) for key, value in zip(THIN_KEYS, values, strict=True)]


@fuzzed
@given(evento=st.sampled_from(EVENTOS), mutations=thin_changes, headers=headers)
@example(evento="emitido", mutations=[(False, "cae", '"71234567890123"'), (False, "error", '"N"')], headers={})
@example(evento="error", mutations=[(True, "msg", json.dumps(SCRIPT))], headers={})
@example(evento="error", mutations=[(True, "msg", "[" * (MAX_DEPTH - 2) + "]" * (MAX_DEPTH - 2))], headers={})
@example(evento="emitido", mutations=[(True, "hook_id", '{"a":' * 10_000 + "1" + "}" * 10_000)], headers={})
def test_a_strange_thin_notice_with_the_right_token_breaks_leaks_and_issues_nothing(
    caplog: pytest.LogCaptureFixture, with_token: None, evento: str, mutations: Changes, headers: dict[str, str]
) -> None:
    caplog.clear()
    caplog.set_level(logging.DEBUG)
    for model in (WebhookEvent, LoteItem, Lote, Invoice):
        model.objects.all().delete()
    item, bystander = item_in(), item_in()
    Lote.objects.update(modality="lotes_encola")
    before = Invoice.objects.filter(pk=item.invoice_id).values().get()
    others = Invoice.objects.filter(pk=bystander.invoice_id).values().get()
    untouched = everything()
    body = spelt([*changed(thin_notice(item.reference, evento), mutations), ("extra", json.dumps(TOKEN))])

    response = post_raw(body, {**headers, "HTTP_TF_WEBHOOKTOKEN": TOKEN})

    stored = everything()
    places = {"database": stored, "answer": response.content, "log": all_that_was_logged(caplog)}
    assert_no_credential_in(**places)
    assert TOKEN not in str(places)
    assert_nothing_broke(caplog)
    assert Invoice.objects.filter(pk=bystander.invoice_id).values().get() == others
    if response.status_code != 200:
        assert response.status_code in (400, 413)
        assert stored == untouched
        return
    assert WebhookEvent.objects.count() == 1
    after = Invoice.objects.filter(pk=item.invoice_id).values().get()
    if after == before:
        return
    sent = json.loads(body)
    assert str(sent.get("external_reference")).strip() == item.reference
    assert (after["status"], after["cae"], sent["evento"]) == (InvoiceStatus.FAILED, "", "error")
    assert [column for column in WHAT_WAS_ASKED_FOR if after[column] != before[column]] == []
    assert Invoice.objects.get(pk=item.invoice_id).reasons


@fuzzed
@given(
    evento=st.sampled_from(EVENTOS), mutations=thin_changes, headers=headers,
    token=st.sampled_from(["", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), f" {TOKEN} x", "\x00", "*", "None", "[]"])
    | st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40),
)  # fmt: skip
def test_a_thin_notice_without_the_right_token_changes_and_stores_nothing(
    caplog: pytest.LogCaptureFixture,
    with_token: None,
    evento: str,
    mutations: Changes,
    headers: dict[str, str],
    token: str,
) -> None:
    caplog.clear()
    caplog.set_level(logging.DEBUG)
    assume(token.strip() != TOKEN)
    item = LoteItem.objects.first() or item_in()
    before = everything()
    body = spelt(changed(thin_notice(item.reference, evento), mutations))

    response = post_raw(body, {**headers, "HTTP_TF_WEBHOOKTOKEN": token})

    assert response.status_code in (400, 403, 413)
    assert everything() == before
    assert_nothing_broke(caplog)
    assert TOKEN not in str(response.content) + all_that_was_logged(caplog)
