"""Management commands and their exit status."""

from __future__ import annotations

import io
from typing import Any

from django.core.management import call_command


def exit_status(command: str, *args: str) -> Any:
    try:
        call_command(command, *args, stdout=io.StringIO())
    except SystemExit as exc:
        return exc.code
    return 0
