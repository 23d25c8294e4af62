"""`Turn`: which process may call the provider for an account, one at a time and not too fast."""

from __future__ import annotations

from django.db import models


class Turn(models.Model):
    """One row an account: `busy_until` while a process calls, `last_call_at` and `free_from` for the provider's pauses.

    `free_from` is set if the provider asked for a pause (HTTP 429). `last_look_up_at` is for monitoring.
    """

    account = models.CharField(max_length=50, primary_key=True)
    busy_until = models.DateTimeField(null=True, blank=True)
    last_call_at = models.DateTimeField(null=True, blank=True)
    last_look_up_at = models.DateTimeField(null=True, blank=True)
    free_from = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.account
