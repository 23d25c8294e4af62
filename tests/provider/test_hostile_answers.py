"""Redirects and answers of a provider that means ill."""

from __future__ import annotations

import json
from typing import Any

import pytest

from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote, LoteStatus
from django_tusfacturas_lotes.pdfs.download import download, place_of
from django_tusfacturas_lotes.provider.client import Client, Verdict
from django_tusfacturas_lotes.queueing import queue_invoice
from django_tusfacturas_lotes.submission import flush
from django_tusfacturas_lotes.wire.modalities import Answer
from tests.support.admin import admin_pages
from tests.support.builders import documento
from tests.support.raw_http import answering, not_to_be_reached
from tests.support.strange import everything, http_answer, post_raw
from tests.support.webhook import CREDENTIALS, item_in, success

pytestmark = pytest.mark.django_db(transaction=True)

REDIRECTS = ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]
TAKEN = json.dumps({"error": "N", "procesados": 1, "errores": [], "validaciones": []})


def redirect(status: str, target: str, body: str = "") -> bytes:
    return http_answer(status, body, f"Location: {target}", f"Content-Location: {target}", f"Refresh: 0; url={target}")


def read_taken(answer: Any) -> Answer:
    return Answer()


@pytest.mark.parametrize("body", ["", TAKEN], ids=["empty", "that says taken"])
@pytest.mark.parametrize("status", REDIRECTS)
def test_a_redirect_is_not_followed_and_proves_nothing(status: str, body: str) -> None:
    with not_to_be_reached() as elsewhere, Client(connect_timeout=30, read_timeout=30) as client:
        with answering([redirect(status, f"{elsewhere}/v2/", body)]) as provider:
            assert client.send(provider, {"apitoken": "x"}, read_taken).verdict is Verdict.UNCERTAIN
        with answering([redirect(status, f"{elsewhere}/v2/", body)]) as provider:
            assert client.ask(provider, {"apitoken": "x"}, dict).value is None


@pytest.mark.parametrize("status", REDIRECTS)
def test_a_lote_that_is_redirected_is_uncertain_and_sent_nowhere_else(settings: Any, status: str) -> None:
    invoice = queue_invoice(comprobante=documento(), key="erp-1")
    assert invoice is not None
    with not_to_be_reached() as elsewhere, answering([redirect(status, elsewhere)]) as provider:
        account = {**settings.TUSFACTURAS_LOTES["ACCOUNTS"]["default"], "BASE_URL": provider}
        settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "ACCOUNTS": {"default": account}}
        flush()
        flush()
    assert Lote.objects.get().status == LoteStatus.UNCERTAIN
    assert Invoice.objects.get().status == InvoiceStatus.UNCERTAIN


@pytest.mark.parametrize("status", REDIRECTS)
def test_a_pdf_is_not_fetched_from_the_host_that_its_own_redirects_to(status: str) -> None:
    with not_to_be_reached() as elsewhere, answering([redirect(status, f"{elsewhere}/a.pdf", "%PDF-")]) as provider:
        got = download(
            f"{provider}/a.pdf", hosts=["x.test"], own=[place_of(provider)], connect_timeout=30, read_timeout=30
        )
    assert got.content is None
    assert got.text != ""


def test_a_notification_makes_no_call_and_neither_does_the_admin(live_server: Any, admin_client: Any) -> None:
    with not_to_be_reached() as elsewhere:
        item = item_in()
        told = success(item, comprobante_pdf_url=f"{elsewhere}/a.pdf", webhook_url=elsewhere, Location=elsewhere)
        assert post_raw(json.dumps(told).encode()).status_code == 200
        for address in admin_pages():
            assert admin_client.get(address).status_code == 200
        assert Invoice.objects.get().pdf_url == f"{elsewhere}/a.pdf"


def test_a_credential_that_our_own_limit_cuts_in_half_is_not_stored(settings: Any) -> None:
    token = CREDENTIALS["apitoken"]
    invoice = queue_invoice(comprobante=documento(), key="erp-1")
    assert invoice is not None
    page = "x" * (2000 - len(token) + 1) + token + "</html>"
    with answering([http_answer("500 Oh", page)]) as provider:
        account = {**settings.TUSFACTURAS_LOTES["ACCOUNTS"]["default"], "BASE_URL": provider}
        settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "ACCOUNTS": {"default": account}}
        flush()
    assert "x" * 100 in str(Lote.objects.get().response)
    assert token[:-1] not in str(everything())
