"""Single values of the provider's JSON, of any kind."""

from __future__ import annotations

from typing import Any

import pytest

from django_tusfacturas_lotes.wire.answers.reading import (
    MAX_TEXT,
    Unreadable,
    check_texts,
    details,
    number,
    text,
    texts,
)

NEITHER: list[Any] = [None, True, False, 1.5, [], {}, ["a"], {"a": 1}]


@pytest.mark.parametrize(("value", "read"), [("a", "a"), (" a b \n", "a b"), ("", ""), (7, "7"), (0, "0"), (-7, "-7")])
def test_a_text_may_come_as_a_number(value: Any, read: str) -> None:
    assert text(value) == read


@pytest.mark.parametrize("value", NEITHER)
def test_what_is_no_text_is_none(value: Any) -> None:
    assert text(value) == ""
    assert number(value) is None


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (7, 7), (0, 0), ("7", 7), (" 007 ", 7), ("00000007", 7), ("99999999", 99999999), (99999999, 99999999),
        ("100000000", None), (100000000, None), ("", None), ("-7", None), (-7, None), ("7.0", None), ("1e3", None),
        ("²", None), ("٣", None), ("7 8", None), ("a", None),
    ],
)  # fmt: skip
def test_a_number_may_come_as_a_text(value: Any, read: int | None) -> None:
    assert number(value) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (None, ()), ("", ()), ({}, ()), ([], ()), ("no", ("no",)), (" no ", ("no",)),
        (["no", " ", "", " nor "], ("no", "nor")),
        (7, ("7",)), ([7, None, ["a"]], ("7", "None", "['a']")), ({"a": 1}, ("{'a': 1}",)), (False, ("False",)),
    ],
)  # fmt: skip
def test_one_text_or_a_list_of_them(value: Any, read: tuple[str, ...]) -> None:
    assert texts(value) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (None, ()), ("", ()), ({}, ()), ([], ()), ({"code": 10016, "text": " no "}, ("10016 no",)),
        ([{"code": "10016", "text": "no"}, {"text": "nor"}, {"code": "7"}, {}], ("10016 no", "nor", "7")),
        ([" no ", ""], ("no",)), ("no", ("no",)), (7, ("7",)), ([None], ("None",)),
    ],
)  # fmt: skip
def test_details_have_their_code(value: Any, read: tuple[str, ...]) -> None:
    assert details(value) == read


@pytest.mark.parametrize("key", [*MAX_TEXT, "observaciones"])
def test_a_text_may_be_as_long_as_its_limit_and_no_longer(key: str) -> None:
    most = MAX_TEXT.get(key, 100_000)
    for good in ("a" * most, f" {'a' * most} ", None, "", 7, 0):
        check_texts({key: good}, [key])
    check_texts({}, [key])
    check_texts({"another": 1.5}, [key])
    with pytest.raises(Unreadable, match=f"^{key} is longer than {most} characters$"):
        check_texts({key: "a" * (most + 1)}, [key])
    for bad in (True, False, 1.5, [], {}, ["a"]):
        with pytest.raises(Unreadable, match=f"^{key} is not a text$"):
            check_texts({"first": "", key: bad}, ["first", key])


def test_the_limits_are_those_of_the_columns() -> None:
    assert MAX_TEXT == {"cae": 40, "comprobante_tipo": 60, "tipo": 60}
