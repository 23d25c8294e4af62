"""Fetch the PDFs of issued invoices while their address is good, and keep them in the host's storage.

An address is good only on the day that it was given, so it is tried again until that day ends in Argentina, and then a
look-up is asked for, which gives a new one. `pdf_try_at` is set while an invoice's PDF is still to be fetched. A worker
claims the invoice by moving it forward with the try counted, so that two never fetch the same, and a killed worker's
try counts.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
import time
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.db.models import Case, DateTimeField, F, Prefetch, Value, When
from django.utils import timezone

from ..conf import conf
from ..exceptions import NotPossibleError
from ..models import Attention, Invoice, InvoiceStatus, Lote, LoteItem, LoteItemStatus
from ..models.lote_item import Finding
from ..transactions import again_on_deadlock, atomic, durable
from ..wire.answers.decode import clean_text
from ..wire.answers.redact import redact_text
from ..wire.dates import argentine_day, format_day
from .download import download, place_of

logger = logging.getLogger(__name__)

MOST_TRIES = 30
# Fewer for an old invoice: each new address begins the tries anew, and there may be a new one that is no good each day.
_MOST_TRIES_OF_AN_OLD_ONE = 10
_OLD = dt.timedelta(days=30)
# The pauses after the first, second, … try; the last one stands for all that follow.
_PAUSES = [dt.timedelta(minutes=minutes) for minutes in (1, 5, 15, 60)]
_PAUSES_OF_ASKING = [dt.timedelta(hours=hours) for hours in (1, 6, 24)]
# A look-up that was answered is not repeated sooner for the sake of a PDF: calls to the provider are few.
_BETWEEN_LOOK_UPS = dt.timedelta(hours=6)
_KEPT_OF_ERROR = 500
# Ends the attention that was asked for to a PDF that was given up.
_NO_MORE_ASKED_FOR = Case(When(attention=Attention.NO_PDF, then=Value("")), default=F("attention"))


def keep_due(most: int = 50) -> int:
    """Fetch and keep the PDFs that are due, oldest first; ask for a new address where the old one has expired.

    Takes up at most `most`, and begins none once half of `CONNECT_TIMEOUT` + `READ_TIMEOUT` is over, so that all but
    the storage's part ends within the time-out of a task. Returns how many were taken up: call it again until that is
    0; what failed is due later. With `KEEP_PDF` off it does nothing.

    Never raises for what the network, the provider or the storage did: `pdf_error` has it. Raises `RuntimeError` within
    a transaction.
    """
    if not conf.keep_pdf:
        return 0
    within = conf.connect_timeout + conf.read_timeout
    ends = time.monotonic() + within
    taken_up = 0
    for invoice in _due(timezone.now(), most):
        left = ends - time.monotonic()
        if taken_up and left < within / 2:
            break
        taken_up += _take_up(invoice, left)
    return taken_up


@again_on_deadlock
def fetch_now(invoice: Invoice) -> Invoice:
    """Have an issued invoice's PDF fetched next, as if it had not been tried, even if one is kept already.

    If the day of its address has passed, a look-up is asked for, which gives a new one. Returns the invoice as it
    is afterwards. Raises `NotPossibleError` for one that is not issued, and with `KEEP_PDF` off.
    """
    if not conf.keep_pdf:
        raise NotPossibleError("PDFs are not kept: the setting KEEP_PDF is off")
    now = timezone.now()
    with atomic():
        row = Invoice.objects.prefetch_related(_issued_items()).get(pk=invoice.pk)
        if row.status != InvoiceStatus.ISSUED:
            raise NotPossibleError(f"invoice {row.public_id} is {row.status}: only an issued one has a PDF")
        if not _has_good_address(row):
            _ask_for_look_up(row, now)
        Invoice.objects.filter(pk=row.pk).update(
            pdf_try_at=now, pdf_tries=0, pdf_error="", attention=_NO_MORE_ASKED_FOR
        )
    return Invoice.objects.get(pk=invoice.pk)


def _due(now: dt.datetime, most: int) -> list[Invoice]:
    due = Invoice.objects.filter(pdf_try_at__lte=now).order_by("pdf_try_at", "pk").prefetch_related(_issued_items())
    # Not the comprobante, which is the bulk of a row.
    columns = (
        "public_id", "account", "tipo", "punto_venta", "numero", "cae", "issued_at", "pdf", "pdf_url", "pdf_url_on",
        "pdf_try_at", "pdf_tries", "pdf_error",
    )  # fmt: skip
    return list(due.only(*columns)[:most])


def _issued_items() -> Prefetch[Any]:
    items = LoteItem.objects.filter(status=LoteItemStatus.ISSUED).order_by("-pk")
    return Prefetch("items", items)


def _has_good_address(invoice: Invoice) -> bool:
    return bool(invoice.pdf_url) and invoice.pdf_url_on is not None and invoice.pdf_url_on >= argentine_day()


def _take_up(invoice: Invoice, seconds: float) -> bool:
    """Fetch the PDF, or ask for an address; False where somebody else has taken it up since it was read."""
    if not _has_good_address(invoice):
        return _ask(invoice)
    lease = timezone.now() + dt.timedelta(seconds=300 + 2 * seconds)
    with durable():
        if not _as_it_was(invoice).update(pdf_try_at=lease, pdf_tries=invoice.pdf_tries + 1):
            return False
    invoice.pdf_try_at, invoice.pdf_tries = lease, invoice.pdf_tries + 1
    connect_timeout = min(conf.connect_timeout, seconds / 2)
    found = download(
        invoice.pdf_url,
        hosts=conf.pdf_hosts,
        own=_own_places(invoice.account),
        connect_timeout=connect_timeout,
        read_timeout=seconds - connect_timeout,
    )
    if found.content is None:
        _try_again(invoice, found.text, ask=found.final)
        return True
    if timezone.now() >= lease:
        # This process stood still: another one may have kept a file by this name meanwhile.
        return True
    try:
        kept_at = _store(invoice, found.content)
    except Exception as exc:  # noqa: BLE001 - a storage may raise anything
        _try_again(invoice, f"the storage did not take it: {_describe(exc)}", ask=False)
    else:
        _record(invoice, kept_at)
    return True


def _as_it_was(invoice: Invoice) -> Any:
    """Return the row, unless the invoice was taken up, or its PDF asked for anew, since it was read."""
    return Invoice.objects.filter(pk=invoice.pk, pdf_try_at=invoice.pdf_try_at, pdf_tries=invoice.pdf_tries)


def _own_places(alias: str) -> tuple[str, ...]:
    """Return the place of the account's `BASE_URL`: a sandbox that is called there gives addresses of its own."""
    try:
        base_url = conf.account(alias).base_url
    except ImproperlyConfigured:
        return ()
    return (place_of(base_url),) if base_url else ()


def _store(invoice: Invoice, content: bytes) -> str:
    """Save the content, and return the name that it is kept by. Raises what the storage raises.

    An invoice has two names, and the one that is not in use is taken. So a kept PDF stays until the new one is
    recorded, and what a killed process left behind is replaced by the next try.
    """
    storage = invoice.pdf.storage
    name = invoice.pdf.field.generate_filename(invoice, "")
    if name == invoice.pdf.name:
        name = f"{name.removesuffix('.pdf')}-2.pdf"
    if storage.exists(name):
        storage.delete(name)
    return storage.save(name, ContentFile(content, name), max_length=invoice.pdf.field.max_length)


def _record(invoice: Invoice, kept_at: str) -> None:
    """Record where the PDF is, and remove the one that it replaces, or itself if the invoice has another by now."""
    kept = {"pdf": kept_at, "pdf_try_at": None, "pdf_error": "", "attention": _NO_MORE_ASKED_FOR}
    if _as_it_was(invoice).update(**kept, updated_at=timezone.now()):
        _remove(invoice, invoice.pdf.name or "", but=kept_at)
        return
    # A process that still has to fetch it uses the same name: what is removed now might be that one's.
    settled = Invoice.objects.filter(pk=invoice.pk, pdf_try_at=None).first()
    if settled is not None:
        _remove(invoice, kept_at, but=settled.pdf.name or "")


def _remove(invoice: Invoice, name: str, *, but: str) -> None:
    if not name or name == but:
        return
    try:
        invoice.pdf.storage.delete(name)
    except Exception as exc:  # noqa: BLE001 - a storage may raise anything, and the invoice has its PDF
        logger.warning("The PDF %s, which no invoice has any more, could not be removed: %s", name, _describe(exc))


@again_on_deadlock
def _try_again(invoice: Invoice, text: str, *, ask: bool) -> None:
    """Record why a try failed, and when the next one is; `ask` for another address if this one won't do."""
    now = timezone.now()
    pauses = _PAUSES_OF_ASKING if ask else _PAUSES
    changes = {"pdf_error": text, "pdf_try_at": now + _step(pauses, invoice.pdf_tries)}
    gives_up = invoice.pdf_tries >= _most_tries(invoice, now)
    if gives_up:
        changes |= _given_up(invoice, text, invoice.pdf_tries)
    with atomic():
        if ask and not gives_up:
            _ask_for_look_up(invoice, _next_look_up(invoice, now))
        if _as_it_was(invoice).update(**changes) and gives_up:
            Invoice.objects.filter(pk=invoice.pk).show_without_pdf()


@again_on_deadlock
def _ask(invoice: Invoice) -> bool:
    """Ask for a look-up, which gives a good address; False if another process has taken the invoice up.

    The first time empties `pdf_url_on`: from then on the tries that are counted are those of asking.
    """
    now = timezone.now()
    if invoice.pdf_url and invoice.pdf_url_on is not None:
        tries = 1
        text = f"its address was good on {format_day(invoice.pdf_url_on)} only, and TusFacturas is asked for a new one"
        if invoice.pdf_error:
            text = f"{text}; that day: {invoice.pdf_error}"
    else:
        tries = invoice.pdf_tries + 1
        text = invoice.pdf_error or "TusFacturas gave no address for it that is good, and is asked for one"
    changes = {"pdf_error": text, "pdf_try_at": now + _step(_PAUSES_OF_ASKING, tries)}
    gives_up = tries > _most_tries(invoice, now)
    if gives_up:
        changes |= _given_up(invoice, text, tries)
    with atomic():
        if not gives_up:
            _ask_for_look_up(invoice, _next_look_up(invoice, now))
        changed = bool(_as_it_was(invoice).update(pdf_url_on=None, pdf_tries=tries, **changes))
        if changed and gives_up:
            Invoice.objects.filter(pk=invoice.pk).show_without_pdf()
        return changed


def _ask_for_look_up(invoice: Invoice, when: dt.datetime) -> None:
    """Have the try that the invoice was issued by looked up, `when` at the latest. In a transaction."""
    item = _item_of(invoice)
    if item is None:
        return
    at_the_latest = Case(
        When(look_up_at__lt=when, then=F("look_up_at")), default=Value(when), output_field=DateTimeField()
    )
    # The lote first (law 14), and always written: that locks it against others who set when it is looked up next.
    Lote.objects.filter(pk=item.lote_id).update(look_up_at=at_the_latest)
    LoteItem.objects.filter(pk=item.pk, status=LoteItemStatus.ISSUED).update(look_up_at=at_the_latest)


def _next_look_up(invoice: Invoice, now: dt.datetime) -> dt.datetime:
    item = _item_of(invoice)
    if item is None or item.looked_up_at is None or item.finding == Finding.UNANSWERED:
        return now
    return max(now, item.looked_up_at + _BETWEEN_LOOK_UPS)


def _item_of(invoice: Invoice) -> LoteItem | None:
    """Return the try whose document the invoice shows; there are others if it was issued twice."""
    items = list(invoice.items.all())
    same = [item for item in items if (item.result or {}).get("cae") == invoice.cae]
    return next(iter([*same, *items]), None)


def _step(pauses: Sequence[dt.timedelta], tries: int) -> dt.timedelta:
    return pauses[min(max(tries, 1), len(pauses)) - 1]


def _most_tries(invoice: Invoice, now: dt.datetime) -> int:
    old = invoice.issued_at is not None and invoice.issued_at < now - _OLD
    return _MOST_TRIES_OF_AN_OLD_ONE if old else MOST_TRIES


def _given_up(invoice: Invoice, text: str, tries: int) -> dict[str, Any]:
    logger.error("The PDF of invoice %s was given up: %s", invoice.public_id, text)
    what_to_do = "have it fetched anew in the admin, or download it at TusFacturas"
    return {"pdf_try_at": None, "pdf_error": f"given up after {tries} tries: {what_to_do}. {text}"}


def _describe(exc: Exception) -> str:
    """Return what a storage raised, without what may be a credential: ours, or one in an address's query."""
    text = re.sub(r"\?\S+", "?…", redact_text(f"{type(exc).__name__}: {exc}", conf.secrets()))
    return clean_text(text)[:_KEPT_OF_ERROR]
