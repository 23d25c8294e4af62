"""Download a PDF from an address that somebody else gave: only from allowed places, and within limits.

The address comes from outside, and our server asks for it from inside, so each rule is checked on what is then used:
the name is resolved once, every address that it has is checked, and the connection goes to one of these, not to the
name again. The request is written here for the same reason. A proxy of the environment is not used: it would resolve
the name by itself, and what was checked would not be what is reached. No cookie, `.netrc` or credential is sent.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import os
import re
import socket
import ssl
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote, urljoin, urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from .. import __version__

MAX_BYTES = 10 * 1024 * 1024
MAX_REDIRECTS = 2
_REDIRECTS = (301, 302, 303, 307, 308)
# Of the refusals of a 4xx, those that pass by themselves.
_PASSING = (408, 425, 429)
_MOST_ADDRESSES = 4
# Where readers look for the header and the end of a file (Adobe PDF Reference 1.7, H.3, notes 13 and 18).
_HEAD_AND_TAIL = 1024
# IPv4 behind the gateway of a network that has IPv6 only (RFC 6052).
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Download:
    """What a GET came to: the `content` of a PDF, or a `text`, for a person, on why there is none.

    `final`: the same address won't work later either.
    """

    content: bytes | None = None
    text: str = ""
    final: bool = False


def download(
    url: str,
    *,
    hosts: Collection[str],
    own: Collection[str] = (),
    connect_timeout: float,
    read_timeout: float,
    max_bytes: int = MAX_BYTES,
) -> Download:
    """GET a PDF once, and return it or why there is none. Never raises for what the address or the network did.

    `hosts` are the names that it may come from, with their subdomains: by https, on port 443, from public addresses.
    `own` are places (`place_of`) that it may come from too, on their own port; by http and from a loopback address
    where the place is one, and nowhere else. At most two redirects are followed, none of them to another host or port.
    The times are in seconds: `connect_timeout` for each address of the host; all but the look-up of the name is over
    within the sum of both. `max_bytes` is for the PDF.
    """
    deadline = time.monotonic() + connect_timeout + read_timeout
    try:
        place = _check(url, hosts, own)
        for _ in range(1 + MAX_REDIRECTS):
            answer = _get(place, _resolve(place), connect_timeout, deadline, max_bytes)
            if isinstance(answer, bytes):
                return Download(_checked_pdf(answer))
            redirected = _check(answer, hosts, own)
            if (redirected.scheme, redirected.host, redirected.port) != (place.scheme, place.host, place.port):
                raise _Refused(
                    f"{place.host} redirects to {redirected.host}, and to another host none is followed", final=True
                )
            place = redirected
        raise _Refused(f"{place.host} redirects too often", final=True)
    except _Refused as refused:
        return Download(text=refused.text, final=refused.final)


def place_of(url: str) -> str:
    """Return the `host:port` of an address, as `download` takes it in `own`; every loopback host is `localhost` there.

    Raises `ValueError` for what is not an address.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    port = parts.port if parts.port is not None else {"https": 443, "http": 80}.get(parts.scheme, 0)
    return f"{'localhost' if _is_loopback(host) else host}:{port}"


class _Refused(Exception):
    def __init__(self, text: str, *, final: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.final = final


@dataclass(frozen=True)
class _Place:
    """Where a GET goes: an address that was checked, except for what its name resolves to."""

    scheme: str
    host: str
    port: int
    target: str
    is_own: bool

    @property
    def is_local(self) -> bool:
        return self.is_own and _is_loopback(self.host)

    @property
    def host_header(self) -> str:
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if (self.scheme, self.port) in (("https", 443), ("http", 80)) else f"{name}:{self.port}"


def _check(url: str, hosts: Collection[str], own: Collection[str]) -> _Place:
    """Parse an address and check it against the rules. Only its parts are used afterwards, never the text again."""
    url = url.strip()
    try:
        parts = urlsplit(url)
        where, host = place_of(url), (parts.hostname or "").lower()
        target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
        query = f"?{quote(parts.query, safe='/?%:@!$&()*+,;=~')}" if parts.query else ""
    except ValueError:
        raise _Refused("the address of the PDF can't be read", final=True) from None
    readable = re.fullmatch(r"[a-z0-9._-]+|[0-9a-f:.]+", host) and not re.search(r"[\x00-\x1f\x7f\\]", url)
    if not readable or parts.scheme not in ("https", "http"):
        raise _Refused("the address of the PDF can't be read", final=True)
    if "@" in parts.netloc:
        raise _Refused("the address of the PDF has a user name or a password in it", final=True)
    place = _Place(parts.scheme, host, int(where.rpartition(":")[2]), target + query, is_own=where in own)
    if not place.is_own and not any(host == one or host.endswith(f".{one}") for one in hosts):
        raise _Refused(f"its address is at {host}, which is not among the allowed hosts (PDF_HOSTS)", final=True)
    if place.scheme != "https" and not place.is_local:
        raise _Refused(f"its address at {host} is not https", final=True)
    if place.port != 443 and not place.is_own:
        raise _Refused(f"its address at {host} has port {place.port}, not 443", final=True)
    return place


_Resolved = list[tuple[socket.AddressFamily, Any]]


def _resolve(place: _Place) -> _Resolved:
    """Resolve the name, once only, and return what to connect to; one forbidden address refuses all of them."""
    try:
        found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError):
        raise _Refused(f"the name {place.host} does not resolve") from None
    for *_, sockaddr in found:
        address = ipaddress.ip_address(sockaddr[0])
        if not (address.is_loopback if place.is_local else _is_public(address)):
            raise _Refused(f"{place.host} resolves to {address}, which is not a public address")
    return [(family, sockaddr) for family, _type, _proto, _name, sockaddr in found[:_MOST_ADDRESSES]]


def _is_public(address: _Address) -> bool:
    """Whether an address is public; of one that stands for another, whether that one is."""
    if isinstance(address, ipaddress.IPv6Address):
        stands_for = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            stands_for = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if stands_for is not None:
            return _is_public(stands_for)
        if address.is_site_local:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_loopback)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _get(place: _Place, resolved: _Resolved, connect_timeout: float, deadline: float, max_bytes: int) -> bytes | str:
    """Return the body, or where a redirect leads to."""
    try:
        with _connect(resolved, connect_timeout, deadline) as plain, _secured(plain, place, deadline) as stream:
            connection = _Connection(place.host, stream, deadline)
            headers = {
                "Host": place.host_header,
                "Accept": "application/pdf",
                "Accept-Encoding": "identity",
                "Connection": "close",
                "User-Agent": f"django_tusfacturas_lotes/{__version__}",
            }
            connection.request("GET", place.target, headers=headers)
            with connection.getresponse() as response:
                return _read(response, place, max_bytes)
    except ssl.SSLCertVerificationError:
        raise _Refused(f"the TLS certificate of {place.host} could not be verified") from None
    except TimeoutError:
        raise _Refused(f"{place.host} did not answer, or did not end its answer, in time") from None
    except (OSError, http.client.HTTPException) as exc:
        raise _Refused(f"the connection to {place.host} failed or broke off ({type(exc).__name__})") from None


def _connect(resolved: _Resolved, connect_timeout: float, deadline: float) -> socket.socket:
    failure: OSError = ConnectionError("the name has no address")
    for family, sockaddr in resolved:
        plain = socket.socket(family, socket.SOCK_STREAM)
        try:
            plain.settimeout(min(connect_timeout, _left(deadline)))
            plain.connect(sockaddr)
        except OSError as exc:
            plain.close()
            failure = exc
        else:
            return plain
    raise failure


def _secured(plain: socket.socket, place: _Place, deadline: float) -> socket.socket:
    """Return the connection with TLS, where the certificate is that of the host's name, not of its address."""
    if place.scheme != "https":
        return plain
    # The same authorities as for the calls to the provider, where `requests` picks them.
    given = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or DEFAULT_CA_BUNDLE_PATH
    is_folder = os.path.isdir(given)
    context = ssl.create_default_context(cafile=None if is_folder else given, capath=given if is_folder else None)
    plain.settimeout(_left(deadline))
    return context.wrap_socket(plain, server_hostname=place.host)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Connection(http.client.HTTPConnection):
    """HTTP over a connection that is open already. Every wait on it ends at the deadline.

    A time-out of the socket alone would begin anew with every byte, and a server that drips would never end.
    """

    def __init__(self, host: str, stream: socket.socket, deadline: float) -> None:
        # The port is given only so that it is not looked for in the host, which has colons in IPv6.
        super().__init__(host, port=http.client.HTTPS_PORT)
        # http.client uses no more of a socket than `_Stream` has.
        self.sock = cast(Any, _Stream(stream, deadline))

    def connect(self) -> None:
        raise http.client.NotConnected


class _Stream:
    def __init__(self, stream: socket.socket, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def sendall(self, content: bytes) -> None:
        self._stream.settimeout(_left(self._deadline))
        self._stream.sendall(content)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._stream, self._deadline))

    def close(self) -> None:
        """Whoever opened the stream closes it."""


class _Reader(io.RawIOBase):
    def __init__(self, stream: socket.socket, deadline: float) -> None:
        super().__init__()
        self._stream = stream
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._stream.settimeout(_left(self._deadline))
        return self._stream.recv_into(buffer)


def _read(response: http.client.HTTPResponse, place: _Place, max_bytes: int) -> bytes | str:
    location = response.headers.get("Location")
    if response.status in _REDIRECTS and location:
        try:
            return urljoin(f"{place.scheme}://{place.host_header}{place.target}", location)
        except ValueError:
            raise _Refused(f"{place.host} redirects to what can't be read", final=True) from None
    if response.status != http.client.OK:
        final = 400 <= response.status < 500 and response.status not in _PASSING
        raise _Refused(f"{place.host} answered HTTP {response.status}", final=final)
    declared = response.length
    too_large = _Refused(f"{place.host} gave more than {max_bytes} bytes, too large for a PDF", final=True)
    if declared is not None and declared > max_bytes:
        raise too_large
    raw = bytearray()
    while chunk := response.read1(64 * 1024):
        raw += chunk
        if len(raw) > max_bytes:
            raise too_large
    if declared is not None and len(raw) != declared:
        raise _Refused(f"{place.host} broke off after {len(raw)} of {declared} bytes")
    return bytes(raw)


def _checked_pdf(content: bytes) -> bytes:
    if b"%PDF-" not in content[:_HEAD_AND_TAIL]:
        # Not final: it may be the page that says that the provider is being repaired.
        raise _Refused("what came is not a PDF")
    if b"%%EOF" not in content.rstrip(b"\0\t\n\f\r ")[-_HEAD_AND_TAIL:]:
        raise _Refused("what came is a PDF without its end")
    return content
