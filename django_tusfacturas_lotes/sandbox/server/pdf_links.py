"""Serves the PDF at a comprobante's ``comprobante_pdf_url``."""

from __future__ import annotations

import re

from ..modalities.interface import ISSUED
from ..modalities.values import as_text
from ..queue.backend import Backend
from .pdf import make_pdf

Answer = tuple[int, bytes, str]


def serve_pdf(backend: Backend, method: str, path: str) -> Answer:
    """The PDF of an issued comprobante, as status, body and content type.

    An address is good only on the day on which it was given out (docs/provider.md, PDFs).
    """
    if method not in ("GET", "HEAD"):
        return 405, b"Use GET\n", "text/plain"
    match = re.fullmatch(r"/comprobantes/([0-9]{1,12})-[0-9-]+\.pdf", path)
    with backend.lock:
        job = backend.queue.by_serial(int(match[1])) if match else None
        if job is None or job.status != ISSUED or backend.pdf_url(job) != backend.url + path:
            return 404, b"No existe\n", "text/plain"
        if job.pdf_day != backend.clock.today():
            return 410, b"El enlace solo vale el dia en que se entrega\n", "text/plain"
        lines = [
            "SANDBOX - SIN VALOR FISCAL",
            f"{job.tipo} {job.comprobante_nro}",
            f"Fecha: {as_text(job.comprobante.get('fecha'))}",
            f"Cliente: {as_text(job.cliente.get('razon_social'))}",
            f"Total: {job.comprobante.get('total', '')} {as_text(job.comprobante.get('moneda'))}",
            f"CAE: {job.cae}  Vencimiento: {job.vencimiento_cae}",
            f"Referencia: {job.reference[:60]}",
        ]
    return 200, make_pdf(lines), "application/pdf"
