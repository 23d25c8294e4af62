"""`python -m benchmarks`: measure, and print each ratio beside its goal.

The exit status is 0 even where a goal is not met; `--strict` makes it 1.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import platform
import sys
from collections.abc import Callable, Sequence

import django
from django.db import connections

from .databases import test_databases
from .measurement import QUICK, Measured, Sizes


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the measurements that were asked for, and return the exit status."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    django.setup()
    measurements = _measurements()
    options = _parser(list(measurements)).parse_args(arguments)
    sizes = QUICK if options.quick else Sizes()
    if options.rows is not None:
        sizes = dataclasses.replace(sizes, rows=options.rows)

    with test_databases():
        heading = _heading()
        measured = [line for name in options.only or measurements for line in measurements[name](sizes)]
    print(heading)
    print(_table(measured))
    return 1 if options.strict and not all(line.is_met for line in measured) else 0


def _measurements() -> dict[str, Callable[[Sizes], list[Measured]]]:
    """Return each measurement by its name; they need Django to be set up."""
    from . import full_tables, lote_overhead, queueing_memory, webhook_throughput, wire_validation

    return {
        "lote": lote_overhead.measure,
        "webhook": webhook_throughput.measure,
        "full": full_tables.measure,
        "memory": queueing_memory.measure,
        "wire": wire_validation.measured,
    }


def _parser(names: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="What the app costs, as ratios.")
    parser.add_argument(
        "--quick", action="store_true", help="small sizes and few rounds: shows that it runs, proves nothing"
    )
    parser.add_argument("--only", action="append", choices=names, help="only this measurement; may be repeated")
    parser.add_argument("--rows", type=_count, help="invoices in the full tables (default: 200,000)")
    parser.add_argument("--strict", action="store_true", help="exit status 1 if a goal is not met")
    return parser


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return count


def _heading() -> str:
    connection = connections["default"]
    connection.ensure_connection()
    version = ".".join(str(part) for part in connection.get_database_version())
    return (
        f"{connection.display_name} {version}, Django {django.get_version()}, Python {platform.python_version()}; "
        "times are the fastest of their rounds, both sides in turns"
    )


def _table(measured: list[Measured]) -> str:
    rows = [("name", "measured", "goal", "", "what", "sides")]
    for line in measured:
        verdict = "met" if line.is_met else "NOT MET"
        rows.append((line.name, f"{line.ratio:.2f}", str(line.goal), verdict, line.what, line.sides))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


if __name__ == "__main__":
    sys.exit(main())
