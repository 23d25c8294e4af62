"""The bare view's own table."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class BareRow(models.Model):
    """One request."""

    payload = models.JSONField()

    objects: ClassVar[models.Manager[BareRow]] = models.Manager()

    def __str__(self) -> str:
        return f"row {self.pk}"
