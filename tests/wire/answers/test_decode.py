"""What is not one plain JSON object is refused, and the rest can be stored in any database."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_tusfacturas_lotes.wire.answers.decode import MAX_DEPTH, NotAnObject, decode_object, storable


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
