"""``consulta_avanzada``: what is found, and in which state."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from django_tusfacturas_lotes.sandbox import Account, Sandbox
from tests.support.sandbox.queue_shop import QueueShop, encolado
from tests.support.sandbox.receiver import Receiver
from tests.support.sandbox.sending import TODAY, Shop, item, request

NOT_FOUND = {"error": "S", "errores": ["No se han encontrado comprobantes."]}


def test_what_is_issued_is_found_with_its_data(either_queue: QueueShop) -> None:
    either_queue.settle(encolado("A"))
    answer = either_queue.look_up("A")
    assert {name: answer[name] for name in ("error", "errores", "rta", "total")} == {
        "error": "N",
        "errores": [],
        "rta": "OK",
        "total": 1,
    }
    (both,) = answer["comprobantes"]
    assert both["cliente"]["razon_social"] == "VOUSYS"
    found = both["comprobante"]
    assert request(found.pop("comprobante_pdf_url")).status == 200
    code = json.loads(base64.b64decode(found.pop("afip_qr").partition("?p=")[2]))
    assert code["codAut"] == 71800000000001
    del found["detalle"]
    assert found == {
        "operacion": "V",
        "fecha": "28/03/2018",
        "moneda": "PES",
        "cotizacion": 1,
        "rubro": "Sevicios web",
        "total": 139.0,
        "tipo": "FACTURA B",
        "punto_venta": 3,
        "numero": 1,
        "cae": "71800000000001 ",
        "vencimiento_cae": "07/04/2018",
        "external_reference": "A",
        "status": "EMITIDO",
        "errores": [],
        "error_details": [],
    }


def test_what_is_in_error_is_found_with_the_reasons(queue: QueueShop) -> None:
    queue.settle(encolado("A", detalle=[]))
    found = queue.found("A")
    assert found["status"] == "ENVIADO A PROCESAR - CON ERROR"
    assert found["errores"] == ["El comprobante debe tener al menos un item en detalle."]
    assert found["error_details"][0]["text"] == found["errores"][0]
    assert (found["numero"], found["cae"], found["comprobante_pdf_url"], found["afip_qr"]) == (0, " ", "", "")


@pytest.mark.parametrize("fecha", ["28/03/2018", "30/03/2018"])
def test_what_is_queued_is_found_with_its_day(queue: QueueShop, fecha: str) -> None:
    queue.sandbox.pause()
    queue.send(encolado("A", fecha=fecha))
    assert queue.found("A")["status"] == f"APROBADO Y EN COLA. SE EMITE EL {fecha}"


def test_what_is_still_tried_is_queued(queue: QueueShop) -> None:
    queue.sandbox.fault("fail=A*9")
    queue.settle(encolado("A"))
    assert queue.found("A")["status"] == "EMITIDO"
    assert queue.entry("A")["tries"] == 10


def test_what_is_not_there_is_said_in_one_of_two_ways(queue: QueueShop) -> None:
    assert queue.look_up("A") == NOT_FOUND
    queue.sandbox.fault("lookup=empty")
    assert queue.look_up("A") == {"error": "N", "errores": [], "rta": "OK", "total": 0, "comprobantes": []}
    queue.settle(encolado("A"))
    queue.sandbox.fault("lookup=empty")
    assert queue.found("A")["status"] == "EMITIDO"


def test_lotes_is_a_black_box_until_it_is_issued(shop: Shop, queue: QueueShop) -> None:
    shop.sandbox.pause()
    shop.send(item("A"), item("BAD", detalle=[]))
    assert queue.look_up("A") == NOT_FOUND
    shop.sandbox.resume()
    shop.sandbox.wait_idle()
    assert queue.found("A")["status"] == "EMITIDO"
    assert queue.look_up("BAD") == NOT_FOUND


def test_each_account_finds_its_own(receiver: Receiver) -> None:
    theirs = {"apikey": "55501", "apitoken": "b", "usertoken": "c"}
    with Sandbox(accounts=[Account(), Account(**theirs)]) as sandbox:
        sandbox.set_date(TODAY)
        queue = QueueShop(sandbox, receiver)
        queue.settle(encolado("A"))
        assert queue.found("A")["numero"] == 1
        assert queue.look_up("A", **theirs) == NOT_FOUND
        assert queue.look_up("A", usertoken="x")["errores"] != NOT_FOUND["errores"]


def test_a_look_up_gives_out_the_pdf_for_the_day(queue: QueueShop) -> None:
    queue.settle(encolado("A"))
    url = queue.found("A")["comprobante_pdf_url"]
    queue.sandbox.advance_days(1)
    assert request(url).status == 410
    assert request(queue.found("A")["comprobante_pdf_url"]).status == 200


def test_a_trial_account_finds_an_empty_cae(trial_shop: Shop, receiver: Receiver) -> None:
    queue = QueueShop(trial_shop.sandbox, receiver)
    queue.settle(encolado("A"))
    found = queue.found("A")
    assert (found["cae"], found["vencimiento_cae"], found["afip_qr"]) == (" ", "01/01/2000", "")


@pytest.mark.parametrize(
    "fields",
    [
        {"busqueda_tipo": "TODOS"},
        {"comprobante": {"operacion": "V"}},
        {"comprobante": {"external_reference": "A"}},
        {"comprobante": "A"},
        {"pagina": -1},
        {"limite": 0},
        {"limite": 101},
    ],
)
def test_a_look_up_that_is_not_one_is_refused(queue: QueueShop, fields: dict[str, Any]) -> None:
    queue.settle(encolado("A"))
    answer = queue.look_up("A", **fields)
    assert answer["error"] == "S"
    assert answer["errores"] != NOT_FOUND["errores"]


def test_pages(queue: QueueShop) -> None:
    queue.settle(*[encolado("A")] * 3)
    pages = [queue.look_up("A", pagina=page, limite=2) for page in (0, 1)]
    assert [page["total"] for page in pages] == [3, 3]
    assert [[found["comprobante"]["numero"] for found in page["comprobantes"]] for page in pages] == [[1, 2], [3]]


def test_only_post_and_only_json(queue: QueueShop) -> None:
    url = f"{queue.sandbox.url}/v2/facturacion/consulta_avanzada"
    assert request(url).status == 405
    assert request(url, "POST", raw=b"[" * 100_000).status == 400
    assert request(url, "POST", raw=b"[]").json["error"] == "S"


def test_the_ledger_counts_look_ups(queue: QueueShop) -> None:
    for reference in ("A", "B", "A"):
        queue.look_up(reference)
    ledger = queue.sandbox.ledger()
    assert ledger["lookups"] == {"total": 3, "references": {"A": 2, "B": 1}}
    assert ledger["calls"] == queue.sandbox.calls == []
