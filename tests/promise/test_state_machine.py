"""The promise as a property: whatever happens in whatever order, no order has two documents that nobody was told of.

A hypothesis state machine drives the app against the sandbox over real HTTP, once in each modality, and from one into
another. `STATE_MACHINE_RUNS` (of all three together) and `STATE_MACHINE_STEPS` say how long: 500 and 40 in the CI, 5000
and 40 on demand. Each run of the tests explores anew, from a seed that it prints; `STATE_MACHINE_SEED` repeats one.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import secrets
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from django_tusfacturas_lotes import operations, reception
from django_tusfacturas_lotes.models import Invoice, Lote, LoteItem, LoteStatus
from django_tusfacturas_lotes.operations import NotPossibleError
from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoices
from django_tusfacturas_lotes.reconciliation import look_ups
from django_tusfacturas_lotes.sandbox import Pace, Sandbox
from django_tusfacturas_lotes.submission import flush, leases, queue_operations
from django_tusfacturas_lotes.wire.dates import argentine_day
from tests.support.builders import day, documento
from tests.support.machine import KILLS, World
from tests.support.provider import Provider

pytestmark = pytest.mark.django_db(transaction=True)

RUNS = int(os.environ.get("STATE_MACHINE_RUNS", "40"))
STEPS = int(os.environ.get("STATE_MACHINE_STEPS", "25"))
SEED = int(os.environ.get("STATE_MACHINE_SEED") or secrets.randbits(32))
# STATE_MACHINE_SHRINK=0 tells of the first failure as it was found, at once.
PHASES = (Phase.generate, Phase.shrink) if os.environ.get("STATE_MACHINE_SHRINK", "1") != "0" else (Phase.generate,)
# How much of the runs begins in each modality.
SHARES = {"lotes": 0.4, "lotes_encola": 0.3, "nuevo_encola": 0.3}
SENDING_FAULTS = [
    "refuse_rows=0", "fail_rows=0", "fail=**2", "fail_rows=0,1", "answer=none", "answer=500", "answer=half",
    "answer=cut", "answer=html", "answer=524:0.01", "answer=429:30", "answer=miscount", "answer=missing",
    "answer=rowless", "answer=partial", "reject=401", "reject=S", "reject=500", "reject=none", "reject=429",
]  # fmt: skip
WEBHOOK_FAULTS = ["early", "twice", "shuffled", "never", "late:0.01", "early+twice", "wrong_token"]
LOOKUP_FAULTS = ["500", "none", "html", "half", "S", "429:30", "empty", "absent", "absent"]
OPERATION_FAULTS = ["500", "none", "half", "reject:500", "reject:none", "reject:S", "reject:401", "reject:429:30"]
SENT_WITH = [*SENDING_FAULTS, *(f"webhook={how}" for how in WEBHOOK_FAULTS)]
FAULTS = [*SENT_WITH, *(f"lookup={how}" for how in LOOKUP_FAULTS), *(f"operation={how}" for how in OPERATION_FAULTS)]
EVENTOS = ["encolado", "emitido", "error", "eliminado", "cambio_fecha", "inventado"]
choice = st.integers(min_value=0, max_value=1_000_000)
booleans = st.booleans()


@pytest.fixture
def tusfacturas_sandbox() -> Iterator[Sandbox]:
    """A sandbox that does not rest between two tries, and notifies of one thing after the other."""
    pace = Pace(emission_retry=0, webhook_retry=0.001, notice_retries=(0.001,) * 5, early_limit=0.2)
    with Sandbox(pace=pace, webhook_workers=1) as sandbox:
        yield sandbox


def machine(provider: Provider, told: list[tuple[str, Any]], modality: str) -> type[RuleBasedStateMachine]:
    class Promise(RuleBasedStateMachine):
        world: World | None = None

        @initialize(count=st.integers(1, 3), faults=st.lists(st.sampled_from(FAULTS), max_size=2))
        def start_anew(self, count: int, faults: list[str]) -> None:
            self.world = World(provider, told, modality)
            self._queue(count)
            provider.sandbox.fault(*faults)
            flush()

        @property
        def _world(self) -> World:
            assert self.world is not None
            return self.world

        def teardown(self) -> None:
            if self.world is not None:
                try:
                    self.world.finish()
                finally:
                    self.world.end()

        # The host

        @rule(count=st.sampled_from([1, 1, 2, 3]), valid=st.sampled_from([True, True, True, False]), dated=booleans,
              days=st.sampled_from([None, None, None, 1, 3]))  # fmt: skip
        def queue(self, count: int, valid: bool, dated: bool, days: int | None) -> None:
            changes: dict[str, Any] = {} if valid else {"total": 1}
            if dated and days is None:
                changes["fecha"] = day()
            send_on = None if days is None else argentine_day() + dt.timedelta(days=days)
            self._queue(count, send_on, **changes)

        def _queue(self, count: int, send_on: dt.date | None = None, **changes: Any) -> None:
            first = self._world.keys
            queue_invoices(
                ToInvoice(documento(**changes), f"erp-{first + one}", send_on=send_on) for one in range(count)
            )
            self._world.keys += count

        @rule()
        def queue_again(self) -> None:
            queue_invoices(ToInvoice(documento(), f"erp-{one}") for one in range(self._world.keys))

        @rule(name=st.sampled_from(list(SHARES)))
        def switch_to(self, name: str) -> None:
            provider.use(name)

        # The schedule

        @rule(count=st.sampled_from([0, 0, 1, 2]), faults=st.lists(st.sampled_from(SENT_WITH), max_size=2))
        def send(self, count: int, faults: list[str]) -> None:
            self._queue(count)
            provider.sandbox.fault(*faults)
            flush()

        @rule(fault=st.none() | st.sampled_from(LOOKUP_FAULTS))
        def look_up(self, fault: str | None) -> None:
            if fault:
                provider.fault(f"lookup={fault}")
            self._world.look_up()

        @rule(fault=st.none() | st.sampled_from(OPERATION_FAULTS))
        def perform(self, fault: str | None) -> None:
            if fault:
                provider.fault(f"operation={fault}")
            queue_operations.send_requested("default")

        @rule()
        def all_of_the_schedule(self) -> None:
            self._world.schedule()

        @rule(minutes=st.sampled_from([1, 6, 61, 190, 60 * 24, 60 * 24 * 3]))
        def wait(self, minutes: int) -> None:
            self._world.pass_time(minutes)
            leases.expire_leases()
            reception.process_again()

        @rule(where=st.sampled_from(list(KILLS)))
        def the_worker_is_killed(self, where: str) -> None:
            self._world.kill(where)

        # The provider

        @rule(fault=st.sampled_from(FAULTS))
        def fault(self, fault: str) -> None:
            provider.fault(fault)

        @rule()
        def stop_issuing(self) -> None:
            provider.sandbox.pause()

        @rule()
        def go_on_issuing(self) -> None:
            provider.sandbox.resume()

        @rule(which=choice)
        def tell_again(self, which: int) -> None:
            references = list(provider.sandbox.ledger()["references"])
            if references:
                with contextlib.suppress(LookupError):
                    provider.sandbox.resend(references[which % len(references)])

        @rule(which=choice, evento=st.sampled_from(EVENTOS))
        def contradict_by_notice(self, which: int, evento: str) -> None:
            if (item := self._pick(LoteItem, which)) is not None:
                self._world.notify(item, evento)

        @rule(which=choice, issued=booleans, killed=booleans)
        def contradict_as_lotes_does(self, which: int, issued: bool, killed: bool) -> None:
            if (item := self._pick(LoteItem, which)) is not None:
                forge = self._world.forge_success if issued else self._world.forge_failure
                forge(item, killed=killed)

        # A person

        @rule(which=choice, today=booleans, rebuild=booleans)
        def retry(self, which: int, today: bool, rebuild: bool) -> None:
            self._do(
                Invoice, which, lambda invoice: operations.retry(invoice, today=today, rebuild=rebuild),
                "failed", "cancelled",
            )  # fmt: skip

        @rule(which=choice)
        def cancel(self, which: int) -> None:
            self._do(Invoice, which, operations.cancel, "pending", "claimed", "submitted", "failed")

        @rule(which=choice)
        def resend(self, which: int) -> None:
            self._do(Invoice, which, operations.resend, "failed")

        @rule(which=choice, days=st.integers(0, 4))
        def redate(self, which: int, days: int) -> None:
            to = argentine_day() + dt.timedelta(days=days)
            self._do(Invoice, which, lambda invoice: operations.redate(invoice, to), "submitted")

        @rule(which=choice, everything=booleans)
        def look_up_now(self, which: int, everything: bool) -> None:
            if everything:
                look_ups.expedite()
            else:
                self._do(Invoice, which, operations.look_up_now)

        @rule(which=choice)
        def look_up_lote(self, which: int) -> None:
            self._do(Lote, which, operations.look_up_lote)

        @rule(which=choice)
        def send_now(self, which: int) -> None:
            self._do(Lote, which, operations.send_now, "ready")

        @rule(which=choice)
        def confirm_received(self, which: int) -> None:
            self._do(Lote, which, operations.confirm_received, "uncertain")

        @rule(which=choice)
        def confirm_not_received(self, which: int) -> None:
            lotes = list(Lote.objects.filter(status=LoteStatus.UNCERTAIN).order_by("pk"))
            if lotes:
                self._world.say_not_received(lotes[which % len(lotes)], operations.confirm_not_received)

        @rule(which=choice)
        def confirm_not_issued(self, which: int) -> None:
            invoices = list(Invoice.objects.filter(attention="overdue").order_by("pk"))
            if invoices:
                self._world.say_not_issued(invoices[which % len(invoices)], operations.confirm_not_issued)

        @rule(which=choice)
        def credit_duplicate(self, which: int) -> None:
            invoices = list(Invoice.objects.filter(attention="duplicate").order_by("pk"))
            if invoices:
                operations.credit_duplicate(invoices[which % len(invoices)])

        def _pick(self, model: Any, which: int, *statuses: str) -> Any:
            """One of those in these statuses, or of all, where there are none of them."""
            rows = list(model.objects.filter(status__in=statuses).order_by("pk")) if statuses else []
            rows = rows or list(model.objects.order_by("pk"))
            return rows[which % len(rows)] if rows else None

        def _do(self, model: Any, which: int, operation: Any, *statuses: str) -> None:
            row = self._pick(model, which, *statuses)
            if row is not None:
                with contextlib.suppress(NotPossibleError):
                    operation(row)

        @invariant()
        def the_promise_holds(self) -> None:
            if self.world is not None:
                self.world.check()

    return Promise


@pytest.mark.parametrize("modality", SHARES)
def test_the_promise_holds_whatever_happens(
    provider: Provider, heard: list[Any], modality: str, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = max(1, round(RUNS * SHARES[modality]))
    provider.configure(MAX_ITEMS=3)
    print(f"STATE_MACHINE_SEED={SEED}")  # with what a worker of xdist has captured, if it fails
    with capsys.disabled():
        print(f"\n{modality}: {runs} runs of {STEPS} steps; to repeat them: STATE_MACHINE_SEED={SEED}")
    run_state_machine_as_test(
        hypothesis.seed(SEED)(machine(provider, heard, modality)),
        settings=hypothesis.settings(
            max_examples=runs, stateful_step_count=STEPS, deadline=None, print_blob=True, derandomize=False,
            database=None, phases=PHASES, report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
