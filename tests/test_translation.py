"""The Spanish (Argentina) translation: complete, compiled, and seen in the admin."""

from __future__ import annotations

import ast
import gettext
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation
from django.utils.translation import ngettext
from django.utils.translation.template import templatize

import django_tusfacturas_lotes
from django_tusfacturas_lotes.models import Attention, InvoiceStatus, LoteItemStatus, LoteStatus, WebhookEventStatus
from django_tusfacturas_lotes.queueing import queue_invoice
from tests.support.builders import documento

APP = Path(django_tusfacturas_lotes.__file__).parent
MESSAGES = APP / "locale" / "es_AR" / "LC_MESSAGES"
PO = (MESSAGES / "django.po").read_text(encoding="utf-8")

_FIELD = re.compile(r'^(msgid|msgid_plural|msgstr|msgstr\[\d\]) ((?:".*"\n?)+)', re.MULTILINE)
_PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|</?strong>")
_MARKED = re.compile(r"\b(?:_|gettext|ngettext)\(\s*u?('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")")


def entries() -> Iterator[dict[str, str]]:
    """The messages of the .po, without its header."""
    for block in PO.strip().split("\n\n")[1:]:
        yield {
            name: "".join(ast.literal_eval(line) for line in text.splitlines()) for name, text in _FIELD.findall(block)
        }


def marked() -> Iterator[str]:
    """Every text of the app that is marked for translation, also within an f-string."""
    for path in APP.rglob("*.py"):
        if path.relative_to(APP).parts[0] in ("sandbox", "wire"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("_", "ngettext"):
                yield ast.literal_eval(node.args[0])
    for path in (APP / "templates").rglob("*.html"):
        for text in _MARKED.findall(templatize(path.read_text(encoding="utf-8"))):
            yield ast.literal_eval(text)


def test_every_marked_text_is_in_the_po_and_nothing_else_is() -> None:
    assert {entry["msgid"] for entry in entries()} == set(marked())


def test_no_message_is_fuzzy_or_untranslated() -> None:
    assert not re.search(r"^#,.*\bfuzzy\b|^#~", PO, re.MULTILINE)
    for entry in entries():
        told = [text for name, text in entry.items() if name.startswith("msgstr")]
        assert len(told) == (2 if "msgid_plural" in entry else 1), entry
        assert all(told), entry


def test_placeholders_are_kept() -> None:
    for entry in entries():
        for name, text in entry.items():
            assert sorted(_PLACEHOLDER.findall(text)) == sorted(_PLACEHOLDER.findall(entry["msgid"])), (name, text)


def test_the_mo_is_what_the_po_says() -> None:
    expected: dict[Any, str] = {}
    for entry in entries():
        if "msgid_plural" in entry:
            expected |= {(entry["msgid"], n): entry[f"msgstr[{n}]"] for n in (0, 1)}
        else:
            expected[entry["msgid"]] = entry["msgstr"]
    with (MESSAGES / "django.mo").open("rb") as file:
        catalog = dict(gettext.GNUTranslations(file)._catalog)  # type: ignore[attr-defined]
    assert "Plural-Forms: nplurals=2; plural=(n != 1);" in catalog.pop("")
    assert catalog == expected


def test_labels_are_spanish() -> None:
    with translation.override("es-ar"):
        assert [str(status.label) for status in InvoiceStatus] == [
            "pendiente", "asignado a un lote", "enviado", "emitido", "fallido", "incierto", "descartado",
        ]  # fmt: skip
        assert LoteStatus.READY.label == "listo para enviar"
        assert LoteItemStatus.REFUSED.label == "rechazado"
        assert WebhookEventStatus.UNMATCHED.label == "sin correspondencia"
        assert Attention.DUPLICATE.label == "emitido dos veces"
        told = [ngettext("%(n)d lote was settled.", "%(n)d lotes were settled.", n) % {"n": n} for n in (0, 1, 2)]
        assert told == ["Se resolvieron 0 lotes.", "Se resolvió 1 lote.", "Se resolvieron 2 lotes."]


@pytest.mark.django_db
def test_the_list_of_invoices_is_spanish(admin_client: Any, settings: Any) -> None:
    settings.LANGUAGE_CODE = "es-ar"
    assert queue_invoice(comprobante=documento(), key="k1")
    page = admin_client.get("/admin/django_tusfacturas_lotes/invoice/").content.decode()
    for text in (
        "Comprobantes de TusFacturas",
        "Estado",
        "pendiente",
        "Requiere intervención",
        "Reintentar con la fecha de hoy",
        "Pedido, clave, referencia, número (3-7 o 7), CAE, cliente o documento.",
    ):
        assert text in page
    for text in ("Invoice", "Needs a person", ">pending<", "Retry"):
        assert text not in page
