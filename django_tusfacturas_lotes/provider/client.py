"""One HTTP call to TusFacturas, and what it proves.

The provider's call is not idempotent, so an outcome says only what is proven: taken, refused, not sent, or uncertain.
Nothing here raises for what the network did, and no transport layer sends anything a second time.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import enum
import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import requests
import urllib3.exceptions

from .. import __version__
from ..wire.answers.decode import NotAnObject, clean_text, decode_object
from ..wire.modalities import Answer, Unreadable

T = TypeVar("T")

MAX_ANSWER_BYTES = 4 * 1024 * 1024
_MAX_RETRY_AFTER = 24 * 3600
_KEPT_OF_UNREADABLE = 2000


class Verdict(str, enum.Enum):
    """What a call proved."""

    ACCEPTED = "accepted"
    """Taken, wholly or but for the rows that the answer names."""
    REFUSED = "refused"
    """The provider answered that it took nothing."""
    NOT_SENT = "not_sent"
    """The call never reached the provider, or was turned away at its door."""
    UNCERTAIN = "uncertain"
    """Anything else: it may have been taken."""


@dataclass(frozen=True)
class Outcome:
    """What a call came to. `text` is for a person; `retry_after` is in seconds; `response` is what came back."""

    verdict: Verdict
    text: str = ""
    answer: Answer | None = None
    http_status: int | None = None
    response: Any = None
    retry_after: int | None = None


@dataclass(frozen=True)
class Reply(Generic[T]):
    """What a question came to: the `value` that was read, or a `text` on why there is none. `retry_after`: seconds."""

    value: T | None = None
    text: str = ""
    http_status: int | None = None
    retry_after: int | None = None


# Law 3 as a closed table (docs/provider.md, Calls and statuses): a status that is not here proves nothing.
STATUS_VERDICTS: dict[int, tuple[Verdict, str]] = {
    400: (Verdict.NOT_SENT, "TusFacturas could not read the call (HTTP 400)"),
    401: (Verdict.NOT_SENT, "TusFacturas did not accept the credentials (HTTP 401)"),
    403: (Verdict.NOT_SENT, "TusFacturas did not allow the call (HTTP 403)"),
    404: (Verdict.NOT_SENT, "there is nothing at the provider's address (HTTP 404); look at BASE_URL and MODALITY"),
    405: (Verdict.NOT_SENT, "the provider's address does not take this call (HTTP 405); look at BASE_URL"),
    429: (Verdict.NOT_SENT, "TusFacturas asks for a pause (HTTP 429)"),
}


class Client:
    """A `requests.Session` that sends each call once: no retries, no redirects, no idle connection used again.

    `connect_timeout` and `read_timeout` are in seconds; the whole answer must be there within their sum.
    """

    def __init__(self, *, connect_timeout: float, read_timeout: float) -> None:
        self._timeouts = (connect_timeout, read_timeout)
        self._session = requests.Session()
        # A ~/.netrc must not add an Authorization header of its own.
        self._session.auth = _no_auth
        # Our own retries and pools would hide a lost answer; a dead keep-alive looks just like one.
        adapter = requests.adapters.HTTPAdapter(max_retries=0)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        self._session.headers.update(
            {
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "Connection": "close",
                "Content-Type": "application/json; charset=utf-8",
                "User-Agent": f"django_tusfacturas_lotes/{__version__}",
            }
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._session.close()

    def send(self, url: str, body: Mapping[str, Any], read: Callable[[Mapping[str, Any]], Answer]) -> Outcome:
        """POST `body` as JSON to `url` once and return what that proved.

        `read` turns the provider's JSON object into an `Answer`, or raises `Unreadable`.
        """
        try:
            response, raw = self._post(url, body)
        except _FAILURES as exc:
            return _outcome_of_failure(exc)
        return _outcome(response, raw, read)

    def ask(self, url: str, body: Mapping[str, Any], read: Callable[[Mapping[str, Any]], T]) -> Reply[T]:
        """POST a question that changes nothing. `read` turns the JSON object into a value, or raises `Unreadable`."""
        try:
            response, raw = self._post(url, body)
        except _FAILURES as exc:
            return Reply(text=_outcome_of_failure(exc).text)
        status = response.status_code
        if not 200 <= status < 300:
            _, text = STATUS_VERDICTS.get(status, (None, f"the provider answered HTTP {status}"))
            return Reply(text=text, http_status=status, retry_after=_retry_after(response.headers, status))
        try:
            return Reply(read(decode_object(raw or b"")), http_status=status)
        except (NotAnObject, Unreadable) as exc:
            return Reply(text=f"the answer can't be read: {exc}", http_status=status)

    def _post(self, url: str, body: Mapping[str, Any]) -> tuple[requests.Response, bytes | None]:
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        deadline = time.monotonic() + sum(self._timeouts)
        with self._session.post(
            url, data=content, timeout=self._timeouts, allow_redirects=False, stream=True
        ) as response:
            return response, _read_bounded(response, deadline)


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _read_bounded(response: requests.Response, deadline: float) -> bytes | None:
    """Return the body; None if it is too large, too slow, or breaks off."""
    raw = bytearray()
    try:
        # Not `iter_content`, which waits for a whole chunk: an answer in drops would outlast every time-out.
        while chunk := response.raw.read1(64 * 1024, decode_content=True):
            raw += chunk
            if len(raw) > MAX_ANSWER_BYTES or time.monotonic() > deadline:
                return None
    except (urllib3.exceptions.HTTPError, OSError):
        return None
    return bytes(raw)


def _outcome(response: requests.Response, raw: bytes | None, read: Callable[[Mapping[str, Any]], Answer]) -> Outcome:
    status = response.status_code
    body: Any = None
    unreadable = "it broke off, or was too large or too slow"
    if raw is not None:
        try:
            body, unreadable = decode_object(raw), ""
        except NotAnObject as exc:
            body, unreadable = clean_text(raw.decode("utf-8", "replace")), str(exc)
    if status in STATUS_VERDICTS:
        verdict, text = STATUS_VERDICTS[status]
        return Outcome(
            verdict, text, http_status=status, response=body, retry_after=_retry_after(response.headers, status)
        )
    if not 200 <= status < 300:
        text = f"the provider answered HTTP {status}, which does not say whether it took the lote"
        return Outcome(Verdict.UNCERTAIN, text, http_status=status, response=body)
    if unreadable:
        text = f"the answer can't be read: {unreadable}"
        return Outcome(Verdict.UNCERTAIN, text, http_status=status, response=body)
    try:
        answer = read(body)
    except Unreadable as exc:
        return Outcome(Verdict.UNCERTAIN, f"the answer can't be read: {exc}", http_status=status, response=body)
    if answer.refused_whole:
        text = f"TusFacturas refused the whole lote: {'; '.join(answer.errors)}"
        return Outcome(Verdict.REFUSED, text, answer, http_status=status, response=body)
    return Outcome(Verdict.ACCEPTED, "", answer, http_status=status, response=body)


def _retry_after(headers: Mapping[str, str], status: int) -> int | None:
    """Return the seconds of a `Retry-After` (RFC 9110, 10.2.3: seconds or a date) of a 429, at most a day."""
    value = headers.get("Retry-After", "").strip()
    if status != 429 or not value:
        return None
    if value.isascii() and value.isdigit():
        return min(int(value[:9]), _MAX_RETRY_AFTER)
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.timezone.utc)
    seconds = (moment - dt.datetime.now(dt.timezone.utc)).total_seconds()
    return max(0, min(int(seconds), _MAX_RETRY_AFTER))


# What a call may raise. `requests` wraps each OSError of the exchange, and lets through those from before it.
_FAILURES = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)
_BEFORE_THE_CALL = (
    requests.exceptions.InvalidURL, requests.exceptions.MissingSchema, requests.exceptions.InvalidSchema,
    urllib3.exceptions.LocationValueError,
)  # fmt: skip


def _outcome_of_failure(exc: Exception) -> Outcome:
    """Return what a transport failure proves: not sent only if no byte of the call can have left."""
    of_the_exchange = isinstance(exc, requests.RequestException | urllib3.exceptions.HTTPError)
    if not of_the_exchange or isinstance(exc, _BEFORE_THE_CALL):
        text = f"the call could not be made; look at BASE_URL and the machine's CA certificates ({type(exc).__name__})"
        return Outcome(Verdict.NOT_SENT, text)
    cause = getattr(exc.args[0], "reason", None) if exc.args else None
    if isinstance(cause, urllib3.exceptions.NameResolutionError):
        return Outcome(Verdict.NOT_SENT, "the provider's name did not resolve")
    if isinstance(cause, urllib3.exceptions.NewConnectionError):
        return Outcome(Verdict.NOT_SENT, "the provider refused the connection or can't be reached")
    if isinstance(exc, requests.ConnectTimeout):
        return Outcome(Verdict.NOT_SENT, "connecting to the provider timed out")
    if _is_certificate_failure(cause):
        return Outcome(Verdict.NOT_SENT, "the provider's TLS certificate could not be verified")
    if isinstance(exc, requests.Timeout):
        return Outcome(Verdict.UNCERTAIN, "the provider did not answer in time")
    return Outcome(Verdict.UNCERTAIN, f"the connection broke before an answer could be read ({type(exc).__name__})")


def _is_certificate_failure(cause: object) -> bool:
    """Whether the certificate was not verified: that is done in the handshake, before any byte of the call."""
    return isinstance(cause, urllib3.exceptions.SSLError) and any(
        isinstance(arg, ssl.SSLCertVerificationError) for arg in cause.args
    )
