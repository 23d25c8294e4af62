"""``/_sandbox/``: the ledger, the clock, pauses, faults over HTTP; and the PDF."""

from __future__ import annotations

import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from django_tusfacturas_lotes.sandbox import APIKEY, APITOKEN, USERTOKEN
from django_tusfacturas_lotes.sandbox.server.pdf import make_pdf
from tests.support.sandbox.receiver import Receiver
from tests.support.sandbox.sending import Answer, Shop, item, request


def ask(shop: Shop, name: str, method: str = "GET", body: object = None) -> Answer:
    return request(f"{shop.sandbox.url}/_sandbox/{name}", method, body)


def test_the_ledger_says_how_often_each_reference_came_and_was_issued(shop: Shop) -> None:
    shop.sandbox.fault("fail=C", "refuse_rows=3")
    shop.settle(item("A"), item("B"), item("C"), item("D"))
    shop.settle(item("B"))
    ledger = ask(shop, "ledger").json
    assert ledger == shop.sandbox.ledger()
    assert ledger["references"]["B"] == {
        "received": 2,
        "taken": 2,
        "issued": 2,
        "status": "issued",
        "tries": 2,
        "numbers": ["0003-00000002", "0003-00000003"],
        "caes": ["71800000000002", "71800000000004"],
        "call": 1,
        "row": 0,
        "last_error": "",
        "webhooks": {"attempts": 2, "delivered": 2},
    }
    assert ledger["references"]["C"]["status"] == "failed"
    assert ledger["references"]["D"]["status"] == "refused"
    assert "fila 3" in ledger["references"]["D"]["last_error"]
    assert ledger["totals"] == {
        "calls": 2,
        "references": 4,
        "received": 5,
        "taken": 4,
        "issued": 3,
        "issued_more_than_once": 1,
        "failed": 1,
        "queued": 0,
        "scheduled": 0,
        "refused": 1,
        "webhook_attempts": 4,
        "webhook_delivered": 4,
    }
    first, second = ledger["calls"]
    assert (first["index"], first["items"], first["taken"], first["answer"]) == (0, 4, 3, "200")
    assert first["at"].startswith("2018-03-2")
    assert (second["modality"], second["apikey"], second["fault"]) == ("lotes", APIKEY, "")
    assert ledger["max_concurrent_calls"] == {APIKEY: 1}


def test_calls_are_kept_as_they_came(shop: Shop) -> None:
    body = shop.body(item("A"))
    shop.settle(**body)
    (call,) = shop.sandbox.calls
    assert call.body == body
    assert call.headers["Content-Type"] == "application/json"
    assert APITOKEN not in repr(call)


def test_the_index_is_for_people(shop: Shop) -> None:
    shop.settle(item("A"))
    answer = ask(shop, "")
    assert answer.headers["Content-Type"].startswith("text/html")
    assert b"/_sandbox/ledger" in answer.raw
    for secret in (APITOKEN, USERTOKEN):
        assert secret.encode() not in answer.raw


def test_pause_and_resume(shop: Shop) -> None:
    assert ask(shop, "pause", "POST").json["paused"] is True
    shop.send(item("A"))
    assert ask(shop, "state").json["idle"] is False
    assert shop.sandbox.issued("A") == 0
    with pytest.raises(TimeoutError, match="still busy"):
        shop.sandbox.wait_idle(timeout=0.01)
    assert ask(shop, "resume", "POST").json["paused"] is False
    shop.sandbox.wait_idle()
    assert ask(shop, "state").json["idle"] is True
    assert shop.sandbox.issued("A") == 1


def test_the_clock_over_http(shop: Shop) -> None:
    shop.settle(item("A", fecha="29/03/2018"), fecha_envio_inicial="29/03/2018")
    assert ask(shop, "state").json["scheduled"] == 1
    assert ask(shop, "clock", "POST", {"advance_days": 1}).json == {"today": "2018-03-29"}
    shop.sandbox.wait_idle()
    assert shop.sandbox.issued("A") == 1
    assert ask(shop, "clock", "POST", {"date": "2026-01-31"}).json == {"today": "2026-01-31"}


@pytest.mark.parametrize(
    "body", [{}, {"advance_days": "1"}, {"advance_days": True}, {"advance_days": 10**9}, {"date": "31/01/2026"}, []]
)
def test_a_wrong_day_says_what_is_expected(shop: Shop, body: Any) -> None:
    answer = ask(shop, "clock", "POST", body)
    assert answer.status == 400
    assert answer.json["error"]
    assert shop.sandbox.state()["today"] == "2018-03-28"


def test_faults_over_http(shop: Shop) -> None:
    assert ask(shop, "faults", "POST", {"faults": ["answer=500", "fail=X*"]}).json == {
        "faults": ["answer=500", "fail=X*"]
    }
    assert ask(shop, "faults").json == {"faults": ["answer=500", "fail=X*"]}
    answer = ask(shop, "faults", "POST", {"faults": ["answer=502", "answer=bad"]})
    assert answer.status == 400
    assert "'answer=bad'" in answer.json["error"]
    assert len(shop.sandbox.faults()) == 2
    assert ask(shop, "faults", "POST", {"fault": "answer=500"}).status == 400
    assert ask(shop, "faults", "DELETE").json == {"faults": []}
    assert shop.settle(item("A"))["procesados"] == 1


def test_resend_over_http(shop: Shop, receiver: Receiver) -> None:
    shop.settle(item("A"))
    assert ask(shop, "resend", "POST", {"reference": "A"}).json == {"resent": "A"}
    shop.sandbox.wait_idle()
    assert receiver.references == ["A", "A"]
    assert ask(shop, "resend", "POST", {"reference": "B"}).status == 404
    assert ask(shop, "resend", "POST", {}).status == 400


def test_reset_forgets_everything(shop: Shop) -> None:
    shop.settle(item("A"))
    shop.sandbox.fault("answer=500", "fail=*")
    shop.sandbox.pause()
    shop.post(shop.body(item("B")))
    assert ask(shop, "reset", "POST").status == 200
    state = ask(shop, "state").json
    assert (state["idle"], state["paused"], state["faults"]) == (True, False, [])
    assert state["today"] != "2018-03-28"
    assert shop.sandbox.ledger()["references"] == {}
    assert shop.sandbox.calls == []
    day = "/".join(reversed(state["today"].split("-")))
    shop.settle(item("A", fecha=day))
    assert shop.sandbox.ledger()["references"]["A"]["numbers"] == ["0003-00000001"]


def test_reset_lets_go_of_held_answers(shop: Shop) -> None:
    shop.sandbox.fault("answer=hold")
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(shop.post, shop.body(item("A")))
        shop.sandbox.wait_held()
        shop.sandbox.reset()
        assert pending.result(30).json["procesados"] == 1
    assert shop.sandbox.ledger()["max_concurrent_calls"] == {}


@pytest.mark.parametrize(
    ("name", "method", "status"),
    [
        ("nothing", "GET", 404),
        ("ledger", "POST", 405),
        ("reset", "GET", 405),
        ("clock", "DELETE", 405),
        ("", "POST", 405),
    ],
)
def test_wrong_addresses_and_methods(shop: Shop, name: str, method: str, status: int) -> None:
    assert ask(shop, name, method).status == status


def test_a_body_that_is_not_json(shop: Shop) -> None:
    assert request(f"{shop.sandbox.url}/_sandbox/clock", "POST", raw=b"{").status == 400


def test_the_pdf_is_a_real_one_and_names_the_comprobante(shop: Shop, receiver: Receiver) -> None:
    made = item("A")
    made["cliente"]["razon_social"] = "Ñandú (hijos) \\ Cía"
    shop.settle(made)
    answer = request(receiver.notices[0]["comprobante_pdf_url"])
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/pdf")
    assert b"FACTURA B 0003-00000001" in answer.raw
    assert_right_offsets(answer.raw)


def assert_right_offsets(document: bytes) -> None:
    start = int(document.rsplit(b"startxref\n", 1)[1].split()[0])
    assert document[start:].startswith(b"xref\n")
    offsets = [int(found) for found in re.findall(rb"^(\d{10}) 00000 n $", document[start:], re.MULTILINE)]
    for number, offset in enumerate(offsets, start=1):
        assert document[offset:].startswith(b"%d 0 obj\n" % number)
    length = int(re.search(rb"/Length (\d+)", document)[1])  # type: ignore[index]  # it is there, or the test fails
    assert document.split(b"stream\n", 1)[1][length:].startswith(b"\nendstream")


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext (poppler) is not installed")
def test_the_pdf_opens_in_a_reader() -> None:
    done = subprocess.run(
        ["pdftotext", "-", "-"], input=make_pdf(["Cía. Ñandú (1) \\ x"]), capture_output=True, check=True
    )
    assert "Cía. Ñandú (1) \\ x" in done.stdout.decode()
    assert done.stderr == b""


def test_a_pdf_address_is_good_for_its_day_only_and_again_when_it_is_told_again(shop: Shop, receiver: Receiver) -> None:
    shop.settle(item("A"))
    url = receiver.notices[0]["comprobante_pdf_url"]
    shop.sandbox.advance_days(1)
    assert request(url).status == 410
    shop.sandbox.resend("A")
    shop.sandbox.wait_idle()
    assert request(receiver.notices[1]["comprobante_pdf_url"]).status == 200


@pytest.mark.parametrize("path", ["1-0003-00000009.pdf", "9-0003-00000001.pdf", "x.pdf", "../_sandbox/ledger"])
def test_other_pdf_addresses_are_404(shop: Shop, path: str) -> None:
    shop.settle(item("A"))
    assert request(f"{shop.sandbox.url}/comprobantes/{path}").status == 404


def test_a_pdf_is_read_only(shop: Shop, receiver: Receiver) -> None:
    shop.settle(item("A"))
    assert request(receiver.notices[0]["comprobante_pdf_url"], "POST").status == 405
    assert request(receiver.notices[0]["comprobante_pdf_url"], "HEAD").raw == b""
