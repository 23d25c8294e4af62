"""Delivers notices: POSTs each until it is accepted or given up, several at once."""

from __future__ import annotations

import heapq
import http.client
import itertools
import logging
import socket
import threading
from urllib.parse import urlsplit

from ..modalities.notice import Notice
from ..pace import Clock

MAX_ANSWER = 64 * 1024
log = logging.getLogger(__name__)


class Dispatcher:
    """Threads that deliver notices. They share the sandbox's lock, and wake who waits on it after every try."""

    def __init__(self, lock: threading.Condition, clock: Clock, workers: int) -> None:
        self._lock = lock
        self._clock = clock
        self._due: list[tuple[float, int, Notice]] = []
        self._order = itertools.count()
        self._sending: dict[Notice, http.client.HTTPConnection] = {}
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._run, name=f"sandbox-webhook-{number}", daemon=True)
            for number in range(workers)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        with self._lock:
            self._stopping = True
            self._due.clear()
            for connection in self._sending.values():
                if connection.sock is not None:
                    _shut(connection.sock)
            self._lock.notify_all()
        for thread in self._threads:
            thread.join()

    def post(self, notice: Notice, delay: float = 0.0) -> None:
        """Queues a notice; its first try comes after ``delay`` seconds."""
        with self._lock:
            heapq.heappush(self._due, (self._clock.monotonic() + delay, next(self._order), notice))
            self._lock.notify_all()

    def clear(self) -> None:
        """Forgets the notices that are not delivered yet. A try that is under way is the last of its notice."""
        with self._lock:
            for _, _, notice in self._due:
                notice.finished = True
            for notice in self._sending:
                notice.finished = True
            self._due.clear()

    @property
    def pending(self) -> int:
        return len(self._due) + len(self._sending)

    def _run(self) -> None:
        while True:
            with self._lock:
                notice = self._take()
                if notice is None:
                    return
                notice.attempts += 1
                url = urlsplit(notice.url)
                kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
                connection = kind(url.hostname or "", url.port, timeout=notice.timeout)
                self._sending[notice] = connection
                body = notice.body()
            status, answer = self._post(connection, notice, body)
            with self._lock:
                del self._sending[notice]
                self._note(notice, status, answer)
                self._lock.notify_all()

    def _take(self) -> Notice | None:
        while not self._stopping:
            now = self._clock.monotonic()
            notice = self._pop_due(now)
            if notice is not None:
                return notice
            later = [due for due, _, _ in self._due if due > now]
            self._lock.wait(min(later) - now if later else None)  # the end of a try wakes those that wait for it
        return None

    def _pop_due(self, now: float) -> Notice | None:
        """The first notice that is due, leaving out those whose item has another notice under way."""
        busy = {notice.item for notice in self._sending} - {""}
        waiting, found = [], None
        while found is None and self._due and self._due[0][0] <= now:
            entry = heapq.heappop(self._due)
            if entry[2].item in busy:
                waiting.append(entry)
            else:
                found = entry[2]
        for entry in waiting:
            heapq.heappush(self._due, entry)
        return found

    def _post(self, connection: http.client.HTTPConnection, notice: Notice, body: bytes) -> tuple[int, str]:
        """One POST. Returns the HTTP status, 0 without an answer, and a word for the log. Follows no redirects."""
        url = urlsplit(notice.url)
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        headers = {"User-Agent": "TusFacturasSandbox/1.0", **notice.headers}
        headers |= {"Content-Type": "application/json", "Connection": "close"}
        try:
            connection.connect()
            if self._stopping:  # stop() can only break connections that it sees
                return 0, "stopped"
            connection.request("POST", target, body, headers)
            with connection.getresponse() as response:
                response.read(MAX_ANSWER)  # so that a receiver that writes a little more is not cut off
                return response.status, str(response.status)
        except (OSError, http.client.HTTPException, ValueError) as error:
            return 0, f"no answer ({type(error).__name__})"
        finally:
            connection.close()

    def _note(self, notice: Notice, status: int, answer: str) -> None:
        notice.last_answer = answer
        notice.delivered = status in notice.accepted
        log.info("webhook of %s, try %d: %s", notice.reference, notice.attempts, answer)
        if notice.finished or self._stopping:
            return
        if notice.delivered or notice.attempts > len(notice.retries):
            notice.finished = True
            if not notice.delivered:
                log.warning("webhook of %s given up after %d tries", notice.reference, notice.attempts)
        else:
            self.post(notice, notice.retries[notice.attempts - 1])


def _shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        log.debug("a webhook's connection was closed already")
