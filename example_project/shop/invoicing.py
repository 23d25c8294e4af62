"""What the shop, a responsable inscripto, puts on an invoice: the project's `COMPROBANTE_BUILDER`.

Whatever comes out is checked by the app before it is queued. `fecha` is left out, so an invoice bears the day on which
it is sent; so are the point of sale and the number, which are the account's and ARCA's.
"""

from decimal import Decimal

from django_tusfacturas_lotes.wire.comprobante import Cliente, Comprobante, Linea, Producto
from django_tusfacturas_lotes.wire.net_prices import FinalPrice, net_prices
from django_tusfacturas_lotes.wire.tables import CondicionIva, CondicionPago, DocumentoTipo, Provincia, Tipo
from shop.models import CustomerKind, IvaRate, Order

# Who buys decides the letter: A for those who take the IVA themselves, B for those whom it ends with.
TERMS: dict[str, tuple[Tipo, DocumentoTipo, CondicionIva]] = {
    CustomerKind.ANONYMOUS: (Tipo.FACTURA_B, DocumentoTipo.OTRO, CondicionIva.CF),
    CustomerKind.CONSUMER: (Tipo.FACTURA_B, DocumentoTipo.DNI, CondicionIva.CF),
    CustomerKind.MONOTRIBUTISTA: (Tipo.FACTURA_A, DocumentoTipo.CUIT, CondicionIva.M),
    CustomerKind.RESPONSABLE_INSCRIPTO: (Tipo.FACTURA_A, DocumentoTipo.CUIT, CondicionIva.RI),
}


def build_comprobante(order: Order) -> Comprobante:
    """The invoice of a paid order."""
    tipo, documento_tipo, condicion_iva = TERMS[order.customer_kind]
    return Comprobante(
        tipo=tipo,
        rubro="Almacén",
        rubro_grupo_contable="Ventas",
        total=order.total,
        detalle=_detalle(order, tipo),
        cliente=Cliente(
            documento_tipo=documento_tipo,
            documento_nro=order.document or "0",
            razon_social=order.customer,
            domicilio=order.address or "-",
            provincia=order.province or Provincia.SIN_DATO,
            condicion_iva=condicion_iva,
            condicion_iva_operacion=condicion_iva,
            condicion_pago=CondicionPago.MERCADOPAGO,
            email=order.email,
            envia_por_mail="S" if order.email else "N",
        ),
    )


def _detalle(order: Order, tipo: str) -> list[Linea]:
    """The lines of the invoice. The shop's prices include IVA and an invoice's don't: `net_prices` finds those with
    which the invoice comes to what was charged, to the cent."""
    sold = _by_units(order)
    found = net_prices([price for _, price in sold], charged=order.total, tipo=tipo)
    if found.difference:
        # With many units a thousandth of the net price is more than a cent of the total.
        sold = _by_lines(order)
        found = net_prices([price for _, price in sold], charged=order.total, tipo=tipo)
    return [
        Linea(
            cantidad=price.cantidad,
            bonificacion_porcentaje=price.bonificacion_porcentaje,
            producto=Producto(
                descripcion=description,
                lista_precios="Minorista",
                alicuota=price.alicuota,
                precio_unitario_sin_iva=net,
            ),
        )
        for (description, price), net in zip(sold, found.nets, strict=True)
    ]


def _by_units(order: Order) -> list[tuple[str, FinalPrice]]:
    """Each line as it was sold: so many units at their price, less the discount."""
    discount = order.discount_percent
    return [
        (line.description, FinalPrice(line.unit_price, Decimal(line.iva_rate), Decimal(line.quantity), discount))
        for line in order.lines.all()
    ] + _shipping(order)


def _by_lines(order: Order) -> list[tuple[str, FinalPrice]]:
    """Each line as one unit at what was charged for it."""
    return [
        (f"{line.quantity} × {line.description}", FinalPrice(line.price, Decimal(line.iva_rate)))
        for line in order.lines.all()
    ] + _shipping(order)


def _shipping(order: Order) -> list[tuple[str, FinalPrice]]:
    return [("Envío a domicilio", FinalPrice(order.shipping, Decimal(IvaRate.GENERAL)))] if order.shipping else []
