"""What each failure of the transport proves of a call, and says of a question."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

import pytest
import requests
import responses
import urllib3.exceptions

from django_tusfacturas_lotes.provider.client import Client, Verdict
from django_tusfacturas_lotes.wire.modalities import Answer, modalities

URL = "https://provider.test/api/v2/facturacion/lotes"


def read(answer: Mapping[str, Any]) -> Answer:
    return modalities()["lotes"].read_answer(answer, ["ref-1"])


def of_the_pool(reason: Exception) -> requests.ConnectionError:
    """As `requests` wraps what its pool has given up for."""
    return requests.ConnectionError(urllib3.exceptions.MaxRetryError(None, URL, reason))  # type: ignore[arg-type]


UNVERIFIED = urllib3.exceptions.SSLError(ssl.SSLCertVerificationError("self-signed"))
UNKNOWN = urllib3.exceptions.NameResolutionError("x", None, OSError())  # type: ignore[arg-type]
BROKE, TIMED_OUT = "the connection broke", "did not answer in time"
NO_CALL = "the call could not be made"


@pytest.mark.parametrize(
    ("raised", "verdict", "text"),
    [
        (requests.exceptions.InvalidURL("x"), Verdict.NOT_SENT, NO_CALL),
        (requests.exceptions.MissingSchema("x"), Verdict.NOT_SENT, NO_CALL),
        (requests.exceptions.InvalidSchema("x"), Verdict.NOT_SENT, NO_CALL),
        (urllib3.exceptions.LocationValueError("x"), Verdict.NOT_SENT, NO_CALL),
        (OSError("no CA certificates"), Verdict.NOT_SENT, NO_CALL),
        (
            of_the_pool(urllib3.exceptions.NameResolutionError("x", None, OSError())),
            Verdict.NOT_SENT,
            "did not resolve",
        ),  # type: ignore[arg-type]
        (of_the_pool(urllib3.exceptions.NewConnectionError(None, "x")), Verdict.NOT_SENT, "refused"),  # type: ignore[arg-type]
        (requests.ConnectTimeout("x"), Verdict.NOT_SENT, "connecting to the provider timed out"),
        (of_the_pool(UNVERIFIED), Verdict.NOT_SENT, "certificate"),
        (of_the_pool(urllib3.exceptions.SSLError(ssl.SSLEOFError("x"))), Verdict.UNCERTAIN, BROKE),
        (of_the_pool(urllib3.exceptions.ProtocolError("x")), Verdict.UNCERTAIN, BROKE),
        (requests.ReadTimeout("x"), Verdict.UNCERTAIN, TIMED_OUT),
        (requests.Timeout("x"), Verdict.UNCERTAIN, TIMED_OUT),
        (requests.ConnectionError("x"), Verdict.UNCERTAIN, BROKE),
        (requests.ConnectionError(), Verdict.UNCERTAIN, BROKE),
        (requests.exceptions.ChunkedEncodingError("x"), Verdict.UNCERTAIN, BROKE),
        (urllib3.exceptions.ProtocolError("x"), Verdict.UNCERTAIN, BROKE),
        (urllib3.exceptions.IncompleteRead(1, 2), Verdict.UNCERTAIN, BROKE),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_each_transport_failure_proves_what_it_proves(raised: Exception, verdict: Verdict, text: str) -> None:
    with responses.RequestsMock() as mocked:
        mocked.post(URL, body=raised)
        with Client(connect_timeout=1, read_timeout=1) as client:
            outcome = client.send(URL, {}, read)
            reply = client.ask(URL, {}, dict)
    assert (outcome.verdict, outcome.http_status, outcome.answer) == (verdict, None, None)
    assert text in outcome.text
    # A question that had no answer says why in the same words.
    assert (reply.value, reply.text) == (None, outcome.text)
