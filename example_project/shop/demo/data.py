"""Made-up products, customers and orders. The same seed gives the same shop; every CUIT has its right check digit."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone
from stdnum.ar import cuit

from shop.models import CustomerKind, IvaRate, Order, OrderLine, Product

# SKU, name, price with IVA, rate. Fresh food carries the reduced rate (Ley de IVA, art. 28).
PRODUCTS: tuple[tuple[str, str, str, IvaRate], ...] = (
    ("YER-500", "Yerba mate con palo 500 g", "3499.90", IvaRate.GENERAL),
    ("MAT-CAL", "Mate de calabaza forrado en cuero", "18750.00", IvaRate.GENERAL),
    ("BOM-ALP", "Bombilla de alpaca", "9320.50", IvaRate.GENERAL),
    ("TER-1L", "Termo de acero 1 L", "42999.99", IvaRate.GENERAL),
    ("DDL-400", "Dulce de leche repostero 400 g", "4180.25", IvaRate.GENERAL),
    ("ALF-12", "Alfajores de maicena × 12", "11049.00", IvaRate.GENERAL),
    ("VIN-MAL", "Malbec de Luján de Cuyo 750 ml", "8765.43", IvaRate.GENERAL),
    ("OLI-500", "Aceite de oliva extra virgen 500 ml", "13599.10", IvaRate.GENERAL),
    ("VER-CAJ", "Caja de verduras de estación", "15200.00", IvaRate.REDUCED),
    ("FRU-CAJ", "Caja de frutas de estación", "16890.75", IvaRate.REDUCED),
    ("PAN-CAM", "Pan de campo", "3150.33", IvaRate.REDUCED),
    ("MIE-1K", "Miel de monte 1 kg", "9999.99", IvaRate.REDUCED),
)
FIRST_NAMES = ("Ana", "Bruno", "Carla", "Diego", "Elena", "Facundo", "Gabriela", "Hernán", "Inés", "Joaquín", "Lucía")
LAST_NAMES = ("Acosta", "Benítez", "Castro", "Domínguez", "Fernández", "Giménez", "Ibáñez", "Núñez", "Peralta", "Sosa")
TRADES = ("Almacén", "Bodegón", "Cafetería", "Distribuidora", "Panadería", "Regalería", "Vinoteca")
STREETS = ("Av. Corrientes", "Belgrano", "Mitre", "Rivadavia", "San Martín", "Sarmiento", "Av. Santa Fe")
PROVINCES = ("1", "2", "2", "2")  # CABA and Buenos Aires, in the provider's table
DISCOUNTS = (Decimal(0), Decimal(0), Decimal(0), Decimal(5), Decimal(10), Decimal("12.5"))
SHIPPING = (Decimal(0), Decimal("2990.00"), Decimal("4850.50"), Decimal("7333.33"))
CUSTOMER_WEIGHTS: dict[CustomerKind, int] = {
    CustomerKind.ANONYMOUS: 4,
    CustomerKind.CONSUMER: 3,
    CustomerKind.MONOTRIBUTISTA: 2,
    CustomerKind.RESPONSABLE_INSCRIPTO: 1,
}


def load_products() -> None:
    """Put the catalogue into the database; what is there already stays as it is."""
    Product.objects.bulk_create(
        [Product(sku=sku, name=name, price=Decimal(price), iva_rate=rate) for sku, name, price, rate in PRODUCTS],
        ignore_conflicts=True,
    )


def load_admin(username: str, password: str) -> None:
    """Let a person into the admin with the login that the pages show."""
    user, _ = get_user_model().objects.get_or_create(
        username=username, defaults={"is_staff": True, "is_superuser": True, "email": "admin@shop.example"}
    )
    user.set_password(password)
    user.save()


@transaction.atomic
def create_orders(count: int, rng: random.Random) -> list[Order]:
    """Make `count` unpaid orders, a minute apart, the last one placed now."""
    load_products()
    products = list(Product.objects.order_by("sku"))
    now = timezone.now()
    orders = Order.objects.bulk_create(
        [_order(rng, placed_at=now - timedelta(minutes=count - 1 - index)) for index in range(count)]
    )
    OrderLine.objects.bulk_create([line for order in orders for line in _lines(order, products, rng)])
    return orders


def _order(rng: random.Random, placed_at: datetime) -> Order:
    (kind,) = rng.choices(list(CUSTOMER_WEIGHTS), weights=list(CUSTOMER_WEIGHTS.values()))
    order = Order(
        created_at=placed_at,
        customer_kind=kind,
        discount_percent=rng.choice(DISCOUNTS),
        shipping=rng.choice(SHIPPING),
    )
    if kind == CustomerKind.ANONYMOUS:
        return order
    person = f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}"
    dni = rng.randrange(20_000_000, 47_000_000)
    if kind == CustomerKind.CONSUMER:
        order.customer_name, order.document = person, str(dni)
    elif kind == CustomerKind.MONOTRIBUTISTA:
        order.customer_name, order.document = person, make_cuit(rng.choice(("20", "27")), dni)
    else:
        order.customer_name = f"{rng.choice(TRADES)} {rng.choice(LAST_NAMES)} S.R.L."
        order.document = make_cuit("30", rng.randrange(60_000_000, 72_000_000))
    order.email = f"customer{order.document}@example.com"
    order.address = f"{rng.choice(STREETS)} {rng.randrange(100, 6000)}"
    order.province = rng.choice(PROVINCES)
    return order


def _lines(order: Order, products: list[Product], rng: random.Random) -> Iterator[OrderLine]:
    for product in rng.sample(products, rng.randint(1, 4)):
        yield OrderLine(
            order=order,
            product=product,
            description=product.name,
            unit_price=product.price,
            iva_rate=product.iva_rate,
            quantity=rng.randint(1, 3),
        )


def make_cuit(prefix: str, number: int) -> str:
    """A CUIT that passes ARCA's check: 20 and 27 stand for persons, 30 for companies."""
    digits = f"{prefix}{number:08d}"
    return digits + cuit.calc_check_digit(digits)
