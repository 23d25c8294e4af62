from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_tusfacturas_lotes.wire.answers.decode import MAX_DEPTH, NotAnObject, decode_object, storable
from django_tusfacturas_lotes.wire.answers.redact import redact, redact_text

SECRETS = ("1234", "7adshadh716781b4e4741437baddaa6")


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "not JSON"),
        (b"apikey=1&apitoken=2", "not JSON"),
        (b"[]", "not an object"),
        (b'"x"', "not an object"),
        (b"null", "not an object"),
        ('{"a": "ñ"}'.encode("latin-1"), "not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
        (b'{"a": NaN}', "not JSON"),
        (b'{"a": -Infinity}', "not JSON"),
        (b'{"a": 1e999}', "not JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "nested too deeply"),
        (b'{"a":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}", "nested too deeply"),
        (b'{"a": 1} {"b": 2}', "not JSON"),
    ],
)
def test_what_is_not_one_plain_object_is_refused(raw: bytes, why: str) -> None:
    with pytest.raises(NotAnObject, match=why):
        decode_object(raw)


def test_texts_become_storable_in_any_database() -> None:
    assert decode_object(b'{"a\\u0000": ["x\\ud800y", "\\u0000"]}') == {"a\ufffd": ["x\ufffdy", "\ufffd"]}


def test_a_byte_order_mark_does_no_harm() -> None:
    assert decode_object(b"\xef\xbb\xbf{}") == {}


@given(st.binary(max_size=200))
def test_any_bytes_give_an_object_or_a_refusal(raw: bytes) -> None:
    try:
        decoded = decode_object(raw)
    except NotAnObject:
        return
    assert isinstance(decoded, dict)


@pytest.mark.parametrize("value", [object(), {"a": float("nan")}, {1: {2: b"x"}}, "\ud800"])
def test_storable_makes_json_of_anything(value: Any) -> None:
    json.dumps(storable(value)).encode()


def test_credentials_go_by_key_and_by_value() -> None:
    payload = {
        "apikey": "1234",
        "ApiToken": "x",
        "requests": [{"usertoken": "y", "rta": "el apikey 1234 y 7adshadh716781b4e4741437baddaa6x"}],
        "n": "1234",
    }
    assert redact(payload, SECRETS) == {"requests": [{"rta": "el apikey *** y ***x"}], "n": "***"}


@pytest.mark.parametrize("text", ["71234567890123", "0003-00001234", "1234-5", "1234.50", "abc-1234"])
def test_a_short_secret_is_not_taken_for_a_part_of_a_number(text: str) -> None:
    assert redact_text(text, SECRETS) == text


def test_an_empty_secret_masks_nothing() -> None:
    assert redact_text("text", ("",)) == "text"


@given(st.text(), st.sampled_from(["7adshadh716781b4e4741437baddaa6"]), st.text())
def test_a_long_secret_never_gets_through(before: str, secret: str, after: str) -> None:
    assert secret not in redact_text(before + secret + after, SECRETS)
