"""Law 11: what is logged or shown of an error, or of a call, has no credential in it."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.utils import timezone

from django_tusfacturas_lotes.conf import conf
from django_tusfacturas_lotes.reception import Authenticated, receive
from django_tusfacturas_lotes.reception import events as reception_events
from django_tusfacturas_lotes.submission.recording import Call
from django_tusfacturas_lotes.wire.modalities import modalities
from tests.support.rows import make_lote
from tests.support.webhook import CREDENTIALS

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_log_of_an_event_that_can_not_be_acted_on_has_none(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: Any) -> None:
        raise RuntimeError(f"the token {CREDENTIALS['apitoken']} is in this text")

    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(reception_events, "apply_notification", fail)
    receive({**CREDENTIALS, "error": "N"}, Authenticated(tuple(conf.accounts()), modalities()["lotes"]))
    assert "the token *** is in this text" in caplog.text
    assert not [secret for secret in CREDENTIALS.values() if secret in caplog.text]


def test_a_call_that_is_shown_by_an_error_report_has_none() -> None:
    call = Call(make_lote(), 1, timezone.now(), [], {**CREDENTIALS, "requests": []})
    assert not [secret for secret in CREDENTIALS.values() if secret in repr(call)]
