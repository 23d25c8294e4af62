"""The thin notices of the encola modalities: when, what, and how often."""

from __future__ import annotations

import logging
import re
import socket
import threading
from collections.abc import Iterator

import pytest

from django_tusfacturas_lotes.sandbox import FAST, REAL, WEBHOOK_TOKEN, Account, Clock, Pace, Sandbox
from tests.support.sandbox.queue_shop import NUEVO_ENCOLA, QueueShop, encolado
from tests.support.sandbox.receiver import Receiver
from tests.support.sandbox.sending import APIKEY, TODAY, Answer, Shop, item, request, until
from tests.support.sandbox.stopwatch import QUICK, Stopwatch


def ask(queue: QueueShop, name: str, body: object) -> Answer:
    return request(f"{queue.sandbox.url}/_sandbox/{name}", "POST", body)


def test_a_notice_is_thin_and_proven_by_its_headers(either_queue: QueueShop, receiver: Receiver) -> None:
    either_queue.settle(encolado(17032))
    first, second = receiver.notices
    for notice in (first, second):
        assert re.fullmatch(r"2[89]/03/2018 \d\d:\d\d:\d\d", notice.pop("creado"))
    hooks = {first.pop("hook_id"), second.pop("hook_id")}
    assert len(hooks) == 2
    thin = {"recurso": "facturacion", "external_reference": "17032", "intento": 1, "msg": []}
    assert (first, second) == ({**thin, "evento": "encolado"}, {**thin, "evento": "emitido"})
    for headers in receiver.headers:
        assert headers["User-Agent"] == "TusFacturasAPP-webhook/1.0"
        assert headers["TF-WebhookToken"] == WEBHOOK_TOKEN
        assert headers["Content-Type"] == "application/json"


def test_what_is_in_error_is_told_with_its_texts(queue: QueueShop, receiver: Receiver) -> None:
    queue.settle(encolado("A", detalle=[]))
    assert queue.events() == ["encolado", "error"]
    assert receiver.notices[1]["msg"] == ["El comprobante debe tener al menos un item en detalle."]


def test_what_waits_for_its_day_is_told_when_it_is_taken(queue: QueueShop) -> None:
    queue.settle(encolado("A", fecha="30/03/2018"))
    assert queue.events() == ["encolado"]


def test_without_an_address_nothing_is_posted(queue: QueueShop, receiver: Receiver) -> None:
    queue.sandbox.configure_webhook("")
    queue.settle(encolado("A"))
    assert queue.sandbox.issued("A") == 1
    assert receiver.notices == []
    with pytest.raises(LookupError, match="no webhook address"):
        queue.sandbox.send_test_notice()
    assert ask(queue, "notify", {"reference": "A", "evento": "emitido"}).status == 404


def test_without_a_token_there_is_no_header(queue: QueueShop, receiver: Receiver) -> None:
    queue.sandbox.configure_webhook(receiver.url, token="")
    queue.settle(encolado("A"))
    assert "TF-WebhookToken" not in receiver.headers[0]


@pytest.mark.parametrize("status", [201, 202, 204, 302, 400, 403, 404, 500])
def test_only_200_ends_it(queue: QueueShop, receiver: Receiver, status: int) -> None:
    queue.sandbox.pause()
    receiver.statuses = [status, status]
    queue.send(encolado("A"))
    until(lambda: queue.entry("A")["webhooks"] == {"attempts": 3, "delivered": 1})
    assert [notice["intento"] for notice in receiver.notices] == [1, 2, 3]
    assert len({notice["hook_id"] for notice in receiver.notices}) == 1
    assert len({notice["creado"] for notice in receiver.notices}) == 1


def test_it_is_given_up_after_six_tries(queue: QueueShop, receiver: Receiver) -> None:
    receiver.statuses = [500] * 100
    queue.settle(encolado("A"))
    assert queue.entry("A")["webhooks"] == {"attempts": 12, "delivered": 0}
    assert sorted(notice["intento"] for notice in receiver.notices) == sorted([*range(1, 7)] * 2)


def test_a_receiver_that_is_not_there_is_tried_six_times(queue: QueueShop) -> None:
    with socket.socket() as nobody_listens:  # and nobody else can meanwhile
        nobody_listens.bind(("127.0.0.1", 0))
        port = nobody_listens.getsockname()[1]
        queue.sandbox.configure_webhook(f"http://127.0.0.1:{port}/")
        queue.settle(encolado("A", fecha="30/03/2018"))
    assert queue.entry("A")["webhooks"] == {"attempts": 6, "delivered": 0}


def test_the_real_pauses_are_the_documented_ones() -> None:
    assert REAL.notice_retries == (300, 1800, 3 * 3600, 6 * 3600, 12 * 3600)
    assert (REAL.notice_timeout, REAL.notice_retry_timeout) == (20, 5)
    assert (REAL.max_tries, REAL.min_gap, REAL.enforce_limits) == (100, 0.1, True)
    assert (FAST.notice_retries, FAST.max_tries, FAST.min_gap, FAST.enforce_limits) == ((0.05,) * 5, 10, 0, False)


def test_each_pause_is_kept(receiver: Receiver, stopwatch: Stopwatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    pauses = (300.0, 1_800.0, 10_800.0)
    with Sandbox(clock=Clock(monotonic=stopwatch), pace=Pace(notice_retries=pauses)) as sandbox:
        sandbox.set_date(TODAY)
        receiver.statuses = [500] * 3
        QueueShop(sandbox, receiver).send(encolado("A", fecha="30/03/2018"))
        for tries, pause in enumerate(pauses, start=1):
            until(lambda tried=f"try {tries}: 500": tried in caplog.text)  # type: ignore[misc]
            sandbox.state()  # by now its next try has its time
            stopwatch.added += pause - 60
            sandbox.advance_days(0)
            assert sandbox.ledger()["totals"]["webhook_attempts"] == tries
            stopwatch.added += 60
            sandbox.advance_days(0)
        sandbox.wait_idle()
        assert len(receiver.notices) == 4


def test_the_first_try_and_the_later_ones_wait_each_as_long_as_the_pace_says(receiver: Receiver) -> None:
    receiver.gate.clear()
    pace = Pace(notice_retries=(0.001,), notice_timeout=0.05, notice_retry_timeout=3600)
    with Sandbox(pace=pace) as sandbox:
        sandbox.set_date(TODAY)
        queue = QueueShop(sandbox, receiver)
        queue.send(encolado("A", fecha="30/03/2018"))
        until(lambda: queue.entry("A")["webhooks"]["attempts"] == 2)
        receiver.gate.set()
        sandbox.wait_idle()
        assert queue.entry("A")["webhooks"] == {"attempts": 2, "delivered": 1}


@pytest.mark.parametrize("modality", ["lotes_encola", NUEVO_ENCOLA])
def test_tries_to_issue_follow_the_pace_and_those_of_lotes_do_not(receiver: Receiver, modality: str) -> None:
    with Sandbox(pace=Pace(max_tries=25, emission_retry=0.001)) as sandbox:
        sandbox.set_date(TODAY)
        QueueShop(sandbox, receiver, modality).settle(encolado("A", detalle=[]))
        Shop(sandbox, receiver.url).settle(item("B", detalle=[]))
        references = sandbox.ledger()["references"]
        assert (references["A"]["tries"], references["B"]["tries"]) == (25, 10)


def test_the_notices_of_one_item_come_one_after_the_other(queue: QueueShop, receiver: Receiver) -> None:
    receiver.gate.clear()
    queue.send(encolado("A"))
    until(lambda: queue.sandbox.issued("A") == 1)
    until(lambda: queue.sandbox.ledger()["totals"]["webhook_attempts"] == 1)
    assert queue.sandbox.state()["notices"] == 2
    receiver.gate.set()
    queue.sandbox.wait_idle()
    assert queue.events() == ["encolado", "emitido"]


@pytest.mark.parametrize(
    ("state", "event"),
    [("scheduled", "encolado"), ("queued", "encolado"), ("issued", "emitido"), ("failed", "error")],
)
def test_resend_tells_how_it_stands(queue: QueueShop, receiver: Receiver, state: str, event: str) -> None:
    if state == "queued":
        queue.sandbox.pause()
    fields = {"scheduled": {"fecha": "30/03/2018"}, "failed": {"detalle": []}}.get(state, {})
    queue.sandbox.fault("webhook=never")
    queue.send(encolado("A", **fields))
    until(lambda: queue.entry("A")["status"] == state)
    queue.sandbox.resend("A")
    until(lambda: queue.events() == [event])
    assert bool(receiver.notices[0]["msg"]) == (state == "failed")


def test_resend_tells_of_what_is_deleted(queue: QueueShop) -> None:
    queue.settle(encolado("A", fecha="30/03/2018"))
    queue.operate("eliminar_encolado", "A")
    queue.sandbox.resend("A")
    queue.sandbox.wait_idle()
    assert queue.events() == ["encolado", "eliminado", "eliminado"]
    with pytest.raises(LookupError, match="UNKNOWN"):
        queue.sandbox.resend("UNKNOWN")


def test_any_notice_can_be_sent(queue: QueueShop, receiver: Receiver) -> None:
    queue.settle(encolado("A"))
    queue.sandbox.notify("A", "error", msg=["No fue así"])
    queue.sandbox.notify("nobody", "inventado", recurso="otro")
    assert ask(queue, "notify", {"reference": "B", "evento": "emitido", "msg": ["x"]}).json == {"notified": "B"}
    queue.sandbox.wait_idle()
    told = {
        (notice["external_reference"], notice["recurso"], notice["evento"], *notice["msg"])
        for notice in receiver.notices[2:]
    }
    assert told == {
        ("A", "facturacion", "error", "No fue así"),
        ("nobody", "otro", "inventado"),
        ("B", "facturacion", "emitido", "x"),
    }
    assert queue.entry("A")["webhooks"] == {"attempts": 3, "delivered": 3}
    assert queue.sandbox.ledger()["totals"]["references"] == 1


def test_the_provider_tries_the_address(queue: QueueShop, receiver: Receiver) -> None:
    queue.sandbox.send_test_notice()
    assert ask(queue, "test_notice", {}).status == 200
    queue.sandbox.wait_idle()
    assert [(notice["recurso"], notice["evento"]) for notice in receiver.notices] == [("test", "test")] * 2


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("notify", {"reference": "A"}),
        ("notify", {"reference": 1, "evento": "emitido"}),
        ("notify", {"reference": "A", "evento": "emitido", "msg": "x"}),
        ("notify", {"reference": "A", "evento": "emitido", "apikey": "1"}),
        ("webhook", {}),
        ("webhook", {"url": "http://127.0.0.1/", "token": 5}),
        ("webhook", {"url": "nonsense"}),
        ("webhook", {"url": "https://shop.example/"}),
        ("webhook", {"url": "http://127.0.0.1/", "apikey": "1"}),
    ],
)
def test_what_is_expected_is_said(queue: QueueShop, name: str, body: object) -> None:
    answer = ask(queue, name, body)
    assert answer.status == 400
    assert answer.json["error"]


def test_an_address_is_configured_over_http_for_any_account(receiver: Receiver) -> None:
    theirs = {"apikey": "55501", "apitoken": "b", "usertoken": "c"}
    with Sandbox(accounts=[Account(), Account(**theirs)]) as sandbox, Receiver() as second:
        sandbox.set_date(TODAY)
        queue = QueueShop(sandbox, receiver)
        body = {"url": second.url, "token": "their-token", "apikey": 55501}
        assert ask(queue, "webhook", body).json == {"webhook": second.url, "apikey": "55501"}
        queue.settle({**encolado("A"), **theirs}, **theirs)
        assert ask(queue, "webhook", {"url": second.url}).json["apikey"] == APIKEY
        queue.settle(encolado("B"))
        assert receiver.notices == []
        assert [headers["TF-WebhookToken"] for headers in second.headers] == ["their-token"] * 2 + [WEBHOOK_TOKEN] * 2
        assert sandbox.settings_for("lotes_encola", 1)["WEBHOOK_TOKEN"] == "their-token"


@pytest.fixture
def configured(receiver: Receiver) -> Iterator[Sandbox]:
    """A sandbox with its account's address from the start."""
    with Sandbox(accounts=[Account(webhook_url=receiver.url, webhook_token="t")], pace=QUICK) as sandbox:
        yield sandbox


def test_an_account_can_bring_its_address(configured: Sandbox, receiver: Receiver) -> None:
    configured.send_test_notice()
    configured.wait_idle()
    assert receiver.headers[0]["TF-WebhookToken"] == "t"
    assert configured.settings_for(NUEVO_ENCOLA) == {
        **configured.account,
        "MODALITY": NUEVO_ENCOLA,
        "WEBHOOK_TOKEN": "t",
    }
    with pytest.raises(ValueError, match="modality"):
        configured.settings_for("nuevo")


def test_the_address_stays_after_a_reset(configured: Sandbox, receiver: Receiver) -> None:
    configured.reset()
    configured.send_test_notice()
    configured.wait_idle()
    assert len(receiver.notices) == 1


def test_an_address_on_another_machine_must_be_allowed() -> None:
    account = Account(webhook_url="https://shop.example/")
    with pytest.raises(ValueError, match="--allow-remote-webhooks"):
        Sandbox(accounts=[account])
    Sandbox(accounts=[account], allow_remote_webhooks=True)


def test_stop_joins_what_is_tried_again_later(receiver: Receiver) -> None:
    before = set(threading.enumerate())
    receiver.statuses = [500]
    with Sandbox(pace=Pace(notice_retries=(3600.0,))) as sandbox:
        sandbox.set_date(TODAY)
        sandbox.fault("answer=524:3600*2")
        queue = QueueShop(sandbox, receiver)
        queue.post(encolado("A"))
        sandbox.send_test_notice()
        until(lambda: receiver.notices != [])
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("sandbox-")]
