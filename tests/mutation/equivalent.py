"""Changes that no test can tell from the original, each with its reason; they do not count.

A change that only costs time, or that a text for people shows, is not one of them unless the reason says why.
"""

from __future__ import annotations

from typing import NamedTuple

from .points import Mutant


class Equivalent(NamedTuple):
    """A change, by its file under the package and its lines before and after, as the run prints them."""

    file: str
    before: str
    after: str
    reason: str


EQUIVALENT = (
    Equivalent(
        "apps.py",
        'signals.order_paid.connect(queueing.on_order_paid, dispatch_uid="django_tusfacturas_lotes.order_paid")',
        "signals.order_paid.connect(queueing.on_order_paid)",
        "A function that is connected twice is connected once without a name, too.",
    ),
    Equivalent(
        "models/lote_item.py",
        "return when",
        "pass",
        "A `CASE` without a `WHEN` has the value of its default, which is the same moment.",
    ),
    Equivalent(
        "operations/pruning.py",
        'while pks := list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:batch]):',
        'while pks := list(rows.order_by("pk").values_list("pk", flat=True)[:batch]):',
        "What a batch took is not found any more; the key only saves the database the way to what is left.",
    ),
    Equivalent(
        "wire/comprobante/type_errors.py",
        "for found in error.errors(include_url=False, include_context=False):",
        "for found in error.errors(include_url=False, include_context=True):",
        "Nothing reads the context; leaving it out only saves making it.",
    ),
)


def reason_of(mutant: Mutant) -> str | None:
    """Return why a mutant can't be told from the original, None if it can."""
    for known in EQUIVALENT:
        if (known.file, known.before, known.after) == (mutant.file, mutant.before, mutant.after):
            return known.reason
    return None
