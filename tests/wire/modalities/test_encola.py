"""The notices of the provider's queue, which both of its modalities read, and what proves them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_tusfacturas_lotes.conf.accounts import read_account
from django_tusfacturas_lotes.wire.answers.decode import decode_object
from django_tusfacturas_lotes.wire.modalities import NotificationKind, modalities
from tests.support.wire.answers import json_objects, json_values, patient

lotes_encola = modalities()["lotes_encola"]
ENCOLA = ("lotes_encola", "nuevo_encola")

GOLDEN_NOTICE = """
{"creado": "18/03/2022 15:58:11", "evento": "emitido", "recurso": "facturacion", "external_reference": "17032",
 "intento": 1, "msg": [], "hook_id": "xxxx"}
"""


def notice(**change: Any) -> dict[str, Any]:
    return {**decode_object(GOLDEN_NOTICE.encode()), **change}


@pytest.mark.parametrize("name", ENCOLA)
def test_the_documented_notice_is_read(name: str) -> None:
    read = modalities()[name].read_notification(notice())
    assert (read.reference, read.kind, read.result, read.errors) == ("17032", NotificationKind.TOLD_ISSUED, None, ())


@pytest.mark.parametrize("name", ENCOLA)
@pytest.mark.parametrize(
    ("recurso", "evento", "kind"),
    [
        ("facturacion", "encolado", NotificationKind.QUEUED),
        ("facturacion", "emitido", NotificationKind.TOLD_ISSUED),
        ("facturacion", "error", NotificationKind.FAILED),
        ("facturacion", "eliminado", NotificationKind.DELETED),
        ("facturacion", "cambio_fecha", NotificationKind.REDATED),
        ("test", "test", NotificationKind.TEST),
        ("Facturacion", " EMITIDO ", NotificationKind.TOLD_ISSUED),
        ("test", "emitido", NotificationKind.UNKNOWN),
        ("test", "error", NotificationKind.UNKNOWN),
        ("facturacion", "test", NotificationKind.UNKNOWN),
        ("cobranzas", "emitido", NotificationKind.UNKNOWN),
        ("facturacion", "reemitido", NotificationKind.UNKNOWN),
        ("facturacion", "emitido con error", NotificationKind.UNKNOWN),
        ("facturacion", "", NotificationKind.UNKNOWN),
        ("facturacion", None, NotificationKind.UNKNOWN),
        (None, "emitido", NotificationKind.UNKNOWN),
        ("facturacion", ["emitido"], NotificationKind.UNKNOWN),
        ({}, {}, NotificationKind.UNKNOWN),
        (0, True, NotificationKind.UNKNOWN),
    ],
)
def test_a_notice_says_what_its_recurso_and_evento_say_together(
    name: str, recurso: Any, evento: Any, kind: NotificationKind
) -> None:
    read = modalities()[name].read_notification(notice(recurso=recurso, evento=evento))
    assert read.kind is kind
    assert read.result is None
    assert read.reference == "17032"


@pytest.mark.parametrize("name", ENCOLA)
@pytest.mark.parametrize(
    ("reference", "expected"),
    [(17032, "17032"), ("17032 ", "17032"), ("0017", "0017"), (0, "0"), (None, ""), (True, ""), (1.5, ""), ([], "")],
)
def test_a_notices_reference_may_be_a_number(name: str, reference: Any, expected: str) -> None:
    modality = modalities()[name]
    told = notice(external_reference=reference, facturacion_lote_id_referencia="of-the-other-modality")
    assert modality.reference_of(told) == expected
    assert modality.read_notification(told).reference == expected


@pytest.mark.parametrize("name", ENCOLA)
@pytest.mark.parametrize(
    ("msg", "errors"),
    [
        (["Cod. Error: #6661145.10016 - a", "b"], ("Cod. Error: #6661145.10016 - a", "b")),
        ("Cod. Error: #6661145.10016 - a ", ("Cod. Error: #6661145.10016 - a",)),
        (["", " ", "a"], ("a",)),
        ({"texto": "a"}, ("{'texto': 'a'}",)),
        ([{"texto": "a"}, ["b"], 3], ("{'texto': 'a'}", "['b']", "3")),
        (10016, ("10016",)),
    ],
)
def test_a_notice_of_an_error_has_its_texts_whatever_their_form(name: str, msg: Any, errors: tuple[str, ...]) -> None:
    read = modalities()[name].read_notification(notice(evento="error", msg=msg))
    assert (read.kind, read.errors) == (NotificationKind.FAILED, errors)


@pytest.mark.parametrize("msg", [None, "", [], {}, " ", [""], [" ", ""]])
def test_a_notice_of_an_error_without_a_text_still_has_a_reason(msg: Any) -> None:
    (reason,) = lotes_encola.read_notification(notice(evento="error", msg=msg)).errors
    assert reason
    without = notice(evento="error")
    del without["msg"]
    assert lotes_encola.read_notification(without).errors == (reason,)


@patient
@given(json_objects | st.fixed_dictionaries({}, optional=dict.fromkeys(json.loads(GOLDEN_NOTICE), json_values)))
def test_whatever_is_in_a_notice_it_is_read_and_harms_nothing(payload: dict[str, Any]) -> None:
    read = lotes_encola.read_notification(payload)
    assert isinstance(read.reference, str)
    assert read.kind is not NotificationKind.ISSUED
    if not isinstance(payload.get("recurso"), str) or not isinstance(payload.get("evento"), str):
        assert read.kind is NotificationKind.UNKNOWN
    json.dumps(lotes_encola.identity_of(payload))


@patient
@given(
    st.fixed_dictionaries(
        {"recurso": st.just("facturacion"), "evento": st.sampled_from(["emitido", "error", "eliminado", "encolado"])},
        optional=dict.fromkeys(("external_reference", "msg", "hook_id", "intento", "creado"), json_values),
    )
)
def test_a_notice_of_an_error_and_no_other_is_a_failure_and_always_has_a_reason(payload: dict[str, Any]) -> None:
    read = lotes_encola.read_notification(payload)
    assert (read.kind is NotificationKind.FAILED) == (payload["evento"] == "error")
    assert read.kind is not NotificationKind.ISSUED
    if read.kind is NotificationKind.FAILED:
        assert read.errors
        assert all(reason.strip() for reason in read.errors)


@pytest.mark.parametrize("name", ENCOLA)
@pytest.mark.parametrize("hook_id", ["xxxx", 7, None, "", [], {}])
def test_a_notice_is_the_same_in_each_of_its_deliveries(name: str, hook_id: Any) -> None:
    modality = modalities()[name]
    first = modality.identity_of(notice(hook_id=hook_id))
    assert all(modality.identity_of(notice(hook_id=hook_id, intento=intento)) == first for intento in (2, "3", None))
    without = notice(hook_id=hook_id)
    del without["intento"]
    assert modality.identity_of(without) == first


@pytest.mark.parametrize("name", ENCOLA)
@pytest.mark.parametrize(
    ("given", "change"),
    [
        ({}, {"hook_id": "yyyy"}),
        ({}, {"hook_id": ""}),
        ({}, {"evento": "error"}),
        ({}, {"recurso": "test"}),
        ({}, {"external_reference": "17033"}),
        ({"hook_id": ""}, {"creado": "18/03/2022 15:58:12"}),
        ({"hook_id": ""}, {"msg": ["x"]}),
    ],
)
def test_another_notice_is_another_one(name: str, given: dict[str, Any], change: dict[str, Any]) -> None:
    modality = modalities()[name]
    assert modality.identity_of(notice(**given, **({} if given else change)) | change) != modality.identity_of(
        notice(**given)
    )


def test_a_notice_that_is_told_once_by_a_number_and_once_by_a_text_is_the_same() -> None:
    assert lotes_encola.identity_of(notice(external_reference=17032)) == lotes_encola.identity_of(notice())


def account(webhook_token: Any) -> Any:
    settings = {"APIKEY": "1234", "APITOKEN": "an-apitoken", "USERTOKEN": "a-usertoken", "PUNTO_VENTA": 3}
    return read_account("default", {**settings, "MODALITY": "lotes_encola", "WEBHOOK_TOKEN": webhook_token}, "keep")


@pytest.mark.parametrize("name", ENCOLA)
@pytest.mark.parametrize(
    ("configured", "header", "is_proof"),
    [
        ("secret", {"TF-WebhookToken": "secret"}, True),
        (["new", "old"], {"TF-WebhookToken": "new"}, True),
        (["new", "old"], {"TF-WebhookToken": "old"}, True),
        (12345, {"TF-WebhookToken": "12345"}, True),
        ("ñandú", {"TF-WebhookToken": "ñandú"}, True),
        ("secret", {"TF-WebhookToken": "Secret"}, False),
        ("secret", {"TF-WebhookToken": "secre"}, False),
        ("secret", {"TF-WebhookToken": "secrets"}, False),
        ("secret", {"TF-WebhookToken": ""}, False),
        ("secret", {"TF-WebhookToken": "\udcff"}, False),
        ("secret", {}, False),
        (["new", "old"], {"TF-WebhookToken": "newold"}, False),
        (["new", "old"], {"TF-WebhookToken": "new,old"}, False),
        (["new", ""], {"TF-WebhookToken": ""}, False),
        *(
            (none, header, False)
            for none in (None, "", " ", [], [""], [None, " "])
            for header in ({}, {"TF-WebhookToken": ""}, {"TF-WebhookToken": "None"}, {"TF-WebhookToken": "x"})
        ),
    ],
)
def test_only_a_configured_token_in_the_header_proves_a_notice(
    name: str, configured: Any, header: dict[str, str], is_proof: bool
) -> None:
    assert modalities()[name].is_proof(notice(), header, account(configured)) is is_proof


@pytest.mark.parametrize("name", ENCOLA)
def test_nothing_in_a_notices_body_proves_it(name: str) -> None:
    told = notice(
        apikey="1234",
        apitoken="an-apitoken",
        usertoken="a-usertoken",
        **{"TF-WebhookToken": "secret", "token": "secret"},
    )
    assert not modalities()[name].is_proof(told, {"User-Agent": "TusFacturasAPP-webhook/1.0"}, account("secret"))
