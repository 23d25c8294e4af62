"""HTTP byte by byte: a client that may say anything, and servers that answer anything, or must not be reached."""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

# Only so that a test that fails does not hang: nothing waits for it to pass.
_GIVE_UP_AFTER = 180
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([0-9]{3}) ")


class RawConnection:
    """A connection to `url` on which nothing is sent but what the caller says."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._socket = socket.create_connection((address.hostname or "", address.port or 80), _GIVE_UP_AFTER)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> RawConnection:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        # A server may answer and hang up before it has read everything.
        with contextlib.suppress(ConnectionError):
            self._socket.sendall(data)

    def reset(self) -> None:
        """Go away as a killed process or a broken line does, with an RST."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def answers(self) -> bytes:
        """Say that no more comes, and return all that the server says until it hangs up."""
        said = bytearray()
        with contextlib.suppress(ConnectionError, OSError):
            self._socket.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while chunk := self._socket.recv(65536):
                said += chunk
        return bytes(said)


def request(body: bytes, *headers: str, method: str = "POST", path: str = "/tusfacturas/webhook/") -> bytes:
    """Return a request with these header lines, and no others than `Host`."""
    lines = [f"{method} {path} HTTP/1.1", "Host: shop.example", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def statuses(said: bytes) -> list[int]:
    return [int(status) for status in _STATUS_LINE.findall(said)]


@contextlib.contextmanager
def answering(answers: Sequence[bytes]) -> Iterator[str]:
    """A server that reads one request on each connection and gives the next of `answers`. Yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for answer in answers:
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(_GIVE_UP_AFTER)
                    _read_request(connection)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(_GIVE_UP_AFTER)
        assert not thread.is_alive(), "not every answer was asked for"


@contextlib.contextmanager
def not_to_be_reached() -> Iterator[str]:
    """A listening server of another name. Fails if anything has connected to it by the end. Yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://localhost:{listener.getsockname()[1]}"
        listener.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            listener.accept()[0].close()
            raise AssertionError("somebody connected to the other host")


def _read_request(connection: socket.socket) -> None:
    got = b""
    while b"\r\n\r\n" not in got:
        got += connection.recv(65536)
    head, _, body = got.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *([0-9]+)", head)
    missing = int(length[1] if length else 0) - len(body)
    while missing > 0:
        missing -= len(connection.recv(65536))
