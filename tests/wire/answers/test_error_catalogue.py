"""What the errors of ARCA and the provider mean, and what to do about each."""

from __future__ import annotations

import pytest

from django_tusfacturas_lotes.wire.answers.error_catalogue import CATALOGUE, code_of, explain

CODES = (
    "500 501 502 600 601 602 10000 10005 10007 10013 10015 10016 10017 10018 10023 10036 10040 10048 10049 10051 10061 "
    "10063 10069 10119 10192 10197 10242 10243 10246 TFC-8004"
)


def test_these_codes_are_known() -> None:
    assert list(CATALOGUE) == CODES.split()


@pytest.mark.parametrize("code", CATALOGUE)
def test_each_has_a_meaning_and_a_next_step_in_its_hint(code: str) -> None:
    meaning, step = CATALOGUE[code]
    for sentence in (meaning, step):
        assert sentence.endswith("."), sentence
        assert len(sentence.split()) >= 3, sentence
    text = f"Cod. Error: #6661145.{code} - No." if code.isdigit() else f"({code}) No."
    assert explain(text) == {"code": code, "text": text, "hint": f"{meaning} {step}"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("TFC-8004 no", "TFC-8004"), ("TFC-800: no", "TFC-800"), ("TFC-80044", "TFC-80044"), ("TFC-80 no", ""),
        ("XTFC-8004", ""), ("Cod. Error: #6661145.10016 - La fecha", "10016"), ("#1.500", "500"), ("#1.50", ""),
        ("Cod: 10016", "10016"), ("Código 600 no", "600"), ("codigo 602", "602"), ("COD 10000", "10000"),
        ("Cod 50", ""), ("error 10048 no", "10048"), ("error 20048 no", ""), ("total 10048.50", ""), ("01-10016", ""),
        ("1/10016", ""), ("10016-3", ""), ("510016", ""), ("100160", ""), ("", ""),
        # The surest first.
        ("10048 Cod: 10016", "10016"), ("Cod: 10048 #1.10016", "10016"), ("#1.10048 TFC-8004", "TFC-8004"),
    ],
)  # fmt: skip
def test_the_code_that_a_text_names(text: str, code: str) -> None:
    assert code_of(text) == code


def test_what_is_not_known_has_no_hint_but_for_what_the_provider_itself_refused() -> None:
    assert explain("no") == {"code": "", "text": "no", "hint": ""}
    assert explain("Cod: 10999") == {"code": "10999", "text": "Cod: 10999", "hint": ""}
    ours = explain("TFC-9999 no")
    assert (ours["code"], ours["text"]) == ("TFC-9999", "TFC-9999 no")
    assert "before ARCA saw it" in ours["hint"]
    assert "then retry" in ours["hint"]
