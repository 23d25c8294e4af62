"""What came of the paid orders: by the database, by the sandbox's ledger, and whether the two agree."""

import json
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count

from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote, LoteItem
from shop.demo.processes import DemoError
from shop.invoice_state import WAITING_FOR_A_LOTE
from shop.models import Order

WAITING = (*WAITING_FOR_A_LOTE, InvoiceStatus.SUBMITTED)
CHUNK = 500  # orders in one query: SQLite takes only so many values
SHOWN_DIFFERENCES = 20
SHOWN_REASONS = 5
SHOWN_SIZES = 5


@dataclass(frozen=True)
class State:
    """How many orders' invoices are in which status."""

    statuses: Mapping[str, int]

    @property
    def issued(self) -> int:
        return self.statuses.get(InvoiceStatus.ISSUED, 0)

    @property
    def failed(self) -> int:
        return self.statuses.get(InvoiceStatus.FAILED, 0)

    @property
    def waiting(self) -> int:
        return sum(self.statuses.get(status, 0) for status in WAITING)

    @property
    def uncertain(self) -> int:
        return self.statuses.get(InvoiceStatus.UNCERTAIN, 0)

    @property
    def note(self) -> str:
        """What a progress line says beside the number of issued ones."""
        counts = (("failed", self.failed), ("waiting", self.waiting), ("uncertain", self.uncertain))
        return ", ".join(f"{count} {word}" for word, count in counts if count)


def find_invoices(orders: Sequence[Order]) -> dict[int, Invoice]:
    """The invoices of the orders, by the order's key."""
    found: dict[int, Invoice] = {}
    for start in range(0, len(orders), CHUNK):
        found |= {
            int(invoice.source_id): invoice for invoice in Invoice.objects.for_sources(orders[start : start + CHUNK])
        }
    return found


def state_of(orders: Sequence[Order]) -> State:
    """A quick look, for while it goes on."""
    statuses: Counter[str] = Counter()
    for start in range(0, len(orders), CHUNK):
        statuses.update(Invoice.objects.for_sources(orders[start : start + CHUNK]).values_list("status", flat=True))
    return State(statuses)


def table(orders: Sequence[Order], seconds: float, ledger: Mapping[str, Any] | None = None) -> str:
    """The counts of a run as lines of text, and below them the reasons for what was not issued.

    With the sandbox's ledger also the calls to it.
    """
    invoices = find_invoices(orders).values()
    state = State(Counter(invoice.status for invoice in invoices))
    # Only the lotes of this run's invoices: with --keep-data there are older ones.
    first = min((invoice.pk for invoice in invoices), default=0)
    lotes = Lote.objects.filter(items__invoice__gte=first).annotate(size=Count("items")).order_by("pk")
    rows = {
        "paid orders": str(len(orders)),
        "lotes": f"{len(lotes)} ({sizes_of([lote.size for lote in lotes])})" if lotes else "0",
        "issued": str(state.issued),
        "failed": str(state.failed),
        "waiting": str(state.waiting),
        "uncertain": str(state.uncertain),
        **({"calls": calls_of(ledger)} if ledger else {}),
        "seconds": f"{seconds:.1f}",
    }
    width = max(map(len, rows))
    lines = [f"  {label:<{width}}  {value}" for label, value in rows.items()]
    reasons = Counter(reason for invoice in invoices for reason in invoice.reasons).most_common()
    lines += [f"  {count} × {reason}" for reason, count in reasons[:SHOWN_REASONS]]
    if len(reasons) > SHOWN_REASONS:
        lines.append(f"  … and {len(reasons) - SHOWN_REASONS} other reasons: the admin shows them")
    said = [f"  {lote}, {lote.status}: {text}" for lote in lotes for text in (lote.error, *lote.discrepancies) if text]
    lines += said[:SHOWN_REASONS]
    if len(said) > SHOWN_REASONS:
        lines.append(f"  … and {len(said) - SHOWN_REASONS} other words on lotes: the admin shows them")
    return "\n".join(lines)


def sizes_of(sizes: Sequence[int]) -> str:
    """How many invoices each lote has: each by itself where they are few, or how many have how many."""
    if len(sizes) <= SHOWN_SIZES:
        return ", ".join(map(str, sizes))
    counts = Counter(sizes)
    if len(counts) == 1:
        return f"{sizes[0]} each"
    return ", ".join(f"{count} of {size}" for size, count in sorted(counts.items(), reverse=True))


def calls_of(ledger: Mapping[str, Any]) -> str:
    """What reached the sandbox: by which modality, how many look-ups, how many at once, and how close."""
    counts = Counter(call["modality"] for call in ledger["calls"])
    if look_ups := ledger["lookups"]["total"]:
        counts["consulta_avanzada"] = look_ups
    texts = [", ".join(f"{count} {name}" for name, count in counts.items()) or "none"]
    if most := max(ledger["max_concurrent_calls"].values(), default=0):
        texts.append(f"at most {most} at a time")
    gaps = [gap for gap in ledger["shortest_gap_ms"].values() if gap is not None]
    if gaps:
        texts.append(f"{min(gaps):.0f} ms apart or more")
    return ", ".join(texts)


def fetch_ledger(sandbox_url: str) -> Mapping[str, Any]:
    """The sandbox's own account of how often each reference came and was issued."""
    return _fetch(f"{sandbox_url}/_sandbox/ledger")


def sandbox_is_idle(sandbox_url: str) -> bool:
    """Whether the sandbox has nothing left to issue or to tell, so that what is uncertain stays so by itself."""
    return bool(_fetch(f"{sandbox_url}/_sandbox/state")["idle"])


def _fetch(url: str) -> Mapping[str, Any]:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - our sandbox
            return dict(json.load(answer))
    except OSError as error:
        raise DemoError(f"The sandbox does not answer at {url}: {error}") from error


def differences(orders: Sequence[Order], ledger: Mapping[str, Any]) -> Iterator[str]:
    """Everything in which the ledger, the database and "each paid order has exactly one issued invoice" disagree."""
    references: Mapping[str, Any] = ledger["references"]
    invoices = find_invoices(orders)
    tries: dict[int, list[str]] = defaultdict(list)
    items = LoteItem.objects.filter(invoice__gte=min((i.pk for i in invoices.values()), default=0))
    for invoice_id, reference in items.values_list("invoice_id", "reference").iterator():
        tries[invoice_id].append(reference)

    for order in orders:
        invoice = invoices.get(order.pk)
        if invoice is None:
            yield f"{order}: paid, and no invoice"
            continue
        found = []
        if invoice.status != InvoiceStatus.ISSUED or not invoice.cae:
            found.append(f"its invoice is {invoice.status}, CAE {invoice.cae or 'missing'}")
        entries = [references[reference] for reference in tries[invoice.pk] if reference in references]
        caes = [str(cae).strip() for entry in entries for cae in entry["caes"]]
        if (times := sum(entry["issued"] for entry in entries)) != 1:
            found.append(f"the sandbox issued it {times} times")
        elif invoice.cae and caes != [invoice.cae]:
            found.append(f"CAE {invoice.cae} here, {', '.join(caes)} at the sandbox")
        if found:
            yield f"{order}: {'; '.join(found)}"

    ours = {reference for some in tries.values() for reference in some}
    for reference in sorted(references.keys() - ours):
        yield f"reference {reference}: at the sandbox, and of no order here"


def summary_of(found: Sequence[str]) -> str:
    """The first differences as lines of text, and how many more there are."""
    lines = [f"  {text}" for text in found[:SHOWN_DIFFERENCES]]
    if len(found) > SHOWN_DIFFERENCES:
        lines.append(f"  … and {len(found) - SHOWN_DIFFERENCES} more")
    return "\n".join(lines)
