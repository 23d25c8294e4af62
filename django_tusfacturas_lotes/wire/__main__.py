"""`python -m django_tusfacturas_lotes.wire check file.json` tells what is wrong with a comprobante, without Django."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

from .comprobante.blocks import parse_date
from .problems import ComprobanteInvalido
from .rules import Facts
from .validation import read

FINE, WRONG, UNREADABLE = 0, 1, 2


def _day(text: str) -> date:
    day = parse_date(text)
    if day is not None:
        return day
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date: write aaaa-mm-dd or dd/mm/aaaa") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m django_tusfacturas_lotes.wire", description=__doc__)
    check = parser.add_subparsers(dest="command", required=True).add_parser(
        "check",
        help="tell every problem with its field; exit status 1 if there is one, 2 if the file can't be read",
    )
    check.add_argument(
        "file", help="JSON: a comprobante, a list of them, or a body with requests; - for standard input"
    )
    check.add_argument(
        "--today", type=_day, metavar="AAAA-MM-DD", help="the day it goes out: checks the dates against it"
    )
    check.add_argument("--condicion-iva", choices=["RI", "M", "E"], help="the issuer's: checks the letter against it")
    check.add_argument("--concepto", choices=["productos", "servicios", "ambos"], help="what the point of sale sells")
    check.add_argument("--punto-venta", type=int, metavar="N", help="the account's point of sale")
    return parser


def _comprobantes(content: Any) -> Iterator[tuple[str, Any]]:
    """Yield each comprobante in the file with the path to it ("" if it is the only one)."""
    if isinstance(content, dict) and isinstance(content.get("requests"), list):
        for position, item in enumerate(content["requests"]):
            yield f"requests[{position}].", item
    elif isinstance(content, list):
        for position, item in enumerate(content):
            yield f"[{position}].", item
    else:
        yield "", content


def _load(name: str, stdin: TextIO) -> Any:
    text = stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8-sig")
    # Decimal, so that what is checked is what is written, digit by digit.
    return json.loads(text, parse_float=Decimal)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        content = _load(options.file, sys.stdin)
    except (OSError, ValueError, RecursionError) as error:
        sys.stderr.write(f"{options.file}: can't be read: {error}\n")
        return UNREADABLE
    facts = Facts(
        today=options.today,
        condicion_iva=options.condicion_iva,
        concepto=options.concepto,
        punto_venta=options.punto_venta,
    )
    problems = 0
    for place, item in _comprobantes(content):
        try:
            read(item, facts)
        except ComprobanteInvalido as error:
            problems += len(error.problems)
            for problem in error.problems:
                sys.stdout.write(f"{place}{problem}\n")
    return WRONG if problems else FINE


if __name__ == "__main__":
    sys.exit(main())
