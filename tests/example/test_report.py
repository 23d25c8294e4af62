"""What `demo --exit` stands for: it must not say that all is well when it is not."""

from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from shop.demo.report import calls_of, differences, sizes_of, table
from shop.models import Order

from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote, LoteItem, LoteItemStatus

CAE = "71234567890123"


def entry(issued: int = 1, cae: str = f"{CAE} ") -> dict[str, Any]:
    return {"received": 1, "issued": issued, "caes": [cae] * issued}


@pytest.fixture
def order(orders: list[Order]) -> Order:
    return orders[0]


@pytest.fixture
def invoice(order: Order) -> Invoice:
    invoice = Invoice.objects.create(
        account="default",
        source_type=ContentType.objects.get_for_model(Order),
        source_id=str(order.pk),
        status=InvoiceStatus.ISSUED,
        cae=CAE,
    )
    lote = Lote.objects.create(account="default", modality="lotes", status="accepted")
    for position, reference in enumerate(("ref-1", "ref-2")):
        LoteItem.objects.create(
            lote=lote, invoice=invoice, position=position, reference=reference, status=LoteItemStatus.SUBMITTED
        )
    return invoice


@pytest.mark.parametrize(
    ("references", "expected"),
    [
        ({"ref-1": entry()}, None),
        ({"ref-1": entry(issued=0), "ref-2": entry()}, None),
        ({}, "the sandbox issued it 0 times"),
        ({"ref-1": entry(issued=2)}, "the sandbox issued it 2 times"),
        ({"ref-1": entry(), "ref-2": entry()}, "the sandbox issued it 2 times"),
        ({"ref-1": entry(cae="79999999999999 ")}, "79999999999999 at the sandbox"),
        ({"ref-1": entry(), "stranger": entry()}, "reference stranger"),
    ],
)
def test_the_ledger_and_the_database_are_compared_reference_by_reference(
    order: Order, invoice: Invoice, references: dict[str, Any], expected: str | None
) -> None:
    found = list(differences([order], {"references": references}))
    if expected is None:
        assert found == []
    else:
        assert len(found) == 1
        assert expected in found[0]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"status": InvoiceStatus.SUBMITTED, "cae": ""}, "is submitted, CAE missing"),
        ({"status": InvoiceStatus.UNCERTAIN}, "is uncertain"),
        ({"cae": ""}, "CAE missing"),
    ],
)
def test_an_invoice_that_is_not_issued_here_is_a_difference(
    order: Order, invoice: Invoice, fields: dict[str, Any], expected: str
) -> None:
    Invoice.objects.filter(pk=invoice.pk).update(**fields)
    found = list(differences([order], {"references": {"ref-1": entry()}}))
    assert any(expected in text for text in found)


def test_a_paid_order_without_an_invoice_is_a_difference(order: Order) -> None:
    assert list(differences([order], {"references": {}})) == [f"{order}: paid, and no invoice"]


def test_the_table_counts_and_gives_the_reasons(order: Order, invoice: Invoice) -> None:
    Invoice.objects.filter(pk=invoice.pk).update(status=InvoiceStatus.FAILED, errors=[{"text": "10016: fecha"}])
    lines = table([order], seconds=1.25).splitlines()
    assert [line.split(maxsplit=1) for line in lines[1:]] == [
        ["lotes", "1 (2)"],
        ["issued", "0"],
        ["failed", "1"],
        ["waiting", "0"],
        ["uncertain", "0"],
        ["seconds", "1.2"],
        ["1", "× 10016: fecha"],
    ]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([500, 500, 200], "500, 500, 200"),
        ([100] * 12, "100 each"),
        ([100] * 6 + [40], "6 of 100, 1 of 40"),
        ([1] * 1200, "1 each"),
    ],
)
def test_many_lotes_are_summed_up(sizes: list[int], expected: str) -> None:
    assert sizes_of(sizes) == expected


def test_the_words_on_many_lotes_are_cut_short(order: Order, invoice: Invoice) -> None:
    lotes = [Lote(account="default", modality="lotes", status="accepted", error=f"lost {n}") for n in range(9)]
    Lote.objects.bulk_create(lotes)
    LoteItem.objects.bulk_create(
        LoteItem(lote=lote, invoice=invoice, position=0, reference=f"again-{n}")
        for n, lote in enumerate(Lote.objects.exclude(error=""))
    )
    shown = table([order], seconds=1)
    assert "lost 4" in shown
    assert "lost 5" not in shown
    assert "4 other words on lotes" in shown


def test_the_calls_are_told_with_how_close_they_came(order: Order, invoice: Invoice) -> None:
    ledger = {
        "calls": [{"modality": "nuevo_encola"}] * 3,
        "lookups": {"total": 2},
        "max_concurrent_calls": {"1": 1, "2": 1},
        "shortest_gap_ms": {"1": 101.4, "2": None},
    }
    expected = "3 nuevo_encola, 2 consulta_avanzada, at most 1 at a time, 101 ms apart or more"
    assert calls_of(ledger) == expected
    assert f"calls        {expected}\n" in table([order], 1.0, ledger)


def test_no_calls_are_told_as_none() -> None:
    nothing = {"calls": [], "lookups": {"total": 0}, "max_concurrent_calls": {}, "shortest_gap_ms": {}}
    assert calls_of(nothing) == "none"
