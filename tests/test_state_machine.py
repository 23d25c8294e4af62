"""The promise as a property: whatever happens in whatever order, no order has two documents that nobody was told of.

A hypothesis state machine drives the app against the sandbox over real HTTP. `STATE_MACHINE_RUNS` and
`STATE_MACHINE_STEPS` make it longer.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from collections import Counter
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from django_tusfacturas_lotes import operations
from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote, LoteItem, LoteStatus, WebhookEvent
from django_tusfacturas_lotes.operations import NotPossibleError
from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoices
from django_tusfacturas_lotes.reconciliation import expire_leases
from django_tusfacturas_lotes.submission import flush
from tests.builders import documento
from tests.provider import Provider

pytestmark = pytest.mark.django_db(transaction=True)

RUNS = int(os.environ.get("STATE_MACHINE_RUNS", "40"))
STEPS = int(os.environ.get("STATE_MACHINE_STEPS", "25"))
FAULTS = [
    "refuse_rows=0", "fail_rows=0", "fail=**2", "answer=none", "answer=500", "answer=half", "answer=429:30",
    "answer=miscount", "reject=401", "reject=S", "reject=500", "reject=none", "webhook=early", "webhook=twice",
    "webhook=shuffled", "webhook=never",
]  # fmt: skip
choice = st.integers(min_value=0, max_value=1_000_000)


def machine(provider: Provider, told: list[tuple[str, Any]]) -> type[RuleBasedStateMachine]:
    class Promise(RuleBasedStateMachine):
        @initialize()
        def start_anew(self) -> None:
            provider.sandbox.resume()
            provider.sandbox.clear_faults()
            provider.settle()
            provider.sandbox.reset()
            for model in (WebhookEvent, LoteItem, Lote, Invoice):
                model.objects.all().delete()
            told.clear()
            self.keys = 0
            self.paused = False
            self.issued: dict[int, tuple[str, int | None]] = {}
            self.time = time_machine.travel(timezone.now())
            self.traveller = self.time.start()

        def teardown(self) -> None:
            if hasattr(self, "time"):
                self.time.stop()

        @rule(count=st.integers(1, 4), valid=st.booleans())
        def queue(self, count: int, valid: bool) -> None:
            changes = {} if valid else {"total": 1}
            queue_invoices(ToInvoice(documento(**changes), f"erp-{self.keys + one}") for one in range(count))
            self.keys += count

        @rule()
        def queue_again(self) -> None:
            queue_invoices(ToInvoice(documento(), f"erp-{one}") for one in range(self.keys))

        @rule(fault=st.sampled_from(FAULTS))
        def fault(self, fault: str) -> None:
            provider.fault(fault)

        @rule()
        def send(self) -> None:
            flush()

        @rule(minutes=st.sampled_from([1, 6, 61, 60 * 24]))
        def wait(self, minutes: int) -> None:
            self.traveller.shift(dt.timedelta(minutes=minutes))
            expire_leases()

        @rule()
        def hold_webhooks(self) -> None:
            self._settle()
            provider.sandbox.pause()
            self.paused = True

        @rule()
        def deliver_webhooks(self) -> None:
            provider.sandbox.resume()
            self.paused = False
            self._settle()

        def _settle(self) -> None:
            if not self.paused:
                provider.settle()

        @rule(which=choice)
        def notify_again(self, which: int) -> None:
            done = [ref for ref, times in provider.issued().items() if times]
            if done and not self.paused:
                provider.sandbox.resend(done[which % len(done)])

        @rule(which=choice, today=st.booleans())
        def retry(self, which: int, today: bool) -> None:
            self._do(Invoice, which, lambda invoice: operations.retry(invoice, today=today))

        @rule(which=choice)
        def cancel(self, which: int) -> None:
            self._do(Invoice, which, operations.cancel)

        @rule(which=choice)
        def send_now(self, which: int) -> None:
            self._do(Lote, which, operations.send_now)

        @rule(which=choice)
        def confirm_received(self, which: int) -> None:
            self._do(Lote, which, operations.confirm_received)

        @rule(which=choice)
        def confirm_not_received(self, which: int) -> None:
            """A person, who may be wrong."""
            self._do(Lote, which, operations.confirm_not_received)

        @rule(which=choice)
        def the_worker_was_killed(self, which: int) -> None:
            """As a killed worker leaves a lote that was just answered: sending, and nothing recorded."""
            lote = Lote.objects.order_by("-pk").first()
            if lote is None or lote.status != LoteStatus.ACCEPTED:
                return
            if LoteItem.objects.filter(lote=lote).exclude(status="submitted").exists():
                return
            Lote.objects.filter(pk=lote.pk).update(status=LoteStatus.SENDING, in_flight_for="default", answered_at=None)
            LoteItem.objects.filter(lote=lote).update(status="claimed")
            Invoice.objects.filter(items__lote=lote, status="submitted").update(status="claimed")

        def _do(self, model: Any, which: int, operation: Any) -> None:
            rows = list(model.objects.order_by("pk"))
            if rows:
                with contextlib.suppress(NotPossibleError):
                    operation(rows[which % len(rows)])

        @invariant()
        def no_order_has_two_documents_unknown_to_a_person(self) -> None:
            if not hasattr(self, "issued"):
                return
            self._settle()
            ledger = provider.issued()
            duplicates = Counter(invoice.pk for name, invoice in told if name == "duplicate_issued")
            for invoice in Invoice.objects.prefetch_related("items"):
                heard_of = sum(item.status == "issued" for item in invoice.items.all())
                documents = sum(ledger.get(item.reference, 0) for item in invoice.items.all())
                assert heard_of <= max(documents, 0)
                if heard_of > 1:
                    assert duplicates[invoice.pk]
                    assert invoice.attention == "duplicate"
                if documents > 1:
                    # Only a person's wrong word sends again what was taken.
                    assert Lote.objects.filter(items__invoice=invoice, status=LoteStatus.CANCELLED).exists()

        @invariant()
        def issued_never_changes(self) -> None:
            if not hasattr(self, "issued"):
                return
            for invoice in Invoice.objects.filter(status=InvoiceStatus.ISSUED):
                result = (invoice.cae, invoice.numero)
                assert self.issued.setdefault(invoice.pk, result) == result
            now = set(Invoice.objects.filter(status=InvoiceStatus.ISSUED).values_list("pk", flat=True))
            assert set(self.issued) <= now

        @invariant()
        def every_order_is_somewhere_with_a_reason_where_one_is_due(self) -> None:
            if not hasattr(self, "issued"):
                return
            assert Invoice.objects.count() == self.keys
            for invoice in Invoice.objects.prefetch_related("items__lote"):
                live = [item for item in invoice.items.all() if item.status in ("claimed", "submitted", "uncertain")]
                assert invoice.status in InvoiceStatus.values
                if invoice.status == InvoiceStatus.FAILED:
                    assert invoice.reasons
                    assert invoice.failure_stage
                if invoice.status == InvoiceStatus.PENDING:
                    assert not live
                if invoice.status in (InvoiceStatus.CLAIMED, InvoiceStatus.SUBMITTED, InvoiceStatus.UNCERTAIN):
                    assert len(live) == 1
                    assert live[0].is_latest_try
                if invoice.status == InvoiceStatus.UNCERTAIN:
                    assert live[0].lote.status == LoteStatus.UNCERTAIN
                    assert live[0].lote.error

        @invariant()
        def at_most_one_lote_is_in_flight(self) -> None:
            in_flight = Lote.objects.exclude(in_flight_for=None)
            assert [lote.status in (LoteStatus.READY, LoteStatus.SENDING) for lote in in_flight] in ([], [True])

    return Promise


def test_the_promise_holds_whatever_happens(provider: Provider, heard: list[Any]) -> None:
    run_state_machine_as_test(
        machine(provider, heard),
        settings=settings(
            max_examples=RUNS, stateful_step_count=STEPS, deadline=None, print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
