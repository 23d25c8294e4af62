"""A progress bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from typing import Any, TextIO


class Progress:
    """Shows how far a command is. The bar needs `rich` (the extra `progress`); without it there are plain lines."""

    def __init__(self, stream: Any, label: str, total: int) -> None:
        self._stream = stream
        self._label = label
        self._total = total
        self._done = 0
        self._bar: Any = None

    def __enter__(self) -> Progress:
        if self._total and _is_terminal(self._stream):
            self._bar = _rich_bar()
        if self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task(self._label, total=self._total)
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, count: int, line: str) -> None:
        """Count `count` more as done, and say `line`."""
        self._done += count
        if self._bar is not None:
            self._bar.console.print(line, markup=False, highlight=False)
            self._bar.update(self._task, completed=self._done, total=max(self._total, self._done))
        else:
            self._stream.write(line)


def _is_terminal(stream: TextIO) -> bool:
    return bool(getattr(stream, "isatty", lambda: False)())


def _rich_bar() -> Any:
    try:
        from rich.progress import Progress as RichProgress
    except ImportError:
        return None
    return RichProgress()
