"""The migrations make what the models say."""

from __future__ import annotations

import pytest
from django.core.management import call_command

pytestmark = pytest.mark.django_db


def test_no_migration_is_missing() -> None:
    """Fields, constraints, indexes and permissions."""
    call_command("makemigrations", "django_tusfacturas_lotes", check=True, dry_run=True, verbosity=0)
