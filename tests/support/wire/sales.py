"""Sales that a test makes up: their amounts as strategies, and the comprobante of one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from django_tusfacturas_lotes.wire.comprobante import Comprobante, Linea, Producto
from tests.support.wire.building import build

D = Decimal
CENT = D("0.01")
RATES = [D(rate) for rate in ("27", "21", "10.5", "0", "-1", "-2")]
centavos = st.integers(min_value=1, max_value=10**10).map(lambda number: D(number) / 100)
mills = st.integers(min_value=0, max_value=10**10).map(lambda number: D(number) / 1000)
quantities = st.integers(min_value=1, max_value=100_000).map(lambda number: D(number) / 100)
rates = st.sampled_from(RATES)
discounts = st.sampled_from([D(0), D("12.5"), D(50), D("33.33"), D(100)])


def sale(items: list[tuple[Any, ...]], **fields: Any) -> Comprobante:
    """Return a comprobante with lines (cantidad, precio, alicuota, discount), with these fields changed."""
    detalle = [
        Linea(
            cantidad=D(cantidad),
            bonificacion_porcentaje=D(discount[0]) if discount else None,
            producto=Producto(
                descripcion="Algo", precio_unitario_sin_iva=D(precio), alicuota=D(rate), lista_precios="Tienda"
            ),
        )
        for cantidad, precio, rate, *discount in items
    ]
    return build(detalle=detalle, **fields)
