"""How many notifications are stored and applied in the time in which a bare view inserts so many rows."""

from __future__ import annotations

import functools
import io
import itertools
import json
from typing import Any
from wsgiref.util import setup_testing_defaults

from django.core.handlers.wsgi import WSGIHandler

from django_tusfacturas_lotes.models import (
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    LoteStatus,
    WebhookEvent,
    WebhookEventStatus,
)

from .bare.models import BareRow
from .documents import documento, notification
from .measurement import Goal, Measured, Sizes
from .side_by_side import fastest, seconds
from .tables import EMPTY, database, left_as_found

GOAL = Goal(0.6, ">=")
_numbers = itertools.count(1)


def measure(sizes: Sizes) -> list[Measured]:
    """Measure on the empty tables."""
    with database(EMPTY):
        ours, bare = fastest(
            "webhook", sizes.webhook_rounds, lambda: apply_some(sizes.posts), lambda: _insert_some(sizes.posts)
        )
    what = "webhooks stored and applied / posts to a bare DRF view that inserts one row, per second"
    sides = f"{sizes.posts / ours:.0f}/s / {sizes.posts / bare:.0f}/s"
    return [Measured("webhook", what, bare / ours, GOAL, sides)]


def apply_some(posts: int) -> float:
    """Seconds of so many notifications, each stored and applied; what they wrote is deleted again."""
    with left_as_found():
        bodies = [json.dumps(notification(item.reference, next(_numbers))).encode() for item in _submitted(posts)]
        took = seconds(lambda: _post_all("/tusfacturas/webhook/", bodies))
        applied = WebhookEvent.objects.order_by("-pk")[:posts]
        if [event.status for event in applied] != [WebhookEventStatus.PROCESSED] * posts:
            raise RuntimeError("not every notification was applied")
    return took


def _insert_some(posts: int) -> float:
    with left_as_found():
        bodies = [json.dumps(notification("0" * 26, next(_numbers))).encode() for _ in range(posts)]
        took = seconds(lambda: _post_all("/bare/", bodies))
        if BareRow.objects.count() != posts:
            raise RuntimeError("not every row was inserted")
    return took


def _submitted(count: int) -> list[LoteItem]:
    """Return the items of a lote that waits for its notifications."""
    lote = Lote.objects.create(account="default", modality="lotes", status=LoteStatus.ACCEPTED, tries=1)
    first = next(_numbers)
    invoices = Invoice.objects.bulk_create(
        Invoice(
            account="default", key=f"submitted-{first}-{row}", comprobante=documento(), tipo="FACTURA B",
            punto_venta=3, status=InvoiceStatus.SUBMITTED, tries=1,
        )
        for row in range(count)
    )  # fmt: skip
    return LoteItem.objects.bulk_create(
        LoteItem(
            lote=lote, invoice=invoice, position=row, reference=f"{invoice.public_id}-1",
            status=LoteItemStatus.SUBMITTED,
        )
        for row, invoice in enumerate(invoices)
    )  # fmt: skip


def _post_all(path: str, bodies: list[bytes]) -> None:
    """Post each through Django's WSGI handler, as a server does after it has read the request."""
    application = _application()
    for body in bodies:
        _post(application, path, body)


@functools.cache
def _application() -> WSGIHandler:
    return WSGIHandler()


def _post(application: WSGIHandler, path: str, body: bytes) -> None:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }
    setup_testing_defaults(environ)
    said: list[str] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        said.append(status)

    response = application(environ, start_response)
    for _ in response:
        pass
    response.close()
    if said != ["200 OK"]:
        raise RuntimeError(f"{path} answered {said}")
