"""Credentials are masked wherever they stand, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_tusfacturas_lotes.wire.answers.redact import redact, redact_text

SECRETS = ("1234", "7adshadh716781b4e4741437baddaa6")


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
