"""What is served at a comprobante's ``comprobante_pdf_url``?"""

from __future__ import annotations

import re

from .modality import ISSUED, text
from .office import Office
from .pdf import make_pdf

Answer = tuple[int, bytes, str]


def paper(office: Office, method: str, path: str) -> Answer:
    """The PDF of an issued comprobante. As at the provider, an address is good only on the day it was given out."""
    if method not in ("GET", "HEAD"):
        return 405, b"Use GET\n", "text/plain"
    match = re.fullmatch(r"/comprobantes/([0-9]{1,12})-[0-9-]+\.pdf", path)
    with office.lock:
        job = office.engine.by_serial(int(match[1])) if match else None
        if job is None or job.status != ISSUED or office.pdf_url(job) != office.url + path:
            return 404, b"No existe\n", "text/plain"
        if job.pdf_day != office.clock.today():
            return 410, b"El enlace solo vale el dia en que se entrega\n", "text/plain"
        lines = [
            "SANDBOX - SIN VALOR FISCAL",
            f"{job.tipo} {job.comprobante_nro}",
            f"Fecha: {text(job.comprobante.get('fecha'))}",
            f"Cliente: {text(job.cliente.get('razon_social'))}",
            f"Total: {job.comprobante.get('total', '')} {text(job.comprobante.get('moneda'))}",
            f"CAE: {job.cae}  Vencimiento: {job.vencimiento_cae}",
            f"Referencia: {job.reference[:60]}",
        ]
    return 200, make_pdf(lines), "application/pdf"
