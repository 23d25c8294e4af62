"""The smallest thing that can be paid: an order that carries what its builder returns."""

from __future__ import annotations

from django.db import models


class Order(models.Model):
    documento = models.JSONField(null=True)
    # What the builder does instead of returning the documento: "raise", "query", or nothing.
    mishap = models.CharField(max_length=20, blank=True)

    class Meta:
        verbose_name = "order"

    def __str__(self) -> str:
        return f"order {self.pk}"
