"""The webhook: who gets in, and what is turned away."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client as HttpClient

from django_tusfacturas_lotes import reception
from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, LoteItem, WebhookEvent, WebhookEventStatus
from django_tusfacturas_lotes.reception import events
from tests import settings as test_settings
from tests.support import documented
from tests.support.provider import Provider
from tests.support.webhook import CREDENTIALS, URL, failure, item_in, post, success

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_documented_webhook_fills_the_result() -> None:
    item = item_in()
    payload = {**documented.lotes_webhook(), **CREDENTIALS, "facturacion_lote_id_referencia": item.reference}
    assert post(payload).status_code == 200
    invoice = Invoice.objects.get()
    assert invoice.status == InvoiceStatus.ISSUED
    assert (invoice.cae, invoice.numero, invoice.punto_venta, invoice.tipo) == ("XXXXXXXX", 7, 3, "FACTURA B")
    assert invoice.comprobante_nro == "00003-00000007"
    assert invoice.pdf_url == "https://www.dominio.com/XXXXXX.pdf"
    event = WebhookEvent.objects.get()
    assert (event.status, event.item) == (WebhookEventStatus.PROCESSED, item)
    assert LoteItem.objects.get().result["cae"] == "XXXXXXXX"


def test_an_error_fills_the_reasons() -> None:
    item = item_in()
    assert post(failure(item, "Cod. Error: 10016 - <b>fecha</b>", "otro")).status_code == 200
    invoice = Invoice.objects.get()
    assert (invoice.status, invoice.failure_stage) == (InvoiceStatus.FAILED, "emission")
    assert invoice.reasons == ["Cod. Error: 10016 - <b>fecha</b>", "otro"]


@pytest.mark.parametrize("change", [{key: value} for key in CREDENTIALS for value in ("", None, "wrong", 1, ["x"], {})])
def test_wrong_credentials_get_403_and_nothing_is_stored(change: dict[str, Any]) -> None:
    item = item_in()
    assert post({**success(item), **change}).status_code == 403
    assert not WebhookEvent.objects.exists()
    assert Invoice.objects.get().status == InvoiceStatus.SUBMITTED


@pytest.mark.parametrize("missing", [*CREDENTIALS])
def test_missing_credentials_get_403(missing: str) -> None:
    payload = success("x")
    del payload[missing]
    assert post(payload).status_code == 403
    assert not WebhookEvent.objects.exists()


def test_an_empty_object_has_no_credentials() -> None:
    assert post(b"{}").status_code == 403


def test_an_apikey_may_come_as_a_number() -> None:
    assert post({**success(item_in()), "apikey": int(test_settings.APIKEY)}).status_code == 200


def test_no_account_configured_means_that_nobody_gets_in(settings: Any) -> None:
    settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "ACCOUNTS": {}}
    assert post(success("x")).status_code == 403
    assert post({**success("x"), "apikey": "", "apitoken": "", "usertoken": ""}).status_code == 403


def test_several_values_get_in_while_rotating(settings: Any) -> None:
    account = settings.TUSFACTURAS_LOTES["ACCOUNTS"]["default"]
    rotating = {**account, "APITOKEN": ["a-new-token", account["APITOKEN"]]}
    settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "ACCOUNTS": {"default": rotating}}
    assert post(success(item_in())).status_code == 200
    assert post({**success(item_in()), "apitoken": "a-new-token"}).status_code == 200
    assert set(Invoice.objects.values_list("status", flat=True)) == {InvoiceStatus.ISSUED}


@pytest.mark.parametrize(
    ("body", "options", "status"),
    [
        (b"not json", {}, 400),
        (b"", {}, 400),
        (b"[]", {}, 400),
        (b'"text"', {}, 400),
        ('{"a":"ñ"}'.encode("latin-1"), {}, 400),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, {}, 400),
        (b"a=1", {"content_type": "application/x-www-form-urlencoded"}, 400),
        (b'{"a":"' + b"x" * 65536 + b'"}', {}, 413),
    ],
)
def test_what_is_no_small_json_object_is_turned_away(body: bytes, options: dict[str, Any], status: int) -> None:
    assert post(body, **options).status_code == status
    assert not WebhookEvent.objects.exists()


@pytest.mark.parametrize("content_type", ["text/plain", "application/json; charset=utf-8", "nonsense", ""])
def test_the_content_type_does_not_matter(content_type: str) -> None:
    assert post(success(item_in()), content_type=content_type).status_code == 200


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "", "*/*", "nonsense"])
def test_the_accept_header_does_not_matter(accept: str) -> None:
    assert post(success(item_in()), headers={"accept": accept}).status_code == 200


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "options", "head"])
def test_other_methods_get_405(method: str) -> None:
    assert getattr(HttpClient(), method)(URL).status_code == 405


def test_the_projects_rest_framework_defaults_do_not_matter(settings: Any) -> None:
    from django_tusfacturas_lotes.views import WebhookView

    settings.REST_FRAMEWORK = {
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.BasicAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
        "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.FormParser"],
        "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.AnonRateThrottle"],
        "DEFAULT_VERSIONING_CLASS": "rest_framework.versioning.AcceptHeaderVersioning",
    }
    # DRF reads its defaults when a view class is made, so what counts is that the view declares each of its own.
    assert {
        "authentication_classes", "permission_classes", "parser_classes", "renderer_classes", "throttle_classes",
        "content_negotiation_class", "versioning_class",
    } <= vars(WebhookView).keys()  # fmt: skip
    assert post(success(item_in())).status_code == 200


def test_the_view_needs_no_csrf_token() -> None:
    client = HttpClient(enforce_csrf_checks=True)
    body = json.dumps(success(item_in()))
    assert client.post(URL, body, content_type="application/json").status_code == 200


def test_credentials_of_one_account_prove_nothing_for_another_that_shares_its_token(provider: Provider) -> None:
    mine = provider.sandbox.settings_for("lotes")
    token = {"WEBHOOK_TOKEN": "the-same-token-1234"}
    other = {**mine, "APIKEY": "1", "APITOKEN": "another-apitoken-1234", "USERTOKEN": "another-usertoken-1234"}
    provider.configure(ACCOUNTS={"default": {**mine, **token}, "b": {**other, **token}})
    body = {**provider.credentials, "error": "N", "facturacion_lote_id_referencia": "x"}
    proof = reception.authenticate(body, {})
    assert proof is not None
    assert [account.alias for account in proof.accounts] == ["default"]
    event = events.receive(body, proof)
    assert events._aliases_of(event) == {"default"}
