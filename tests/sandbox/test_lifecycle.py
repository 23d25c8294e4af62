"""Starting, stopping, and clients that go away."""

from __future__ import annotations

import json
import logging
import socket
import threading
from typing import Any
from urllib.parse import urlsplit

import pytest

from django_tusfacturas_lotes.sandbox import Account, FaultError, Pace, Sandbox
from tests.support.sandbox.receiver import Receiver
from tests.support.sandbox.sending import PATH, TODAY, Shop, item, request, until
from tests.support.sandbox.stopwatch import QUICK


def test_stop_joins_every_thread_and_frees_the_port(receiver: Receiver) -> None:
    before = set(threading.enumerate())
    with Sandbox(pace=Pace(webhook_retry=3600, emission_retry=3600)) as sandbox:
        sandbox.set_date(TODAY)
        receiver.statuses = [500]
        shop = Shop(sandbox, receiver.url)
        sandbox.fault("fail=B", "webhook=late:3600")
        shop.send(item("A"), item("B"))
        shop.send(item("C", fecha="29/03/2018"), fecha_envio_inicial="29/03/2018")
        port = urlsplit(sandbox.url).port or 0
        assert len(set(threading.enumerate()) - before) > 4
    own = [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("sandbox-")]
    assert own == []
    with Sandbox(port=port) as again:
        assert again.url == sandbox.url


@pytest.mark.parametrize("fault", ["answer=hold", "reject=hold", "answer=late:3600"])
def test_stop_does_not_wait_for_answers_that_wait(fault: str, receiver: Receiver) -> None:
    with Sandbox(faults=[fault]) as sandbox:
        client = open_call(sandbox, Shop(sandbox, receiver.url).body(item("A")))
        until(lambda: len(sandbox.calls) == 1)
    assert client.recv(100) == b""
    client.close()


def test_stop_breaks_a_connection_that_sends_nothing(sandbox: Sandbox) -> None:
    with connect(sandbox) as client:
        request(sandbox.url + "/_sandbox/state")  # by now the one before was accepted
        sandbox.stop()
        assert client.recv(100) == b""


def test_stop_twice_is_once(sandbox: Sandbox) -> None:
    sandbox.stop()
    sandbox.stop()


def test_a_client_that_goes_away_makes_no_noise(
    sandbox: Sandbox, receiver: Receiver, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    sandbox.fault("answer=hold")
    open_call(sandbox, Shop(sandbox, receiver.url).body(item("A"))).close()
    sandbox.wait_held()
    sandbox.release()
    with connect(sandbox) as client:
        client.sendall(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf".encode())
    sandbox.wait_idle()
    assert sandbox.issued("A") == 1
    sandbox.stop()
    assert capfd.readouterr() == ("", "")
    assert not [record for record in caplog.records if record.exc_info]


def test_credentials_are_not_logged(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    shop.sandbox.fault("fail=B")
    shop.settle(item("A"), item("B"), {**item("C"), "apitoken": "wrong-token"})
    shop.send(item("A"), usertoken="wrong-token")
    assert "issued A" in caplog.text
    for account in shop.sandbox.accounts:
        for secret in (account.apikey, account.apitoken, account.usertoken, "wrong-token"):
            assert secret not in caplog.text


def test_a_body_needs_a_length_within_reason(sandbox: Sandbox) -> None:
    for header, status in (("Content-Length: x", b"411"), ("Transfer-Encoding: chunked", b"411")):
        with connect(sandbox) as client:
            client.sendall(f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{header}\r\n\r\n".encode())
            assert client.recv(100).split()[1] == status
    with connect(sandbox) as client:
        client.sendall(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {10**10}\r\n\r\n".encode())
        assert client.recv(100).split()[1] == b"413"


@pytest.mark.parametrize(
    ("options", "error"),
    [({"accounts": []}, ValueError), ({"webhook_workers": 0}, ValueError), ({"faults": ["x"]}, FaultError)],
)
def test_wrong_options_are_refused(options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        Sandbox(**options)


def test_bodies_need_not_be_kept(receiver: Receiver) -> None:
    with Sandbox(keep_bodies=False, pace=QUICK) as sandbox:
        Shop(sandbox, receiver.url).settle(item("A"))
        assert sandbox.calls[0].body is None


def test_the_account_is_an_entry_for_the_settings() -> None:
    with Sandbox(accounts=[Account(punto_venta=7)]) as sandbox:
        assert sandbox.account == {
            "APIKEY": "90817",
            "APITOKEN": "sandbox-apitoken-5f1d0c7e93b24a68",
            "USERTOKEN": "sandbox-usertoken-c3a9e2476bd8150f",
            "PUNTO_VENTA": 7,
            "MODALITY": "lotes",
            "BASE_URL": sandbox.url,
        }


def connect(sandbox: Sandbox) -> socket.socket:
    parts = urlsplit(sandbox.url)
    return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30)


def open_call(sandbox: Sandbox, body: object) -> socket.socket:
    """A call that is sent; nobody reads its answer yet."""

    raw = json.dumps(body).encode()
    client = connect(sandbox)
    client.sendall(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(raw)}\r\n\r\n".encode() + raw)
    return client
