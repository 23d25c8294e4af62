"""What is marked as seen in the admin, and what is shown with a duplicate."""

from __future__ import annotations

from typing import Any

import pytest

from django_tusfacturas_lotes.models import WebhookEvent, WebhookEventStatus
from django_tusfacturas_lotes.monitoring.health import Level, status
from django_tusfacturas_lotes.submission import flush
from tests.support.admin import act
from tests.support.encola import queue
from tests.support.issued import issued_by_two_tries
from tests.support.provider import Provider
from tests.support.webhook import post, success

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_is_about_nothing_of_ours_can_be_marked_as_seen(provider: Provider, admin_client: Any) -> None:
    queue(1)
    provider.fault("webhook=never*always")
    flush()
    post({**success("of-another-system"), **provider.credentials})
    event = WebhookEvent.objects.get()
    assert status().level is Level.ATTENTION
    act(admin_client, "webhookevent", "mark_seen", [event])
    event.refresh_from_db()
    assert (event.status, "a person has seen it" in event.error) == (WebhookEventStatus.IGNORED, True)
    assert not WebhookEvent.objects.needing_a_person().exists()


def test_the_documents_of_one_that_was_issued_twice_are_shown_with_it(provider: Provider, admin_client: Any) -> None:
    invoice, _ = issued_by_two_tries(provider)
    page = admin_client.get(f"/admin/django_tusfacturas_lotes/invoice/{invoice.pk}/change/").content.decode()
    assert "CAE 22222222222222" in page
    assert f"CAE {invoice.cae}" in page
