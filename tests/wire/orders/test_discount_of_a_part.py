"""A general discount is credited in proportion to what the lines come to without it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from django_tusfacturas_lotes.wire.orders.credit_note import credit_note_of
from tests.support import builders

PRODUCTO = builders.DOCUMENTO["comprobante"]["detalle"][0]["producto"]


def line(price: float, quantity: int = 1, discount: float | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {"cantidad": quantity, "producto": {**PRODUCTO, "precio_unitario_sin_iva": price}}
    return made if discount is None else {**made, "bonificacion_porcentaje": discount}


@pytest.mark.parametrize(
    ("lines", "part", "share"),
    [
        ([line(100), line(300)], {0: 1}, 10), ([line(100), line(300)], {1: 1}, 30),
        ([line(100, 4)], {0: 1}, 10), ([line(100, 4)], {0: 3}, 30),
        ([line(100), line(600, discount=50)], {0: 1}, 10), ([line(100), line(600, discount=50)], {1: 1}, 30),
        ([line(100, discount=0), line(300, discount=None)], {0: 1}, 10),
        ([line(100), line(300)], {0: 1, 1: 1}, 40),
    ],
)  # fmt: skip
def test_the_share_of_a_part(lines: list[dict[str, Any]], part: dict[int, int], share: float) -> None:
    made = credit_note_of(
        builders.documento(detalle=lines, bonificacion=40, total=None), tipo="FACTURA B", punto_venta=3, numero=7,
        fecha=dt.date(2026, 5, 4), lines=part,
    )  # fmt: skip
    assert made["comprobante"]["bonificacion"] == share
