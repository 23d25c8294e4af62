"""No credential is stored, however it is written, and whosever it is."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from django_tusfacturas_lotes.models import Invoice, InvoiceStatus
from django_tusfacturas_lotes.queueing import queue_invoice
from django_tusfacturas_lotes.submission import flush
from django_tusfacturas_lotes.wire.answers.decode import MAX_DEPTH
from tests.support.builders import documento
from tests.support.raw_http import answering
from tests.support.strange import (
    TOKEN,
    all_that_was_logged,
    assert_no_credential_in,
    assert_nothing_broke,
    everything,
    http_answer,
    post_raw,
)
from tests.support.webhook import CREDENTIALS, failure, item_in, success

pytestmark = pytest.mark.django_db(transaction=True)

DISGUISES: dict[str, dict[str, Any]] = {
    "under another key": {"extra": CREDENTIALS},
    "under a key in capitals": {"Apikey": CREDENTIALS["apikey"], "USERTOKEN": CREDENTIALS["usertoken"]},
    "as a key": dict.fromkeys(CREDENTIALS.values(), "x"),
    "in prose": {"rta": "credenciales: {apikey}, {apitoken}, {usertoken}.".format(**CREDENTIALS)},
    "as JSON in a text": {"rta": json.dumps(CREDENTIALS)},
    "as dense JSON in a text": {"rta": json.dumps(CREDENTIALS, separators=(",", ":"))},
    "in HTML": {"rta": "<td>{apikey}</td><td>{apitoken}</td>".format(**CREDENTIALS)},
    "in an address": {"comprobante_pdf_url": "https://x.test/?apikey={apikey}&apitoken={apitoken}".format(**CREDENTIALS)},
    "as a number": {"numero": int(CREDENTIALS["apikey"])},
    "as a number for a reference": {"facturacion_lote_id_referencia": int(CREDENTIALS["apikey"])},
    "as the reference": {"facturacion_lote_id_referencia": CREDENTIALS["apitoken"]},
    "as the error": {"error": CREDENTIALS["usertoken"]},
    "in errors that are no texts": {
        "error": "S", "errores": [[CREDENTIALS["apitoken"]], {"x": CREDENTIALS["usertoken"]}],
    },
    "where a column may end": {"observaciones": "x" * 240 + CREDENTIALS["apitoken"]},
}  # fmt: skip


def nested(levels: int) -> Any:
    return [nested(levels - 1)] if levels > 1 else []


def test_what_is_as_deep_as_may_be_is_stored_on_every_database(settings: Any) -> None:
    deepest = nested(MAX_DEPTH - 1)
    # A notification, a comprobante that is not valid, and an answer. MariaDB refuses JSON of more than 31 levels.
    assert post_raw(json.dumps(success(item_in(), extra=deepest)).encode()).status_code == 200
    assert Invoice.objects.get().status == InvoiceStatus.ISSUED
    invalid = queue_invoice(comprobante={**documento(), "extra": deepest}, key="invalid")
    assert invalid is not None
    assert invalid.status == InvoiceStatus.FAILED
    queue_invoice(comprobante=documento(), key="valid")
    taken = {"error": "N", "procesados": 1, "errores": [], "validaciones": [], "extra": deepest}
    with answering([http_answer("200 OK", json.dumps(taken))]) as provider:
        account = {**settings.TUSFACTURAS_LOTES["ACCOUNTS"]["default"], "BASE_URL": provider}
        settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "ACCOUNTS": {"default": account}}
        assert flush().accepted == 1


@pytest.mark.parametrize("disguised", DISGUISES.values(), ids=DISGUISES)
def test_a_credential_is_stored_in_no_disguise(caplog: pytest.LogCaptureFixture, disguised: dict[str, Any]) -> None:
    caplog.set_level(logging.DEBUG)
    assert post_raw(json.dumps({**success(item_in()), **disguised}).encode()).status_code == 200
    assert_no_credential_in(database=everything(), log=all_that_was_logged(caplog))


def test_another_accounts_credentials_are_not_stored_either(settings: Any) -> None:
    account = settings.TUSFACTURAS_LOTES["ACCOUNTS"]["default"]
    other = {**account, "APIKEY": "555", "APITOKEN": "the-token-of-the-other", "USERTOKEN": "the-user-of-the-other"}
    settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "ACCOUNTS": {"default": account, "other": other}}
    told = failure(item_in(), "el token the-token-of-the-other no es de esta cuenta")
    assert post_raw(json.dumps(told).encode()).status_code == 200
    assert "the-token-of-the-other" not in str(everything())


NOTICE = {"recurso": "test", "evento": "test", "hook_id": "1", "external_reference": "x-1", "intento": 1, "msg": ""}


@pytest.fixture
def queue_account(settings: Any) -> None:
    """An account whose notices are proven by a token in a header."""
    account = {
        **settings.TUSFACTURAS_LOTES["ACCOUNTS"]["default"], "MODALITY": "nuevo_encola", "WEBHOOK_TOKEN": TOKEN,
    }  # fmt: skip
    settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "ACCOUNTS": {"default": account}}


@pytest.mark.parametrize(
    ("headers", "extra"),
    [
        ({}, {}),
        ({"HTTP_TF_WEBHOOKTOKEN": ""}, {}),
        ({"HTTP_TF_WEBHOOKTOKEN": TOKEN[:-1]}, {}),
        ({"HTTP_TF_WEBHOOKTOKEN": TOKEN + "x"}, {}),
        ({"HTTP_TF_WEBHOOKTOKEN": TOKEN.upper()}, {}),
        ({"HTTP_TF_WEBHOOKTOKEN": f"{TOKEN},{TOKEN}"}, {}),
        ({"HTTP_TF_WEBHOOKTOKEN": "\xff\x00\u0142"}, {}),
        ({"HTTP_TF_WEBHOOKTOKEN": "x" * 60_000}, {}),
        ({"HTTP_AUTHORIZATION": f"Bearer {TOKEN}"}, {}),
        ({"QUERY_STRING": f"TF-WebhookToken={TOKEN}"}, {}),
        ({"HTTP_COOKIE": f"TF-WebhookToken={TOKEN}"}, {}),
        ({}, {"TF-WebhookToken": TOKEN}),
        ({}, {**CREDENTIALS, "usertoken": TOKEN}),
    ],
)
def test_a_notice_without_the_token_in_its_header_changes_nothing(
    caplog: pytest.LogCaptureFixture, queue_account: None, headers: dict[str, str], extra: dict[str, str]
) -> None:
    before = everything()
    assert post_raw(json.dumps({**NOTICE, **extra}).encode(), headers).status_code == 403
    assert everything() == before
    assert_nothing_broke(caplog)


def test_a_webhook_token_is_not_stored(caplog: pytest.LogCaptureFixture, queue_account: None) -> None:
    caplog.set_level(logging.DEBUG)
    told = {**NOTICE, "msg": f"con el token {TOKEN}", "TF-WebhookToken": TOKEN, "extra": [CREDENTIALS]}
    response = post_raw(json.dumps(told).encode(), {"HTTP_TF_WEBHOOKTOKEN": TOKEN})
    assert response.status_code == 200
    stored = everything()
    assert_no_credential_in(database=stored, answer=response.content, log=all_that_was_logged(caplog))
    assert TOKEN not in str(stored) + all_that_was_logged(caplog)
