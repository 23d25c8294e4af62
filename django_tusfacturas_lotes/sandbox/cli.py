"""Runs the sandbox from a command line, for ``python -m`` and for ``manage.py tusfacturas_sandbox``."""

from __future__ import annotations

import argparse
import json
import logging
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date
from queue import SimpleQueue
from typing import Any

from .accounts import APIKEY, APITOKEN, PUNTO_VENTA, USERTOKEN, WEBHOOK_TOKEN, Account
from .faults import FaultError
from .modalities import MODALITIES
from .pace import SPEEDS
from .sandbox import Sandbox

PORT = 8899
WEBHOOK_URL = "http://127.0.0.1:8000/tusfacturas/webhook/"
Write = Callable[[str], object]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options on a parser."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=PORT, help="0 takes a free one (default: %(default)s)")
    parser.add_argument(
        "--fault", action="append", default=[], metavar="NAME=VALUE", help="repeatable; docs/sandbox.md"
    )
    parser.add_argument("--faults", default="", metavar="FAULT;FAULT…", help="several faults, separated by ';'")
    parser.add_argument("--apikey", default=APIKEY)
    parser.add_argument("--apitoken", default=APITOKEN)
    parser.add_argument("--usertoken", default=USERTOKEN)
    parser.add_argument("--punto-venta", type=int, default=PUNTO_VENTA, help="for the settings that are printed")
    parser.add_argument(
        "--modality",
        choices=[modality.name for modality in MODALITIES],
        default=MODALITIES[0].name,
        help="for the settings that are printed; it speaks all of them (default: %(default)s)",
    )
    parser.add_argument(
        "--webhook-url", default=WEBHOOK_URL, help="where the encola modalities' notices go (default: %(default)s)"
    )
    parser.add_argument("--webhook-token", default="", help="what they bring in TF-WebhookToken (default: made up)")
    parser.add_argument("--trial", action="store_true", help="a trial account: empty CAE, none of ARCA's checks")
    parser.add_argument("--speed", choices=sorted(SPEEDS), default="fast", help="real: 1 s each, retries after minutes")
    parser.add_argument("--quiet", action="store_true", help="do not print the settings, with their credentials")
    parser.add_argument("--webhook-workers", type=int, default=4, help="notifications sent at once (default: 4)")
    parser.add_argument("--date", type=_date, metavar="AAAA-MM-DD", help="the sandbox's day (default: today)")
    parser.add_argument(
        "--allow-remote-webhooks", action="store_true", help="notify other machines too: mind whose they are"
    )


def run(options: Mapping[str, Any], write: Write, complain: Write) -> int:
    """Runs until SIGINT or SIGTERM. Returns the exit status.

    It is 2, and the reason goes to ``complain``, if the options or the port can't be used.
    """
    account = Account(
        options["apikey"],
        options["apitoken"],
        options["usertoken"],
        options["punto_venta"],
        options["trial"],
        options["webhook_url"],
        options["webhook_token"] or WEBHOOK_TOKEN,
    )
    try:
        sandbox = Sandbox(
            host=options["host"],
            port=options["port"],
            accounts=[account],
            pace=SPEEDS[options["speed"]],
            faults=[*options["fault"], *filter(str.strip, options["faults"].split(";"))],
            webhook_workers=options["webhook_workers"],
            allow_remote_webhooks=options["allow_remote_webhooks"],
            keep_bodies=False,
        )
        if options["date"]:
            sandbox.set_date(options["date"])
    except (FaultError, ValueError) as error:
        complain(f"error: {error}\n")
        return 2
    with _logging_to(write), _stop_signals() as stopped:
        try:
            sandbox.start()
        except (OSError, OverflowError) as error:
            complain(f"error: can't listen on {options['host']}:{options['port']}: {error}\n")
            return 2
        try:
            settings = "" if options["quiet"] else _settings_to_paste(sandbox, options["modality"])
            # In one piece: whoever reads the address may call at once, and log lines come after the settings.
            write(
                f"TusFacturas sandbox at {sandbox.url}\nLedger, state and faults: {sandbox.url}/_sandbox/\n\n{settings}"
            )
            stopped.get()
        finally:
            sandbox.stop()
        write("stopped\n")
    return 0


def _settings_to_paste(sandbox: Sandbox, modality: str) -> str:
    settings = json.dumps(sandbox.settings_for(modality), indent=12)
    settings = settings.replace(": true", ": True").replace("\n}", "\n        }")
    return (
        "For the settings of your project:\n\n"
        "TUSFACTURAS_LOTES = {\n"
        '    "ACCOUNTS": {\n'
        f'        "default": {settings},\n'
        "    },\n"
        f'    "WEBHOOK_URL": "{sandbox.accounts[0].webhook_url or WEBHOOK_URL}",\n'
        "}\n\n"
    )


def _date(value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is not a date like 2026-01-31") from None


class _Lines(logging.Handler):
    def __init__(self, write: Write) -> None:
        super().__init__()
        self._write = write
        self.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError, ValueError):  # nobody reads any more; the sandbox goes on
            self._write(self.format(record) + "\n")


@contextmanager
def _logging_to(write: Write) -> Iterator[None]:
    """Writes the sandbox's own log lines, and leaves the logging of the rest as it was."""
    logger, handler = logging.getLogger(__package__), _Lines(write)
    level, propagate = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate


@contextmanager
def _stop_signals() -> Iterator[SimpleQueue[int]]:
    """A queue into which SIGINT and SIGTERM put something. Only SimpleQueue's put() is safe in a signal handler."""
    stopped: SimpleQueue[int] = SimpleQueue()
    before = {
        number: signal.signal(number, lambda number, frame: stopped.put(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
