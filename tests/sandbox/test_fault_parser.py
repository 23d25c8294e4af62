from __future__ import annotations

import math

import pytest

from django_tusfacturas_lotes.sandbox import FaultError
from django_tusfacturas_lotes.sandbox.faults import Faults, parse


@pytest.mark.parametrize(
    ("text", "name", "times"),
    [
        ("refuse_rows=0,2", "refuse_rows", 1),
        ("refuse_rows=0, 2*3", "refuse_rows", 3),
        ("fail_rows=1*always", "fail_rows", math.inf),
        ("answer=none", "answer", 1),
        (" answer = 524*2 ", "answer", 2),
        ("answer=late:2.5*always", "answer", math.inf),
        ("answer=429", "reject", 1),
        ("answer=429:30*2", "reject", 2),
        ("reject=S", "reject", 1),
        ("webhook=early+twice*4", "webhook", 4),
        ("fail=A", "fail", math.inf),
        ("fail=A*2", "fail", 2),
        ("answer=524:30", "answer", 1),
        ("answer=partial*2", "answer", 2),
        ("webhook=wrong_token+late:2", "webhook", 1),
        ("lookup=empty*always", "lookup", math.inf),
        ("lookup=absent + empty", "lookup", 1),
        ("lookup=429:30", "lookup", 1),
        ("operation=late:2*3", "operation", 3),
        ("operation=reject:401", "operation", 1),
    ],
)
def test_a_fault_is_read(text: str, name: str, times: float) -> None:
    assert (parse(text).name, parse(text).times) == (name, times)


@pytest.mark.parametrize(
    ("text", "reference", "tries"),
    [
        ("fail=ORD-*", "ORD-7", math.inf),
        ("fail=ORD-**3", "ORD-7", 3),
        ("fail=ORD-7*3", "ORD-7", 3),
        ("fail=**2", "anything", 2),
        ("fail=ORD-?", "ORD-7", math.inf),
        ("fail=ORD-*always", "ORD-", math.inf),
    ],
)
def test_fail_takes_a_pattern_and_how_often(text: str, reference: str, tries: float) -> None:
    fault = parse(text)
    last = 1000 if tries == math.inf else int(tries)
    assert fault.fails(reference, 1)
    assert fault.fails(reference, last)
    assert fault.fails(reference, last + 1) == (tries == math.inf)
    assert not fault.fails("other", 1) or fault.pattern == "*"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "name=value"),
        ("answer", "name=value"),
        ("answers=500", "refuse_rows, fail_rows, fail, answer, reject, webhook"),
        ("answer=", "no value"),
        ("answer=*3", "no value"),
        ("answer=500*0", "1 or more"),
        ("answer=200", "late:SECONDS"),
        ("answer=401", "reject="),
        ("answer=late", "needs seconds"),
        ("answer=late:soon", "number of seconds"),
        ("answer=late:-1", "number of seconds"),
        ("answer=500:3", "late:SECONDS"),
        ("answer=S", "reject="),
        ("reject=200", "from 300 to 599"),
        ("reject=miscount", "Retry-After"),
        ("refuse_rows=a", "row numbers"),
        ("refuse_rows=1,,2", "row numbers"),
        ("fail_rows=-1", "row numbers"),
        ("webhook=soon", "early, twice, shuffled, never, late:SECONDS"),
        ("webhook=early+", "joined by '+'"),
        ("webhook=twice:2", "late:SECONDS"),
        ("lookup=200", "any 4xx or 5xx"),
        ("lookup=empty:3", "absent+empty"),
        ("lookup=reject:401", "absent+empty"),
        ("lookup=late", "needs seconds"),
        ("operation=401", "reject:STATUS"),
        ("operation=S", "reject:S"),
        ("operation=reject:200", "from 300 to 599"),
    ],
)
def test_what_can_not_be_read_says_what_would_be_right(text: str, hint: str) -> None:
    with pytest.raises(FaultError) as caught:
        parse(text)
    assert hint in str(caught.value)
    assert repr(text) in str(caught.value)


def test_faults_are_used_in_the_order_asked_and_those_for_always_come_last() -> None:
    faults = Faults()
    for text in ("answer=none*always", "answer=500*2", "reject=401", "webhook=late:1+twice*2"):
        faults.add(parse(text))
    used = [faults.use("answer", "reject").text for _ in range(5)]
    assert used == ["answer=500*2", "answer=500*1", "reject=401", "answer=none*always", "answer=none*always"]
    assert faults.use("webhook").seconds == 1
    assert faults.texts() == ["answer=none*always", "webhook=late:1+twice*1"]
    assert faults.use("refuse_rows").name == ""
