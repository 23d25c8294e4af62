"""What is decided, of rows in the states that it is decided of, and the locks that it takes (law 14)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone

from django_tusfacturas_lotes import operations
from django_tusfacturas_lotes.conf import conf
from django_tusfacturas_lotes.models import (
    Attention,
    FailureStage,
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    LoteStatus,
)
from django_tusfacturas_lotes.operations import pruning
from django_tusfacturas_lotes.outcomes import calls, late_proof, tries
from django_tusfacturas_lotes.provider.client import Outcome, Verdict
from django_tusfacturas_lotes.queueing import crediting
from django_tusfacturas_lotes.queueing.paid_orders import queue_credit_note
from django_tusfacturas_lotes.reconciliation import look_ups
from django_tusfacturas_lotes.submission import claiming, recording, starting
from django_tusfacturas_lotes.wire.dates import argentine_day
from tests.support.rows import make_event, make_invoice, make_item, make_lote

I, L, T = InvoiceStatus, LoteStatus, LoteItemStatus  # noqa: E741


def item_of(status: str, invoice_status: str, lote: Lote | None = None, **columns: Any) -> LoteItem:
    return make_item(status, invoice_status, lote or make_lote(modality="nuevo_encola"), **columns)  # type: ignore[arg-type]


def invoice_of(status: str, invoice_status: str, lote: Lote | None = None, **columns: Any) -> Invoice:
    """An invoice with one try."""
    invoice = item_of(status, invoice_status, lote).invoice
    Invoice.objects.filter(pk=invoice.pk).update(**columns)
    return Invoice.objects.get(pk=invoice.pk)


def in_lote(
    lote_status: LoteStatus, status: str = T.UNCERTAIN, invoice_status: str = I.UNCERTAIN, **columns: Any
) -> Lote:
    return item_of(status, invoice_status, make_lote(lote_status, modality="nuevo_encola", **columns)).lote


def issued(**columns: Any) -> Invoice:
    return invoice_of(T.ISSUED, I.ISSUED, numero=7, cae="1", fecha=argentine_day(), **columns)


def issued_twice() -> Invoice:
    invoice = issued(attention=Attention.DUPLICATE)
    result = {"cae": "1", "numero": 7, "comprobante_tipo": "FACTURA B", "punto_venta": 3}
    LoteItem.objects.update(result={**result, "others": [{**result, "cae": "2", "numero": 8}]})
    return invoice


def failed_nota() -> Invoice:
    nota = make_invoice(I.FAILED, failure_stage=FailureStage.VALIDATION, credits=issued())
    Invoice.objects.filter(pk=nota.pk).update(kind=crediting.CREDIT_NOTE)
    return Invoice.objects.get(pk=nota.pk)


def told_of() -> None:
    item_of(T.SUBMITTED, I.SUBMITTED, told="changed")


def given_up_with_a_newer_try() -> Lote:
    """Its invoice waits for a newer try, in a lote that was not sent."""
    lote = make_lote(L.CANCELLED, modality="nuevo_encola")
    older = item_of(T.WITHDRAWN, I.CLAIMED, lote, due_at=timezone.now())
    ready = make_lote(L.READY, modality="nuevo_encola", tries=0)
    LoteItem.objects.create(lote=ready, invoice=older.invoice, position=0, reference=f"{older.invoice.public_id}-2")
    return lote


def old_event() -> None:
    make_event(make_item(), last_received_at=timezone.now() - dt.timedelta(days=500))


def reopened(lote: Lote) -> None:
    with transaction.atomic():
        late_proof.reopen_lote(lote, LoteItem.objects.all(), "a test")


def answered_late(lote: Lote) -> None:
    """Its answer, that it was taken, comes once it was given up."""
    account, outcome = conf.account("default"), Outcome(Verdict.ACCEPTED)
    recording.record_answer(account, recording.Call(lote, lote.tries, timezone.now(), [], {}), outcome)


def locked_try(item: LoteItem) -> None:
    with transaction.atomic():
        tries.lock_try(item.reference)


@dataclass(frozen=True)
class Decision:
    """What is decided, of what, and the models whose rows it locks, in order.

    `first`: what it has to wait for, where that is not the first of them; "nothing" where a change comes before.
    """

    about: str
    prepare: Callable[[], Any]
    decide: Callable[[Any], object]
    locks: list[str]
    first: str = field(default="")

    def __str__(self) -> str:
        return self.about


DECISIONS = [
    Decision(
        "retry", lambda: invoice_of(T.FAILED, I.FAILED, make_lote(), failure_stage=FailureStage.EMISSION),
        operations.retry, ["Lote", "LoteItem"],
    ),
    Decision("retry a nota", failed_nota, operations.retry, ["Lote", "Invoice", "LoteItem", "Invoice"], "Invoice"),
    Decision(
        "cancel", lambda: invoice_of(T.CLAIMED, I.CLAIMED, make_lote(L.READY, tries=0)), operations.cancel,
        ["Lote", "Lote", "Invoice"],
    ),
    Decision("say received", lambda: in_lote(L.UNCERTAIN), operations.confirm_received, ["Lote"]),
    Decision("say not received", lambda: in_lote(L.UNCERTAIN), operations.confirm_not_received, ["Lote", "Lote"]),
    Decision("seen", lambda: make_lote(L.ACCEPTED, discrepancies=["one"]), operations.mark_seen, ["Lote"]),
    Decision(
        "say not issued", lambda: invoice_of(T.SUBMITTED, I.SUBMITTED, attention=Attention.OVERDUE),
        operations.confirm_not_issued, ["Lote", "LoteItem", "Invoice"],
    ),
    Decision("delete", lambda: invoice_of(T.SUBMITTED, I.SUBMITTED), operations.delete, ["Lote"]),
    Decision("resend", lambda: invoice_of(T.FAILED, I.FAILED), operations.resend, ["Lote"]),
    Decision(
        "redate", lambda: invoice_of(T.SUBMITTED, I.SUBMITTED),
        lambda invoice: operations.redate(invoice, argentine_day()), ["Lote"],
    ),
    Decision("look up", lambda: invoice_of(T.SUBMITTED, I.SUBMITTED), operations.look_up_now, ["Lote"]),
    Decision("look up a lote", lambda: in_lote(L.UNCERTAIN), operations.look_up_lote, ["Lote"]),
    Decision("credit a duplicate", issued_twice, operations.credit_duplicate, ["Lote", "Invoice"]),
    Decision("credit", issued, queue_credit_note, ["Invoice", "Invoice"]),
    Decision(
        "not received", lambda: in_lote(L.UNCERTAIN), lambda lote: calls.mark_not_received(lote.pk, "a test"),
        ["Lote"],
    ),
    Decision(
        "a discrepancy", lambda: make_lote(L.ACCEPTED), lambda lote: calls.add_discrepancy(lote.pk, "a test"),
        ["Lote"],
    ),
    Decision("a try", lambda: item_of(T.SUBMITTED, I.SUBMITTED), locked_try, ["Lote", "LoteItem"]),
    Decision("received after all", given_up_with_a_newer_try, reopened, ["Lote", "Lote", "Invoice"], "nothing"),
    Decision("answered late", lambda: make_lote(L.CANCELLED), answered_late, ["Lote", "Lote", "Lote"], "nothing"),
    Decision("expedite look-ups", told_of, lambda _: look_ups.expedite(), ["Lote"]),
    Decision(
        "nothing to look up", lambda: make_lote(L.ACCEPTED, look_up_at=timezone.now()),
        lambda _: look_ups._next("default"), ["Lote"],
    ),
    Decision("claim", make_invoice, lambda _: claiming.claim(conf.account("default"), None), ["Invoice"], "nothing"),
    Decision(
        "begin to send", lambda: in_lote(L.READY, T.CLAIMED, I.CLAIMED, tries=0),
        lambda lote: starting.start_sending(conf.account("default"), lote), ["LoteItem"],
    ),
    Decision(
        "prune", old_event, lambda _: pruning.prune(dt.timedelta(days=400)), ["WebhookEvent"]
    ),
]  # fmt: skip
