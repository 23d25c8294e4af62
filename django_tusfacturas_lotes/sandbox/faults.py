"""The faults that can be asked for: how one is written, and which of them wait for their call.

From the command line, over HTTP and from Python they are written alike: ``name=value``, ``name=value*times`` or
``name=value*always``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

ALWAYS = math.inf
DISTORTIONS = ("miscount", "rowless", "partial", "shuffled", "missing")
BROKEN = ("none", "html", "half", "cut", "hold")
WEBHOOK_MODES = ("wrong_token", "early", "twice", "shuffled", "never")


class FaultError(ValueError):
    """A fault that can't be read. The text says what is wrong and what would be right."""


@dataclass(frozen=True)
class Fault:
    """One fault. Which fields are filled depends on ``name``."""

    text: str
    name: str
    times: float = 1
    rows: tuple[int, ...] = ()
    pattern: str = ""
    kind: str = ""
    """How a call is answered: ``status``, ``late``, ``S`` or one of BROKEN and DISTORTIONS; ``""``: as without the
    fault."""
    status: int = 0
    seconds: float = 0.0
    """How late it is, what ``Retry-After`` says, or how long after a 524 the call is taken."""
    modes: frozenset[str] = frozenset()
    """Of ``webhook``: some of WEBHOOK_MODES, ``late``. Of ``lookup``: ``absent``, ``empty``."""
    takes_nothing: bool = False
    """Whether the call has no effect."""

    @property
    def takes_later(self) -> bool:
        """Whether the call is answered before anything of it is taken."""
        return self.name == "answer" and self.status == 524 and self.seconds > 0

    def fails(self, reference: str, tries: int) -> bool:
        """Whether this ``fail`` fault makes the given try (from 1) of a reference fail."""
        return fnmatchcase(reference, self.pattern) and tries <= self.times


NO_FAULT = Fault(text="", name="")


def parse(text: str) -> Fault:
    """Reads one fault.

    >>> parse("fail=ORD-*").pattern, parse("fail=ORD-**3").times
    ('ORD-*', 3)
    """
    name, equals, value = text.strip().partition("=")
    name, value = name.strip(), value.strip()
    if not equals or name not in _READERS:
        raise FaultError(f"Unknown fault {text.strip()!r}: write name=value with a name of {', '.join(_READERS)}.")
    times: float = ALWAYS if name == "fail" else 1
    counted = re.fullmatch(r"(.*)\*(\d+|always)", value)
    if counted:
        value = counted[1].strip()
        times = ALWAYS if counted[2] == "always" else int(counted[2])
        if times < 1:
            raise FaultError(f"In the fault {text.strip()!r}, the number after '*' must be 1 or more.")
    if not value:
        raise FaultError(f"The fault {text.strip()!r} has no value.")
    try:
        return replace(_READERS[name](value), text=text.strip(), times=times)
    except FaultError as error:
        raise FaultError(f"The fault {text.strip()!r} can't be read: {error}") from None


def _read_rows(name: str) -> Callable[[str], Fault]:
    def read(value: str) -> Fault:
        parts = [part.strip() for part in value.split(",")]
        if not all(part.isascii() and part.isdigit() for part in parts):
            raise FaultError("it needs row numbers from 0, separated by commas, as in 0,2.")
        return Fault(text="", name=name, rows=tuple(int(part) for part in parts))

    return read


def _read_fail(value: str) -> Fault:
    return Fault(text="", name="fail", pattern=value)


def _read_answer(value: str) -> Fault:
    kind, seconds = _read_seconds(value)
    if kind == "429":  # a call that is answered 429 is never taken
        return Fault(text="", name="reject", kind="status", status=429, seconds=seconds, takes_nothing=True)
    if kind == "late":
        return Fault(text="", name="answer", kind="late", seconds=seconds)
    if re.fullmatch(r"5\d\d", kind) and (kind == "524" or not seconds):
        return Fault(text="", name="answer", kind="status", status=int(kind), seconds=seconds)
    if kind in BROKEN + DISTORTIONS and not seconds:
        return Fault(text="", name="answer", kind=kind)
    statuses = ("500", "502", "524 (any 5xx)", "524:SECONDS", "429", "429:SECONDS")
    known = ", ".join(("late:SECONDS", *statuses, *BROKEN, *DISTORTIONS))
    raise FaultError(f"an answer is one of {known}. For a call that is not taken: reject=…")


def _read_reject(value: str) -> Fault:
    kind, seconds = _read_seconds(value)
    if kind == "late":
        return Fault(text="", name="reject", kind="late", seconds=seconds, takes_nothing=True)
    if re.fullmatch(r"[345]\d\d", kind):
        return Fault(text="", name="reject", kind="status", status=int(kind), seconds=seconds, takes_nothing=True)
    if kind in ("S", *BROKEN) and not seconds:
        return Fault(text="", name="reject", kind=kind, takes_nothing=True)
    known = ", ".join(("a status from 300 to 599", "STATUS:SECONDS (Retry-After)", "S", "late:SECONDS", *BROKEN))
    raise FaultError(f"a call is rejected by one of {known}.")


def _read_lookup(value: str) -> Fault:
    kind, seconds = _read_seconds(value)
    modes = frozenset(part.strip() for part in value.split("+"))
    if modes <= {"absent", "empty"}:
        return Fault(text="", name="lookup", modes=modes)
    if kind == "late":
        return Fault(text="", name="lookup", kind="late", seconds=seconds)
    if re.fullmatch(r"[45]\d\d", kind):
        return Fault(text="", name="lookup", kind="status", status=int(kind), seconds=seconds)
    if kind in ("S", *BROKEN) and not seconds:
        return Fault(text="", name="lookup", kind=kind)
    known = ", ".join(("any 4xx or 5xx", "429:SECONDS", "late:SECONDS", "S", *BROKEN, "empty", "absent"))
    raise FaultError(f"a look-up is answered by one of {known}, or absent+empty.")


def _read_operation(value: str) -> Fault:
    if value.startswith("reject:"):
        return replace(_read_reject(value.removeprefix("reject:")), name="operation")
    kind, seconds = _read_seconds(value)
    if kind == "late":
        return Fault(text="", name="operation", kind="late", seconds=seconds)
    if re.fullmatch(r"5\d\d", kind) and not seconds:
        return Fault(text="", name="operation", kind="status", status=int(kind))
    if kind in BROKEN and not seconds:
        return Fault(text="", name="operation", kind=kind)
    known = ", ".join(("any 5xx", "late:SECONDS", *BROKEN))
    raise FaultError(f"an operation is done and answered by one of {known}, or not done: reject:STATUS, reject:S, …")


def _read_webhook(value: str) -> Fault:
    modes, seconds = set(), 0.0
    for part in value.split("+"):
        mode, given = _read_seconds(part.strip())
        if mode == "late":
            seconds = given
        elif mode not in WEBHOOK_MODES or given:
            known = ", ".join((*WEBHOOK_MODES, "late:SECONDS"))
            raise FaultError(f"a webhook is {known}, or several of them joined by '+'.")
        modes.add(mode)
    return Fault(text="", name="webhook", modes=frozenset(modes), seconds=seconds)


def _read_seconds(value: str) -> tuple[str, float]:
    kind, colon, number = value.partition(":")
    if not colon:
        if kind == "late":
            raise FaultError("late needs seconds, as in late:2.5.")
        return kind, 0.0
    if not re.fullmatch(r"\d+(\.\d+)?", number):
        raise FaultError(f"{number!r} is not a number of seconds.")
    return kind, float(number)


_READERS: dict[str, Callable[[str], Fault]] = {
    "refuse_rows": _read_rows("refuse_rows"),
    "fail_rows": _read_rows("fail_rows"),
    "fail": _read_fail,
    "answer": _read_answer,
    "reject": _read_reject,
    "webhook": _read_webhook,
    "lookup": _read_lookup,
    "operation": _read_operation,
}

NAMES = tuple(_READERS)


class Faults:
    """The faults that are waiting for their call. Not thread-safe: the sandbox holds its lock around it."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._waiting.append(fault)

    def clear(self) -> None:
        self._waiting.clear()

    def texts(self) -> list[str]:
        """What still waits, as it was asked for. A fault used in part says how many times are left."""
        return [fault.text for fault in self._waiting]

    def look(self, *names: str) -> Fault:
        """The next fault of these names, or NO_FAULT. Faults for a number of calls go before those for always."""
        found = [fault for fault in self._waiting if fault.name in names]
        return min(found, key=lambda fault: fault.times == ALWAYS, default=NO_FAULT)

    def use(self, *names: str) -> Fault:
        """The next fault of these names, or NO_FAULT. One of its times is used up."""
        fault = self.look(*names)
        if fault is not NO_FAULT and fault.times != ALWAYS:
            place = self._waiting.index(fault)
            left = fault.times - 1
            value = fault.text.partition("*")[0]  # these values hold no '*' of their own: only fail= has a pattern
            self._waiting[place : place + 1] = [replace(fault, times=left, text=f"{value}*{left}")] if left else []
        return fault

    def fails(self, reference: str, tries: int) -> bool:
        return any(fault.fails(reference, tries) for fault in self._waiting if fault.name == "fail")
