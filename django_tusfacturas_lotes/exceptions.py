"""The exception of an operation that is not possible."""

from __future__ import annotations


class NotPossibleError(Exception):
    """The state of an invoice, a lote or an event does not allow an operation; the text says why, for a person."""
