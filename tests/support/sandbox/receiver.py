"""Who is notified in these tests: a real HTTP server that remembers."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """Answers with ``statuses`` in turn, and with 200 once they are used up. ``gate`` closed keeps answers back."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.notices: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.gate = threading.Event()
        self.gate.set()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/tusfacturas/webhook/?shop=1"

    @property
    def references(self) -> list[str]:
        return [notice["facturacion_lote_id_referencia"] for notice in self.notices]

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.gate.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.gate.wait(30)
                with receiver._lock:
                    receiver.notices.append(body)
                    receiver.headers.append({**self.headers, "target": self.path})
                    status = receiver.statuses.pop(0) if receiver.statuses else 200
                with suppress(ConnectionError):  # the sandbox waits no longer
                    self.send_response(status)
                    self.send_header("Location", "/elsewhere")
                    self.send_header("Content-Length", "2")
                    self.end_headers()
                    self.wfile.write(b"ok")

            def log_message(self, *args: object) -> None:
                pass

        return Handler
