"""`manage.py tusfacturas_status`: print the app's health, for people, cron and monitoring."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError, no_translations
from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from ...monitoring.health import MAX_AGE, Health, Level, span, status

_EXIT = {Level.OK: 0, Level.ATTENTION: 1, Level.STUCK: 2}
_NOT_KNOWN = 3


class Command(BaseCommand):
    """Say what waits, why, and what needs a person."""

    help = (
        "Say what waits, why, and what needs a person. Exit status 0: all is well; 1: something needs a person; "
        "2: something waits that nobody is working on; 3: the database can't be asked."
    )
    requires_system_checks = ()  # it reports itself what is wrong with the settings of accounts that have work

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="everything that was counted, as JSON")
        parser.add_argument(
            "--max-age",
            type=_seconds,
            default=MAX_AGE,
            metavar="SECONDS",
            help="what could be sent and was not for so long, without a reason, is stuck (default: %(default)s)",
        )

    @no_translations
    def handle(self, *args: Any, **options: Any) -> None:
        try:
            health = status(max_age=options["max_age"])
        except (DatabaseError, InterfaceError) as exc:
            text = f"The database can't be asked ({type(exc).__name__}: {exc}). Is it reached, and migrated?"
            raise CommandError(text, returncode=_NOT_KNOWN) from exc
        if options["json"]:
            self.stdout.write(json.dumps(health.as_dict(), indent=2, ensure_ascii=False))
        else:
            style = {Level.OK: self.style.SUCCESS, Level.ATTENTION: self.style.WARNING, Level.STUCK: self.style.ERROR}
            self.stdout.write(style[health.level](_HEADLINES[health.level]))
            for problem in health.problems:
                self.stdout.write(f"- {problem}")
            for line in _lines(health):
                self.stdout.write(line)
        if _EXIT[health.level]:
            sys.exit(_EXIT[health.level])


_HEADLINES = {
    Level.OK: "All is well.",
    Level.ATTENTION: "Something needs a person:",
    Level.STUCK: "Something waits that nobody is working on:",
}


def _lines(health: Health) -> Iterator[str]:
    """Yield what is as it should be, too: somebody who looks wants to know that things move."""
    for queue in health.queues:
        oldest = f", the first for {span(health.at - queue.oldest)}" if queue.oldest else ""
        later = f", {queue.later} for a later day" if queue.later else ""
        yield f"{queue.account}: {queue.pending} pending{oldest}{later}."
    for one in health.waiting:
        until = f" until {timezone.localtime(one.until):%Y-%m-%d %H:%M:%S}" if one.until else ""
        lote = f" (lote {one.lote_id})" if one.lote_id else ""
        yield f"{one.account} waits{until}{lote}: {one.reason}"
    for held in health.in_flight:
        yield f"Lote {held.lote_id} of {held.account} is {held.status} for {span(health.at - held.since)}."
    if health.overdue.count:
        yield f"Overdue: {health.overdue.count} ({', '.join(health.overdue.references)})."
    for schedule in health.schedules:
        yield f'Schedule "{schedule.name}": {schedule.state}.'
    sent = f"{span(health.at - health.last_sent)} ago" if health.last_sent else "never"
    yield f"Last sent: {sent}."


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError("a positive number of seconds")
    return seconds
