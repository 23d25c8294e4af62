"""``topecf``: from which amount on a consumer must be named (docs/provider.md, Look-ups)."""

from __future__ import annotations

import json

from ..queue.backend import Backend
from ..queue.call_limits import TOO_CLOSE, UNKNOWN

PATH = "/v2/facturacion/topecf"
MONTO = 10_000_000
"""In pesos. It is made up: ARCA revises the real one."""


def topecf(backend: Backend, raw: bytes) -> tuple[int, bytes]:
    """Returns the HTTP status and the body of the answer."""
    try:
        body = json.loads(raw)
    except ValueError:
        body = None
    with backend.lock:
        account = backend.call_context().account_of(body) if isinstance(body, dict) else None
        limits = backend.ledger.limits
        open_call = limits.start(account.apikey if account else UNKNOWN)
        limits.end(open_call)
    if backend.pace.enforce_limits and not open_call.within_limits:
        return 429, json.dumps({"error": "S", "errores": [TOO_CLOSE]}).encode()
    if account is None:
        return 200, b'{"error":"S","errores":["Las credenciales de acceso no son validas"]}'
    return 200, json.dumps({"error": "N", "errores": [], "monto": MONTO}).encode()
