"""Strange JSON and credentials in disguise, and what must hold after them."""

from __future__ import annotations

import json
import logging
import os
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client as HttpClient
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from django_tusfacturas_lotes.views import MAX_BYTES
from django_tusfacturas_lotes.wire.answers.decode import MAX_DEPTH
from tests.support.webhook import CREDENTIALS, URL, success

# `tests/conftest.py`: fewer without `--thorough`. `HOSTILE_EXAMPLES` asks for others, so many of each.
EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES") or os.environ["FUZZ_EXAMPLES"])
fuzzed = settings(
    max_examples=EXAMPLES,
    derandomize="HOSTILE_EXAMPLES" not in os.environ,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


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
TOKEN = "token-of-the-webhook-0123456789"


def http_answer(status: str, body: str, *headers: str) -> bytes:
    content = body.encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + content
