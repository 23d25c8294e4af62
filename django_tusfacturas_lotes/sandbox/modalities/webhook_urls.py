"""Which addresses the sandbox may notify."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit


def webhook_url_error(url: object, *, allow_remote: bool) -> str:
    """Why this address can't be notified, or ``""``.

    Without ``allow_remote`` only this machine can: a sandbox must not reach somebody's production by mistake.
    """
    invalid = "La URL del webhook (webhook_url) no es válida. Formato esperado: https://www.tudominio.com"
    if not isinstance(url, str) or re.search(r"[\s\x00-\x1f\x7f]", url.strip()):
        return invalid
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        return invalid
    if parts.scheme not in ("http", "https") or not host:
        return invalid
    if not allow_remote and not is_loopback(host):
        return (
            f"El sandbox solo notifica a direcciones de esta misma máquina (localhost), y webhook_url es de '{host}'. "
            "Para permitir otras: --allow-remote-webhooks."
        )
    return ""


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by how it is written; no name is looked up."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
