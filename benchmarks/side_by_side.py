"""Two things timed in turns, so that whatever else the machine does meets both."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

from .progress import say


def fastest(label: str, rounds: int, *sides: Callable[[], float]) -> list[float]:
    """Run each side once to warm up and `rounds` times in turns; return the least of what each took.

    A side does its own set-up and returns the seconds of what counts. The least, not the mean: a machine's other work
    only ever adds.
    """
    for side in sides:
        side()
    least = [float("inf")] * len(sides)
    for done in range(rounds):
        say(f"{label}: round {done + 1} of {rounds}")
        order = list(enumerate(sides))
        for index, side in order if done % 2 else reversed(order):
            least[index] = min(least[index], side())
    return least


def seconds(work: Callable[[], object]) -> float:
    """Time one piece of work, starting with no garbage of what went before."""
    gc.collect()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
