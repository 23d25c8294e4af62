"""The date of a document, and from when a try can have been issued."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from ..conf import conf
from ..wire.dates import argentine_day, argentine_midnight
from ..wire.modalities import modalities
from ..wire.orders.redate import day_of
from .lote import Lote
from .lote_item import Due


def issue_date_of(lote: Lote) -> dt.date:
    """Return the date of the items of a lote that was sent, where their comprobantes leave it open."""
    sent_on = argentine_day(lote.sent_at or lote.created_at)
    return max(lote.send_on, sent_on) if lote.send_on else sent_on


def issue_date_of_document(lote: Lote, documento: Mapping[str, Any]) -> dt.date:
    """Return the date with which a document, in the provider's shape, was sent in a lote."""
    own = day_of(documento)
    if own is None:
        return issue_date_of(lote)
    try:
        redates = conf.account(lote.account).redates
    except ImproperlyConfigured:
        redates = False
    return max(own, issue_date_of(lote)) if redates else own


def when_due(days: Iterable[tuple[int, dt.date | None]], now: dt.datetime | None = None) -> Due:
    """Return from when items can be issued: now, or on the day that each waits for.

    `days` are pairs of an item's primary key and its day, if it waits for one.
    """
    now = now or timezone.now()
    today = argentine_day(now)
    later: dict[dt.datetime, list[int]] = {}
    for pk, day in days:
        if day is not None and day > today:
            later.setdefault(argentine_midnight(day), []).append(pk)
    return Due(now, dt.timedelta(seconds=conf.overdue_after), later)


def day_waited_for(lote: Lote, fecha: dt.date | None) -> dt.date | None:
    """Return the day that an item waits for: the lote's `send_on`, or its own where the modality goes by that."""
    return lote.send_on if modalities()[lote.modality].waits_by_itself else fecha
