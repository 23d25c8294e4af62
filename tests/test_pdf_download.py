"""What a GET of a PDF may reach and bring, over real sockets. Only the look-up of names is faked: tests have none."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from django_tusfacturas_lotes.pdfs.download import Download, download, place_of
from django_tusfacturas_lotes.sandbox.server.pdf import make_pdf

PDF = make_pdf(["FACTURA B 00003-00000007"])
HOSTS = ("tusfacturas.app", "tusfacturas.com.ar")

Talk = Callable[[socket.socket], None]


def answer(body: bytes = PDF, status: str = "200 OK", *, length: int | None = None, **headers: str) -> bytes:
    """An HTTP answer. `length` is what it declares; -1: nothing."""
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    if length != -1:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


class Server:
    """A real server. It gives each connection the next of its answers, the last one again and again."""

    def __init__(self, listener: socket.socket, answers: list[bytes | Talk], context: ssl.SSLContext | None) -> None:
        self.port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/comprobantes/7.pdf"
        self.requests: list[bytes] = []
        self.over = threading.Event()
        self._listener = listener
        self._answers = answers
        self._context = context

    @property
    def place(self) -> str:
        return f"localhost:{self.port}"

    def serve(self) -> None:
        number = 0
        while not self.over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), connection:
                connection.settimeout(10)
                self._talk(connection, self._answers[min(number, len(self._answers) - 1)])
            number += 1

    def _talk(self, connection: socket.socket, said: bytes | Talk) -> None:
        if self._context is not None:
            connection = self._context.wrap_socket(connection, server_side=True)
        with connection:
            request = b""
            while b"\r\n\r\n" not in request:
                part = connection.recv(65536)
                if not part:
                    return
                request += part
            self.requests.append(request)
            if callable(said):
                said(connection)
            else:
                connection.sendall(said)


@contextlib.contextmanager
def a_server(
    *answers: bytes | Talk, context: ssl.SSLContext | None = None, family: int = socket.AF_INET
) -> Iterator[Server]:
    host = "127.0.0.1" if family == socket.AF_INET else "::1"
    with socket.create_server((host, 0), family=family) as listener:
        server = Server(listener, list(answers), context)
        thread = threading.Thread(target=server.serve)
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def get(url: str, *own: str, within: float = 5, max_bytes: int = 100_000) -> Download:
    return download(url, hosts=HOSTS, own=own, connect_timeout=within / 2, read_timeout=within / 2, max_bytes=max_bytes)


class Names:
    """A fake of the look-up of names, and of where `served_at` is. It notes what is asked for, and connected to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.answers: list[list[str]] = []
        self.connected_to: list[Any] = []
        self.served_at: dict[str, int] = {}
        real_connect = socket.socket.connect

        def connect(sock: socket.socket, address: Any) -> None:
            self.connected_to.append(address)
            if address[0] in self.served_at:
                address = ("127.0.0.1", self.served_at[address[0]])
            elif address[0] != "127.0.0.1":
                raise TimeoutError
            real_connect(sock, address)

        monkeypatch.setattr(socket, "getaddrinfo", self._look_up)
        monkeypatch.setattr(socket.socket, "connect", connect)

    def _look_up(self, host: str, port: int, *_args: Any, **_named: Any) -> list[Any]:
        self.asked.append(host)
        addresses = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
            if ":" in address
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in addresses
        ]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    return Names(monkeypatch)


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


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://evil.example/7.pdf", "evil.example, which is not among the allowed hosts (PDF_HOSTS)"),
        ("https://tusfacturas.app.evil.example/7.pdf", "not among the allowed hosts"),
        ("https://eviltusfacturas.app/7.pdf", "not among the allowed hosts"),
        ("https://169.254.169.254/latest/meta-data", "not among the allowed hosts"),
        ("https://[::1]/7.pdf", "not among the allowed hosts"),
        ("http://127.0.0.1:8000/7.pdf", "not among the allowed hosts"),
        ("http://www.tusfacturas.app/7.pdf", "not https"),
        ("https://www.tusfacturas.app:8443/7.pdf", "port 8443"),
        ("https://www.tusfacturas.app:0/7.pdf", "port 0"),
        ("https://someone@www.tusfacturas.app/7.pdf", "user name"),
        ("https://someone:s3cret@www.tusfacturas.app/7.pdf", "user name"),
        ("https://www.tusfacturas.app@evil.example/7.pdf", "user name"),
        ("https://@www.tusfacturas.app/7.pdf", "user name"),
        ("https://evil.example\\@www.tusfacturas.app/7.pdf", "can't be read"),
        ("https://www.tusfacturas.app/7.pdf\r\nX-Evil: 1", "can't be read"),
        ("https://www.tusfacturas.app:99999/7.pdf", "can't be read"),
        ("https://www.tusfacturas.app:x/7.pdf", "can't be read"),
        ("https://[www.tusfacturas.app/7.pdf", "can't be read"),
        ("https://www.tusfacturas.app/\ud800", "can't be read"),
        ("https://wíw.tusfacturas.app/7.pdf", "can't be read"),
        ("ftp://www.tusfacturas.app/7.pdf", "can't be read"),
        ("file:///etc/passwd", "can't be read"),
        ("www.tusfacturas.app/7.pdf", "can't be read"),
        ("", "can't be read"),
    ],
)
def test_an_address_that_is_not_allowed_is_not_even_resolved(names: Names, url: str, why: str) -> None:
    refused = get(url)
    assert why in refused.text
    assert "s3cret" not in refused.text
    assert (refused.content, refused.final) == (None, True)
    assert names.asked == names.connected_to == []


@pytest.mark.parametrize(
    "host", ["tusfacturas.app", "www.tusfacturas.app", "WWW.tusfacturas.com.AR", "a.b.tusfacturas.app"]
)
def test_an_allowed_host_and_its_subdomains_are_asked_by_https_on_its_own_port(names: Names, host: str) -> None:
    names.answers = [["1.1.1.1"]]
    assert "in time" in get(f"https://{host}/7.pdf").text
    assert names.connected_to == [("1.1.1.1", 443)]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1", "fc00::1", "fec0::1", "ff02::1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::", "2001:db8::1",
    ],
)  # fmt: skip
def test_a_name_that_leads_to_an_address_that_is_not_public_is_refused(names: Names, address: str) -> None:
    names.answers = [["1.1.1.1", address]]
    refused = get("https://www.tusfacturas.app/7.pdf")
    assert "not a public address" in refused.text
    assert not refused.final
    assert names.connected_to == []


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "64:ff9b::101:101", "::ffff:1.1.1.1"])
def test_a_public_address_is_connected_to_in_whatever_way_it_is_written(names: Names, address: str) -> None:
    names.answers = [[address]]
    get("https://www.tusfacturas.app/7.pdf")
    assert [where[0] for where in names.connected_to] == [address]


def test_a_name_that_changes_between_check_and_use_is_asked_for_once_only(names: Names) -> None:
    names.answers = [["1.1.1.1", "1.0.0.1"], ["127.0.0.1"]]
    with a_server(answer()) as server:
        refused = get(f"https://www.tusfacturas.app:{server.port}/7.pdf", f"www.tusfacturas.app:{server.port}")
        assert "in time" in refused.text
        assert names.asked == ["www.tusfacturas.app"]
        assert names.connected_to == [("1.1.1.1", server.port), ("1.0.0.1", server.port)]
        assert server.requests == []


def test_a_name_that_does_not_resolve_is_tried_again(names: Names) -> None:
    names.answers = [[]]
    assert get("https://www.tusfacturas.app/7.pdf") == Download(text="the name www.tusfacturas.app does not resolve")


def test_a_place_of_our_own_is_reached_on_loopback_only_where_its_name_says_so(names: Names) -> None:
    names.answers = [["127.0.0.1"]]
    with a_server(answer()) as server:
        own = f"mock.example:{server.port}"
        assert "not a public address" in get(f"https://{own}/7.pdf", own).text
        assert "not https" in get(f"http://{own}/7.pdf", own).text
        assert server.requests == []
        assert get(f"http://localhost:{server.port}/7.pdf", server.place).content == PDF
    names.answers = [["10.0.0.1"]]
    assert "not a public address" in get(f"http://localhost:{server.port}/7.pdf", server.place).text


def test_every_loopback_name_is_the_same_place_and_another_port_another_one() -> None:
    assert place_of("http://127.0.0.1:8000/api") == place_of("http://[::1]:8000") == "localhost:8000"
    assert place_of("http://LOCALHOST") == "localhost:80"
    assert place_of("https://www.tusfacturas.app/app/api") == "www.tusfacturas.app:443"
    with a_server(answer()) as server, a_server(answer()) as other:
        assert "not among the allowed hosts" in get(other.url, server.place).text
        assert other.requests == []


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_two_redirects_to_where_it_may_go_are_followed(status: str) -> None:
    with a_server(answer(b"", status, Location="/b.pdf"), answer(b"", status, Location="c.pdf"), answer()) as server:
        assert get(server.url, server.place).content == PDF
        targets = [request.split()[1] for request in server.requests]
        assert targets == [b"/comprobantes/7.pdf", b"/b.pdf", b"/c.pdf"]


def test_a_third_redirect_is_not_followed() -> None:
    with a_server(answer(b"", "302 Found", Location="/again.pdf")) as server:
        assert get(server.url, server.place) == Download(text="127.0.0.1 redirects too often", final=True)
        assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("https://evil.example/7.pdf", "evil.example, which is not among the allowed hosts"),
        ("//evil.example/7.pdf", "evil.example, which is not among the allowed hosts"),
        ("http://169.254.169.254/latest/meta-data", "not among the allowed hosts"),
        ("http://10.0.0.1/7.pdf", "not among the allowed hosts"),
        ("http://www.tusfacturas.app/7.pdf", "not https"),
        ("https://someone:s3cret@www.tusfacturas.app/7.pdf", "user name"),
        ("file:///etc/passwd", "can't be read"),
        ("http://[", "can't be read"),
    ],
)
def test_a_redirect_is_held_to_the_same_rules(location: str, why: str) -> None:
    with a_server(answer(b"", "302 Found", Location=location)) as server:
        refused = get(server.url, server.place)
        assert why in refused.text
        assert refused.final
        assert len(server.requests) == 1


def test_a_redirect_to_another_port_of_ours_is_not_followed() -> None:
    with a_server(answer()) as other, a_server(answer(b"", "302 Found", Location=other.url)) as server:
        assert "not among the allowed hosts" in get(server.url, server.place).text
        assert other.requests == []


def test_a_redirect_to_an_allowed_name_that_leads_inside_is_not_followed(names: Names) -> None:
    names.answers = [["127.0.0.1"]]
    with a_server(answer(b"", "302 Found", Location="https://intern.tusfacturas.app/7.pdf")) as server:
        refused = get(server.url, server.place)
        assert "redirects to intern.tusfacturas.app, and to another host none is followed" in refused.text
        assert len(server.requests) == 1


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
    with a_server(lambda _: server.over.wait(10) and None) as server:
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


def certificate(folder: Path, *names: str) -> tuple[Path, ssl.SSLContext]:
    """A certificate for these names, signed by itself, and a server's context with it."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl")
    cert, key = folder / "cert.pem", folder / "cert.key"
    alternatives = ",".join(f"DNS:{name}" for name in names)
    subprocess.run(
        [
            openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", "/CN=test",
            "-addext", f"subjectAltName={alternatives}", "-keyout", str(key), "-out", str(cert),
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return cert, context


def test_the_certificate_must_be_the_names_although_the_address_is_connected_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cert, context = certificate(tmp_path, "localhost")
    asked_for: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: asked_for.append(name)
    with a_server(answer(), context=context) as server:
        url = f"https://localhost:{server.port}/7.pdf"
        assert get(url, server.place) == Download(text="the TLS certificate of localhost could not be verified")
        assert server.requests == []
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(cert))
        assert get(url, server.place).content == PDF
        assert asked_for == ["localhost", "localhost"]
        assert (
            "certificate of 127.0.0.1 could not be verified"
            in get(url.replace("localhost", "127.0.0.1"), server.place).text
        )


def test_the_certificate_of_another_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cert, context = certificate(tmp_path, "files.example")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(cert))
    with a_server(answer(), context=context) as server:
        refused = get(f"https://localhost:{server.port}/7.pdf", server.place)
        assert refused == Download(text="the TLS certificate of localhost could not be verified")
        assert server.requests == []


def test_a_redirect_to_another_host_is_not_followed_though_that_one_is_allowed(
    names: Names, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cert, context = certificate(tmp_path, "www.tusfacturas.com.ar", "files.tusfacturas.app")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(cert))
    names.answers = [["1.1.1.1"], ["1.1.1.1"]]
    with a_server(answer()) as ours, a_server(answer(), context=context) as files:
        there = answer(b"", "302 Found", Location="https://files.tusfacturas.app/7.pdf")
        back = answer(b"", "302 Found", Location=ours.url)
        with a_server(there, back, context=context) as www:
            names.served_at = {"1.1.1.1": www.port, "1.0.0.1": files.port}
            url = "https://www.tusfacturas.com.ar/7.pdf"
            for elsewhere in ("files.tusfacturas.app", "127.0.0.1"):
                refused = get(url, ours.place)
                assert f"redirects to {elsewhere}, and to another host none is followed" in refused.text
                assert refused.final
        assert files.requests == ours.requests == []


def test_it_needs_no_django() -> None:
    # Its folder has another file, which keeps what is fetched in Django's storage: the folder itself is not run.
    folder = str(Path(download.__code__.co_filename).parent)
    script = (
        "import sys, types; sys.modules['django'] = None; folder = types.ModuleType('django_tusfacturas_lotes.pdfs'); "
        f"folder.__path__ = [{folder!r}]; sys.modules[folder.__name__] = folder; "
        "import django_tusfacturas_lotes.pdfs.download"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
