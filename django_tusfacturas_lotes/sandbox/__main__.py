"""``python -m django_tusfacturas_lotes.sandbox``."""

from __future__ import annotations

import argparse
import sys

from .cli import add_arguments, run


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m django_tusfacturas_lotes.sandbox",
        description="A TusFacturas to develop and test against. Nothing it issues has fiscal value.",
    )
    add_arguments(parser)
    return run(vars(parser.parse_args()), _write, sys.stderr.write)


if __name__ == "__main__":
    sys.exit(main())
