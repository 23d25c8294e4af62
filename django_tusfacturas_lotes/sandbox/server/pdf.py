"""Makes a PDF: one small but real page."""

from __future__ import annotations

from collections.abc import Sequence


def make_pdf(lines: Sequence[str]) -> bytes:
    """A PDF of one A4 page with these lines of text. Its cross-reference table is right, so every reader opens it."""
    drawn = "\n".join(f"({_escape(line)}) Tj T*" for line in lines)
    content = f"BT /F1 12 Tf 16 TL 56 780 Td\n{drawn}\nET".encode("cp1252", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    document = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")  # four high bytes say that it is not text
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(document))
        document += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(document)
    document += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for offset in offsets:
        document += b"%010d 00000 n \n" % offset
    document += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(document)


def _escape(text: str) -> str:
    flat = " ".join(text.split())[:90]
    return flat.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
