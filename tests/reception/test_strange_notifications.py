"""Whatever a notification of `lotes` says, nothing breaks, leaks or is forged."""

from __future__ import annotations

import gzip
import json
import logging

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote, LoteItem, WebhookEvent
from django_tusfacturas_lotes.wire.answers.decode import MAX_DEPTH
from django_tusfacturas_lotes.wire.answers.redact import MASK
from tests.support.strange import (
    CREDENTIAL_MEMBERS,
    SCRIPT,
    UNSTORABLE,
    WHAT_WAS_ASKED_FOR,
    Changes,
    all_that_was_logged,
    assert_no_credential_in,
    assert_nothing_broke,
    changed,
    changes,
    everything,
    fuzzed,
    headers,
    post_raw,
    spelt,
    strange,
    without_credentials,
)
from tests.support.webhook import CREDENTIALS, item_in, success

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.thorough(fewer="examples")]


@fuzzed
@given(mutations=changes, headers=headers)
@example(mutations=[(True, "cae", '["71234567890123"]')], headers={})
@example(mutations=[(False, "cae", '""')], headers={})
@example(mutations=[(True, "error", '"S"'), (True, "errores", json.dumps(SCRIPT))], headers={})
@example(mutations=[(True, "x", "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1))], headers={})
@example(mutations=[(True, "x", '{"a":' * 10_000 + "1" + "}" * 10_000)], headers={})
def test_a_strange_notification_with_right_credentials_breaks_leaks_and_forges_nothing(
    caplog: pytest.LogCaptureFixture, mutations: Changes, headers: dict[str, str]
) -> None:
    caplog.clear()
    caplog.set_level(logging.DEBUG)
    for model in (WebhookEvent, LoteItem, Lote, Invoice):
        model.objects.all().delete()
    item, bystander = item_in(), item_in()
    before = Invoice.objects.filter(pk=item.invoice_id).values().get()
    others = Invoice.objects.filter(pk=bystander.invoice_id).values().get()
    untouched = everything()
    body = spelt([*changed(without_credentials(item.reference), mutations), *CREDENTIAL_MEMBERS])

    response = post_raw(body, headers)

    stored = everything()
    assert_no_credential_in(database=stored, answer=response.content, log=all_that_was_logged(caplog))
    assert_nothing_broke(caplog)
    assert Invoice.objects.filter(pk=bystander.invoice_id).values().get() == others
    if response.status_code != 200:
        assert response.status_code in (400, 413)
        assert stored == untouched
        return
    assert WebhookEvent.objects.count() == 1
    after = Invoice.objects.filter(pk=item.invoice_id).values().get()
    sent = json.loads(body)
    names_it = str(sent.get("facturacion_lote_id_referencia")).strip() == item.reference
    if after == before:
        return
    assert names_it, "an invoice was changed that the notification does not name"
    assert [column for column in WHAT_WAS_ASKED_FOR if after[column] != before[column]] == []
    if after["status"] == InvoiceStatus.ISSUED:
        assert sent["error"] == "N"
        assert isinstance(sent["cae"], str | int)
        assert not isinstance(sent["cae"], bool)
        assert after["cae"] == UNSTORABLE.sub("\ufffd", str(sent["cae"])).strip() or MASK in after["cae"]
        assert after["cae"] != ""
    elif after["status"] == InvoiceStatus.FAILED:
        assert sent["error"] == "S"
        assert Invoice.objects.get(pk=item.invoice_id).reasons
    else:
        assert (after["status"], after["attention"]) == (InvoiceStatus.SUBMITTED, "no_cae")


@fuzzed
@given(
    mutations=changes,
    spoilt=st.dictionaries(st.sampled_from(sorted(CREDENTIALS)), st.none() | strange, min_size=1),
    headers=headers,
    credentials_first=st.booleans(),
)
@example(mutations=[], spoilt=dict.fromkeys(CREDENTIALS), headers={}, credentials_first=True)
@example(mutations=[], spoilt=dict.fromkeys(CREDENTIALS, '""'), headers={}, credentials_first=True)
@example(
    mutations=[], spoilt={"apitoken": json.dumps(CREDENTIALS["apitoken"][:-1])}, headers={}, credentials_first=True
)
def test_without_right_credentials_nothing_changes_and_nothing_is_stored(
    caplog: pytest.LogCaptureFixture,
    mutations: Changes,
    spoilt: dict[str, str | None],
    headers: dict[str, str],
    credentials_first: bool,
) -> None:
    caplog.clear()
    caplog.set_level(logging.DEBUG)
    item = LoteItem.objects.first() or item_in()
    before = everything()
    # The right value comes first, then what spoils it: the last of two members counts.
    credentials = [
        member for member in CREDENTIAL_MEMBERS if member[0] not in spoilt or spoilt[member[0]] is not None
    ] + [(key, value) for key, value in spoilt.items() if value is not None and value != json.dumps(CREDENTIALS[key])]
    if dict(credentials) == dict(CREDENTIAL_MEMBERS):
        credentials = []
    rest = changed(without_credentials(item.reference), mutations)
    body = spelt([*credentials, *rest] if credentials_first else [*rest, *credentials])

    response = post_raw(body, headers)

    assert response.status_code in (400, 403, 413)
    assert everything() == before
    assert_nothing_broke(caplog)
    assert_no_credential_in(answer=response.content, log=all_that_was_logged(caplog))


@fuzzed
@given(
    body=st.binary(max_size=400)
    | st.builds(lambda cut: json.dumps(success("x")).encode()[:cut], st.integers(0, 500))
    | st.sampled_from([gzip.compress(json.dumps(success("x")).encode()), json.dumps(success("x")).encode("utf-16")]),
    headers=headers,
)
def test_any_bytes_are_answered_and_change_nothing(
    caplog: pytest.LogCaptureFixture, body: bytes, headers: dict[str, str]
) -> None:
    caplog.clear()
    if not Invoice.objects.exists():
        item_in()
    before = everything()
    assert post_raw(body, headers).status_code in (400, 403)
    assert everything() == before
    assert_nothing_broke(caplog)
