"""The shop's own back office. Invoices, lotes and notifications have their desk in django_tusfacturas_lotes."""

from django.contrib import admin

from shop.models import Order, OrderLine, Product


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
