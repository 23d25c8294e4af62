"""Whether queueing from a generator needs more memory the more there is to queue."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator

from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoices

from .documents import documento
from .measurement import Goal, Measured, Sizes
from .progress import say
from .tables import EMPTY, database, left_as_found

GOAL = Goal(1.1, "<=")
_WARM_UP = 10
_STEP = 1000


def measure(sizes: Sizes) -> list[Measured]:
    """Measure the peak of what Python allocates, once for each of the two counts: it is counted, not timed."""
    with database(EMPTY):
        _peak(_WARM_UP)
        few = _peak(sizes.queued_few)
        many = _peak(sizes.queued_many)
    what = f"peak memory of queueing {sizes.queued_many:,} from a generator / {sizes.queued_few:,}"
    return [Measured("memory", what, many / few, GOAL, f"{many / 2**20:.1f} MiB / {few / 2**20:.1f} MiB")]


def _peak(count: int) -> int:
    with left_as_found():
        gc.collect()
        tracemalloc.start()
        try:
            report = queue_invoices(_comprobantes(count))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        if report.queued != count:
            raise RuntimeError(f"queued {report.queued} of {count}")
    return peak


def _comprobantes(count: int) -> Iterator[ToInvoice]:
    for number in range(count):
        if number % _STEP == 0:
            say(f"memory: {number:,} of {count:,}")
        yield ToInvoice(documento(), f"{count}-{number}")
