"""Law 11: credentials are in no table, no log, no admin page and no task."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client as HttpClient
from django_q.models import OrmQ, Task

from django_tusfacturas_lotes import operations, tasks
from django_tusfacturas_lotes.conf import conf
from django_tusfacturas_lotes.models import Invoice, Lote, LoteItem, QueueOperation, WebhookEvent
from django_tusfacturas_lotes.provider.client import Outcome, Verdict
from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoice, queue_invoices
from django_tusfacturas_lotes.reception import Authenticated, receive
from django_tusfacturas_lotes.reconciliation import look_ups
from django_tusfacturas_lotes.sandbox import Account, Sandbox
from django_tusfacturas_lotes.submission import flush, queue_operations
from django_tusfacturas_lotes.wire.modalities import modalities
from tests.support.builders import documento
from tests.support.provider import Provider
from tests.support.webhook import post

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def tusfacturas_sandbox() -> Iterator[Sandbox]:
    """One whose apikey is too long to be found by chance in a time or a random name."""
    with Sandbox(accounts=[Account(apikey="908172635441")]) as sandbox:
        yield sandbox


def everything_stored() -> str:
    """Every value of every table, pickled tasks opened."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            found += [str(value) for row in cursor.fetchall() for value in row]
    found += [str(vars(task)) + str(task.task) for task in OrmQ.objects.all()]
    found += [f"{task.args} {task.kwargs} {task.result}" for task in Task.objects.all()]
    return "\n".join(found)


def test_a_grep_of_database_logs_and_tasks_finds_no_credential(
    provider: Provider, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], admin_client: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = list(provider.credentials.values())
    echo = f"las credenciales {' / '.join(secrets)} no sirven"
    queue_invoices(ToInvoice(documento(), f"erp-{number}") for number in range(4))
    queue_invoice(comprobante=documento(comentario=echo), key="echo")
    queue_invoice(comprobante={**documento(tipo=echo), **provider.credentials}, key="not-valid")
    for fault in ("refuse_rows=0", "reject=401", "answer=none", "webhook=twice"):
        provider.fault(fault)
        tasks.flush()
        tasks.send_lote("default")
        Lote.objects.update(next_try_at=None)
    provider.settle()
    reference = str(LoteItem.objects.values_list("reference", flat=True)[0])
    for payload in (
        {**provider.credentials, "error": "S", "errores": [echo], "facturacion_lote_id_referencia": reference},
        {**provider.credentials, "error": "?", "rta": echo, "nested": [provider.credentials]},
        {**provider.credentials, "facturacion_lote_id_referencia": secrets[1], "error": "N", "cae": [secrets[2]]},
    ):
        assert post(payload).status_code == 200
    post({**provider.credentials, "apikey": "wrong", "rta": echo})
    assert_nowhere(secrets, admin_client, caplog, capfd)


def assert_nowhere(
    secrets: list[str], admin_client: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    pages = "".join(
        admin_client.get(f"/admin/django_tusfacturas_lotes/{model.__name__.lower()}/{row.pk}/change/").content.decode()
        for model in (Invoice, Lote, LoteItem, WebhookEvent, QueueOperation)
        for row in model.objects.all()
    )
    logged = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    stdout, stderr = capfd.readouterr()
    everywhere = {"database": everything_stored(), "log": logged, "admin": pages, "out": stdout, "err": stderr}
    assert "erp-0" in everywhere["database"]
    for secret in secrets:
        for place, text in everywhere.items():
            where = text.find(secret)
            assert where < 0, f"{place}: …{text[max(0, where - 200) : where + 80]}…"


@pytest.mark.parametrize("modality", ["lotes_encola", "nuevo_encola"])
def test_a_grep_finds_none_of_what_the_queue_says_either(
    provider: Provider,
    modality: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    admin_client: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The notices, the answers to look-ups and to operations, and the webhook's token."""
    caplog.set_level(logging.DEBUG)
    provider.use(modality)
    token = str(provider.sandbox.settings_for(modality)["WEBHOOK_TOKEN"])
    secrets = [*provider.credentials.values(), token]
    echo = f"las credenciales {' / '.join(secrets)} no sirven"
    queue_invoices(ToInvoice(documento(), f"erp-{number}") for number in range(2))
    provider.sandbox.fault("fail=*")
    flush()
    provider.settle()
    real = look_ups.read_lookup

    def echoed(*read: Any) -> Any:
        return tuple(dataclasses.replace(found, errors=(echo,)) for found in real(*read))

    monkeypatch.setattr(look_ups, "read_lookup", echoed)
    for number, item in enumerate(LoteItem.objects.all()):
        provider.sandbox.notify(item.reference, "error", msg=[echo])
        payload = {
            "recurso": "facturacion", "evento": "error", "external_reference": item.reference, "intento": 2,
            "msg": [echo], "hook_id": f"of-its-own-{number}", "token": token, **provider.credentials,
        }  # fmt: skip
        assert HttpClient().post(
            "/tusfacturas/webhook/", payload, content_type="application/json", headers={"TF-WebhookToken": token}
        ).status_code == 200  # fmt: skip
        operations.look_up_now(item.invoice)
    provider.settle()
    assert HttpClient().post(
        "/tusfacturas/webhook/", {"rta": echo}, content_type="application/json", headers={"TF-WebhookToken": token[:-1]}
    ).status_code == 403  # fmt: skip
    look_ups.look_up("default")
    said = {"error": "S", "errores": [echo]}
    monkeypatch.setattr(
        queue_operations, "_call", lambda *_: Outcome(Verdict.REFUSED, echo, http_status=200, response=said)
    )
    operations.resend(Invoice.objects.first())
    assert queue_operations.send_requested("default") == 1
    assert "no sirven" in QueueOperation.objects.get().error
    tasks.flush()
    assert_nowhere(secrets, admin_client, caplog, capfd)


def test_an_exception_while_acting_on_an_event_is_stored_without_them(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django_tusfacturas_lotes.reception import events

    def fail(*args: Any) -> None:
        raise RuntimeError(f"the token {provider.credentials['apitoken']} is in this text")

    monkeypatch.setattr(events, "apply_notification", fail)
    proof = Authenticated(tuple(conf.accounts()), modalities()["lotes"])
    event = receive({**provider.credentials, "error": "N"}, proof)
    event.refresh_from_db()
    assert event.error == "RuntimeError: the token *** is in this text"
