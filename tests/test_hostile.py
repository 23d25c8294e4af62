"""Hostile input: whoever speaks to the webhook, and whatever the provider says, nothing breaks and nothing leaks.

The fuzzing has the same 100 examples in each run; `HOSTILE_EXAMPLES` asks for others, so many of each.
"""

from __future__ import annotations

import gzip
import html.parser
import json
import logging
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.signals import request_finished, request_started
from django.db import connection
from django.test import Client as HttpClient
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from django_tusfacturas_lotes.models import (
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteStatus,
    QueueOperation,
    WebhookEvent,
)
from django_tusfacturas_lotes.pdfs.download import download, place_of
from django_tusfacturas_lotes.provider.client import Client, Verdict
from django_tusfacturas_lotes.queueing import queue_invoice
from django_tusfacturas_lotes.submission import flush
from django_tusfacturas_lotes.views import MAX_BYTES
from django_tusfacturas_lotes.wire.answers.decode import MAX_DEPTH
from django_tusfacturas_lotes.wire.answers.redact import MASK
from django_tusfacturas_lotes.wire.modalities import Answer
from tests.builders import documento
from tests.raw_http import RawConnection, answering, not_to_be_reached, request, statuses
from tests.rows import make_operation
from tests.test_reception import CREDENTIALS, URL, failure, item_in, success

pytestmark = pytest.mark.django_db(transaction=True)

EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", "100"))
fuzzed = settings(
    max_examples=EXAMPLES,
    derandomize="HOSTILE_EXAMPLES" not in os.environ,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

# --- what is there afterwards -----------------------------------------------------------------------------------------


def everything() -> dict[str, list[str]]:
    """Every row of every table, as text."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            found[table] = sorted(map(repr, cursor.fetchall()))
    return found


def assert_no_credential_in(**places: object) -> None:
    for place, content in places.items():
        text = str(content)
        for name, secret in CREDENTIALS.items():
            where = text.find(secret)
            assert where < 0, f"the {name} in the {place}: …{text[max(0, where - 200) : where + 80]}…"


def assert_nothing_broke(caplog: pytest.LogCaptureFixture) -> None:
    broke = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert broke == []


def all_that_was_logged(caplog: pytest.LogCaptureFixture) -> str:
    return caplog.text + "".join(str(vars(record)) for record in caplog.records)


def post_raw(body: bytes, headers: dict[str, str] | None = None) -> Any:
    given: dict[str, Any] = {"CONTENT_TYPE": "application/json", **(headers or {})}
    return HttpClient(raise_request_exception=False).generic("POST", URL, body, given.pop("CONTENT_TYPE"), **given)


# --- strange notifications --------------------------------------------------------------------------------------------

SCRIPT = "<script>alert(1)</script>"
STRANGE = [
    "null", "true", "[]", "{}", '""', '" "', "0", "-1", "1.5", "1e308", "-0.0", "1e-400", "9" * 4300, "[null]",
    '["x"]', '{"a": {"b": [1]}}', '"\\u0000"', '"a\\u0000b"', '"\\ud800"', '"\\udc00\\ud800"', '"\\ud83d\\ude00 😀"',
    '"\\u200b"', '"\\uffff"', json.dumps(SCRIPT), json.dumps([SCRIPT, {"x": SCRIPT}]), json.dumps("x" * 256),
    json.dumps("ñ" * 20_000),
    "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1), '"S"', '"N"', '"99999-99999999"', '"31/02/2025"', '"01/01/0000"',
    json.dumps(f"el token {CREDENTIALS['apitoken']} y el apikey {CREDENTIALS['apikey']} no sirven"),
    json.dumps([CREDENTIALS, list(CREDENTIALS.values()), dict.fromkeys(CREDENTIALS.values(), 1)]),
    json.dumps(CREDENTIALS["usertoken"].join("<>")), json.dumps(CREDENTIALS["apikey"]),
]  # fmt: skip
BROKEN = [
    "NaN", "-Infinity", "1e999", "9" * 5000, "01", "'x'", '"\\x"', '"a\nb"', '"open', "[1,", "", "\ufeff", "undefined",
    "[" * MAX_DEPTH + "]" * MAX_DEPTH, '{"a":' * 10_000 + "1" + "}" * 10_000, "[" * 20_000, '"' + "x" * MAX_BYTES + '"',
]  # fmt: skip
# With lone surrogates, and with floats that are no JSON.
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(), max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
).map(json.dumps)
strange = st.sampled_from(STRANGE) | any_json | st.sampled_from(BROKEN)
KEYS = [key for key in success("x") if key not in CREDENTIALS]
keys = st.one_of(
    st.sampled_from(KEYS),
    st.sampled_from(["Apikey ", "APITOKEN", "apikey\0", "\ud800", "", SCRIPT, "k" * 300, CREDENTIALS["apitoken"]]),
    st.text(st.characters(), max_size=8).filter(lambda key: key not in CREDENTIALS),
)
# What is done to a notification, member after member: (drop all of this key, or not; then add one with this value).
changes = st.lists(st.tuples(st.booleans(), keys, st.none() | strange), max_size=4)
Changes = list[tuple[bool, str, str | None]]
CONTENT_TYPES = [
    "application/json", "text/html", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
    "multipart/form-data", "application/json; charset=utf-16", "application/json; charset=nonsense", "",
    ";", "/", "*/*",
]  # fmt: skip
headers = st.fixed_dictionaries(
    {"CONTENT_TYPE": st.sampled_from(CONTENT_TYPES)},
    optional={
        "HTTP_CONTENT_ENCODING": st.sampled_from(["gzip", "deflate", "br", "identity", "x"]),
        "HTTP_TRANSFER_ENCODING": st.just("chunked"),
        "HTTP_ACCEPT": st.sampled_from(["", "text/html", "nonsense", "a/b;q=x", "application/json; indent=99999999"]),
        "HTTP_X_HTTP_METHOD_OVERRIDE": st.sampled_from(["GET", "DELETE"]),
        "HTTP_COOKIE": st.sampled_from(["sessionid=x", "=;=", "csrftoken=\x7f"]),
        "HTTP_AUTHORIZATION": st.sampled_from(["Basic x", "Token", "Bearer " + "x" * 5000]),
        "QUERY_STRING": st.sampled_from(["format=html", "%ff=%00", "&&=&"]),
    },
)


def spelt(members: list[tuple[str, str]]) -> bytes:
    """Return an object with these members, any of them twice, whose values are JSON or whatever else was given."""
    text = ",".join(f"{json.dumps(key)}:{value}" for key, value in members)
    return ("{" + text + "}").encode("utf-8", "surrogatepass")


def changed(members: list[tuple[str, str]], mutations: Changes) -> list[tuple[str, str]]:
    for drop, key, value in mutations:
        if drop:
            members = [member for member in members if member[0] != key]
        if value is not None:
            members = [*members, (key, value)]
    return members


def without_credentials(reference: str) -> list[tuple[str, str]]:
    sent = success(reference)
    return [(key, json.dumps(sent[key])) for key in KEYS]


UNSTORABLE = re.compile("[\0\ud800-\udfff]")
CREDENTIAL_MEMBERS = [(key, json.dumps(value)) for key, value in CREDENTIALS.items()]
WHAT_WAS_ASKED_FOR = [
    "public_id", "account", "source_type_id", "source_id", "key", "kind", "credits_id", "credited_lines", "comprobante",
    "fecha", "total", "moneda", "razon_social", "documento_nro", "redated_from", "send_on", "tries", "created_at",
]  # fmt: skip


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


TOKEN = "token-of-the-webhook-0123456789"
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


# --- strange HTTP -----------------------------------------------------------------------------------------------------


def chunked(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


Speak = Callable[[bytes], bytes]
# What is said, of a right notification, and how it is answered: None where that is the server's to decide, not ours.
HOSTILE_HTTP: dict[str, tuple[Speak, int | None]] = {
    "a body shorter than its length": (lambda body: request(body[:-9], f"Content-Length: {len(body)}"), 400),
    "no body for its length": (lambda body: request(b"", "Content-Length: 500"), 400),
    "a body longer than its length": (lambda body: request(body, f"Content-Length: {len(body) - 9}"), 400),
    "a negative length": (lambda body: request(body, "Content-Length: -5"), 400),
    "no length": (lambda body: request(body), 400),
    "a length of zero": (lambda body: request(body, "Content-Length: 0"), 400),
    "a length of zeros": (lambda body: request(body, "Content-Length: 000"), 403),
    "a length that is a word": (lambda body: request(body, "Content-Length: many"), 403),
    "an absurd length": (lambda body: request(body[:-9], f"Content-Length: {10**30}"), 400),
    "a length of many digits": (lambda body: request(body, f"Content-Length: {'9' * 6000}"), 403),
    "two lengths": (lambda body: request(body, "Content-Length: 5", "Content-Length: 7"), 400),
    "chunked": (lambda body: request(chunked(body), "Transfer-Encoding: chunked"), 400),
    "chunked with a length": (
        lambda body: request(chunked(body), "Transfer-Encoding: chunked", f"Content-Length: {len(chunked(body))}"), 400,
    ),
    "chunks that lie": (lambda body: request(b"ffffffff\r\n" + body, "Transfer-Encoding: chunked"), 400),
    "a body that waits for a 100": (lambda body: request(b"", "Content-Length: 500", "Expect: 100-continue"), 400),
    "gzip": (
        lambda body: request(
            gzip.compress(body, mtime=0), f"Content-Length: {len(gzip.compress(body, mtime=0))}",
            "Content-Encoding: gzip",
        ), 400,
    ),
    "10,000 deep": (
        lambda body: request(b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "Content-Length: 60001"), 400,
    ),
    "a byte too many": (
        lambda body: request(body + b" " * (MAX_BYTES + 1 - len(body)), f"Content-Length: {MAX_BYTES + 1}"), 413,
    ),
    "a gigabyte to come": (
        lambda body: request(body + b" " * (MAX_BYTES + 1 - len(body)), "Content-Length: 1000000000"), 413,
    ),
    "another method": (lambda body: request(body, f"Content-Length: {len(body)}", method="PUT"), 405),
    "a method that nobody knows": (lambda body: request(body, f"Content-Length: {len(body)}", method="FROB"), 405),
    "another path": (lambda body: request(body, f"Content-Length: {len(body)}", path="/tusfacturas/webhook/../"), 404),
    "a path with NUL": (lambda body: request(body, f"Content-Length: {len(body)}", path="/tusfacturas/%00/"), 404),
    "many headers": (lambda body: request(body, *(f"X-{number}: x" for number in range(5000))), None),
    "a long header": (lambda body: request(body, "X: " + "x" * 100_000), None),
    "a long path": (lambda body: request(body, path="/" + "x" * 100_000), None),
    "HTTP/0.9": (lambda body: b"POST /tusfacturas/webhook/\r\n" + body, None),
    "HTTP/9.9": (lambda body: b"POST /tusfacturas/webhook/ HTTP/9.9\r\n\r\n" + body, None),
    "the start of TLS": (lambda body: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200, None),
    "nothing": (lambda body: b"", None),
    "no more than a line": (lambda body: b"POST /tusfacturas/webhook/ HTTP/1.1\r\n", None),
}  # fmt: skip


def right_request(item: LoteItem, **changes: Any) -> bytes:
    body = json.dumps(success(item, **changes)).encode()
    return request(body, f"Content-Length: {len(body)}", "Content-Type: application/json")


def speak(live_server: Any, said: bytes) -> list[int]:
    with RawConnection(live_server.url) as connection:
        connection.send(said)
        return statuses(connection.answers())


def assert_the_server_takes(live_server: Any, item: LoteItem) -> None:
    assert speak(live_server, right_request(item)) == [200]
    assert Invoice.objects.get(pk=item.invoice_id).status == InvoiceStatus.ISSUED


@pytest.mark.parametrize(("say", "status"), HOSTILE_HTTP.values(), ids=HOSTILE_HTTP)
def test_broken_http_changes_nothing_and_the_next_is_taken(
    live_server: Any, caplog: pytest.LogCaptureFixture, say: Speak, status: int | None
) -> None:
    item = item_in()
    before = everything()
    answered = speak(live_server, say(json.dumps(success(item)).encode()))
    if status is not None:
        assert next(code for code in answered if code != 100) == status
    assert everything() == before
    assert_nothing_broke(caplog)
    assert_the_server_takes(live_server, item)


def test_a_full_size_notification_is_taken(live_server: Any) -> None:
    item = item_in()
    body = json.dumps(success(item)).encode()
    body += b" " * (MAX_BYTES - len(body))
    assert speak(live_server, request(body, f"Content-Length: {MAX_BYTES}")) == [200]


def test_a_slow_sender_keeps_nobody_waiting_and_is_taken_in_the_end(live_server: Any) -> None:
    slow, quick = item_in(), item_in()
    said = right_request(slow)
    head = said.index(b"\r\n\r\n") + 4
    with RawConnection(live_server.url) as drip:
        drip.send(said[:10])
        assert_the_server_takes(live_server, quick)
        for byte in range(10, head + 20):
            drip.send(said[byte : byte + 1])
        assert_the_server_takes(live_server, item_in())
        assert Invoice.objects.get(pk=slow.invoice_id).status == InvoiceStatus.SUBMITTED
        for byte in range(head + 20, len(said)):
            drip.send(said[byte : byte + 1])
        assert statuses(drip.answers()) == [200]
    assert Invoice.objects.get(pk=slow.invoice_id).status == InvoiceStatus.ISSUED


def test_many_slow_senders_keep_nobody_waiting(live_server: Any) -> None:
    item = item_in()
    crowd = [RawConnection(live_server.url) for _ in range(20)]
    for one in crowd:
        one.send(request(b'{"apikey": "', "Content-Length: 500"))
    assert_the_server_takes(live_server, item)
    for one in crowd:
        with one:
            assert statuses(one.answers()) == [400]
    assert WebhookEvent.objects.count() == 1


@pytest.fixture
def requests_seen() -> Iterator[dict[str, threading.Event]]:
    """Events that tell when the application has begun, and when it has ended, a request."""
    seen = {"begun": threading.Event(), "ended": threading.Event()}

    def begin(**named: Any) -> None:
        seen["begun"].set()

    def end(**named: Any) -> None:
        seen["ended"].set()

    request_started.connect(begin)
    request_finished.connect(end)
    yield seen
    request_started.disconnect(begin)
    request_finished.disconnect(end)


@pytest.mark.parametrize("sent", [0, 1, 200], ids=lambda sent: f"{sent} bytes of the body")
def test_a_sender_that_dies_in_the_middle_is_no_error_of_ours(
    live_server: Any, caplog: pytest.LogCaptureFixture, requests_seen: dict[str, threading.Event], sent: int
) -> None:
    item = item_in()
    before = everything()
    said = right_request(item)
    dying = RawConnection(live_server.url)
    dying.send(said[: said.index(b"\r\n\r\n") + 4 + sent])
    assert requests_seen["begun"].wait(20)
    dying.reset()
    assert requests_seen["ended"].wait(20)
    assert everything() == before
    assert_nothing_broke(caplog)
    assert_the_server_takes(live_server, item)


def test_a_sender_that_does_not_wait_for_the_answer_is_taken(
    live_server: Any, caplog: pytest.LogCaptureFixture, requests_seen: dict[str, threading.Event]
) -> None:
    item = item_in()
    hasty = RawConnection(live_server.url)
    hasty.send(right_request(item))
    assert requests_seen["begun"].wait(20)
    hasty.send(b"and more that nobody asked for")
    hasty.reset()
    assert requests_seen["ended"].wait(20)
    assert_nothing_broke(caplog)
    # The whole notification may have been lost with the connection; what counts is that it is all, or nothing.
    events = list(WebhookEvent.objects.values_list("status", flat=True))
    assert events in ([], ["processed"])
    assert_the_server_takes(live_server, item)


def test_of_pipelined_requests_each_counts_for_itself(live_server: Any, caplog: pytest.LogCaptureFixture) -> None:
    first, second, third = item_in(), item_in(), item_in()
    answered = speak(live_server, right_request(first) + right_request(second, apikey="wrong") + right_request(third))
    issued = set(Invoice.objects.filter(status=InvoiceStatus.ISSUED).values_list("pk", flat=True))
    # Whether a server reads on after the first is its own affair.
    right = [item.invoice_id for item, status in zip((first, second, third), answered, strict=False) if status == 200]
    assert answered in ([200], [200, 403, 200])
    assert issued == set(right)
    assert WebhookEvent.objects.count() == len(right)
    assert_nothing_broke(caplog)


# --- what the admin shows ---------------------------------------------------------------------------------------------

POISON = f"\"'><img src=x onerror=alert(1)>{SCRIPT}{{{{ 7|add:'7' }}}}"
APP = "/admin/django_tusfacturas_lotes"
MODELS: dict[str, Any] = {
    "invoice": Invoice, "lote": Lote, "loteitem": LoteItem, "webhookevent": WebhookEvent,
    "queueoperation": QueueOperation,
}  # fmt: skip


class Page(html.parser.HTMLParser):
    """A page as a browser reads it: its text, and what would run."""

    def __init__(self, content: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.dangers: list[str] = []
        self.addresses: list[str] = []
        self._script = False
        self.feed(content)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._script = tag == "script"
        for name, value in attrs:
            if name.startswith("on") or (name == "src" and value == "x") or name == "srcdoc":
                self.dangers.append(f"<{tag} {name}={value!r}>")
            if name in ("href", "src", "action", "formaction", "data"):
                self.addresses.append(value or "")
                if (value or "").strip().lower().startswith(("javascript:", "data:", "vbscript:")):
                    self.dangers.append(f"<{tag} {name}={value!r}>")

    def handle_endtag(self, tag: str) -> None:
        self._script = False

    def handle_data(self, data: str) -> None:
        if not self._script:
            self.text += data
        elif "alert(1)" in data:
            self.dangers.append(f"<script>{data}")


def http_answer(status: str, body: str, *headers: str) -> bytes:
    content = body.encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + content


def poisoned_invoice(account: str = "default") -> Invoice:
    number = Invoice.objects.count()
    invoice = queue_invoice(
        comprobante=documento(cliente={"razon_social": POISON}), key=f"{POISON}{number}", kind=SCRIPT, account=account
    )
    assert invoice is not None
    assert invoice.status == InvoiceStatus.PENDING, invoice.reasons
    return invoice


@pytest.fixture
def poisoned(settings: Any) -> None:
    """A shop whose customers, and whose provider, put a script into every text that they have."""
    page = f"<html><body onload='alert(1)'>{POISON}</body></html>"
    answers = [
        # The first row is refused, the rest is taken, and there is something that does not add up.
        {"error": "N", "procesados": 4, "errores": [POISON], "validaciones": [f"fila 0: {POISON}", POISON]},
        None,
        {"error": "S", "errores": [POISON, {"x": POISON}], "rta": POISON},
    ]
    spoken = [http_answer("200 OK", json.dumps(one)) if one else http_answer("500 Oh", page) for one in answers]
    with answering(spoken) as provider:
        account = {**settings.TUSFACTURAS_LOTES["ACCOUNTS"]["default"], "BASE_URL": provider}
        settings.TUSFACTURAS_LOTES = {
            **settings.TUSFACTURAS_LOTES, "ACCOUNTS": {"default": account, "other": account}, "MAX_ITEMS": 5,
        }  # fmt: skip
        for _ in range(5):
            poisoned_invoice()
        flush("default")
        poisoned_invoice()
        flush("default")
        poisoned_invoice("other")
        flush("other")
    # One more waits behind the lote that was refused, and says why; and one was never valid.
    poisoned_invoice("other")
    queue_invoice(comprobante=documento(cliente={"razon_social": POISON}, provincia=POISON, tipo=POISON), key="invalid")
    _refused, taken, failed, unreadable, without_cae = LoteItem.objects.order_by("pk")[:5]
    texts = {"rta": POISON, "observaciones": POISON, "vencimiento_pago": POISON, POISON: POISON}
    for told in (
        success(taken, **texts, comprobante_tipo=SCRIPT, cae=SCRIPT, comprobante_pdf_url="javascript:alert(1)"),
        failure(failed, POISON, f"Cod. Error: 10016 {POISON}"),
        success(unreadable, **texts, error=POISON),
        success(without_cae, **texts, cae=""),
        success(POISON, **texts),
    ):
        assert post_raw(json.dumps(told).encode()).status_code == 200
    # A text of the provider's on a lote that a person is asked about.
    Lote.objects.filter(status=LoteStatus.UNCERTAIN).update(error=POISON)
    make_operation(failed, status="refused", error=POISON, response={POISON: POISON}, options={"x": POISON})


def lists_and_rows() -> list[str]:
    rows = [f"{APP}/{model}/{row.pk}/change/" for model, rows in MODELS.items() for row in rows.objects.all()]
    return [*(f"{APP}/{model}/" for model in MODELS), *rows]


def admin_pages() -> list[str]:
    pages = lists_and_rows()
    found = [f"{APP}/{model}/?q=%3Cscript%3Ealert(1)" for model in MODELS]
    needing = [f"{APP}/{model}/?needs=me" for model in MODELS if model != "loteitem"]
    return ["/admin/", f"{APP}/", *pages, *found, *needing, *(page.replace("/change/", "/history/") for page in pages)]


ACTIONS = [
    ("invoice", "retry_selected"), ("invoice", "retry_rebuilt"), ("invoice", "cancel_selected"), ("lote", "send_now"),
    ("lote", "confirm_received"), ("lote", "confirm_not_received"), ("webhookevent", "process_again"),
]  # fmt: skip


def act_on_all(client: Any, model: str, action: str, **data: str) -> str:
    selected = [str(row.pk) for row in MODELS[model].objects.all()]
    response = client.post(f"{APP}/{model}/", {"action": action, "_selected_action": selected, **data}, follow=True)
    return str(response.content.decode())


def test_what_strangers_write_stays_text_on_every_page_of_the_admin(admin_client: Any, poisoned: None) -> None:
    assert set(Invoice.objects.values_list("status", flat=True)) >= {"issued", "failed", "uncertain", "claimed"}
    assert set(Lote.objects.values_list("status", flat=True)) == {"accepted", "uncertain", "ready"}
    assert set(WebhookEvent.objects.values_list("status", flat=True)) == {"processed", "error", "unmatched"}
    lists = [f"{APP}/{model}/" for model in MODELS]
    for address in admin_pages():
        response = admin_client.get(address)
        assert response.status_code == 200, address
        page = Page(response.content.decode())
        assert page.dangers == [], address
        if address in lists or (address.startswith(f"{APP}/invoice/") and address.endswith("/change/")):
            assert SCRIPT in page.text, f"{address} does not show what it is about"
        assert "14" not in page.text.partition(SCRIPT)[2][:2], address


def test_each_text_of_a_stranger_can_be_read(admin_client: Any, poisoned: None) -> None:
    issued = Invoice.objects.get(status=InvoiceStatus.ISSUED)
    page = Page(admin_client.get(f"{APP}/invoice/{issued.pk}/change/").content.decode())
    assert "javascript:alert(1)" in page.text
    assert not any("javascript" in address for address in page.addresses)
    for text in (POISON, f"{POISON}1", issued.cae, issued.tipo):
        assert text in page.text
    failed = Invoice.objects.get(failure_stage="emission")
    assert (
        f"Cod. Error: 10016 {POISON}"
        in Page(admin_client.get(f"{APP}/invoice/{failed.pk}/change/").content.decode()).text
    )
    uncertain = Lote.objects.get(status=LoteStatus.UNCERTAIN)
    page = Page(admin_client.get(f"{APP}/lote/{uncertain.pk}/change/").content.decode())
    assert "<body onload='alert(1)'>" in page.text


@pytest.mark.parametrize(("model", "action"), ACTIONS, ids=[action for _, action in ACTIONS])
def test_what_strangers_write_stays_text_in_questions_and_messages(
    admin_client: Any, poisoned: None, model: str, action: str
) -> None:
    page = Page(act_on_all(admin_client, model, action))
    assert page.dangers == []
    assert SCRIPT in page.text
    assert Page(act_on_all(admin_client, model, action, confirmed="yes")).dangers == []


@pytest.mark.parametrize(
    ("address", "is_link"),
    [
        ("https://x.test/a.pdf", True),
        ("http://x.test/a.pdf", True),
        (f"https://x.test/{POISON}", True),
        ("javascript:alert(1)", False),
        (" javascript:alert(1)", False),
        ("JavaScript:alert(1)//https://x.test/", False),
        ("java\tscript:alert(1)", False),
        ("\x01javascript:alert(1)", False),
        ("data:text/html,<script>alert(1)</script>", False),
        ("vbscript:alert(1)", False),
        ("file:///etc/passwd", False),
        ("//x.test/a.pdf", False),
        ("/somewhere/a.pdf", False),
        ("https:javascript:alert(1)", False),
    ],
)
def test_only_a_web_address_becomes_a_link(admin_client: Any, address: str, is_link: bool) -> None:
    assert post_raw(json.dumps(success(item_in(), comprobante_pdf_url=address)).encode()).status_code == 200
    invoice = Invoice.objects.get()
    page = Page(admin_client.get(f"{APP}/invoice/{invoice.pk}/change/").content.decode())
    assert page.dangers == []
    assert (invoice.pdf_url in page.addresses) == is_link
    assert "".join(address.split()) in "".join(page.text.split())


@pytest.fixture
def dialogs(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, list[str]]]:
    """A real Chromium, and what it was made to show."""
    if CHROMIUM is None and not os.environ.get("CI"):
        pytest.skip("no Chromium here (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    # Playwright's event loop runs in the test's thread, where the test uses the ORM.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    opened: list[str] = []

    def dismiss(dialog: Any) -> None:
        opened.append(dialog.message)
        dialog.dismiss()

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        context = browser.new_context()
        page = context.new_page()
        page.on("dialog", dismiss)
        yield page, opened
        browser.close()


@pytest.mark.browser
def test_a_browser_that_reads_the_admin_runs_nothing_of_it(
    live_server: Any, poisoned: None, dialogs: tuple[Any, list[str]]
) -> None:
    page, opened = dialogs
    User.objects.create_superuser("admin", password="demo")
    page.goto(f"{live_server.url}/admin/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill("demo")
    page.get_by_role("button", name="Log in").click()
    # The marker that a dialog would be noticed.
    page.evaluate("alert('noticed')")
    for address in lists_and_rows():
        page.goto(f"{live_server.url}{address}")
        assert page.locator("img[src=x], [onerror], [onload]").count() == 0, address
    for model, action in ACTIONS:
        page.goto(f"{live_server.url}{APP}/{model}/")
        page.locator("#action-toggle").check()
        page.locator("select[name=action]").select_option(action)
        with page.expect_navigation():
            page.get_by_role("button", name="Run").or_(page.get_by_role("button", name="Go")).first.click()
        assert SCRIPT in page.locator("body").inner_text(), action
    assert opened == ["noticed"]


# --- what the provider answers ----------------------------------------------------------------------------------------

REDIRECTS = ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]
TAKEN = json.dumps({"error": "N", "procesados": 1, "errores": [], "validaciones": []})


def redirect(status: str, target: str, body: str = "") -> bytes:
    return http_answer(status, body, f"Location: {target}", f"Content-Location: {target}", f"Refresh: 0; url={target}")


def read_taken(answer: Any) -> Answer:
    return Answer()


@pytest.mark.parametrize("body", ["", TAKEN], ids=["empty", "that says taken"])
@pytest.mark.parametrize("status", REDIRECTS)
def test_a_redirect_is_not_followed_and_proves_nothing(status: str, body: str) -> None:
    with not_to_be_reached() as elsewhere, Client(connect_timeout=1, read_timeout=2) as client:
        with answering([redirect(status, f"{elsewhere}/v2/", body)]) as provider:
            assert client.send(provider, {"apitoken": "x"}, read_taken).verdict is Verdict.UNCERTAIN
        with answering([redirect(status, f"{elsewhere}/v2/", body)]) as provider:
            assert client.ask(provider, {"apitoken": "x"}, dict).value is None


@pytest.mark.parametrize("status", REDIRECTS)
def test_a_lote_that_is_redirected_is_uncertain_and_sent_nowhere_else(settings: Any, status: str) -> None:
    invoice = queue_invoice(comprobante=documento(), key="erp-1")
    assert invoice is not None
    with not_to_be_reached() as elsewhere, answering([redirect(status, elsewhere)]) as provider:
        account = {**settings.TUSFACTURAS_LOTES["ACCOUNTS"]["default"], "BASE_URL": provider}
        settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "ACCOUNTS": {"default": account}}
        flush()
        flush()
    assert Lote.objects.get().status == LoteStatus.UNCERTAIN
    assert Invoice.objects.get().status == InvoiceStatus.UNCERTAIN


@pytest.mark.parametrize("status", REDIRECTS)
def test_a_pdf_is_not_fetched_from_the_host_that_its_own_redirects_to(status: str) -> None:
    with not_to_be_reached() as elsewhere, answering([redirect(status, f"{elsewhere}/a.pdf", "%PDF-")]) as provider:
        got = download(
            f"{provider}/a.pdf", hosts=["x.test"], own=[place_of(provider)], connect_timeout=1, read_timeout=2
        )
    assert got.content is None
    assert got.text != ""


def test_a_notification_makes_no_call_and_neither_does_the_admin(live_server: Any, admin_client: Any) -> None:
    with not_to_be_reached() as elsewhere:
        item = item_in()
        told = success(item, comprobante_pdf_url=f"{elsewhere}/a.pdf", webhook_url=elsewhere, Location=elsewhere)
        assert post_raw(json.dumps(told).encode()).status_code == 200
        for address in admin_pages():
            assert admin_client.get(address).status_code == 200
        assert Invoice.objects.get().pdf_url == f"{elsewhere}/a.pdf"


def test_a_credential_that_our_own_limit_cuts_in_half_is_not_stored(settings: Any) -> None:
    token = CREDENTIALS["apitoken"]
    invoice = queue_invoice(comprobante=documento(), key="erp-1")
    assert invoice is not None
    page = "x" * (2000 - len(token) + 1) + token + "</html>"
    with answering([http_answer("500 Oh", page)]) as provider:
        account = {**settings.TUSFACTURAS_LOTES["ACCOUNTS"]["default"], "BASE_URL": provider}
        settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "ACCOUNTS": {"default": account}}
        flush()
    assert "x" * 100 in str(Lote.objects.get().response)
    assert token[:-1] not in str(everything())
