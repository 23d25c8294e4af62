"""What a GET of a PDF may bring, and how long it may take, over real sockets."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from django_tusfacturas_lotes.pdfs.download import Download, download
from tests.support.pdf_server import PDF, a_server, answer, get


def test_a_pdf_is_returned_as_it_came() -> None:
    with a_server(answer(Content_Type="application/pdf")) as server:
        assert get(server.url, server.place) == Download(PDF)


def test_a_sandbox_may_have_an_ipv6_address() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("needs IPv6")
    with a_server(answer(), family=socket.AF_INET6) as server:
        assert get(f"http://[::1]:{server.port}/7.pdf", server.place) == Download(PDF)
        assert f"Host: [::1]:{server.port}\r\n".encode() in server.requests[0]


def test_nothing_is_sent_but_the_question(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login someone password s3cret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with a_server(answer(Set_Cookie="a=b")) as server:
        for _ in range(2):
            assert get(f"{server.url}?a=b c#fragment", server.place).content == PDF
        head, *headers = server.requests[1].decode().strip().split("\r\n")
        assert head == "GET /comprobantes/7.pdf?a=b%20c HTTP/1.1"
        assert sorted(header.partition(":")[0] for header in headers) == [
            "Accept", "Accept-Encoding", "Connection", "Host", "User-Agent",
        ]  # fmt: skip
        assert f"Host: 127.0.0.1:{server.port}" in headers
        assert "Accept-Encoding: identity" in headers


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return answer(body + end, length=-1, Transfer_Encoding="chunked")


HTML = b"<html><body>El enlace ha caducado</body></html>"


@pytest.mark.parametrize(
    ("said", "why", "final"),
    [
        (answer(HTML, Content_Type="text/html"), "not a PDF", False),
        (answer(HTML, Content_Type="application/pdf"), "not a PDF", False),
        (answer(b""), "not a PDF", False),
        (answer(b" " * 1024 + PDF), "not a PDF", False),
        (answer(PDF, "404 Not Found"), "127.0.0.1 answered HTTP 404", True),
        (answer(PDF, "410 Gone"), "HTTP 410", True),
        (answer(PDF, "403 Forbidden"), "HTTP 403", True),
        (answer(PDF, "429 Too Many"), "HTTP 429", False),
        (answer(PDF, "408 Timeout"), "HTTP 408", False),
        (answer(PDF, "500 Oops"), "HTTP 500", False),
        (answer(PDF, "503 Busy"), "HTTP 503", False),
        (answer(PDF, "202 Accepted"), "HTTP 202", False),
        (answer(PDF, "206 Partial"), "HTTP 206", False),
        (answer(PDF, "302 Found"), "HTTP 302", False),
        (answer(PDF, "304 Not Modified"), "HTTP 304", False),
        (answer(PDF[:-20], length=len(PDF)), f"broke off after {len(PDF) - 20} of {len(PDF)} bytes", False),
        (answer(PDF, length=len(PDF) + 1), "broke off", False),
        (answer(PDF, length=len(PDF) - 20), "without its end", False),
        (answer(PDF[:-20]), "without its end", False),
        (answer(PDF[:-20], length=-1), "without its end", False),
        (answer(PDF + b"x" * 1024), "without its end", False),
        (chunked(PDF[:50], PDF[50:], end=b""), "broke off", False),
        (chunked(PDF[:50]), "without its end", False),
        (answer(PDF, length=100_001), "more than 100000 bytes", True),
        (answer(b"%PDF-1.4\n" + b"x" * 100_000 + b"%%EOF", length=-1), "more than 100000 bytes", True),
        (chunked(*[b"x" * 50_000] * 3), "more than 100000 bytes", True),
        (b"", "failed or broke off", False),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "failed or broke off", False),
        (b"HTTP/1.1 200 OK\r\n" + b"X-Long: x\r\n" * 200 + b"\r\n" + PDF, "failed or broke off", False),
    ],
)  # fmt: skip
def test_anything_but_a_whole_pdf_is_refused(said: bytes, why: str, final: bool) -> None:
    with a_server(said) as server:
        refused = get(server.url, server.place)
        assert why in refused.text
        assert (refused.content, refused.final) == (None, final)


@pytest.mark.parametrize(
    "said",
    [
        answer(length=-1),
        chunked(PDF[:50], PDF[50:]),
        answer(b"\xef\xbb\xbf\r\n" + PDF),
        answer(PDF + b"\r\n\0\0" * 1024),
        answer(b"%PDF-1.7" + b"x" * (100_000 - 13) + b"%%EOF"),
    ],
)
def test_a_pdf_is_a_pdf_however_it_is_sent(said: bytes) -> None:
    with a_server(said) as server:
        assert get(server.url, server.place).text == ""


def test_a_large_one_is_refused_before_it_is_read() -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(answer(b"%PDF-", length=10**12))
        gone.append(connection.recv(1))

    gone: list[bytes] = []
    with a_server(talk) as server:
        assert "too large" in get(server.url, server.place).text
    assert gone == [b""]


@pytest.mark.parametrize(
    "first", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: ", answer(b"%PDF-", length=5000), chunked(end=b"")]
)
def test_one_that_comes_in_drops_is_given_up_in_time(first: bytes) -> None:
    """A byte at a time, in the head, in the body and between chunks: no single wait is long."""

    def drip(connection: socket.socket) -> None:
        connection.sendall(first)
        for _ in range(1000):
            server.over.wait(0.01)
            connection.sendall(b"1")

    with a_server(drip) as server:
        assert get(server.url, server.place, within=0.4) == Download(
            text="127.0.0.1 did not answer, or did not end its answer, in time"
        )


def test_silence_is_given_up_in_time() -> None:
    with a_server(lambda _: server.over.wait() and None) as server:
        assert "in time" in get(server.url, server.place, within=0.2).text


def test_a_redirect_gets_no_time_of_its_own() -> None:
    def late(connection: socket.socket) -> None:
        server.over.wait(0.3)
        with contextlib.suppress(OSError):
            connection.sendall(answer(b"", "302 Found", Location="/again.pdf"))

    with a_server(late) as server:
        assert "in time" in get(server.url, server.place, within=0.4).text


def test_a_connection_that_is_refused_is_tried_again() -> None:
    with a_server(answer()) as server:
        pass
    assert get(server.url, server.place) == Download(
        text="the connection to 127.0.0.1 failed or broke off (ConnectionRefusedError)"
    )


def test_it_needs_no_django() -> None:
    # Its folder has another file, which keeps what is fetched in Django's storage: the folder itself is not run.
    folder = str(Path(download.__code__.co_filename).parent)
    script = (
        "import sys, types; sys.modules['django'] = None; folder = types.ModuleType('django_tusfacturas_lotes.pdfs'); "
        f"folder.__path__ = [{folder!r}]; sys.modules[folder.__name__] = folder; "
        "import django_tusfacturas_lotes.pdfs.download"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
