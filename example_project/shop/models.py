"""What a small shop keeps. Prices are what the customer pays: pesos with IVA included."""

from decimal import ROUND_HALF_EVEN, Decimal

from django.db import models
from django.utils import timezone

from django_tusfacturas_lotes.wire.comprobante.tables import CondicionIva

CENT = Decimal("0.01")


class IvaRate(models.TextChoices):
    """The two rates that the shop's goods carry. Text, so that no rate is ever a float."""

    GENERAL = "21", "21 %"
    REDUCED = "10.5", "10.5 %"


class CustomerKind(models.TextChoices):
    """Who buys, as ARCA sees them; it decides the invoice's letter (see `Order.condicion_iva`)."""

    ANONYMOUS = "anonymous", "Final consumer"
    CONSUMER = "consumer", "Final consumer, named"
    MONOTRIBUTISTA = "monotributista", "Monotributista"
    RESPONSABLE_INSCRIPTO = "responsable_inscripto", "Responsable inscripto"


CONDICION_IVA: dict[str, CondicionIva] = {
    CustomerKind.ANONYMOUS: CondicionIva.CF,
    CustomerKind.CONSUMER: CondicionIva.CF,
    CustomerKind.MONOTRIBUTISTA: CondicionIva.M,
    CustomerKind.RESPONSABLE_INSCRIPTO: CondicionIva.RI,
}


class Product(models.Model):
    sku = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=120)
    price = models.DecimalField(max_digits=12, decimal_places=2, help_text="Pesos, IVA included")
    iva_rate = models.CharField(max_length=4, choices=IvaRate, default=IvaRate.GENERAL)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Order(models.Model):
    created_at = models.DateTimeField(default=timezone.now)
    customer_kind = models.CharField(max_length=30, choices=CustomerKind, default=CustomerKind.ANONYMOUS)
    customer_name = models.CharField(max_length=120, blank=True)
    document = models.CharField("DNI or CUIT", max_length=11, blank=True, help_text="Digits only")
    email = models.EmailField(blank=True)
    address = models.CharField(max_length=160, blank=True)
    province = models.CharField(max_length=2, blank=True, help_text="Number in the provider's table of provinces")
    discount_percent = models.DecimalField(max_digits=4, decimal_places=2, default=Decimal(0))
    shipping = models.DecimalField(
        max_digits=12, decimal_places=2, default=Decimal(0), help_text="IVA at 21 % included"
    )
    paid_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-pk")

    def __str__(self) -> str:
        return f"Order {self.pk}"

    @property
    def customer(self) -> str:
        """The name to show; an anonymous consumer has none."""
        return self.customer_name or "Consumidor final"

    @property
    def condicion_iva(self) -> CondicionIva:
        """Where the customer stands before the IVA: A is for those who take it themselves, B for whom it ends with."""
        return CONDICION_IVA[self.customer_kind]

    @property
    def discount(self) -> Decimal:
        """What the discount takes off the goods; shipping is never discounted."""
        return sum((line.full_price - line.price for line in self.lines.all()), Decimal(0))

    @property
    def total(self) -> Decimal:
        """What the customer pays, and so what the invoice must come to, to the cent."""
        return sum((line.price for line in self.lines.all()), Decimal(0)) + self.shipping


class OrderLine(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    # Copies: what was sold stays as it was sold, whatever happens to the product.
    description = models.CharField(max_length=120)
    unit_price = models.DecimalField(max_digits=12, decimal_places=2, help_text="Pesos, IVA included")
    iva_rate = models.CharField(max_length=4, choices=IvaRate)
    quantity = models.PositiveSmallIntegerField(default=1)

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"{self.quantity} × {self.description}"

    @property
    def full_price(self) -> Decimal:
        return self.unit_price * self.quantity

    @property
    def price(self) -> Decimal:
        """What is charged for the line: rounded once, here, so that the shop and the invoice can't round apart."""
        return (self.full_price * (100 - self.order.discount_percent) / 100).quantize(CENT, ROUND_HALF_EVEN)


class Refund(models.Model):
    """The money of a whole order given back; the nota de crédito that it is owed has it as its source."""

    order = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="refund")
    amount = models.DecimalField(max_digits=12, decimal_places=2, help_text="Pesos, IVA included")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-created_at", "-pk")

    def __str__(self) -> str:
        return f"Refund of order {self.order_id}"
