"""Find what a worker was sending when it died: it is uncertain from then on."""

from __future__ import annotations

import datetime as dt
import logging

from django.db import OperationalError
from django.utils import timezone

from ..conf import conf
from ..models import Lote, LoteStatus
from ..outcomes.calls import mark_answer_lost
from . import queue_operations

logger = logging.getLogger(__name__)


def expire_leases(now: dt.datetime | None = None) -> int:
    """Find the lotes whose worker died while it was sending, and return how many there were.

    They are `uncertain` from then on, unless a webhook already proved them received. `now` is aware. Operations on the
    queue that were left in the same way are `uncertain` too.
    """
    now = now or timezone.now()
    started_before = now - dt.timedelta(seconds=conf.sending_lease)
    stale = Lote.objects.filter(status=LoteStatus.SENDING, sent_at__lt=started_before).values_list("pk", "tries")
    text = "the process that was sending it stopped before it recorded an answer"
    # `answered_at` stays empty: if that process is only slow, its answer still counts.
    expired = 0
    for pk, tries in list(stale):
        try:
            expired += mark_answer_lost(pk, tries, {"error": text})
        except OperationalError:  # its row is held for long: the next run finds it again, and the others need not wait
            logger.exception("lote %s could not be expired", pk)
    queue_operations.expire_leases(started_before)
    return expired
