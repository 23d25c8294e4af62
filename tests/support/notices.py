"""The notifications that TusFacturas sends about what the sandbox's ledger tells, for a test to deliver itself."""

from __future__ import annotations

from typing import Any

from tests.support import documented
from tests.support.provider import Provider


def success(provider: Provider, reference: str) -> dict[str, Any]:
    """The notification of the document that was issued for a reference."""
    entry = provider.sandbox.ledger()["references"][reference]
    (cae,), (number,) = entry["caes"], entry["numbers"]
    return {
        **documented.lotes_webhook(),
        **provider.credentials, "facturacion_lote_id_referencia": reference, "cae": f"{cae} ",
        "comprobante_nro": number,
    }  # fmt: skip


def failure(provider: Provider, reference: str) -> dict[str, Any]:
    """The notification that a reference could not be issued."""
    entry = provider.sandbox.ledger()["references"][reference]
    return {
        **documented.lotes_webhook(),
        **provider.credentials, "facturacion_lote_id_referencia": reference, "error": "S",
        "errores": [entry["last_error"] or "no"], "cae": "", "comprobante_nro": "",
    }  # fmt: skip
