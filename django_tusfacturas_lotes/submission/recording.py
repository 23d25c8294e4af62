"""Record what a call proved, in one transaction that never takes back what a notification said meanwhile."""

from __future__ import annotations

import datetime as dt
import logging
import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db import InterfaceError, OperationalError, connections
from django.utils import timezone

from ..conf import Account
from ..conf.pauses import pause_after
from ..models import Invoice, InvoiceStatus, Lote, LoteItem, LoteStatus
from ..models.issue_dates import day_waited_for, when_due
from ..outcomes.calls import add_discrepancy, mark_answer_lost, mark_not_received, mark_received
from ..outcomes.late_proof import reopen_lote
from ..provider.client import Outcome, Verdict
from ..signals import invoice_failed, send_after_commit
from ..transactions import database, durable
from ..wire.answers.error_catalogue import explain
from ..wire.answers.redact import redact, redact_text
from ..wire.modalities import modalities

logger = logging.getLogger(__name__)

# Seconds to wait for a database that went away, before each further try to record an answer.
_PAUSES_OF_THE_DATABASE = (1, 5)


@dataclass(frozen=True)
class Sent:
    """One call that was made, and what it proved. `refused` counts rows that the provider did not take."""

    lote_id: int
    account: str
    items: int
    verdict: Verdict
    refused: int = 0
    discrepancies: int = 0
    text: str = ""


class Row(NamedTuple):
    """One item of a call, in the order of its rows."""

    item_id: int
    invoice_id: int
    reference: str
    fecha: dt.date


@dataclass(frozen=True)
class Call:
    """A lote that is being sent: which try it is, its rows, and the body (with credentials). Without rows it is closed.

    `begun_at` is when it was committed as `sending`.
    """

    lote: Lote
    tries: int
    begun_at: dt.datetime
    rows: list[Row]
    body: dict[str, Any] = field(repr=False)


def storable_response(response: Any) -> Any:
    """Return a redacted response as it is stored: text that is no JSON is cut.

    Not before it is redacted: half a credential would not be found.
    """
    return response[:2000] if isinstance(response, str) else response


def record_answer(account: Account, call: Call, outcome: Outcome) -> Sent:
    """Record what the call proved, in one transaction; again if the database fails, since only we know it."""
    answer = outcome.answer
    said = {
        "answered_at": timezone.now(),
        "http_status": outcome.http_status,
        "response": storable_response(redact(outcome.response, account.secrets)),
        "error": redact_text(outcome.text, account.secrets),
    }
    discrepancies: list[str] = redact(list(answer.discrepancies) if answer else [], account.secrets)
    refused = {
        call.rows[row]: [explain(redact_text(text, account.secrets)) for text in texts]
        for row, texts in (answer.refused.items() if answer else ())
    }
    _log(call, outcome, str(said["error"]), discrepancies)
    for pause in (*_PAUSES_OF_THE_DATABASE, None):
        try:
            with durable():
                if outcome.verdict is Verdict.ACCEPTED:
                    _record_accepted(call, said, refused, discrepancies)
                elif outcome.verdict is Verdict.UNCERTAIN:
                    mark_answer_lost(call.lote.pk, call.tries, said, [row.invoice_id for row in call.rows])
                else:
                    _record_not_taken(call, said, outcome.retry_after)
            break
        except (OperationalError, InterfaceError):
            # The connection went while we waited for the provider, or a deadlock was broken here.
            if pause is None:
                logger.error("The answer to %s is lost with the database; refused: %s", call.lote, refused)  # noqa: TRY400 - raised below
                raise
            time.sleep(pause)
            logger.warning("The answer to %s could not be written; trying again", call.lote, exc_info=True)
            connections[database()].close()
    return Sent(
        call.lote.pk, account.alias, len(call.rows), outcome.verdict, len(refused), len(discrepancies),
        str(said["error"]),
    )  # fmt: skip


def _without_what_was_told(call: Call, refused: dict[Row, list[dict[str, str]]]) -> dict[Row, list[dict[str, str]]]:
    """Leave out the refused rows that a notification was about: it proves that they were taken (law 9).

    Only in the modalities that show their queue does a notification prove that. The lote must be locked.
    """
    if not refused or not modalities()[call.lote.modality].shows_its_queue:
        return refused
    items = LoteItem.objects.filter(pk__in=[row.item_id for row in refused]).notified()
    told = set(items.values_list("pk", flat=True))
    for row, texts in refused.items():
        if row.item_id in told:
            why = "; ".join(str(text["text"]) for text in texts)
            add_discrepancy(call.lote.pk, f"the answer refuses {row.reference}, and a notification tells of it: {why}")
    return {row: texts for row, texts in refused.items() if row.item_id not in told}


def _record_accepted(
    call: Call, said: dict[str, Any], refused: dict[Row, list[dict[str, str]]], discrepancies: list[str]
) -> None:
    when = when_due((row.item_id, day_waited_for(call.lote, row.fecha)) for row in call.rows)
    lote = Lote.objects.filter(pk=call.lote.pk, tries=call.tries, answered_at=None)
    if not lote.accept(look_up_by=when.first_look_up, **said, discrepancies=discrepancies):
        add_discrepancy(call.lote.pk, "the provider's answer, that it took the lote, came after the lote was settled")
        given_up = Lote.objects.lock().filter(pk=call.lote.pk, status=LoteStatus.CANCELLED).first()
        if given_up is not None:
            taken = [row.item_id for row in call.rows if row not in refused]
            reopen_lote(given_up, LoteItem.objects.filter(pk__in=taken), "its answer, which came late,")
        return
    refused = _without_what_was_told(call, refused)
    invoices = Invoice.objects.filter(pk__in=[row.invoice_id for row in call.rows]).latest_in(call.lote.pk)
    refused_invoices = {row.invoice_id: texts for row, texts in refused.items()}
    LoteItem.objects.filter(pk__in=[row.item_id for row in call.rows]).answer(
        {row.item_id: texts for row, texts in refused.items()}, when
    )
    invoices.answer(refused_invoices)
    if refused and invoice_failed.has_listeners(Invoice):
        failed = Invoice.objects.filter(pk__in=list(refused_invoices), status=InvoiceStatus.FAILED)
        for invoice in failed.latest_in(call.lote.pk):
            send_after_commit(invoice_failed, Invoice, invoice=invoice)


def _record_not_taken(call: Call, said: dict[str, Any], retry_after: int | None) -> None:
    """Hold a lote that was not taken for another try, unless a notification proves that it was received."""
    pause = pause_after(call.tries) if retry_after is None else dt.timedelta(seconds=max(retry_after, 1))
    lote = Lote.objects.filter(pk=call.lote.pk, tries=call.tries)
    if lote.hold(timezone.now() + pause, **said):
        if LoteItem.objects.filter(lote_id=call.lote.pk).notified().exists():
            mark_received(call.lote.pk)
            add_discrepancy(call.lote.pk, f"the answer says not taken, a notification that it was: {said['error']}")
    elif lote.filter(status=LoteStatus.UNCERTAIN).exists():
        # Its answer was taken for lost meanwhile; now it is known that the lote was not taken.
        mark_not_received(call.lote.pk, str(said["error"]))
    else:
        add_discrepancy(
            call.lote.pk, f"the answer says that it was not taken, after the lote was settled: {said['error']}"
        )


def _log(call: Call, outcome: Outcome, text: str, discrepancies: list[str]) -> None:
    level = logging.INFO if outcome.verdict is Verdict.ACCEPTED and not discrepancies else logging.WARNING
    logger.log(
        level, "%s of account %s, %s items, try %s: %s %s",
        call.lote, call.lote.account, len(call.rows), call.tries, outcome.verdict.value,
        "; ".join([text, *discrepancies] if text else discrepancies),
    )  # fmt: skip
