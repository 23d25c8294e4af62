"""What a person is told when something can't be done."""

from __future__ import annotations


class NotPossibleError(Exception):
    """The invoice, the lote or the event is not in a state that allows this; the text says why, for a person."""
