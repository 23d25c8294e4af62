"""What is being done, on stderr: one line that changes on a terminal, one line a step elsewhere."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """Show what is being done."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
    else:
        print(text, file=sys.stderr, flush=True)


def be_silent() -> None:
    """Clear the line of a terminal."""
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
