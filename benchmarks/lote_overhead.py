"""What claiming, building, serialising and recording a lote costs, beside the least that it can."""

from __future__ import annotations

import itertools
import json
from typing import Any

from django.db import transaction

from django_tusfacturas_lotes.models import Invoice, Lote, LoteItem, LoteStatus
from django_tusfacturas_lotes.provider.client import Verdict
from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoices
from django_tusfacturas_lotes.submission import Sent, send_next

from .documents import documento
from .measurement import Goal, Measured, Sizes
from .side_by_side import fastest, seconds
from .tables import EMPTY, Router, analyze, database, left_as_found
from .transport import answering

GOAL = Goal(3, "<")
_keys = itertools.count()


def measure(sizes: Sizes) -> list[Measured]:
    """Measure on the empty tables."""
    with database(EMPTY):
        body = _prepare(sizes.lote)
        ours, least = fastest(
            "lote", sizes.lote_rounds, lambda: send_one(sizes.lote), lambda: _dump_and_insert(sizes.lote, body)
        )
    what = f"own work for a lote of {sizes.lote} / (json.dumps of its body + one bulk insert of its rows)"
    return [Measured("lote", what, ours / least, GOAL, f"{ours * 1000:.1f} ms / {least * 1000:.1f} ms")]


def send_one(size: int) -> float:
    """Seconds of our own work for one lote; what it wrote is deleted again."""
    with left_as_found(), answering(size):
        _queue(size)
        return seconds(lambda: _send(size))


def _queue(size: int) -> None:
    report = queue_invoices(ToInvoice(documento(), f"new-{next(_keys)}") for _ in range(size))
    if report.queued != size:
        raise RuntimeError(f"queued {report.queued} of {size}")


def _send(size: int) -> None:
    step = send_next("default")
    if not isinstance(step, Sent) or (step.verdict, step.items, step.refused) != (Verdict.ACCEPTED, size, 0):
        raise RuntimeError(f"the lote was not sent: {step}")


def _prepare(size: int) -> Any:
    """Return the body of a lote, as it leaves."""
    with left_as_found(), answering(size) as came:
        _queue(size)
        analyze()
        _send(size)
    return json.loads(came[0])


def _dump_and_insert(size: int, body: Any) -> float:
    """Seconds of `json.dumps` of the body and of one bulk insert of its rows, making their instances included."""
    with left_as_found():
        _queue(size)
        lote = Lote.objects.create(account="default", modality="lotes", status=LoteStatus.ACCEPTED)
        invoices = list(Invoice.objects.only("public_id").order_by("-pk")[:size])

        def work() -> None:
            json.dumps(body)
            with transaction.atomic(using=Router.current):
                LoteItem.objects.bulk_create(
                    LoteItem(lote=lote, invoice=invoice, position=row, reference=f"{invoice.public_id}-1")
                    for row, invoice in enumerate(invoices)
                )

        return seconds(work)
