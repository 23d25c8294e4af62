"""What is known of a lote whose answer was lost, for the person who must say whether TusFacturas got it."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..models import Finding, Lote, LoteItem, LoteItemStatus, WebhookEvent

# Items that are named; the rest is counted.
MOST_NAMED = 10
# Findings that prove that an item was taken.
_FOUND = (Finding.ISSUED, Finding.QUEUED, Finding.IN_ERROR)


@dataclass(frozen=True)
class KnownItem:
    """One item that something is known of: a notification about it came, a look-up found it, or its result is known."""

    reference: str
    status: str
    heard_of: bool
    finding: str
    looked_up_at: dt.datetime | None


@dataclass(frozen=True)
class Evidence:
    """What is known of one lote. `findings` counts its items by what their last look-up found.

    `heard_of` counts the items that a notification was about; `found` those that a look-up found, or whose result is
    known.
    """

    lote: Lote
    items: int
    heard_of: int
    found: int
    findings: Mapping[str, int]
    looked_up_at: dt.datetime | None
    known: tuple[KnownItem, ...]

    @property
    def proves_receipt(self) -> bool:
        """Whether a notification was about an item, or a look-up found one: then TusFacturas has the lote."""
        return bool(self.heard_of or self.found)

    def lines(self) -> list[str]:
        """Return it as translated sentences: how the lote was sent, how that ended, what was notified and found."""
        lote = self.lote
        sent = _moment(lote.sent_at) if lote.sent_at else _("never")
        values = {"items": self.items, "account": lote.account, "modality": lote.modality, "sent": sent}
        lines = [
            ngettext(
                "%(items)d item of account %(account)s (%(modality)s), sent: %(sent)s",
                "%(items)d items of account %(account)s (%(modality)s), sent: %(sent)s",
                self.items,
            )
            % values,
            _("How it ended: %(error)s (HTTP status: %(status)s).")
            % {"error": lote.error or "–", "status": lote.http_status or "–"},
            _("Heard of by notification: %(heard)d of %(items)d.") % {"heard": self.heard_of, "items": self.items},
            self._look_ups(),
        ]
        named = [
            f"{item.reference}: {LoteItemStatus(item.status).label}"
            + (f", {_('a notification came')}" if item.heard_of else "")
            + (f", {_('look-up')}: {Finding(item.finding).label}" if item.finding else "")
            for item in self.known
        ]
        return [*lines, *named]

    def _look_ups(self) -> str:
        if self.looked_up_at is None:
            return _("Looked up: not yet.")
        found = ", ".join(f"{Finding(finding).label}: {count}" for finding, count in self.findings.items() if finding)
        return _("Looked up, last at %(when)s: %(found)s.") % {"when": _moment(self.looked_up_at), "found": found}


def lote_evidence(lote: Lote) -> Evidence:
    """Gather what is known of a lote, in two queries."""
    items = list(
        LoteItem.objects.filter(lote=lote).order_by("position").only("reference", "status", "finding", "looked_up_at")
    )
    references = [item.reference for item in items]
    # Also events that could not be acted on: their sender proved to be TusFacturas.
    heard = set(WebhookEvent.objects.filter(reference__in=references).values_list("reference", flat=True))
    settled = {item.reference for item in items if item.status in (LoteItemStatus.ISSUED, LoteItemStatus.FAILED)}
    found = {item.reference for item in items if item.finding in _FOUND}
    known = [
        KnownItem(item.reference, item.status, item.reference in heard, item.finding, item.looked_up_at)
        for item in items
        if item.reference in heard | found | settled
    ]
    return Evidence(
        lote=lote,
        items=len(items),
        heard_of=len(heard & set(references)),
        found=len(found | settled),
        findings=dict(sorted(Counter(item.finding for item in items).items())),
        looked_up_at=max((item.looked_up_at for item in items if item.looked_up_at), default=None),
        known=tuple(known[:MOST_NAMED]),
    )


def _moment(moment: dt.datetime) -> str:
    return date_format(timezone.localtime(moment), "DATETIME_FORMAT")
