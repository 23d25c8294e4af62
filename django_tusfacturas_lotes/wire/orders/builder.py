"""Makes comprobantes of a shop's orders: a shop says by paths where each value is, instead of writing code.

>>> build_comprobante = OrderBuilder(
...     issuer="RI",
...     lines=Lines("lines.all", description="name", quantity="quantity", unit_price="price", alicuota="iva_rate"),
...     customer=Customer(name="full_name", document="dni", email="email"),
...     total="total",
... )

The result is a callable (order) → `Comprobante`, good for the setting `COMPROBANTE_BUILDER`. Nothing here knows Django:
orders are any objects. Only values that sums need are checked here; the rest is checked by the rules.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass
from decimal import localcontext
from functools import lru_cache
from typing import Any

from pydantic import ValidationError
from stdnum.ar import cuit

from ..comprobante import Cliente, Comprobante, problems_from
from ..comprobante.tables import CondicionIva, CondicionPago, DocumentoTipo, Provincia, Table, Tipo
from ..comprobante.totals import CENT, EXACT, HUNDRED, ZERO, carries_iva
from ..problems import shown
from .prices import OrderLine, priced
from .values import Reader, Source, UnreadableOrder, name_of

__all__ = ["Customer", "Lines", "OrderBuilder", "Shipping", "Source", "UnreadableOrder"]

_DOCUMENT_MARKS = str.maketrans("", "", ".-/ ")


@dataclass(frozen=True)
class Lines:
    """Where the lines are (`source`, from the order), and where each value of a line is (paths from the line).

    `unit_price` is in the comprobante's currency, 0 or more; `quantity` more than 0. `alicuota` is 27, 21, 10.5, 0,
    -1 (exento) or -2 (no gravado), and may be left out where C is issued. `discount_percent` is 0 to 100.
    """

    source: Source
    _: KW_ONLY
    description: Source
    unit_price: Source
    quantity: Source = 1
    alicuota: Source = None
    discount_percent: Source = None
    code: Source = None


@dataclass(frozen=True)
class Shipping:
    """What was charged for shipping (`amount`, from the order): a line of its own where it is more than 0."""

    amount: Source
    _: KW_ONLY
    description: str = "Envío"
    alicuota: Source = 21


@dataclass(frozen=True)
class Customer:
    """Who buys. Paths begin at the object that `source` gives, such as an address, or else at the order.

    No `document` is a final consumer without a name. Dots and dashes in one don't matter: 7 or 8 digits are a DNI, 11
    with the right check digit a CUIT; `document_type` names the type of any other. `condicion_iva` and `province` are
    codes or labels of their tables; where they are empty, CF and 26.
    """

    source: Source = None
    _: KW_ONLY
    name: Source = None
    document: Source = None
    document_type: Source = None
    condicion_iva: Source = CondicionIva.CF
    address: Source = None
    province: Source = None
    email: Source = None


@dataclass(frozen=True, kw_only=True)
class OrderBuilder:
    """Makes the comprobante of an order; its letter follows from the condición IVA of issuer and customer.

    `issuer` is the issuer's condición IVA: RI, M or E. With `prices_include_iva` unit prices, shipping and discount are
    what a customer pays; without, IVA comes on top of them (never in C). `discount` is an amount off the whole order.
    `total` is what was charged, IVA included, and the comprobante comes to that, to the cent; where it is further from
    what the lines come to than roundings go, that is an error. Raises `ValueError` for an issuer that is none.
    """

    issuer: str
    lines: Lines
    customer: Customer = Customer()
    prices_include_iva: bool = True
    shipping: Shipping | None = None
    discount: Source = None
    total: Source = None
    condicion_pago: Source = CondicionPago.CONTADO
    rubro: str = "Ventas"
    rubro_grupo_contable: str = "Ventas"
    lista_precios: str = "Minorista"

    def __post_init__(self) -> None:
        if self.issuer not in ("RI", "M", "E"):
            raise ValueError(f"issuer is {self.issuer!r}, and not the issuer's condición IVA: RI, M or E")

    def __call__(self, order: Any) -> Comprobante:
        """Return the comprobante of `order`, dated on the day it is sent. Raises `UnreadableOrder`."""
        read = Reader(order, name_of(order))
        cliente = self._cliente(read)
        tipo = self._tipo(cliente.condicion_iva)
        lines = list(self._lines(read))
        discount = read.number("discount", self.discount, ZERO, least=ZERO)
        total = None if self.total is None else read.number("total", self.total, least=ZERO)
        try:
            with localcontext(EXACT):
                if not self.prices_include_iva and carries_iva(tipo):
                    # The same part of the whole with IVA on top: it lowers all rates alike.
                    net = sum((line.amount for line in lines), ZERO)
                    lines = [line.times(line.factor) for line in lines]
                    discount = discount * sum((line.amount for line in lines), ZERO) / net if net else discount
                sold, found, bonificacion = priced(lines, discount, total, tipo)
            return Comprobante(
                cliente=cliente,
                tipo=tipo,
                detalle=[line.linea(net, self.lista_precios) for line, net in zip(sold, found.nets, strict=True)],
                bonificacion=bonificacion or None,
                total=found.charged,
                rubro=self.rubro,
                rubro_grupo_contable=self.rubro_grupo_contable,
            )
        except UnreadableOrder as error:
            raise UnreadableOrder(f"{read.name}: {error}") from None
        except ValidationError as error:
            raise UnreadableOrder(f"{read.name}: {'; '.join(map(str, problems_from(error)))}") from error

    def _tipo(self, condicion_iva: str) -> str:
        if self.issuer != "RI":
            return str(Tipo.FACTURA_C)
        return str(Tipo.FACTURA_A if condicion_iva in ("RI", "M") else Tipo.FACTURA_B)

    def _cliente(self, order: Reader) -> Cliente:
        who = self.customer
        thing = order.thing if who.source is None else order.get("customer", who.source)
        read = order if thing is order.thing else Reader(thing, f"{name_of(thing)} of {order.name}")
        document = read.text("document", who.document).translate(_DOCUMENT_MARKS)
        document = document if document.strip("0") else ""
        given = read.text("document type", who.document_type) if document else ""
        condicion = _code(CondicionIva, read.text("condición IVA", who.condicion_iva)) or str(CondicionIva.CF)
        email = read.text("email", who.email)
        return Cliente(
            documento_tipo=given or _documento_tipo(document, read.name),
            documento_nro=document or "0",
            razon_social=read.text("name", who.name) or ("" if document else "Consumidor final"),
            domicilio=read.text("address", who.address) or "-",
            provincia=_code(Provincia, read.text("province", who.province)) or str(Provincia.SIN_DATO),
            condicion_iva=condicion,
            condicion_iva_operacion=condicion,
            condicion_pago=order.text("condición de pago", self.condicion_pago),
            email=email or None,
            envia_por_mail="S" if email else "N",
        )

    def _lines(self, order: Reader) -> Iterator[OrderLine]:
        said, found = self.lines, order.get("lines", self.lines.source)
        if not isinstance(found, Iterable) or isinstance(found, str | Mapping):
            hint = f"; the lines of a manager are {f'{said.source}.all'!r}" if hasattr(found, "all") else ""
            raise UnreadableOrder(f"lines of {order.name}: {said.source!r} gives no list: {type(found).__name__}{hint}")
        for number, thing in enumerate(found, start=1):
            read = Reader(thing, f"line {number} ({name_of(thing)}) of {order.name}")
            yield OrderLine(
                read.text("description", said.description),
                read.number("unit price", said.unit_price, least=ZERO),
                read.number_or_none("alicuota", said.alicuota),
                read.number("quantity", said.quantity, least=CENT),
                read.number("discount percent", said.discount_percent, ZERO, least=ZERO, most=HUNDRED),
                read.text("code", said.code) or None,
            )
        if self.shipping and (amount := order.number("shipping", self.shipping.amount, ZERO, least=ZERO)):
            yield OrderLine(self.shipping.description, amount, order.number_or_none("alicuota", self.shipping.alicuota))


def _documento_tipo(document: str, name: str) -> str:
    if not document:
        return str(DocumentoTipo.OTRO)
    if cuit.is_valid(document):
        return str(DocumentoTipo.CUIT)
    if len(document) in (7, 8) and document.isdigit():
        return str(DocumentoTipo.DNI)
    expected = "a DNI has 7 or 8 digits, a CUIT 11 of which the last one checks the others"
    raise UnreadableOrder(f"document of {name}: {shown(document)} is neither: {expected}")


@lru_cache(maxsize=1024)
def _code(table: type[Table], value: str) -> str:
    """Return the code whose label is `value` (case and accents don't matter), or else `value` itself."""
    return next((str(member) for member in table if _bare(member.label) == _bare(value)), value)


def _bare(text: str) -> str:
    return "".join(mark for mark in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(mark))
