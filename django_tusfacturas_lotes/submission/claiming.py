"""Claim the pending invoices that go next, as one lote.

One short transaction, in which the database lets an account have only one lote in flight. Killed before the commit:
nothing happened.
"""

from __future__ import annotations

import datetime as dt

from django.db import IntegrityError, OperationalError, connections
from django.db.models import Q

from ..conf import Account, conf
from ..models import Invoice, InvoiceQuerySet, Lote, LoteItem
from ..transactions import database, durable
from ..wire.dates import argentine_day


class TakenError(Exception):
    """Another process was faster, with this lote or with one for this account; what was begun here is rolled back."""


class NothingLeftError(Exception):
    """Every pending invoice was cancelled or claimed since we looked; the lote's insert is rolled back."""


def sendable(account: Account) -> InvoiceQuerySet:
    """Return what is pending, without what waits here for its day because the modality can't wait for one."""
    pending = Invoice.objects.pending(account.alias)
    if account.modality.waits_by_itself:
        return pending
    return pending.filter(Q(send_on=None) | Q(send_on__lte=argentine_day()))


def claim(account: Account, first: dt.date | None) -> Lote:
    """Make a lote of what is pending, `ready` to be sent: one `send_on`, oldest `fecha` first.

    `first` is the `send_on` of the invoice that is first in the queue. Raises `NothingLeftError` and `TakenError`.
    """
    today = argentine_day()
    pending = sendable(account)
    send_on = first if first is not None and first > today else None
    # Invoices whose `send_on` has come go today, with the rest.
    group = Q(send_on=send_on) if send_on else Q(send_on=None) | Q(send_on__lte=today)
    most = min(conf.max_items, account.modality.max_items)
    try:
        with durable():
            # First the lote, whose unique `in_flight_for` makes this process the only one to claim for the account.
            try:
                lote = Lote.objects.create(
                    account=account.alias, modality=account.modality.name, send_on=send_on, in_flight_for=account.alias
                )
            except IntegrityError:
                raise TakenError from None
            # Invoices that a checkout or a person has locked at the moment go with the next lote.
            skip_locked = connections[database()].features.has_select_for_update_skip_locked
            rows = pending.filter(group).select_for_update(skip_locked=skip_locked)
            claimed = list(rows.values_list("pk", "public_id", "tries")[:most])
            if not claimed:
                raise NothingLeftError
            LoteItem.objects.bulk_create(
                LoteItem(lote=lote, invoice_id=pk, position=row, reference=f"{public_id}-{tries + 1}")
                for row, (pk, public_id, tries) in enumerate(claimed)
            )
            Invoice.objects.filter(pk__in=[pk for pk, _, _ in claimed]).claim(send_on or today)
    except OperationalError as exc:
        # Nothing was claimed: the database was too busy, and the next wake-up tries again.
        raise TakenError from exc
    return lote
