"""`manage.py tusfacturas_sandbox`: run the sandbox from inside a project."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ...sandbox.cli import add_arguments, run


class Command(BaseCommand):
    help = "Runs a TusFacturas to develop and test against. Nothing it issues has fiscal value."
    requires_system_checks = ()  # it is what one runs while the settings are not ready yet

    def add_arguments(self, parser: CommandParser) -> None:
        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        status = run(options, self._write, self.stderr.write)
        if status:
            sys.exit(status)

    def _write(self, text: str) -> None:
        self.stdout.write(text, ending="")
        self.stdout.flush()
