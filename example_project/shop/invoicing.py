"""What the shop, a responsable inscripto, puts on an invoice: the project's `COMPROBANTE_BUILDER`.

The paths are those of `shop.models`. What comes out is checked by the app before it is queued. An invoice bears the day
on which it is sent; its point of sale is the account's, its number ARCA's.
"""

from django_tusfacturas_lotes.wire.comprobante.tables import CondicionPago
from django_tusfacturas_lotes.wire.orders import Customer, Lines, OrderBuilder, Shipping

build_comprobante = OrderBuilder(
    issuer="RI",
    lines=Lines(
        "lines.all",
        description="description",
        quantity="quantity",
        unit_price="unit_price",
        alicuota="iva_rate",
        discount_percent="order.discount_percent",
    ),
    shipping=Shipping("shipping", description="Envío a domicilio"),
    customer=Customer(
        name="customer",
        document="document",
        condicion_iva="condicion_iva",
        address="address",
        province="province",
        email="email",
    ),
    total="total",
    condicion_pago=CondicionPago.MERCADOPAGO,
    rubro="Almacén",
)
