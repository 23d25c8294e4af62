"""What an account says of itself reaches the rules; dates move as its policy says; errors come back with a hint."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.core.cache import cache

from django_tusfacturas_lotes import checks, tasks
from django_tusfacturas_lotes.models import Invoice, InvoiceStatus
from django_tusfacturas_lotes.provider import ceiling
from django_tusfacturas_lotes.provider.pace import Lease, turn
from django_tusfacturas_lotes.queueing import queue_invoice
from django_tusfacturas_lotes.sandbox.server.topecf import MONTO
from django_tusfacturas_lotes.submission import flush
from django_tusfacturas_lotes.wire.answers.error_catalogue import CATALOGUE, code_of, explain
from django_tusfacturas_lotes.wire.dates import argentine_day, format_day
from tests.support.builders import day, documento
from tests.support.provider import Provider
from tests.support.webhook import failure, item_in, post

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def an_empty_cache() -> None:
    cache.clear()


def with_account(settings: Any, **changes: Any) -> None:
    current = settings.TUSFACTURAS_LOTES
    account = {**current["ACCOUNTS"]["default"], **changes}
    settings.TUSFACTURAS_LOTES = {**current, "ACCOUNTS": {"default": account}}


def problems(**changes: Any) -> list[str]:
    invoice = queue_invoice(comprobante=documento(**changes), key=f"k{Invoice.objects.count()}")
    assert invoice is not None
    return [error["path"] for error in invoice.errors]


def test_the_issuers_condicion_iva_decides_the_letter(settings: Any) -> None:
    assert problems() == []
    with_account(settings, CONDICION_IVA="M")
    assert "comprobante.tipo" in problems()
    with_account(settings, CONDICION_IVA="RI")
    assert problems() == []


@pytest.mark.parametrize(("concepto", "days", "refused"), [("productos", 6, True), ("productos", 5, False)])
def test_the_concepto_decides_how_far_back_a_date_may_lie(
    settings: Any, concepto: str, days: int, refused: bool
) -> None:
    with_account(settings, CONCEPTO=concepto)
    assert ("comprobante.fecha" in problems(fecha=day(-days))) is refused


def test_services_need_their_period(settings: Any) -> None:
    with_account(settings, CONCEPTO="servicios")
    assert "comprobante.periodo_facturado_desde" in problems()
    assert problems(periodo_facturado_desde=day(-30), periodo_facturado_hasta=day()) == []


def test_a_date_in_the_future_is_refused_for_what_goes_today() -> None:
    assert "comprobante.fecha" in problems(fecha=day(1))


def test_a_date_before_the_last_one_issued_is_refused(provider: Provider) -> None:
    queue_invoice(comprobante=documento(fecha=day(-1)), key="first")
    flush()
    provider.settle()
    assert "comprobante.fecha" in problems(fecha=day(-2))
    assert problems(fecha=day(-1)) == []
    assert problems() == []


UNNAMED = {"documento_tipo": "OTRO", "documento_nro": "0", "razon_social": "Consumidor final"}


def test_an_unnamed_consumer_may_buy_only_below_the_ceiling(settings: Any) -> None:
    settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "TOPE_CONSUMIDOR_FINAL": "139.00"}
    assert "cliente.documento_nro" in problems(cliente=UNNAMED)
    settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "TOPE_CONSUMIDOR_FINAL": 1000}
    assert problems(cliente=UNNAMED) == []


def test_the_ceiling_is_asked_of_the_provider_once_a_day_by_a_task_and_never_while_paying(provider: Provider) -> None:
    provider.configure(TOPE_CONSUMIDOR_FINAL="provider")
    queue_invoice(comprobante=documento(cliente=UNNAMED), key="x")
    assert ceiling.tope_consumidor_final() is None
    tasks.flush()
    assert ceiling.tope_consumidor_final() == Decimal(MONTO)
    # A second look within the day does not ask, wherever the provider is by then.
    provider.configure(ACCOUNTS={"default": {**provider.sandbox.account, "BASE_URL": "http://127.0.0.1:9"}})
    tasks.flush()
    assert ceiling.tope_consumidor_final() == Decimal(MONTO)


def test_the_ceiling_is_asked_for_in_the_accounts_turn(provider: Provider) -> None:
    provider.configure(TOPE_CONSUMIDOR_FINAL="provider")
    with turn("default") as lease:
        assert isinstance(lease, Lease)
        tasks.flush()
        assert ceiling.tope_consumidor_final() is None, "another process is calling"
    tasks.flush()
    assert ceiling.tope_consumidor_final() == Decimal(MONTO), "at the next occasion, not a day later"


@pytest.mark.parametrize("change", [{"BASE_URL": "http://127.0.0.1:9"}, {"APITOKEN": "wrong-token"}])
def test_a_provider_that_does_not_tell_the_ceiling_changes_nothing(
    provider: Provider, change: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    account = {**provider.sandbox.account, **change}
    provider.configure(TOPE_CONSUMIDOR_FINAL="provider", ACCOUNTS={"default": account})
    ceiling.refresh()
    assert ceiling.tope_consumidor_final() is None
    assert "did not tell" in caplog.text


@pytest.mark.parametrize(
    ("setting", "value"),
    [("DATE_POLICY", "tomorrow"), ("TOPE_CONSUMIDOR_FINAL", "much"), ("TOPE_CONSUMIDOR_FINAL", -1)],
)
def test_wrong_fiscal_settings_are_e018(settings: Any, setting: str, value: Any) -> None:
    settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, setting: value}
    assert [message.id for message in checks.check_settings(None)] == ["django_tusfacturas_lotes.E018"]


@pytest.mark.parametrize("change", [{"CONDICION_IVA": "CF"}, {"CONCEPTO": "goods"}, {"DATE_POLICY": "x"}])
def test_wrong_fiscal_facts_of_an_account_are_e018(settings: Any, change: dict[str, Any]) -> None:
    with_account(settings, **change)
    assert [message.id for message in checks.check_settings(None)] == ["django_tusfacturas_lotes.E018"]


def test_a_cache_that_is_not_shared_is_w019(settings: Any) -> None:
    assert checks.check_cache(None) == []
    settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "TOPE_CONSUMIDOR_FINAL": "provider"}
    assert [message.id for message in checks.check_cache(None)] == ["django_tusfacturas_lotes.W019"]


@pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")  # only read here, by the check
def test_sqlite_without_immediate_transactions_is_w020(settings: Any) -> None:
    settings.DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3"}}
    found = checks.check_database(None)
    assert [message.id for message in found] == ["django_tusfacturas_lotes.W020"]


@pytest.mark.parametrize("where", ["account", "setting"])
def test_with_the_policy_today_a_date_that_has_passed_is_moved_and_it_is_recorded(
    provider: Provider, where: str
) -> None:
    if where == "account":
        provider.configure(ACCOUNTS={"default": {**provider.sandbox.account, "DATE_POLICY": "today"}})
    else:
        provider.configure(DATE_POLICY="today")
    passed = argentine_day() - dt.timedelta(days=30)
    invoice = queue_invoice(comprobante=documento(fecha=format_day(passed), vencimiento=day(-20)), key="x")
    assert invoice is not None
    assert (invoice.status, invoice.redated_from) == (InvoiceStatus.PENDING, passed)
    flush()
    provider.settle()
    invoice.refresh_from_db()
    assert (invoice.status, invoice.fecha, invoice.redated_from) == (InvoiceStatus.ISSUED, argentine_day(), passed)
    sent = provider.sandbox.calls[0].body["requests"][0]["comprobante"]
    assert sent["fecha"] == day()
    assert "vencimiento" not in sent


def test_with_the_policy_today_a_date_that_passes_while_it_waits_is_moved_too(provider: Provider) -> None:
    provider.configure(DATE_POLICY="today")
    invoice = queue_invoice(comprobante=documento(fecha=day()), key="x")
    assert invoice is not None
    asked = argentine_day()
    with time_machine.travel(dt.datetime.now(dt.timezone.utc) + dt.timedelta(days=1)):
        provider.sandbox.advance_days(1)
        flush()
        invoice.refresh_from_db()
        assert (invoice.fecha, invoice.redated_from) == (argentine_day(), asked)
        assert provider.sandbox.calls[0].body["requests"][0]["comprobante"]["fecha"] == day()


def test_with_the_policy_keep_a_date_is_kept(provider: Provider) -> None:
    invoice = queue_invoice(comprobante=documento(fecha=day(-3)), key="x")
    assert invoice is not None
    flush()
    invoice.refresh_from_db()
    assert (invoice.fecha, invoice.redated_from) == (argentine_day() - dt.timedelta(days=3), None)


@pytest.mark.parametrize(
    ("utc", "expected"),
    [("2026-03-10T02:30", "09/03/2026"), ("2026-03-10T00:10", "09/03/2026"), ("2026-03-10T03:01", "10/03/2026"),
     ("2026-03-09T23:50", "09/03/2026")],
)  # fmt: skip
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/Los_Angeles"])
def test_the_day_that_is_sent_is_argentinas_whatever_the_servers_zone(
    provider: Provider, settings: Any, utc: str, expected: str, zone: str
) -> None:
    settings.TIME_ZONE = zone
    with time_machine.travel(dt.datetime.fromisoformat(f"{utc}+00:00"), tick=False):
        provider.sandbox.set_date(argentine_day())
        queue_invoice(comprobante=documento(), key="x")
        flush()
    assert provider.sandbox.calls[0].body["requests"][0]["comprobante"]["fecha"] == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Cod. Error: #6661145.10016 - El numero o fecha del comprobante", "10016"),
        ("AFIP rechazo la generacion del comprobante Cod: 10048", "10048"),
        ("Código 10063 - CUIT inactivo", "10063"),
        ("10246: Campo Condicion IVA receptor", "10246"),
        ("TFC-8004 letra", "TFC-8004"),
        ("TFC-8002: otra cosa", "TFC-8002"),
        ("Total 10016.50", ""),
        ("comprobante 0003-00010016", ""),
        ("El usertoken del comprobante enviado en la fila 0 (comenzando en 0)", ""),
        ("", ""),
    ],
)
def test_the_code_in_a_text_is_found(text: str, code: str) -> None:
    assert code_of(text) == code
    assert explain(text)["text"] == text
    assert bool(explain(text)["hint"]) is (code in CATALOGUE or code.startswith("TFC-"))


def test_every_entry_says_what_it_means_and_what_to_do() -> None:
    for code, (meaning, step) in CATALOGUE.items():
        assert meaning.endswith("."), code
        assert step.endswith("."), code


def test_an_error_is_kept_raw_with_its_code_and_a_hint_and_shown(admin_client: Any) -> None:
    item = item_in()
    text = "Cod. Error: #6661145.10016 - El numero o fecha del comprobante no se corresponde"
    post(failure(item, text))
    invoice = Invoice.objects.get()
    (error,) = invoice.errors
    assert (error["code"], error["text"]) == ("10016", text)
    assert "today's date" in error["hint"]
    page = admin_client.get("/admin/django_tusfacturas_lotes/invoice/").content.decode()
    assert text in page
    assert "Retry it with today&#x27;s date." in page


def test_a_cache_that_is_down_breaks_neither_a_checkout_nor_the_sending(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*args: Any, **kwargs: Any) -> Any:
        raise ConnectionError("no cache")

    provider.configure(TOPE_CONSUMIDOR_FINAL="provider")
    monkeypatch.setattr(ceiling.cache, "get", down)
    monkeypatch.setattr(ceiling.cache, "add", down)
    assert problems() == []
    assert "woke up 1 accounts" in tasks.flush()


def test_a_wrong_ceiling_breaks_no_checkout(settings: Any) -> None:
    settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "TOPE_CONSUMIDOR_FINAL": "10.000.000"}
    assert problems() == []


def test_a_lote_held_for_days_records_the_day_that_was_asked_for(provider: Provider) -> None:
    provider.configure(DATE_POLICY="today")
    queue_invoice(comprobante=documento(fecha=day()), key="x")
    asked = argentine_day()
    provider.fault("reject=401*always")
    for days in (0, 1, 2):
        with time_machine.travel(dt.datetime.now(dt.timezone.utc) + dt.timedelta(days=days)):
            flush()
            invoice = Invoice.objects.get()
            assert invoice.fecha == argentine_day()
            assert invoice.redated_from == (asked if days else None)


def test_a_date_object_in_a_mapping_is_a_date(provider: Provider) -> None:
    queue_invoice(comprobante=documento(fecha=day()), key="first")
    flush()
    provider.settle()
    assert "comprobante.fecha" in problems(fecha=argentine_day() - dt.timedelta(days=1))
