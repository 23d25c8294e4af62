"""What does the sandbox say to who asks from which amount on a consumer must be named?"""

from __future__ import annotations

import json

from .office import Office
from .traffic import TOO_CLOSE, UNKNOWN

PATH = "/v2/facturacion/topecf"
MONTO = 10_000_000
"""In pesos; made up, as ARCA revises the real one."""


def topecf(office: Office, raw: bytes) -> tuple[int, bytes]:
    """The HTTP status and the body of the answer."""
    try:
        body = json.loads(raw)
    except ValueError:
        body = None
    with office.lock:
        account = office.desk().account(body) if isinstance(body, dict) else None
        traffic = office.ledger.traffic
        visit = traffic.start(account.apikey if account else UNKNOWN)
        traffic.end(visit)
    if office.pace.enforce_limits and not visit.within_limits:
        return 429, json.dumps({"error": "S", "errores": [TOO_CLOSE]}).encode()
    if account is None:
        return 200, b'{"error":"S","errores":["Las credenciales de acceso no son validas"]}'
    return 200, json.dumps({"error": "N", "errores": [], "monto": MONTO}).encode()
