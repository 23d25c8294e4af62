"""A paid order becomes one invoice, or a reason, and never breaks a checkout."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction

from django_tusfacturas_lotes.models import FailureStage, Invoice, InvoiceStatus
from django_tusfacturas_lotes.queueing import ToInvoice, queue_invoice, queue_invoices
from django_tusfacturas_lotes.signals import order_paid
from django_tusfacturas_lotes.wire.dates import argentine_day
from django_tusfacturas_lotes.wire.validation import read
from tests.support import builders
from tests.support.builders import day, documento, order
from tests.testshop.models import Order


def pay(order: Order, **named: Any) -> None:
    order_paid.send(sender=Order, order=order, **named)


@pytest.mark.django_db
def test_order_paid_queues_one_invoice_with_its_searchable_copies() -> None:
    paid = order(fecha=day())
    pay(paid)
    invoice = Invoice.objects.get()
    assert invoice.source == paid
    assert (invoice.status, invoice.account, invoice.kind) == (InvoiceStatus.PENDING, "default", "factura")
    assert (invoice.tipo, invoice.punto_venta, str(invoice.total)) == ("FACTURA B", 3, "139.00")
    assert (invoice.razon_social, invoice.documento_nro, invoice.moneda) == ("Ana Pérez", "27111222", "PES")
    assert invoice.fecha == argentine_day()
    assert invoice.comprobante["comprobante"]["total"] == 139.0


@pytest.mark.django_db
def test_sent_twice_it_is_one_invoice_and_of_another_kind_it_is_another() -> None:
    paid = order()
    pay(paid)
    pay(paid)
    pay(paid, kind="envio")
    assert sorted(Invoice.objects.values_list("kind", flat=True)) == ["envio", "factura"]


@pytest.mark.django_db
def test_the_second_account_of_one_order_is_told_in_the_log(caplog: pytest.LogCaptureFixture, settings: Any) -> None:
    accounts = settings.TUSFACTURAS_LOTES["ACCOUNTS"]
    settings.TUSFACTURAS_LOTES = {
        **settings.TUSFACTURAS_LOTES,
        "ACCOUNTS": {**accounts, "other": {**accounts["default"], "PUNTO_VENTA": 4}},
    }
    paid = order()
    pay(paid)
    pay(paid, account="other")
    assert Invoice.objects.get().account == "default"
    assert "already" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_if_the_payment_rolls_back_there_is_no_invoice() -> None:
    paid = order()
    with transaction.atomic():
        pay(paid)
        transaction.set_rollback(True)  # the card was declined
    assert not Invoice.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_from_eight_threads_at_once_it_is_one_invoice() -> None:
    paid = order()

    def pay_once(_: int) -> None:
        try:
            with transaction.atomic():
                pay(paid)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(pay_once, range(8)))
    assert Invoice.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mishap", ["raise", "query"])
def test_a_builder_that_fails_is_a_failed_invoice_and_the_checkout_goes_on(mishap: str, heard: list[Any]) -> None:
    with transaction.atomic():
        paid = order(mishap)
        pay(paid)
        assert Order.objects.filter(pk=paid.pk).exists()
    invoice = Invoice.objects.get()
    assert (invoice.status, invoice.failure_stage) == (InvoiceStatus.FAILED, FailureStage.BUILD)
    assert "tests.support.builders.build_comprobante raised" in invoice.reasons[0]
    assert heard == [("invoice_failed", invoice)]


@pytest.mark.django_db
def test_a_builder_that_names_a_credential_does_not_get_it_stored(settings: Any, caplog: Any) -> None:
    secret = settings.TUSFACTURAS_LOTES["ACCOUNTS"]["default"]["USERTOKEN"]

    def build(order: Order) -> None:
        raise ValueError(f"login with {secret} failed")

    settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "COMPROBANTE_BUILDER": build}
    pay(order())
    assert secret not in str(Invoice.objects.get().errors)


@pytest.mark.django_db
def test_none_from_the_builder_is_nothing_to_invoice_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "django_tusfacturas_lotes")
    pay(Order.objects.create(documento=None))
    assert not Invoice.objects.exists()
    assert "Nothing to invoice" in caplog.text


@pytest.mark.django_db
def test_an_account_that_is_not_configured_fails_the_invoice_not_the_checkout() -> None:
    pay(order(), account="nobody")
    invoice = Invoice.objects.get()
    assert invoice.failure_stage == FailureStage.BUILD
    assert "nobody" in invoice.reasons[0]


LINE = builders.DOCUMENTO["comprobante"]["detalle"][0]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"tipo": "FACTURA E"}, "comprobante.tipo"),
        ({"detalle": []}, "comprobante.detalle"),
        ({"detalle": [LINE] * 131, "total": None}, "comprobante.detalle"),
        ({"total": 140}, "comprobante.total"),
        ({"numero": 7}, "comprobante.numero"),
        ({"moneda": "XXX"}, "comprobante.moneda"),
        ({"cliente": {"provincia": "99"}}, "cliente.provincia"),
        ({"cliente": {"documento_tipo": "XX"}}, "cliente.documento_tipo"),
        ({"cliente": {"condicion_iva": "XX"}}, "cliente.condicion_iva"),
        ({"detalle": [{**LINE, "producto": {**LINE["producto"], "alicuota": 22}}], "total": None},
         "comprobante.detalle[0].producto.alicuota"),
        ({"punto_venta": 4}, "comprobante.punto_venta"),
    ],
)  # fmt: skip
def test_what_can_be_refused_here_is_refused_here_naming_the_field(changes: dict[str, Any], path: str) -> None:
    invoice = queue_invoice(comprobante=documento(**changes), key="erp-1")
    assert invoice is not None
    assert (invoice.status, invoice.failure_stage) == (InvoiceStatus.FAILED, FailureStage.VALIDATION)
    assert path in [error["path"] for error in invoice.errors]
    assert any(path in reason for reason in invoice.reasons)
    assert invoice.razon_social == "Ana Pérez"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "given", [{}, {"cliente": {}}, [], "text", 7, {"comprobante": None, "cliente": {"x": object()}}]
)
def test_what_is_no_comprobante_at_all_is_a_failed_invoice(given: Any) -> None:
    invoice = queue_invoice(comprobante=given, key="erp-1")
    assert invoice is not None
    invoice.refresh_from_db()
    assert invoice.failure_stage == FailureStage.VALIDATION
    assert invoice.reasons


@pytest.mark.django_db
def test_a_comprobante_and_the_mapping_of_it_are_queued_alike() -> None:
    one = queue_invoice(comprobante=documento(), key="erp-1")
    two = queue_invoice(comprobante=read(documento()), key="erp-2")
    assert one is not None
    assert two is not None
    assert one.comprobante == two.comprobante


@pytest.mark.django_db
def test_credentials_in_a_mapping_are_not_kept(settings: Any) -> None:
    account = settings.TUSFACTURAS_LOTES["ACCOUNTS"]["default"]
    given = {**documento(), "apikey": account["APIKEY"], "apitoken": account["APITOKEN"], "usertoken": "t"}
    invoice = queue_invoice(comprobante=given, key="erp-1")
    assert invoice is not None
    assert invoice.status == InvoiceStatus.PENDING
    assert account["APIKEY"] not in str(invoice.comprobante)
    assert account["APITOKEN"] not in str(invoice.comprobante)
    # In the middle of a text it is refused: masking it would change a legal document.
    invoice = queue_invoice(comprobante=documento(comentario=f"x {account['APITOKEN']}"), key="erp-2")
    assert invoice is not None
    assert invoice.errors[0]["path"] == "comprobante"
    assert account["APITOKEN"] not in str(invoice.comprobante)


@pytest.mark.django_db
def test_a_customers_data_is_not_taken_for_a_short_apikey(settings: Any) -> None:
    account = {**settings.TUSFACTURAS_LOTES["ACCOUNTS"]["default"], "APIKEY": "1235"}
    settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "ACCOUNTS": {"default": account}}
    given = documento(cliente={"domicilio": "Mitre 1235", "codigo": "1235"})
    invoice = queue_invoice(comprobante=given, key="erp-1")
    assert invoice is not None
    assert invoice.comprobante["cliente"]["domicilio"] == "Mitre 1235"
    assert invoice.comprobante["cliente"]["codigo"] == "1235"


@pytest.mark.django_db
def test_a_key_is_idempotent_too() -> None:
    assert queue_invoice(comprobante=documento(), key="erp-123") == queue_invoice(
        comprobante=documento(), key="erp-123"
    )


@pytest.mark.django_db(transaction=True)
def test_keys_that_differ_in_case_are_two_or_a_clear_error_never_one_in_silence() -> None:
    queue_invoice(comprobante=documento(), key="ERP-1")
    if connection.vendor == "mysql":
        with pytest.raises(ValueError, match="same as another key"):
            queue_invoice(comprobante=documento(), key="erp-1")
    else:
        queue_invoice(comprobante=documento(), key="erp-1")
        assert Invoice.objects.count() == 2


@pytest.mark.parametrize(
    "call",
    [
        {}, {"order": Order(), "key": "x"}, {"key": "x"}, {"order": Order()}, {"order": "x"},
        {"key": "", "comprobante": {}}, {"key": "x" * 256, "comprobante": {}},
        {"key": "x", "comprobante": {}, "kind": "k" * 51},
    ],
)  # fmt: skip
def test_a_call_that_names_nothing_to_invoice_is_a_clear_error(call: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        queue_invoice(**call)


@pytest.mark.django_db
def test_send_on_is_never_before_today() -> None:
    today = argentine_day()
    for key, send_on in (("yesterday", today - dt.timedelta(days=1)), ("today", today)):
        queue_invoice(comprobante=documento(), key=key, send_on=send_on)
    assert Invoice.objects.get(key="yesterday").errors[0]["path"] == "send_on"
    assert Invoice.objects.get(key="today").status == InvoiceStatus.PENDING


@pytest.mark.django_db
def test_a_fecha_left_out_is_the_day_of_send_on_where_that_is_given() -> None:
    tomorrow = argentine_day() + dt.timedelta(days=1)
    invoice = queue_invoice(comprobante=documento(), key="x", send_on=tomorrow)
    assert invoice is not None
    assert invoice.send_on == tomorrow
    assert "fecha" not in invoice.comprobante["comprobante"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("utc", "today"),
    [("2026-03-10T02:30Z", dt.date(2026, 3, 9)), ("2026-03-10T03:00Z", dt.date(2026, 3, 10)),
     ("2026-03-09T23:59Z", dt.date(2026, 3, 9)), ("2026-03-10T00:01Z", dt.date(2026, 3, 9))],
)  # fmt: skip
def test_today_is_the_day_in_argentina(utc: str, today: dt.date) -> None:
    with time_machine.travel(dt.datetime.fromisoformat(utc.replace("Z", "+00:00")), tick=False):
        invoice = queue_invoice(comprobante=documento(), key="x", send_on=today)
    assert invoice is not None
    assert invoice.status == InvoiceStatus.PENDING


@pytest.mark.django_db
def test_many_are_queued_from_orders_and_from_a_generator() -> None:
    known = order()
    pay(known)
    nothing = Order.objects.create(documento=None)
    report = queue_invoices(one for one in [known, order(), order("raise"), order(total=1), nothing, known])
    assert (report.queued, report.failed, report.existing, report.nothing) == (1, 2, 2, 1)
    report = queue_invoices(ToInvoice(documento(), f"erp-{number % 3}") for number in range(5))
    assert (report.queued, report.existing) == (3, 2)


@pytest.mark.django_db(transaction=True)
def test_many_queued_by_two_at_once_are_still_one_each() -> None:
    paid = builders.orders(300)

    def queue(_: int) -> int:
        try:
            return queue_invoices(paid).queued
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        queued = sum(pool.map(queue, range(2)))
    assert Invoice.objects.count() == 300
    assert queued == 300
