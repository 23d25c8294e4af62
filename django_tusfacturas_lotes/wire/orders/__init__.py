"""Makes documents of a shop's orders: the comprobante of an order, its prices, the nota that cancels it."""

from .builder import Customer, Lines, OrderBuilder, Shipping, Source, UnreadableOrder
from .net_prices import FinalPrice, NetPrices, net_price, net_prices

__all__ = [
    "Customer",
    "FinalPrice",
    "Lines",
    "NetPrices",
    "OrderBuilder",
    "Shipping",
    "Source",
    "UnreadableOrder",
    "net_price",
    "net_prices",
]
