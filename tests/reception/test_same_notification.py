"""Which deliveries are one notification."""

from __future__ import annotations

from typing import Any

import pytest

from django_tusfacturas_lotes.conf import conf
from django_tusfacturas_lotes.models import WebhookEvent
from django_tusfacturas_lotes.reception import Authenticated, receive
from django_tusfacturas_lotes.wire.modalities import modalities

pytestmark = pytest.mark.django_db(transaction=True)

PAYLOAD = {"facturacion_lote_id_referencia": "a-1", "error": "N", "cae": "7", "inner": {"b": [1, 2], "a": "ñ"}}


DIGEST = "34a6b26d7018b61be005996ab35a46bd849c8d7222c3c3affb91be9b265f00f5"


def received(payload: dict[str, Any], modality: str = "lotes") -> WebhookEvent:
    return receive(payload, Authenticated((conf.account("default"),), modalities()[modality]))


def test_the_order_of_its_keys_does_not_matter_and_anything_else_does() -> None:
    first = received(PAYLOAD)
    shuffled = {**dict(reversed(PAYLOAD.items())), "inner": {"a": "ñ", "b": [1, 2]}}
    assert received(shuffled) == first
    event = WebhookEvent.objects.get()
    assert (event.deliveries, event.reference) == (2, "a-1")
    for another in ({"cae": "8"}, {"inner": {"b": [2, 1], "a": "ñ"}}, {"more": None}):
        assert received({**PAYLOAD, **another}) != first
    assert WebhookEvent.objects.count() == 4


def test_what_an_older_version_stored_is_known_again() -> None:
    """A digest is kept for as long as its notification may come again."""
    assert received(PAYLOAD).digest == DIGEST


def test_a_reference_is_kept_as_far_as_there_is_room() -> None:
    for length in (254, 255, 256, 5000):
        payload = {**PAYLOAD, "facturacion_lote_id_referencia": "r" * length}
        assert received(payload).reference == "r" * min(length, 255)
