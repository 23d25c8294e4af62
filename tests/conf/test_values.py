"""Which values each setting takes, at the edges of each."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from django_tusfacturas_lotes.conf.accounts import problems_of_account
from django_tusfacturas_lotes.conf.values import (
    MOST_ITEMS,
    OF_ACCOUNTS,
    OF_SETTINGS,
    problems_of_keys,
    problems_of_url,
    problems_of_values,
)

INFINITE, NO_NUMBER = float("inf"), float("nan")
NO_SECONDS: list[Any] = [0, -1, -0.001, INFINITE, NO_NUMBER, "5", None, True, [], Decimal(5)]
SECONDS: list[Any] = [0.001, 1, 5, 3600.5, 10**9]
NO_BOOLS: list[Any] = [None, 0, 1, "True", ""]
DATES, NO_DATES = ["keep", "today"], ["", None, "Today", "tomorrow", 1]
# Of each key: values that it takes, and others.
SETTINGS: dict[str, tuple[list[Any], list[Any]]] = {
    **dict.fromkeys(
        ("CONNECT_TIMEOUT", "READ_TIMEOUT", "SENDING_LEASE", "OVERDUE_AFTER", "NOT_FOUND_AFTER"), (SECONDS, NO_SECONDS)
    ),
    "CALL_GAP": ([0, 0.1, 1, 60], [-0.001, 60.001, 61, True, "1", None, NO_NUMBER]),
    "MAX_ITEMS": ([1, 2, MOST_ITEMS], [0, -1, MOST_ITEMS + 1, True, 1.0, "5", None]),
    "DATE_POLICY": (DATES, NO_DATES),
    "TOPE_CONSUMIDOR_FINAL": (
        [None, "provider", 1, 0.01, "417288", Decimal("0.01")], [0, -1, "0", "", "abc", True, "Provider"],
    ),
    "SCHEDULES": ([True, False], NO_BOOLS),
    "KEEP_PDF": ([True, False], NO_BOOLS),
    "PDF_HOSTS": ([[], ["a"], ("a", "b")], ["a", [""], [1], ["a", None], {"a"}, None]),
}  # fmt: skip
ACCOUNTS: dict[str, tuple[list[Any], list[Any]]] = {
    "PUNTO_VENTA": ([1, 2, 99_999], [0, -1, 100_000, True, 1.0, "3", None]),
    "TRIAL": ([True, False], NO_BOOLS),
    "CONDICION_IVA": (["RI", "M", "E", None], ["", "ri", "CF", 1]),
    "CONCEPTO": (["productos", "servicios", "ambos", None], ["", "todo", 1]),
    "DATE_POLICY": (DATES, NO_DATES),
}
NUMBERS = {
    "CALL_GAP": 8, "MAX_ITEMS": 10, "DATE_POLICY": 18, "TOPE_CONSUMIDOR_FINAL": 18, "SCHEDULES": 11, "KEEP_PDF": 11,
    "PDF_HOSTS": 11, "PUNTO_VENTA": 4, "TRIAL": 11, "CONDICION_IVA": 18, "CONCEPTO": 18,
}  # fmt: skip
CASES = [
    (known, key, *values)
    for known, table in ((OF_SETTINGS, SETTINGS), (OF_ACCOUNTS, ACCOUNTS))
    for key, values in table.items()
]


@pytest.mark.parametrize(("known", "key", "good", "bad"), CASES, ids=[one[1] for one in CASES])
def test_what_a_key_takes(known: Any, key: str, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        assert list(problems_of_values("X", {key: value}, known)) == [], value
    for value in bad:
        (problem,) = problems_of_values("X", {key: value}, known)
        assert (problem.key, problem.number) == (key, NUMBERS.get(key, 8)), value
        assert problem.text.startswith(f"X['{key}'] is {value!r}")
        assert len(problem.hint.split()) > 2
    assert list(problems_of_values("X", {}, known)) == []


def test_the_tables_here_have_every_key() -> None:
    assert (set(SETTINGS), set(ACCOUNTS)) == (set(OF_SETTINGS), set(OF_ACCOUNTS))


def test_unknown_keys_are_told_in_order_with_those_that_are_known() -> None:
    told = list(problems_of_keys("X", ["c", "a", "b", 5], ["b", "d"]))
    assert [(one.number, one.key) for one in told] == [(12, "5"), (12, "a"), (12, "c")]
    assert told[1].text == "X has an unknown key 'a'"
    assert told[1].hint == "Known keys: b, d."


@pytest.mark.parametrize(
    ("url", "is_good"),
    [
        ("https://x.example/", True), ("https://x.example:8443/a", True), ("http://localhost:8000/", True),
        ("http://127.0.0.1/", True), ("http://127.1.2.3/", True), ("http://[::1]:8000/", True),
        ("http://x.example/", False), ("http://128.0.0.1/", False), ("http://localhost.example/", False),
        ("ftp://x.example/", False), ("//x.example/", False), ("/a", False), ("https://", False), ("https:///a", False),
        ("", False), (None, False), (5, False), ("https://x.example:port/", False), ("http://[::1/", False),
        ("https://x.example:99999/", False),
    ],
)  # fmt: skip
def test_an_address_is_https_or_of_this_machine(url: Any, is_good: bool) -> None:
    problems = list(problems_of_url("WEBHOOK_URL", url))
    assert [(one.number, one.key) for one in problems] == [] if is_good else [(6, "WEBHOOK_URL")]
    assert all("https://" in one.hint for one in problems)


GOOD = {"APIKEY": "a", "APITOKEN": "b", "USERTOKEN": "c", "PUNTO_VENTA": 3}


@pytest.mark.parametrize(
    ("alias", "is_good"), [("a", True), ("a" * 50, True), ("a" * 51, False), ("", False), (5, False)]
)
def test_an_alias_is_a_text_of_up_to_50_characters(alias: Any, is_good: bool) -> None:
    assert [one.number for one in problems_of_account(alias, GOOD, [])] == ([] if is_good else [2])


@pytest.mark.parametrize(
    ("changes", "numbers"),
    [
        ({}, []), ({"MODALITY": "nuevo_encola"}, []), ({"MODALITY": "other"}, [5]), ({"MODALITY": None}, [5]),
        ({"APIKEY": ""}, [3]), ({"APITOKEN": []}, [3]), ({"USERTOKEN": [None, " "]}, [3]), ({"APIKEY": ["a", "b"]}, []),
        ({"APIKEY": None, "APITOKEN": None, "USERTOKEN": None}, [3, 3, 3]), ({"PUNTO_VENTA": None}, [4]),
        ({"BASE_URL": "https://x.example"}, []), ({"BASE_URL": "http://x.example"}, [6]), ({"BASE_URL": None}, [6]),
        ({"OTHER": 1}, [12]), ({"TRIAL": "yes", "OTHER": 1}, [11, 12]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_account(changes: dict[str, Any], numbers: list[int]) -> None:
    assert [one.number for one in problems_of_account("a", {**GOOD, **changes}, ["a", "b"])] == numbers


def test_an_account_without_a_point_of_sale_or_at_all() -> None:
    without = {key: value for key, value in GOOD.items() if key != "PUNTO_VENTA"}
    assert [one.number for one in problems_of_account("a", without, [])] == [4]
    (problem,) = problems_of_account("z", None, ["a", "b"])
    assert (problem.number, problem.key) == (2, "ACCOUNTS")
    assert "there is no account 'z'" in problem.text
    assert problem.hint == "Add it, or use one of: a, b."
