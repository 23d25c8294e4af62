"""Which document a nota credits, and which can't be credited from here."""

from __future__ import annotations

from typing import Any

import pytest

from django_tusfacturas_lotes.models import Attention, Invoice, InvoiceStatus, LoteItem, LoteItemStatus
from django_tusfacturas_lotes.queueing.crediting import credit_duplicate
from django_tusfacturas_lotes.queueing.paid_orders import queue_credit_note
from django_tusfacturas_lotes.wire.dates import argentine_day
from django_tusfacturas_lotes.wire.orders.credit_note import NotCreditableError
from tests.support.builders import documento
from tests.support.rows import make_invoice, make_lote

pytestmark = pytest.mark.django_db

OWN = {"cae": "1", "numero": 7, "comprobante_tipo": "FACTURA B", "punto_venta": 3}
OTHER, THIRD = {**OWN, "cae": "2", "numero": 8}, {**OWN, "cae": "3", "numero": 9}


def issued(*tries: tuple[str, Any], **columns: Any) -> Invoice:
    """An issued invoice with tries, each of a status and with what it was issued as."""
    given = {"numero": 7, "cae": "1", "fecha": argentine_day(), "tipo": "FACTURA B", "punto_venta": 3, **columns}
    invoice = make_invoice(InvoiceStatus.ISSUED, **given)
    for number, (status, result) in enumerate(tries, 1):
        LoteItem.objects.create(
            lote=make_lote(), invoice=invoice, position=0, reference=f"{invoice.public_id}-{number}", status=status,
            result=result,
        )  # fmt: skip
    return invoice


def numbers(notas: list[Invoice]) -> list[int]:
    return [nota.comprobante["comprobante"]["comprobantes_asociados"][0]["numero"] for nota in notas]


@pytest.mark.parametrize(
    ("tries", "credited"),
    [
        ([OWN], []), ([OWN, OTHER], [8]), ([OTHER, OWN], [8]), ([{**OWN, "others": [OTHER]}], [8]),
        ([{**OWN, "others": [OTHER, THIRD]}], [8, 9]), ([OWN, {**OTHER, "others": [THIRD]}], [8, 9]),
        ([OWN, None, OTHER], [8]), ([OWN, {**OWN, "cae": "2"}], [7]),
    ],
)  # fmt: skip
def test_each_document_beside_its_own_is_credited(tries: list[Any], credited: list[int]) -> None:
    issued(("issued", OWN), ("issued", THIRD))  # of another invoice
    invoice = issued(*[("issued", result) for result in tries], attention=Attention.DUPLICATE)
    if not credited:
        with pytest.raises(NotCreditableError, match="was not issued twice"):
            credit_duplicate(invoice)
        return
    notas = credit_duplicate(invoice)
    assert [nota.status for nota in notas] == [InvoiceStatus.PENDING] * len(credited)
    assert numbers(notas) == credited
    assert credit_duplicate(invoice) == notas


@pytest.mark.parametrize("status", [one for one in LoteItemStatus if one != LoteItemStatus.ISSUED])
def test_what_a_try_was_not_issued_as_is_no_document(status: str) -> None:
    with pytest.raises(NotCreditableError):
        credit_duplicate(issued(("issued", OWN), (status, OTHER)))


@pytest.mark.parametrize("sent", [None, documento()])
@pytest.mark.parametrize("result", [None, OWN, OTHER])
@pytest.mark.parametrize("status", LoteItemStatus)
def test_what_was_sent_with_other_data_is_credited_by_hand(status: str, result: Any, sent: Any) -> None:
    beside, invoice = issued(("issued", OWN)), issued((status, result))
    LoteItem.objects.filter(invoice=beside).update(comprobante=documento())
    LoteItem.objects.filter(invoice=invoice).update(comprobante=sent)
    if status == LoteItemStatus.ISSUED and result == OWN and sent is not None:
        with pytest.raises(NotCreditableError, match="credit it by hand"):
            queue_credit_note(invoice)
    else:
        assert queue_credit_note(invoice).status == InvoiceStatus.PENDING


@pytest.mark.parametrize(
    ("columns", "is_creditable"),
    [
        ({}, True),
        ({"numero": None}, False),
        ({"fecha": None}, False),
        ({"attention": Attention.OLDER_TRY}, False),
        ({"attention": Attention.NO_PDF}, True),
        ({"attention": Attention.DUPLICATE}, True),
    ],
)
def test_what_is_not_known_well_enough_is_credited_by_hand(columns: dict[str, Any], is_creditable: bool) -> None:
    invoice = issued(("issued", OWN), **columns)
    if is_creditable:
        assert queue_credit_note(invoice).status == InvoiceStatus.PENDING
    else:
        with pytest.raises(NotCreditableError, match="credit it by hand"):
            queue_credit_note(invoice)


@pytest.mark.parametrize(("kind", "of_nota"), [("factura", "nota_de_credito"), ("envio", "nota_de_credito_envio")])
def test_a_nota_is_of_a_kind_of_its_own_and_asked_for_twice_it_is_one(kind: str, of_nota: str) -> None:
    invoice = issued(("issued", OWN), kind=kind)
    nota = queue_credit_note(invoice)
    assert (nota.kind, nota.key, nota.credits, nota.credited_lines) == (
        of_nota,
        f"credit-{invoice.public_id}",
        invoice,
        None,
    )
    assert queue_credit_note(invoice) == nota
