"""The shop's own back office. Invoices, lotes and notifications have their desk in django_tusfacturas_lotes."""

from django.contrib import admin
from django.http import HttpRequest

from shop.models import Order, OrderLine, Product, Refund


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
    list_display = ("name", "sku", "price", "iva_rate")
    list_filter = ("iva_rate",)
    search_fields = ("name", "sku")


class OrderLineInline(admin.TabularInline):
    model = OrderLine
    extra = 0


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):
    list_display = ("__str__", "created_at", "customer_kind", "customer", "paid_at")
    list_filter = ("customer_kind", ("paid_at", admin.EmptyFieldListFilter))
    search_fields = ("=id", "customer_name", "document")
    inlines = (OrderLineInline,)
    # Payment goes through shop.payments, which is what tells the invoicing app; a date typed here would not.
    readonly_fields = ("paid_at",)


@admin.register(Refund)
class RefundAdmin(admin.ModelAdmin):
    """To look at: a refund made here would have no nota de crédito (see `shop.payments`)."""

    list_display = ("__str__", "amount", "created_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Refund | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Refund | None = None) -> bool:
        return False
