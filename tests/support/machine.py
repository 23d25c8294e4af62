"""The world that the state machine drives: the app, the provider behind it, a clock, and what was done to mislead it.

Whoever says something that is not so (a person, or a notice with right credentials) is written down here, with what
follows from it and no more; so that what is checked after every step stays sharp for everything else.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import time_machine
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from django_tusfacturas_lotes import reception
from django_tusfacturas_lotes.conf import conf
from django_tusfacturas_lotes.models import (
    FailureStage,
    Invoice,
    InvoiceStatus,
    Lote,
    LoteItem,
    LoteItemStatus,
    LoteStatus,
    OperationStatus,
    QueueOperation,
    Turn,
    WebhookEvent,
)
from django_tusfacturas_lotes.models.webhook import FORGOTTEN_AFTER
from django_tusfacturas_lotes.operations import NotPossibleError
from django_tusfacturas_lotes.reception import events
from django_tusfacturas_lotes.reconciliation import look_ups
from django_tusfacturas_lotes.sandbox.queue.ledger import LedgerReference
from django_tusfacturas_lotes.submission import leases, queue_operations, sending
from django_tusfacturas_lotes.wire.dates import argentine_day, argentine_midnight
from tests.support import documented
from tests.support.provider import PATIENCE, Provider

# Dependants first.
TABLES: tuple[type[Model], ...] = (QueueOperation, WebhookEvent, LoteItem, Lote, Invoice, Turn)
LIVE = {LoteItemStatus.CLAIMED, LoteItemStatus.SUBMITTED, LoteItemStatus.UNCERTAIN}
FINAL = {InvoiceStatus.ISSUED, InvoiceStatus.CANCELLED, InvoiceStatus.FAILED}
# How the sandbox notes the answers that prove that a call was not taken (law 3).
NOT_TAKEN = {"S", "400", "401", "403", "404", "405", "429"}
# What the provider has, and may issue or has issued.
ALIVE_THERE = {"queued", "scheduled", "issued"}
# Of the schedule, at the end; each is at the next moment for which anything is due.
ROUNDS = 60
# What is checked after every step reads no more than this.
LOTE_COLUMNS = ("status", "tries", "error", "look_up_at", "in_flight_for", "discrepancies")
ITEM_COLUMNS = ("lote_id", "invoice_id", "reference", "status", "result", "look_up_at")
INVOICE_COLUMNS = ("kind", "status", "tries", "errors", "failure_stage", "attention", "cae", "numero")
OPERATION_COLUMNS = ("kind", "status", "open_for", "error", "item", "item__look_up_at")

Document = tuple[str, int | None]


class Killed(BaseException):
    """A worker is gone, in the middle of what it did."""


# Where a worker is killed: what it was doing, what it does not come to any more, and whether it had the account's turn.
KILLS: dict[str, tuple[Callable[[], object], Any, str, bool]] = {
    "claimed": (sending.flush, sending, "_send", False),
    "about to call": (sending.flush, sending, "Client", True),
    "answered": (sending.flush, sending, "record_answer", True),
    "about to operate": (lambda: queue_operations.send_requested("default"), queue_operations, "_call", True),
    "operated": (lambda: queue_operations.send_requested("default"), queue_operations, "_record", False),
    "about to look up": (lambda: look_ups.look_up("default"), look_ups, "_ask", True),
    "looked up": (lambda: look_ups.look_up("default"), look_ups, "apply_lookup_result", False),
}


class World:
    """One run of the machine, from empty tables and an empty ledger."""

    def __init__(self, provider: Provider, told: list[tuple[str, Any]], modality: str) -> None:
        self.provider = provider
        self.sandbox = provider.sandbox
        self.told = told
        self.keys = 0
        self.paused = False
        self.forged: dict[str, set[Document]] = defaultdict(set)
        """Documents that no provider has issued, told of with right credentials, by reference."""
        self.misled: set[int] = set()
        """Invoices that may rightly be sent again while the provider has them: somebody said that it does not."""
        self._issued: dict[int, Document] = {}
        self._sent: set[str] = set()
        self._calls = 0
        self._checked: tuple[int, int] | None = None
        self._numbers = itertools.count(1)
        self._begin(modality)

    def _begin(self, modality: str) -> None:
        self.sandbox.clear_faults()
        self.sandbox.resume()
        self.quiet()
        self.sandbox.reset()
        with connection.cursor() as cursor:
            for model in TABLES:
                cursor.execute(f"DELETE FROM {connection.ops.quote_name(model._meta.db_table)}")
        self.told.clear()
        self.provider.use(modality)
        self._travel = time_machine.travel(timezone.now())
        self.clock = self._travel.start()

    def end(self) -> None:
        self._travel.stop()

    # What happens

    def quiet(self) -> None:
        """Wait until the sandbox has done and told all that it can do now, also while it is paused."""
        backend = self.sandbox._backend

        def at_rest() -> bool:
            waiting = backend._not_started or backend._later or backend._dispatcher.pending
            return not waiting and (backend.queue.paused or backend.queue.idle)

        self.sandbox._wait(at_rest, PATIENCE, "is still busy")

    def pass_time(self, minutes: float) -> None:
        self.quiet()
        self.clock.shift(dt.timedelta(minutes=minutes))
        self.sandbox.advance_days(0)  # its queue looks at the day anew
        self.quiet()

    def look_up(self) -> None:
        with self._noting_lies():
            look_ups.look_up("default")

    @contextlib.contextmanager
    def _noting_lies(self) -> Iterator[None]:
        """Write down of which tries a look-up says that they are not there, while they are.

        One such lie must do no harm: there must have been another one before it.
        """
        before = self.sandbox.ledger()["lookups"]["references"]
        yield
        ledger = self.sandbox.ledger()
        asked = [name for name, count in ledger["lookups"]["references"].items() if count != before.get(name, 0)]
        absent = LoteItem.objects.filter(reference__in=asked, finding="absent").exclude(lote__modality="lotes")
        for item in absent:
            entry = ledger["references"].get(item.reference)
            is_there = entry is not None and entry["taken"] and entry["status"] != "deleted"
            if is_there and item.absences > 1:
                self.misled.add(item.invoice_id)

    def schedule(self) -> None:
        """Do once what the schedule does."""
        leases.expire_leases()
        reception.process_again()
        sending.flush()
        self.quiet()
        queue_operations.send_requested("default")
        self.quiet()
        self.look_up()

    def kill(self, where: str) -> None:
        """Kill a worker, and let the time pass after which its turn is nobody's any more."""
        work, module, name, in_its_turn = KILLS[where]
        gone = mock.Mock(side_effect=Killed)
        with self._noting_lies(), mock.patch.object(module, name, gone), contextlib.suppress(Killed):
            work()
        if gone.called and in_its_turn:
            Turn.objects.update(busy_until=timezone.now() + dt.timedelta(seconds=80))
        self.pass_time(2)

    def post(self, payload: dict[str, Any], *, killed: bool = False) -> None:
        """Notify as `lotes` does. `killed`: the worker that takes it is, once it is stored."""
        gone = mock.patch.object(events, "_try_to_process") if killed else contextlib.nullcontext()
        with gone:
            sent = {**payload, **self.provider.credentials}
            answer = Client().post("/tusfacturas/webhook/", sent, content_type="application/json")
        assert answer.status_code == 200

    def forge_success(self, item: LoteItem, *, killed: bool) -> None:
        number = next(self._numbers)
        cae, numero = f"99{number:012}", 900_000 + number
        self.forged[item.reference].add((cae, numero))
        payload = {
            **documented.lotes_webhook(), "facturacion_lote_id_referencia": item.reference, "cae": f"{cae} ",
            "comprobante_nro": f"0003-{numero:08}", "comprobante_tipo": "FACTURA B", "error": "N", "errores": [],
        }  # fmt: skip
        self.post(payload, killed=killed)

    def forge_failure(self, item: LoteItem, *, killed: bool) -> None:
        self._note_forged_failure(item)
        payload = {
            **documented.lotes_webhook(), "facturacion_lote_id_referencia": item.reference, "error": "S",
            "errores": [f"Contradicho {next(self._numbers)}"], "cae": "", "comprobante_nro": "",
        }  # fmt: skip
        self.post(payload, killed=killed)

    def notify(self, item: LoteItem, evento: str) -> None:
        """A notice of the encola modalities, true or not."""
        if evento == "error":
            self._note_forged_failure(item)
        self.sandbox.notify(item.reference, evento, msg=["Contradicho"] if evento == "error" else [])
        self.quiet()

    def _note_forged_failure(self, item: LoteItem) -> None:
        """In `lotes` it is the last word, and a retry sends again; elsewhere a retry deletes it there first."""
        if item.lote.modality == "lotes" and self.entry(item.reference, "status") != "failed":
            self.misled.add(item.invoice_id)

    def entry(self, reference: str, key: str) -> Any:
        entry = self.sandbox.ledger()["references"].get(reference)
        return None if entry is None else dict(entry)[key]

    def say_not_received(self, lote: Lote, operation: Callable[[Lote], object]) -> None:
        """A person, who may be wrong."""
        wrong = [item.invoice_id for item in lote.items.all() if self.entry(item.reference, "taken")]
        with contextlib.suppress(NotPossibleError):
            operation(lote)
            self.misled.update(wrong)

    def say_not_issued(self, invoice: Invoice, operation: Callable[[Invoice], object]) -> None:
        """A person, who may be wrong."""
        item = invoice.items.order_by("-pk").first()
        wrong = item is not None and self.entry(item.reference, "status") in ALIVE_THERE
        with contextlib.suppress(NotPossibleError):
            operation(invoice)
            if wrong:
                self.misled.add(invoice.pk)

    # What must hold after every step

    def check(self, *, though_nothing_changed: bool = False) -> None:
        self.quiet()
        state = self._state_of_the_database()
        if state is not None and state == self._checked and not though_nothing_changed:
            return
        self._checked = state
        references = self.sandbox.ledger()["references"]
        self._check_calls(references)
        duplicates = Counter(one.pk for name, one in self.told if name == "duplicate_issued")
        told_issued = Counter(one.pk for name, one in self.told if name == "invoice_issued")
        items: dict[int, list[LoteItem]] = defaultdict(list)
        unknown = set(references)
        lotes = Lote.objects.only(*LOTE_COLUMNS).in_bulk()
        for item in LoteItem.objects.only(*ITEM_COLUMNS).order_by("pk"):
            item.lote = lotes[item.lote_id]
            items[item.invoice_id].append(item)
            unknown.discard(item.reference)
            self._check_item(item, references.get(item.reference))
        assert not unknown, "sent, and not written down"
        invoices = list(Invoice.objects.only(*INVOICE_COLUMNS).order_by("pk"))
        assert sum(invoice.kind == "factura" for invoice in invoices) == self.keys
        for invoice in invoices:
            mine = items[invoice.pk]
            self._check_state(invoice, mine)
            self._check_documents(invoice, mine, references, duplicates[invoice.pk])
            assert told_issued[invoice.pk] == (invoice.status == InvoiceStatus.ISSUED), "told once, and only of what is"
        assert set(self._issued) <= {one.pk for one in invoices if one.status == InvoiceStatus.ISSUED}
        in_flight = [lote for lote in lotes.values() if lote.status in (LoteStatus.READY, LoteStatus.SENDING)]
        assert in_flight == [lote for lote in lotes.values() if lote.in_flight_for is not None]
        assert len(in_flight) <= 1
        self._check_operations()

    def _state_of_the_database(self) -> tuple[int, int] | None:
        """Two numbers of which one changes with whatever is written, by others and by us; None where there are none."""
        if connection.vendor != "sqlite":
            return None
        with connection.cursor() as cursor:
            (by_others,) = cursor.execute("PRAGMA data_version").fetchone()
        return by_others, connection.connection.total_changes

    def _check_calls(self, references: dict[str, LedgerReference]) -> None:
        """A reference goes out once more only after an answer that proves that it was not taken.

        That a row was refused, where the answer leaves out which one, reads as a refusal of the whole.
        """
        calls = self.sandbox.calls[self._calls :]
        self._calls += len(calls)
        for call in calls:
            documents = call.body.get("requests") or [call.body]
            for document in documents:
                reference = document["comprobante"]["external_reference"]
                assert reference not in self._sent, f"{reference} was sent again, and may have been taken before"
                refused_whole = call.answer == "missing" and not references[reference]["taken"]
                if call.answer not in NOT_TAKEN and not refused_whole:
                    self._sent.add(reference)

    def _check_item(self, item: LoteItem, entry: LedgerReference | None) -> None:
        lote = item.lote
        if item.look_up_at is not None:
            assert lote.look_up_at is not None, f"{item} is to be looked up, and nobody finds it"
            assert lote.look_up_at <= item.look_up_at, f"{item} is to be looked up before its lote"
        if entry is None:
            return
        assert lote.tries, "the try was not counted before the call"
        if entry["taken"] and lote.status in (LoteStatus.READY, LoteStatus.CANCELLED):
            assert item.invoice_id in self.misled, f"{lote} was taken, and is {lote.status}"
        if lote.status == LoteStatus.READY:
            assert item.reference not in self._sent, f"{lote} is ready, and may have been sent"

    def _check_state(self, invoice: Invoice, items: list[LoteItem]) -> None:
        """Exactly one of the named states, with what belongs to it, and a reason where one is due."""
        live = [item for item in items if item.status in LIVE]
        told = f"invoice {invoice.pk} is {invoice.status}, its tries {[(one.reference, one.status) for one in items]}"
        where = {
            InvoiceStatus.CLAIMED: (LoteItemStatus.CLAIMED, {LoteStatus.READY, LoteStatus.SENDING}),
            InvoiceStatus.SUBMITTED: (LoteItemStatus.SUBMITTED, {LoteStatus.ACCEPTED}),
            InvoiceStatus.UNCERTAIN: (LoteItemStatus.UNCERTAIN, {LoteStatus.UNCERTAIN}),
        }
        if invoice.status in where:
            status, lotes = where[InvoiceStatus(invoice.status)]
            (item,) = live
            # Newer ones that were never sent, or came to nothing, stay behind one that turned out to be there.
            newer = [one for one in items if one.pk > item.pk]
            nothing = {LoteItemStatus.WITHDRAWN, LoteItemStatus.REFUSED, LoteItemStatus.FAILED}
            assert {one.status for one in newer} <= nothing, told
            assert LoteItem.objects.awaited_by(invoice) == item, told
            assert items[-1].reference.endswith(f"-{invoice.tries}"), told
            assert item.status == status, told
            assert item.lote.status in lotes, told
            if status == LoteItemStatus.UNCERTAIN:
                assert item.lote.error, told
            if status == LoteItemStatus.SUBMITTED:
                assert item.look_up_at is not None or invoice.attention, f"{told}: silent"
        elif invoice.status == InvoiceStatus.ISSUED:
            assert any(item.status == LoteItemStatus.ISSUED for item in items), told
        else:
            assert invoice.status in (InvoiceStatus.PENDING, InvoiceStatus.FAILED, InvoiceStatus.CANCELLED), told
            assert not live, told
            assert not any(item.status == LoteItemStatus.ISSUED for item in items), told
        if invoice.status == InvoiceStatus.FAILED:
            assert invoice.errors, told
            assert invoice.failure_stage in FailureStage.values, told

    def _check_documents(
        self, invoice: Invoice, items: list[LoteItem], references: dict[str, LedgerReference], duplicates: int
    ) -> None:
        """The database knows of no document that was not issued or forged; of two, a person and the host were told."""
        known: list[Document] = []
        for item in items:
            documents = _documents_of(item)
            assert len(documents) == len(set(documents))
            assert set(documents) <= _issued_for(references.get(item.reference)) | self.forged[item.reference]
            known += documents
        there = sum(len(_issued_for(references.get(item.reference))) for item in items)
        if invoice.pk not in self.misled:
            assert there <= 1, f"invoice {invoice.pk} has {there} documents, and nobody had said a wrong word"
        assert duplicates == max(0, len(known) - 1)
        if len(known) > 1:
            assert invoice.attention == "duplicate"
        if invoice.status == InvoiceStatus.ISSUED:
            own = (invoice.cae, invoice.numero)
            assert own in known
            assert self._issued.setdefault(invoice.pk, own) == own, "issued is final"
        else:
            assert not known

    def _check_operations(self) -> None:
        for operation in QueueOperation.objects.select_related("item").only(*OPERATION_COLUMNS):
            is_open = operation.status not in (OperationStatus.DONE, OperationStatus.REFUSED)
            assert (operation.open_for is not None) == is_open
            if operation.status == OperationStatus.REFUSED:
                assert operation.error
            if operation.status in (OperationStatus.ACCEPTED, OperationStatus.UNCERTAIN):
                assert operation.item.look_up_at is not None, f"{operation} waits for a look-up that nobody makes"

    # How it ends

    def finish(self) -> None:
        """Nothing is in the way any more: in some days, nothing is left that goes on in silence."""
        self.sandbox.clear_faults()
        self.sandbox.resume()
        self.paused = False
        for _ in range(ROUNDS):
            self.schedule()
            if self._tell_again():
                self.look_up()
            if not any(self._open()):
                break
            self.pass_time(self._minutes_to_the_next())
        self.check(though_nothing_changed=True)
        left = list(self._open())
        assert not left, left

    def _minutes_to_the_next(self) -> float:
        """Until something is to be done: what is open and waits for nothing would be open for ever."""
        now = timezone.now()
        lease = dt.timedelta(seconds=conf.sending_lease)
        moments = [
            *Lote.objects.values_list("look_up_at", flat=True),
            *Lote.objects.filter(status=LoteStatus.READY).values_list("next_try_at", flat=True),
            *QueueOperation.objects.filter(status=OperationStatus.REQUESTED).values_list("next_try_at", flat=True),
            *(
                at and at + lease
                for at in Lote.objects.filter(status=LoteStatus.SENDING).values_list("sent_at", flat=True)
            ),
            *(
                at and at + lease
                for at in QueueOperation.objects.filter(status=OperationStatus.SENDING).values_list(
                    "sent_at", flat=True
                )
            ),
            *Turn.objects.values_list("free_from", flat=True),
            *(
                at + FORGOTTEN_AFTER
                for at in WebhookEvent.objects.filter(status="received").values_list("received_at", flat=True)
            ),
            *(
                at and at + dt.timedelta(seconds=sending.PAUSES[-1])
                for at in Lote.objects.filter(status=LoteStatus.UNCERTAIN).values_list("sent_at", flat=True)
            ),
        ]
        if self.sandbox.state()["scheduled"] or Invoice.objects.filter(status=InvoiceStatus.PENDING).exists():
            moments.append(argentine_midnight(argentine_day(now) + dt.timedelta(days=1)))
        ahead = [moment for moment in moments if moment is not None and moment > now]
        assert ahead, f"nothing more would happen, and {list(self._open())}"
        return (min(ahead) - now).total_seconds() / 60 + 0.02

    def _tell_again(self) -> list[LoteItem]:
        """Notify again of what was issued and is not known here."""
        untold = [item for item, _ in self._untold()]
        for item in untold:
            self.sandbox.resend(item.reference)
        self.quiet()
        return untold

    def _untold(self) -> Iterator[tuple[LoteItem, set[Document]]]:
        references = self.sandbox.ledger()["references"]
        for item in LoteItem.objects.only("reference", "status", "result").filter(reference__in=list(references)):
            known = set(_documents_of(item))
            if known & self.forged[item.reference]:
                # A thin notice that it was issued says nothing new then, and a look-up is made only if asked for.
                continue
            if missing := _issued_for(references[item.reference]) - known:
                yield item, missing

    def _open(self) -> Iterator[str]:
        """What is neither at its end nor in front of a person, and what is issued and not known here."""
        for item, missing in self._untold():
            yield f"{item} was issued as {missing}, and is {item.status}"
        shown = set(Invoice.objects.needing_a_person().values_list("pk", flat=True))
        shown |= set(Lote.objects.needing_a_person().values_list("items__invoice", flat=True))
        shown |= set(QueueOperation.objects.needing_a_person().values_list("item__invoice", flat=True))
        for invoice in Invoice.objects.exclude(status__in=FINAL):
            if invoice.pk not in shown:
                yield f"invoice {invoice.pk} is left {invoice.status}"
        for operation in QueueOperation.objects.open():
            yield f"{operation.kind} of {operation.item} is left {operation.status}"
        forgotten = set(WebhookEvent.objects.needing_a_person())
        for event in WebhookEvent.objects.filter(status="received"):
            if event not in forgotten:
                yield f"{event} is left as it came"


def _documents_of(item: LoteItem) -> list[Document]:
    if item.status != LoteItemStatus.ISSUED:
        return []
    assert item.result
    return [(one["cae"], one["numero"]) for one in (item.result, *item.result.get("others", []))]


def _issued_for(entry: LedgerReference | None) -> set[Document]:
    if entry is None:
        return set()
    numbers = (int(number.rpartition("-")[2]) for number in entry["numbers"])
    return set(zip(entry["caes"], numbers, strict=True))
