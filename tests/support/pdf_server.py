"""Servers of PDFs that answer whatever a test wants."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from django_tusfacturas_lotes.pdfs.download import Download, download
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


def get(url: str, *own: str, within: float = 60, max_bytes: int = 100_000) -> Download:
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
