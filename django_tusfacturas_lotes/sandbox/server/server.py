"""Listens for HTTP, and gives each request to the function for its address."""

from __future__ import annotations

import logging
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import urlsplit

from ..modalities.interface import Modality
from ..queue.backend import Backend
from ..queue.controls import Controls
from .control import control
from .pdf_links import serve_pdf
from .queue_calls import PATHS as QUEUE_CALLS
from .queue_calls import receive_queue_call
from .sending_calls import receive_call
from .topecf import PATH as TOPECF
from .topecf import topecf

MAX_BODY = 64 * 1024 * 1024
log = logging.getLogger(__name__)


class Server:
    """Listens on one address. Each connection has a thread of its own and brings one request."""

    def __init__(
        self, controls: Controls, backend: Backend, host: str, port: int, modalities: Mapping[str, Modality]
    ) -> None:
        self.controls = controls
        self.backend = backend
        self.modalities = modalities
        self._address = (host, port)
        self._http: _Listener | None = None
        self._thread: threading.Thread | None = None

    def listen(self) -> str:
        """Opens the port and returns the URL."""
        self._http = _Listener(self._address, self)
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, name="sandbox-http", daemon=True
        )
        self._thread.start()
        host, port = self._http.server_address[:2]
        name = "127.0.0.1" if host == "0.0.0.0" else str(host)  # noqa: S104 - read, not bound
        return f"http://{name}:{port}"

    def close(self, stop_backend: Callable[[], None]) -> None:
        """Takes no more connections, stops the backend and with it every answer that waits, and joins all threads."""
        if self._http is None or self._thread is None:
            return
        self._http.shutdown()
        self._thread.join()
        stop_backend()
        self._http.end_connections()
        self._http.server_close()
        self._http = self._thread = None


class _Listener(ThreadingHTTPServer):
    daemon_threads = True  # a sandbox that nobody stopped doesn't keep its program alive; stop() joins them itself
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], owner: Server) -> None:
        self.owner = owner
        self._connections: set[socket.socket] = set()
        self._callers: list[threading.Thread] = []
        self._guard = threading.Lock()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """As in HTTPServer, but without looking up the host's name, which can take long without a network."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), name="sandbox-call", daemon=True
        )
        with self._guard:
            self._connections.add(request)
            self._callers = [*filter(threading.Thread.is_alive, self._callers), thread]
            thread.start()

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._connections.discard(request)
        super().shutdown_request(request)

    def end_connections(self) -> None:
        """Breaks the connections that are still open, and joins their threads."""
        with self._guard:
            threads = list(self._callers)
            for connection in self._connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    log.debug("a connection was closed already")
        for thread in threads:
            thread.join()

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exc_info()[1]
        if isinstance(error, (ConnectionError, TimeoutError)):
            log.info("a client went away")
        else:
            log.error("the sandbox failed while it answered", exc_info=error)


class _Handler(BaseHTTPRequestHandler):
    """One request. It is also the :class:`.answering.Reply` through which it is answered."""

    server: _Listener
    server_version = "TusFacturasSandbox/1.0"
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        self._route()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_GET  # noqa: N815 - http.server names them so

    def _route(self) -> None:
        self.close_connection = True
        owner = self.server.owner
        path = urlsplit(self.path).path
        raw = self._read_body()
        if raw is None:
            return
        if self.command != "POST" and (path in owner.modalities or path in QUEUE_CALLS):
            self.send(405, b'{"error":"S","errores":["Use POST"]}', headers={"Allow": "POST"})
        elif path in QUEUE_CALLS:
            receive_queue_call(owner.backend, path, raw, self)
        elif path in owner.modalities:
            receive_call(owner.backend, owner.modalities[path], raw, dict(self.headers.items()), self)
        elif path == TOPECF:
            self.send(*topecf(owner.backend, raw))
        elif path.startswith("/_sandbox/"):
            self.send(*control(owner.controls, self.command, path, raw))
        elif path.startswith("/comprobantes/"):
            self.send(*serve_pdf(owner.backend, self.command, path))
        else:
            self.send(404, b'{"error":"S","errores":["No existe"]}')

    def _read_body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not (length.isascii() and length.isdigit()):
            self.send(411, b'{"error":"S","errores":["Falta Content-Length"]}')
            return None
        if int(length) > MAX_BODY:
            self.send(413, b'{"error":"S","errores":["Demasiado grande"]}')
            return None
        raw = self.rfile.read(int(length))
        return raw if len(raw) == int(length) else None  # the client went away in the middle

    def send(
        self,
        status: int,
        body: bytes,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
        length: int | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.send_header("Connection", "close")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def drop(self) -> None:
        """Does nothing: a connection is closed after its request, answered or not."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named so by http.server
        log.debug("%r", format % args)
