"""A bar on a terminal, plain occasional lines in a pipe."""

import time
from typing import TextIO

WIDTH = 30
SECONDS_BETWEEN_LINES = 5.0


class Progress:
    """How far one step is. Call it with what is done."""

    def __init__(self, out: TextIO, label: str, total: int) -> None:
        self._out = out
        self._label = label
        self._total = total
        self._terminal = out.isatty()
        self._shown = -1
        self._next_line_at = 0.0

    def __call__(self, done: int, note: str = "") -> None:
        if done == self._shown and not self._terminal:
            return
        count = f"{done}/{self._total}" + (f", {note}" if note else "")
        if self._terminal:
            filled = WIDTH * done // self._total if self._total else WIDTH
            bar = "█" * filled + "·" * (WIDTH - filled)
            # CSI K: what a longer line before this one left behind goes away.
            self._out.write(f"\r{self._label} {bar} {count}\033[K")
            self._out.flush()
        elif done == self._total or time.monotonic() >= self._next_line_at:
            self._out.write(f"{self._label}: {count}\n")
            self._out.flush()
            self._next_line_at = time.monotonic() + SECONDS_BETWEEN_LINES
        else:
            return
        self._shown = done

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *exc_info: object) -> None:
        # The bar's line is ended, so that what comes next, an error too, has its own.
        if self._terminal and self._shown >= 0:
            self._out.write("\n")
            self._out.flush()
