"""The checks that ``lotes`` makes before it answers (docs/provider.md, lotes: the call), over real HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from django_tusfacturas_lotes.sandbox import Account, Sandbox
from tests.support.sandbox.receiver import Receiver
from tests.support.sandbox.sending import DOCUMENTED_ITEM, KEYS, PATH, Shop, item, request


def test_a_right_call_is_answered_with_how_many_were_taken(shop: Shop) -> None:
    assert shop.send(item("A"), item("B")) == {"error": "N", "errores": [], "procesados": 2, "validaciones": []}


def test_the_seeds_own_example_of_refused_rows_comes_back_word_for_word(shop: Shop) -> None:
    wrong = [{**item(f"W{row}"), "usertoken": "somebody-elses"} for row in range(3)]
    answer = shop.settle(*wrong, *(item(f"R{row}") for row in range(5)))
    assert answer == {
        "error": "N",
        "errores": [],
        "procesados": 5,
        "validaciones": [
            f"El usertoken del comprobante enviado en la fila {row} (comenzando en 0) no se corresponde con sus "
            "credenciales. No se enviará a generar"
            for row in range(3)
        ],
    }
    references = shop.sandbox.ledger()["references"]
    assert {name for name, entry in references.items() if entry["issued"]} == {f"R{row}" for row in range(5)}
    assert references["W0"]["status"] == "refused"


@pytest.mark.parametrize("name", ["apikey", "apitoken", "usertoken"])
@pytest.mark.parametrize("value", ["other", None, True, ["x"]])
def test_each_credential_of_an_item_must_be_ours(shop: Shop, name: str, value: Any) -> None:
    answer = shop.send({**item("A"), name: value}, item("B"))
    assert answer["procesados"] == 1
    assert answer["validaciones"] == [
        f"El {name} del comprobante enviado en la fila 0 (comenzando en 0) no se corresponde con sus credenciales. "
        "No se enviará a generar"
    ]


def test_a_row_may_be_named_more_than_once(shop: Shop) -> None:
    answer = shop.send(item("A"), {**item("", numero=4), "usertoken": "x"})
    assert answer["procesados"] == 1
    assert len(answer["validaciones"]) == 3
    assert all("en la fila 1 (comenzando en 0)" in text for text in answer["validaciones"])


@pytest.mark.parametrize("numero", [1, "7", None, "", "x", True])
def test_numero_must_be_zero(shop: Shop, numero: Any) -> None:
    answer = shop.send(item("A", numero=numero))
    assert answer["procesados"] == 0
    assert "numero" in answer["validaciones"][0]


@pytest.mark.parametrize("numero", [0, "0", "00000000"])
def test_zero_may_be_written_as_text(shop: Shop, numero: Any) -> None:
    assert shop.send(item("A", numero=numero))["procesados"] == 1


@pytest.mark.parametrize("reference", ["", "  ", None, "con espacio", " A", "ñ", "a.b", "x" * 256, "A\n", {}, True])
def test_a_reference_needs_content_of_the_right_kind(shop: Shop, reference: Any) -> None:
    answer = shop.send(item(reference), item("B"))
    assert answer["procesados"] == 1
    assert "facturacion_lote_id_referencia" in answer["validaciones"][0]
    assert "fila 0" in answer["validaciones"][0]


@pytest.mark.parametrize("reference", ["x" * 255, "a-B_9", 17032])
def test_a_good_reference_is_taken(shop: Shop, reference: Any) -> None:
    assert shop.settle(item(reference))["procesados"] == 1
    assert shop.sandbox.issued(str(reference)) == 1


def test_a_reference_is_not_checked_for_being_unique(shop: Shop) -> None:
    assert shop.settle(item("A"), item("A"))["procesados"] == 2
    shop.settle(item("A"))
    entry = shop.sandbox.ledger()["references"]["A"]
    assert (entry["received"], entry["taken"], entry["issued"]) == (3, 3, 3)
    assert len(set(entry["numbers"])) == 3
    assert shop.sandbox.ledger()["totals"]["issued_more_than_once"] == 1


@pytest.mark.parametrize("request_", ["text", None, [], {}, {**DOCUMENTED_ITEM, "comprobante": "x"}])
def test_a_malformed_item_is_refused_by_its_row(shop: Shop, request_: Any) -> None:
    answer = shop.settle(request_, item("B"))
    assert answer["procesados"] == 1
    assert "fila 0 (comenzando en 0)" in answer["validaciones"][0]


REFUSED_WHOLE: list[tuple[str, dict[str, Any], str]] = [
    ("wrong usertoken", {"usertoken": "x"}, "credenciales"),
    ("no apitoken", {"apitoken": None}, "credenciales"),
    ("no webhook_url", {"webhook_url": None}, "webhook"),
    ("empty webhook_url", {"webhook_url": ""}, "webhook"),
    ("no scheme", {"webhook_url": "www.tudominio.com"}, "https://www.tudominio.com"),
    ("other scheme", {"webhook_url": "ftp://127.0.0.1/x"}, "webhook"),
    ("no host", {"webhook_url": "http:///x"}, "webhook"),
    ("bad port", {"webhook_url": "http://127.0.0.1:99999/"}, "webhook"),
    ("bad address", {"webhook_url": "http://[::1/"}, "webhook"),
    ("a blank in it", {"webhook_url": "http://127.0.0.1/a b"}, "webhook"),
    ("a list", {"webhook_url": ["http://127.0.0.1/"]}, "webhook"),
    ("another machine", {"webhook_url": "https://shop.example/webhook/"}, "--allow-remote-webhooks"),
    ("a private address", {"webhook_url": "http://10.0.0.7/"}, "--allow-remote-webhooks"),
    ("yesterday", {"fecha_envio_inicial": "27/03/2018"}, "inferior a hoy"),
    ("ISO date", {"fecha_envio_inicial": "2018-03-29"}, "dd/mm/aaaa"),
    ("no such day", {"fecha_envio_inicial": "31/02/2019"}, "dd/mm/aaaa"),
    ("a number", {"fecha_envio_inicial": 29032018}, "dd/mm/aaaa"),
    ("no requests", {"requests": None}, "requests"),
    ("requests not a list", {"requests": {"0": {}}}, "requests"),
    ("empty requests", {"requests": []}, "requests"),
    ("501 requests", {"requests": [DOCUMENTED_ITEM] * 501}, "No se pueden enviar más de 500 requests por llamada"),
]


@pytest.mark.parametrize(("fields", "text"), [row[1:] for row in REFUSED_WHOLE], ids=[row[0] for row in REFUSED_WHOLE])
def test_what_is_wrong_with_the_whole_call_takes_nothing(
    shop: Shop, receiver: Receiver, fields: dict[str, Any], text: str
) -> None:
    answer = shop.settle(**{"requests": [item("A")], **fields})
    assert (answer["error"], answer["procesados"]) == ("S", 0)
    assert text in " ".join(answer["errores"])
    assert shop.sandbox.ledger()["totals"]["taken"] == 0
    assert receiver.notices == []


def test_500_requests_are_taken(shop: Shop) -> None:
    assert shop.settle(*(item(f"R{row}") for row in range(500)))["procesados"] == 500
    assert shop.sandbox.ledger()["totals"]["webhook_delivered"] == 500


@pytest.mark.parametrize("body", [[], "text", 5, None])
def test_json_that_is_not_an_object_is_refused_whole(shop: Shop, body: Any) -> None:
    answer = shop.post(body) if body is not None else request(shop.sandbox.url + PATH, "POST", raw=b"null")
    assert (answer.status, answer.json["error"]) == (200, "S")


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b"a=1", b"[" * 100_000])
def test_what_is_not_json_is_answered_400(shop: Shop, raw: bytes) -> None:
    answer = request(shop.sandbox.url + PATH, "POST", raw=raw)
    assert (answer.status, answer.json["error"]) == (400, "S")
    assert shop.sandbox.ledger()["calls"][0]["answer"] == "400"


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_only_post(shop: Shop, method: str) -> None:
    assert request(shop.sandbox.url + PATH, method).status == 405


@pytest.mark.parametrize("path", ["/", "/v2/facturacion/nuevo", PATH + "/", "/redirected"])
def test_an_unknown_path_is_404(shop: Shop, path: str) -> None:
    assert request(shop.sandbox.url + path, "POST", {}).status == 404


def test_an_apikey_may_be_a_number(shop: Shop) -> None:
    number = int(KEYS["apikey"])
    assert shop.send({**item("A"), "apikey": number}, apikey=number)["procesados"] == 1


def test_several_accounts_are_told_apart(receiver: Receiver) -> None:
    other = Account(apikey="55501", apitoken="other-apitoken", usertoken="other-usertoken")
    theirs = {"apikey": "55501", "apitoken": "other-apitoken", "usertoken": "other-usertoken"}
    with Sandbox(accounts=[Account(), other]) as sandbox:
        today = {"fecha": sandbox_today(sandbox)}
        shop = Shop(sandbox, receiver.url)
        answer = shop.settle(item("A", **today), {**item("B", **today), **theirs})
        assert answer["procesados"] == 1
        assert len(answer["validaciones"]) == 3
        assert shop.settle({**item("C", **today), **theirs}, **theirs)["procesados"] == 1
        references = sandbox.ledger()["references"]
        assert references["A"]["numbers"] == references["C"]["numbers"] == ["0003-00000001"]
        assert sandbox.ledger()["max_concurrent_calls"] == {"90817": 1, "55501": 1}
    assert {notice["apikey"] for notice in receiver.notices} == {"90817", "55501"}


def test_remote_webhooks_can_be_allowed(receiver: Receiver) -> None:
    with Sandbox(allow_remote_webhooks=True) as sandbox:
        sandbox.fault("webhook=never")
        answer = Shop(sandbox, "https://shop.example/").send(item("A"))
        assert answer["error"] == "N"


@pytest.mark.parametrize("host", ["localhost", "shop.localhost", "[::1]", "127.9.9.9", "LOCALHOST"])
def test_this_machine_has_many_names(shop: Shop, host: str) -> None:
    shop.sandbox.fault("webhook=never")
    assert shop.settle(item("A"), webhook_url=f"https://{host}:8443/w")["error"] == "N"


def sandbox_today(sandbox: Sandbox) -> str:
    return "/".join(reversed(str(sandbox.state()["today"]).split("-")))
