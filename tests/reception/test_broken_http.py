"""Broken, slow and strange HTTP changes nothing and keeps nobody waiting."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.signals import request_finished, request_started

from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, LoteItem, WebhookEvent
from django_tusfacturas_lotes.views import MAX_BYTES
from tests.support.provider import PATIENCE
from tests.support.raw_http import RawConnection, request, statuses
from tests.support.strange import assert_nothing_broke, everything
from tests.support.webhook import item_in, success

pytestmark = pytest.mark.django_db(transaction=True)


def chunked(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


Speak = Callable[[bytes], bytes]


# What is said, of a right notification, and how it is answered: None where that is the server's to decide, not ours.
HOSTILE_HTTP: dict[str, tuple[Speak, int | None]] = {
    "a body shorter than its length": (lambda body: request(body[:-9], f"Content-Length: {len(body)}"), 400),
    "no body for its length": (lambda body: request(b"", "Content-Length: 500"), 400),
    "a body longer than its length": (lambda body: request(body, f"Content-Length: {len(body) - 9}"), 400),
    "a negative length": (lambda body: request(body, "Content-Length: -5"), 400),
    "no length": (lambda body: request(body), 400),
    "a length of zero": (lambda body: request(body, "Content-Length: 0"), 400),
    "a length of zeros": (lambda body: request(body, "Content-Length: 000"), 403),
    "a length that is a word": (lambda body: request(body, "Content-Length: many"), 403),
    "an absurd length": (lambda body: request(body[:-9], f"Content-Length: {10**30}"), 400),
    "a length of many digits": (lambda body: request(body, f"Content-Length: {'9' * 6000}"), 403),
    "two lengths": (lambda body: request(body, "Content-Length: 5", "Content-Length: 7"), 400),
    "chunked": (lambda body: request(chunked(body), "Transfer-Encoding: chunked"), 400),
    "chunked with a length": (
        lambda body: request(chunked(body), "Transfer-Encoding: chunked", f"Content-Length: {len(chunked(body))}"), 400,
    ),
    "chunks that lie": (lambda body: request(b"ffffffff\r\n" + body, "Transfer-Encoding: chunked"), 400),
    "a body that waits for a 100": (lambda body: request(b"", "Content-Length: 500", "Expect: 100-continue"), 400),
    "gzip": (
        lambda body: request(
            gzip.compress(body, mtime=0), f"Content-Length: {len(gzip.compress(body, mtime=0))}",
            "Content-Encoding: gzip",
        ), 400,
    ),
    "10,000 deep": (
        lambda body: request(b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "Content-Length: 60001"), 400,
    ),
    "a byte too many": (
        lambda body: request(body + b" " * (MAX_BYTES + 1 - len(body)), f"Content-Length: {MAX_BYTES + 1}"), 413,
    ),
    "a gigabyte to come": (
        lambda body: request(body + b" " * (MAX_BYTES + 1 - len(body)), "Content-Length: 1000000000"), 413,
    ),
    "another method": (lambda body: request(body, f"Content-Length: {len(body)}", method="PUT"), 405),
    "a method that nobody knows": (lambda body: request(body, f"Content-Length: {len(body)}", method="FROB"), 405),
    "another path": (lambda body: request(body, f"Content-Length: {len(body)}", path="/tusfacturas/webhook/../"), 404),
    "a path with NUL": (lambda body: request(body, f"Content-Length: {len(body)}", path="/tusfacturas/%00/"), 404),
    "many headers": (lambda body: request(body, *(f"X-{number}: x" for number in range(5000))), None),
    "a long header": (lambda body: request(body, "X: " + "x" * 100_000), None),
    "a long path": (lambda body: request(body, path="/" + "x" * 100_000), None),
    "HTTP/0.9": (lambda body: b"POST /tusfacturas/webhook/\r\n" + body, None),
    "HTTP/9.9": (lambda body: b"POST /tusfacturas/webhook/ HTTP/9.9\r\n\r\n" + body, None),
    "the start of TLS": (lambda body: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200, None),
    "nothing": (lambda body: b"", None),
    "no more than a line": (lambda body: b"POST /tusfacturas/webhook/ HTTP/1.1\r\n", None),
}  # fmt: skip


def right_request(item: LoteItem, **changes: Any) -> bytes:
    body = json.dumps(success(item, **changes)).encode()
    return request(body, f"Content-Length: {len(body)}", "Content-Type: application/json")


def speak(live_server: Any, said: bytes) -> list[int]:
    with RawConnection(live_server.url) as connection:
        connection.send(said)
        return statuses(connection.answers())


def assert_the_server_takes(live_server: Any, item: LoteItem) -> None:
    assert speak(live_server, right_request(item)) == [200]
    assert Invoice.objects.get(pk=item.invoice_id).status == InvoiceStatus.ISSUED


@pytest.mark.parametrize(("say", "status"), HOSTILE_HTTP.values(), ids=HOSTILE_HTTP)
def test_broken_http_changes_nothing_and_the_next_is_taken(
    live_server: Any, caplog: pytest.LogCaptureFixture, say: Speak, status: int | None
) -> None:
    item = item_in()
    before = everything()
    answered = speak(live_server, say(json.dumps(success(item)).encode()))
    if status is not None:
        assert next(code for code in answered if code != 100) == status
    assert everything() == before
    assert_nothing_broke(caplog)
    assert_the_server_takes(live_server, item)


def test_a_full_size_notification_is_taken(live_server: Any) -> None:
    item = item_in()
    body = json.dumps(success(item)).encode()
    body += b" " * (MAX_BYTES - len(body))
    assert speak(live_server, request(body, f"Content-Length: {MAX_BYTES}")) == [200]


def test_a_slow_sender_keeps_nobody_waiting_and_is_taken_in_the_end(live_server: Any) -> None:
    slow, quick = item_in(), item_in()
    said = right_request(slow)
    head = said.index(b"\r\n\r\n") + 4
    with RawConnection(live_server.url) as drip:
        drip.send(said[:10])
        assert_the_server_takes(live_server, quick)
        for byte in range(10, head + 20):
            drip.send(said[byte : byte + 1])
        assert_the_server_takes(live_server, item_in())
        assert Invoice.objects.get(pk=slow.invoice_id).status == InvoiceStatus.SUBMITTED
        for byte in range(head + 20, len(said)):
            drip.send(said[byte : byte + 1])
        assert statuses(drip.answers()) == [200]
    assert Invoice.objects.get(pk=slow.invoice_id).status == InvoiceStatus.ISSUED


def test_many_slow_senders_keep_nobody_waiting(live_server: Any) -> None:
    item = item_in()
    crowd = [RawConnection(live_server.url) for _ in range(20)]
    for one in crowd:
        one.send(request(b'{"apikey": "', "Content-Length: 500"))
    assert_the_server_takes(live_server, item)
    for one in crowd:
        with one:
            assert statuses(one.answers()) == [400]
    assert WebhookEvent.objects.count() == 1


@pytest.fixture
def requests_seen() -> Iterator[dict[str, threading.Event]]:
    """Events that tell when the application has begun, and when it has ended, a request."""
    seen = {"begun": threading.Event(), "ended": threading.Event()}

    def begin(**named: Any) -> None:
        seen["begun"].set()

    def end(**named: Any) -> None:
        seen["ended"].set()

    request_started.connect(begin)
    request_finished.connect(end)
    yield seen
    request_started.disconnect(begin)
    request_finished.disconnect(end)


@pytest.mark.parametrize("sent", [0, 1, 200], ids=lambda sent: f"{sent} bytes of the body")
def test_a_sender_that_dies_in_the_middle_is_no_error_of_ours(
    live_server: Any, caplog: pytest.LogCaptureFixture, requests_seen: dict[str, threading.Event], sent: int
) -> None:
    item = item_in()
    before = everything()
    said = right_request(item)
    dying = RawConnection(live_server.url)
    dying.send(said[: said.index(b"\r\n\r\n") + 4 + sent])
    assert requests_seen["begun"].wait(PATIENCE)
    dying.reset()
    assert requests_seen["ended"].wait(PATIENCE)
    assert everything() == before
    assert_nothing_broke(caplog)
    assert_the_server_takes(live_server, item)


def test_a_sender_that_does_not_wait_for_the_answer_is_taken(
    live_server: Any, caplog: pytest.LogCaptureFixture, requests_seen: dict[str, threading.Event]
) -> None:
    item = item_in()
    hasty = RawConnection(live_server.url)
    hasty.send(right_request(item))
    assert requests_seen["begun"].wait(PATIENCE)
    hasty.send(b"and more that nobody asked for")
    hasty.reset()
    assert requests_seen["ended"].wait(PATIENCE)
    assert_nothing_broke(caplog)
    # The whole notification may have been lost with the connection; what counts is that it is all, or nothing.
    events = list(WebhookEvent.objects.values_list("status", flat=True))
    assert events in ([], ["processed"])
    assert_the_server_takes(live_server, item)


def test_of_pipelined_requests_each_counts_for_itself(live_server: Any, caplog: pytest.LogCaptureFixture) -> None:
    first, second, third = item_in(), item_in(), item_in()
    answered = speak(live_server, right_request(first) + right_request(second, apikey="wrong") + right_request(third))
    issued = set(Invoice.objects.filter(status=InvoiceStatus.ISSUED).values_list("pk", flat=True))
    # Whether a server reads on after the first is its own affair.
    right = [item.invoice_id for item, status in zip((first, second, third), answered, strict=False) if status == 200]
    assert answered in ([200], [200, 403, 200])
    assert issued == set(right)
    assert WebhookEvent.objects.count() == len(right)
    assert_nothing_broke(caplog)
