"""Where a process is killed, and what must hold then: at once, and once another worker came.

Nothing here looks into the steps: what the provider's ledger says is held against what the tables say.
"""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Sequence
from pathlib import Path

from django.apps import apps
from django.db import models, transaction

import django_tusfacturas_lotes
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
from django_tusfacturas_lotes.provider.client import STATUS_VERDICTS
from tests.support.provider import Provider
from tests.support.workers import Point

PACKAGE = Path(django_tusfacturas_lotes.__file__).parent
# They only read settings or text, or stand beside the steps: no state lies between their lines.
NOT_STEPS = {"conf", "wire", "sandbox", "admin", "management", "migrations", "checks.py"}
STEPS = tuple(
    sorted(str(path) for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] not in NOT_STEPS)
)

# How many of a job (`tests/conftest.py`: fewer without `--thorough`), or "all" (each line that it executes), or "every"
# (each time that it executes one).
CRASH_POINTS = os.environ["CRASH_POINTS"]
# Which ones: others in each run, the same ones with the same seed.
SEED = int(os.environ.get("CRASH_SEED") or secrets.randbits(32))

LIVE = {LoteItemStatus.CLAIMED, LoteItemStatus.SUBMITTED, LoteItemStatus.UNCERTAIN}


def points(executed: Sequence[Point]) -> list[Point]:
    """Return where to kill a job that executes these lines, in the order of their execution."""
    if CRASH_POINTS == "every":
        return list(executed)
    first = [point for point in executed if point.time == 1]
    if CRASH_POINTS == "all" or len(first) <= int(CRASH_POINTS):
        return first
    print(f"CRASH_SEED={SEED}")
    # The first one and the last one at least.
    between = sorted(random.Random(SEED).sample(range(1, len(first) - 1), max(0, int(CRASH_POINTS) - 2)))
    return [first[0], *(first[place] for place in between), first[-1]]


def start_afresh(provider: Provider) -> None:
    """Forget everything: here, in dependants first, and at the provider."""
    provider.sandbox.resume()
    provider.settle()
    provider.sandbox.reset()
    left = list(apps.get_app_config("django_tusfacturas_lotes").get_models())
    with transaction.atomic():
        while left:
            for model in left:
                others = [other for other in left if other is not model]
                if not any(_points_to(other, model) for other in others):
                    model._base_manager.all()._raw_delete("default")
                    left = others
                    break


def _points_to(one: type[models.Model], other: type[models.Model]) -> bool:
    return any(field.is_relation and field.related_model is other for field in one._meta.concrete_fields)


def assert_whole(provider: Provider) -> None:
    """What must hold at any moment, also right after a process was killed.

    What reached the provider is never taken for unsent; and each transaction happened wholly or not at all.
    """
    references = provider.sandbox.ledger()["references"]
    assert set(references) <= set(LoteItem.objects.values_list("reference", flat=True)), "sent, and not written down"
    for lote in Lote.objects.prefetch_related("items"):
        came = sum(references[item.reference]["received"] for item in lote.items.all() if item.reference in references)
        taken = any(references[item.reference]["taken"] for item in lote.items.all() if item.reference in references)
        if came and lote.status == LoteStatus.READY:
            # Only with the provider's own word for it, written down.
            assert lote.http_status in STATUS_VERDICTS, f"{lote} is ready, and may have been sent"
        # A person who was wrong about it has been told so, or will be: there is nothing else to see it by.
        if taken and not (lote.status == LoteStatus.CANCELLED and lote.error.startswith("a person confirmed")):
            assert lote.status in (LoteStatus.SENDING, LoteStatus.ACCEPTED, LoteStatus.UNCERTAIN), (
                f"{lote} was taken, and is {lote.status}"
            )
        if came:
            assert lote.tries, "the try was not counted before the call"
        in_flight = lote.status in (LoteStatus.READY, LoteStatus.SENDING)
        assert (lote.in_flight_for is not None) == in_flight, f"{lote} is {lote.status}"
    for invoice in Invoice.objects.prefetch_related("items__lote"):
        _assert_whole(invoice)


def _assert_whole(invoice: Invoice) -> None:
    items = {item.status: item for item in invoice.items.all()}
    live = LIVE & items.keys()
    told = f"invoice {invoice.pk} is {invoice.status}, its items {sorted(items)}"
    if invoice.status == InvoiceStatus.CLAIMED:
        assert live == {LoteItemStatus.CLAIMED}, told
        assert items["claimed"].lote.in_flight_for, told
    elif invoice.status == InvoiceStatus.SUBMITTED:
        assert live == {LoteItemStatus.SUBMITTED}, told
        assert items["submitted"].lote.status == LoteStatus.ACCEPTED, told
    elif invoice.status == InvoiceStatus.UNCERTAIN:
        assert live == {LoteItemStatus.UNCERTAIN}, told
        assert items["uncertain"].lote.status == LoteStatus.UNCERTAIN, told
    elif invoice.status == InvoiceStatus.ISSUED:
        assert LoteItemStatus.ISSUED in items, told
    else:
        assert not live, told
    if invoice.status == InvoiceStatus.FAILED:
        assert invoice.reasons, told


def assert_nothing_twice(provider: Provider, received: int = 1) -> None:
    """By the provider's ledger. `received`: how often a reference may have come, where calls were turned away."""
    references = provider.sandbox.ledger()["references"]
    for reference, entry in references.items():
        assert entry["received"] <= received, f"{reference} was sent {entry['received']} times"
        assert entry["taken"] <= 1, f"{reference} was taken {entry['taken']} times"
    for invoice in Invoice.objects.prefetch_related("items"):
        mine = [references[item.reference] for item in invoice.items.all() if item.reference in references]
        caes = [cae for entry in mine for cae in entry["caes"]]
        assert len(caes) <= 1, f"invoice {invoice.pk} has {len(caes)} documents"
        assert [invoice.cae] == (caes or [""]), f"invoice {invoice.pk} is {invoice.status}, its documents {caes}"


def assert_settled(provider: Provider) -> None:
    """Once all is delivered, each invoice is issued, cancelled, or in front of a person with what speaks for it."""
    assert not WebhookEvent.objects.filter(status__in=[WebhookEventStatus.RECEIVED, WebhookEventStatus.ERROR]).exists()
    references = provider.sandbox.ledger()["references"]
    for_a_person = set(Invoice.objects.needing_a_person())
    for invoice in Invoice.objects.prefetch_related("items__lote"):
        if invoice.status in (InvoiceStatus.ISSUED, InvoiceStatus.CANCELLED):
            continue
        assert invoice in for_a_person, f"invoice {invoice.pk} is left {invoice.status}"
        if invoice.status == InvoiceStatus.UNCERTAIN:
            (item,) = (item for item in invoice.items.all() if item.status == LoteItemStatus.UNCERTAIN)
            assert item.lote.error
            # Had the provider taken it, its notification would have told by now.
            assert not references.get(item.reference, {"taken": 0})["taken"]
