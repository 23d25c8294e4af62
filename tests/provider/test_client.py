"""What one HTTP call proves: law 3, row by row, over real sockets where a socket matters."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
import time_machine

from django_tusfacturas_lotes.provider.client import MAX_ANSWER_BYTES, STATUS_VERDICTS, Client, Outcome, Verdict
from django_tusfacturas_lotes.wire.modalities import Answer, modalities

pytestmark = pytest.mark.django_db(transaction=True)

URL = "https://provider.test/api/v2/facturacion/lotes"
TAKEN = {"error": "N", "errores": [], "procesados": 1, "validaciones": []}


def read(answer: Mapping[str, Any]) -> Answer:
    return modalities()["lotes"].read_answer(answer, ["ref-1"])


def send(url: str = URL, *, connect: float = 30, answer_within: float = 30) -> Outcome:
    with Client(connect_timeout=connect, read_timeout=answer_within) as client:
        return client.send(url, {"apitoken": "s3cret-s3cret", "requests": []}, read)


@contextlib.contextmanager
def a_server(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """A real server that does to its first connection what `talk` does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        done = threading.Event()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                talk(connection)
                done.wait()

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        done.set()
        thread.join()


def raw(answer: bytes, *, close: bool = True) -> Callable[[socket.socket], None]:
    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)
        if close:
            connection.shutdown(socket.SHUT_RDWR)

    return talk


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@responses.activate
@pytest.mark.parametrize("status", sorted({*range(200, 600)} - {204, 304}))  # these two have no body
def test_every_status_is_sorted_by_the_closed_table(status: int) -> None:
    responses.post(URL, json=TAKEN, status=status, headers={"Location": "https://elsewhere.test/"})
    outcome = send()
    if status in STATUS_VERDICTS:
        assert outcome.verdict is Verdict.NOT_SENT
    elif status < 300:
        assert outcome.verdict is Verdict.ACCEPTED
    else:
        assert outcome.verdict is Verdict.UNCERTAIN
        assert str(status) in outcome.text
    assert outcome.http_status == status
    assert len(responses.calls) == 1, "a redirect was followed, or the call was sent twice"


def test_the_table_of_what_was_not_sent_is_the_designs() -> None:
    assert set(STATUS_VERDICTS) == {400, 401, 403, 404, 405, 429}


@responses.activate
@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        ('{"error":"N","procesados":1}', Verdict.ACCEPTED),
        ('{"error":"S","errores":["no"]}', Verdict.REFUSED),
        ('{"error":"N","procesados":1', Verdict.UNCERTAIN),
        ("<html>ok</html>", Verdict.UNCERTAIN),
        ("", Verdict.UNCERTAIN),
        ("[]", Verdict.UNCERTAIN),
        ('{"error":"N"}', Verdict.UNCERTAIN),
        ("[" * 100_000, Verdict.UNCERTAIN),
    ],
)
def test_only_a_readable_answer_proves_something(body: str, verdict: Verdict) -> None:
    responses.post(URL, body=body)
    assert send().verdict is verdict


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30), (" 7 ", 7), ("0", 0), ("86400", 86400), ("86401", 86400), ("9999999999", 86400),
        ("", None), ("soon", None), ("-5", None), ("+5", None), ("1.5", None), ("1e3", None),
        # Digits for Python's `isdigit`, and no number for `int`.
        ("²", None), ("1²", None), ("¹²³", None),
        ("Mon, 04 May 2026 15:01:30 GMT", 90), ("Mon, 04 May 2026 15:01:30 -0000", 90),
        ("Mon, 04 May 2026 12:01:30 -0300", 90), ("Wed, 06 May 2026 15:00:00 GMT", 86400),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0), ("Mon, 04 May 99999999999 15:01:30 GMT", None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("question", [False, True])
def test_a_429_says_how_long_to_wait(value: str, seconds: int | None, question: bool) -> None:
    with responses.RequestsMock() as mocked, time_machine.travel("2026-05-04T15:00:00+00:00", tick=False):
        mocked.post(URL, status=429, headers={"Retry-After": value})
        with Client(connect_timeout=1, read_timeout=1) as client:
            answer = client.ask(URL, {}, dict) if question else client.send(URL, {}, read)
    assert (answer.http_status, answer.retry_after) == (429, seconds)


def test_no_other_status_says_how_long_to_wait() -> None:
    for status in (200, 400, 401, 403, 404, 405, 503):
        with responses.RequestsMock() as mocked:
            mocked.post(URL, status=status, json=TAKEN, headers={"Retry-After": "30"})
            assert send().retry_after is None


def test_a_429_says_so_over_a_real_socket_too() -> None:
    for value, seconds in ((b"30", 30), ("²".encode("latin-1"), None), ("²".encode(), None)):
        with a_server(raw(b"HTTP/1.1 429 Too Many\r\nRetry-After: " + value + b"\r\nContent-Length: 0\r\n\r\n")) as url:
            assert send(url).retry_after == seconds


@responses.activate
def test_the_call_is_json_in_utf8_and_keeps_no_connection() -> None:
    responses.post(URL, json=TAKEN)
    with Client(connect_timeout=30, read_timeout=30) as client:
        client.send(URL, {"razon_social": "Ñandú", "total": 114.88}, read)
    request = responses.calls[0].request
    assert request.body == '{"razon_social":"Ñandú","total":114.88}'.encode()
    assert request.headers["Connection"] == "close"
    assert request.headers["Content-Type"] == "application/json; charset=utf-8"


def test_a_refused_connection_was_not_sent() -> None:
    with socket.socket() as nobody_listens:  # and nobody else can meanwhile
        nobody_listens.bind(("127.0.0.1", 0))
        port = nobody_listens.getsockname()[1]
        assert send(f"http://127.0.0.1:{port}/").verdict is Verdict.NOT_SENT


def test_a_name_that_does_not_resolve_was_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert send("http://provider.test/").verdict is Verdict.NOT_SENT


def test_a_connection_that_times_out_was_not_sent() -> None:
    # A listener with a full backlog takes no further connection.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, contextlib.ExitStack() as stack:
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        outcome = send(f"http://127.0.0.1:{listener.getsockname()[1]}/", connect=0.2)
    assert outcome.verdict is Verdict.NOT_SENT
    assert "timed out" in outcome.text


def test_a_certificate_that_is_not_trusted_was_not_sent(tmp_path: Any) -> None:
    def talk(connection: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain("tests/support/data/self_signed.pem")
        with context.wrap_socket(connection, server_side=True):
            pass

    with a_server(talk) as url:
        outcome = send(url.replace("http://127.0.0.1", "https://localhost"))
    assert outcome.verdict is Verdict.NOT_SENT
    assert "certificate" in outcome.text


@pytest.mark.parametrize(
    "talk",
    [
        raw(b""),
        raw(HEAD + b'Content-Length: 500\r\n\r\n{"error":"N"'),
        raw(HEAD + b'Transfer-Encoding: chunked\r\n\r\nzz\r\n{"error'),
        raw(b"nonsense\r\n\r\n"),
        raw(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"),
        raw(b"", close=False),
        raw(HEAD + b'Content-Length: 500\r\n\r\n{"error":"N"', close=False),
    ],
    ids=["closed", "half", "bad chunk", "no http", "no gzip", "silent", "half and silent"],
)
def test_a_lost_or_broken_answer_is_uncertain(talk: Callable[[socket.socket], None]) -> None:
    with a_server(talk) as url:
        assert send(url, answer_within=0.3).verdict is Verdict.UNCERTAIN


def test_a_status_that_proves_something_does_so_with_half_a_body() -> None:
    talk = raw(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 500\r\n\r\n{")
    with a_server(talk) as url:
        assert send(url).verdict is Verdict.NOT_SENT


def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(HEAD + b"\r\n")
        for _ in range(MAX_ANSWER_BYTES // 65536 + 8):
            connection.sendall(b" " * 65536)
        connection.shutdown(socket.SHUT_RDWR)

    with a_server(talk) as url:
        outcome = send(url, answer_within=5)
    assert outcome.verdict is Verdict.UNCERTAIN


def test_an_answer_in_drops_is_given_up_at_the_deadline() -> None:
    drops: list[bool] = []

    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(HEAD + b"Content-Length: 1000000\r\n\r\n")
        for _ in range(1000):
            connection.sendall(b" ")
            drops.append(True)
            threading.Event().wait(0.02)

    with a_server(talk) as url:
        assert send(url, connect=2, answer_within=0.3).verdict is Verdict.UNCERTAIN
    assert len(drops) < 1000, "the client listened to the end"


def test_no_credentials_from_a_netrc_are_added(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine provider.test login me password mine\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with responses.RequestsMock() as mocked:
        mocked.post(URL, json=TAKEN)
        send()
        assert "Authorization" not in mocked.calls[0].request.headers


def test_any_transport_error_becomes_an_outcome_without_the_body() -> None:
    with responses.RequestsMock() as mocked:
        mocked.post(URL, body=requests.exceptions.ChunkedEncodingError("s3cret-s3cret"))
        outcome = send()
    assert outcome.verdict is Verdict.UNCERTAIN
    assert "s3cret" not in repr(outcome)


def test_a_missing_ca_bundle_is_known_not_to_have_been_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    with Client(connect_timeout=30, read_timeout=30) as client:
        outcome = client.send("https://127.0.0.1:9/", {}, lambda answer: pytest.fail("nothing was answered"))
    assert (outcome.verdict, "CA certificates" in outcome.text) == (Verdict.NOT_SENT, True)
