"""Every wrong setting is a numbered check, tested by its id."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from django_tusfacturas_lotes import checks
from django_tusfacturas_lotes.conf import conf
from tests import settings as test_settings

pytestmark = pytest.mark.django_db(transaction=True)

GOOD = test_settings.TUSFACTURAS_LOTES
CLUSTER = {"timeout": 120, "retry": 180, "max_attempts": 3}


def ids(found: Any) -> list[str]:
    return [message.id.removeprefix("django_tusfacturas_lotes.") for message in found]


def with_account(**changes: Any) -> dict[str, Any]:
    changed = copy.deepcopy(GOOD)
    changed["ACCOUNTS"]["default"].update(changes)
    return changed


def test_good_settings_have_no_problem(settings: Any) -> None:
    settings.TUSFACTURAS_LOTES = GOOD
    settings.Q_CLUSTER = CLUSTER
    assert checks.check_settings(None) == checks.check_urls(None) == checks.check_cluster(None) == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ["E001"]),
        ([], ["E001"]),
        ({**GOOD, "ACCOUNTS": None}, ["E002"]),
        ({**GOOD, "ACCOUNTS": {}}, ["E002"]),
        ({**GOOD, "ACCOUNTS": "no.such.path"}, ["E002"]),
        ({**GOOD, "ACCOUNTS": {"default": 7}}, ["E002"]),
        ({**GOOD, "ACCOUNTS": {"x" * 51: GOOD["ACCOUNTS"]["default"]}}, ["E002"]),
        (with_account(APIKEY=""), ["E003"]),
        (with_account(APITOKEN=None), ["E003"]),
        (with_account(USERTOKEN=[]), ["E003"]),
        (with_account(USERTOKEN=["", " "]), ["E003"]),
        (with_account(PUNTO_VENTA=0), ["E004"]),
        (with_account(PUNTO_VENTA="3"), ["E004"]),
        (with_account(PUNTO_VENTA=100_000), ["E004"]),
        (with_account(MODALITY="instant"), ["E005"]),
        (with_account(BASE_URL="http://provider.test"), ["E006"]),
        (with_account(BASE_URL="https://"), ["E006"]),
        (with_account(BASE_URL="https://[x"), ["E006"]),
        (with_account(APIKEYS="1"), ["W012"]),
        (with_account(TRIAL="False"), ["E011"]),
        (with_account(TRIAL=1), ["E011"]),
        (with_account(TRIAL=None), ["E011"]),
        (with_account(MODALITY=["lotes"]), ["E005"]),
        ({**GOOD, "ACCOUNTS": "tests.test_checks.account_from_a_vault", "ACCOUNT_ALIASES": 7}, ["E002"]),
        ({**GOOD, "ACCOUNTS": "tests.test_checks.account_from_a_vault", "ACCOUNT_ALIASES": "one"}, ["E002"]),
        ({**GOOD, "WEBHOOK_URL": ""}, ["E006"]),
        ({**GOOD, "WEBHOOK_URL": "http://shop.example/tusfacturas/webhook/"}, ["E006"]),
        ({**GOOD, "WEBHOOK_URL": "http://127.0.0.1.evil.example/"}, ["E006"]),
        ({**GOOD, "COMPROBANTE_BUILDER": None}, ["E007"]),
        ({**GOOD, "COMPROBANTE_BUILDER": "no.such.path"}, ["E007"]),
        ({**GOOD, "COMPROBANTE_BUILDER": "tests.support.builders.DOCUMENTO"}, ["E007"]),
        ({**GOOD, "READ_TIMEOUT": 0}, ["E008"]),
        ({**GOOD, "CONNECT_TIMEOUT": "5"}, ["E008"]),
        ({**GOOD, "SENDING_LEASE": True}, ["E008"]),
        ({**GOOD, "SENDING_LEASE": 65}, ["E009"]),
        ({**GOOD, "MAX_ITEMS": 501}, ["E010"]),
        ({**GOOD, "MAX_ITEMS": 0}, ["E010"]),
        ({**GOOD, "SCHEDULES": "no"}, ["E011"]),
        ({**GOOD, "MAX_ITEM": 5}, ["W012"]),
        ({**GOOD, "OVERDUE_AFTER": 86400}, []),
        ({**GOOD, "OVERDUE_AFTER": 0}, ["E008"]),
        ({**GOOD, "NOT_FOUND_AFTER": -1}, ["E008"]),
        ({**GOOD, "NOT_FOUND_AFTER": float("inf")}, ["E008"]),
        ({**GOOD, "CALL_GAP": -0.1}, ["E008"]),
        ({**GOOD, "CALL_GAP": "0.1"}, ["E008"]),
        ({**GOOD, "KEEP_PDF": 1}, ["E011"]),
        ({**GOOD, "PDF_HOSTS": "tusfacturas.app"}, ["E011"]),
        ({**GOOD, "PDF_HOSTS": [""]}, ["E011"]),
        ({**GOOD, "ACCOUNT_FOR": "no.such.path"}, ["E022"]),
        ({**GOOD, "ACCOUNT_FOR": "tests.support.builders.DOCUMENTO"}, ["E022"]),
        (with_account(MODALITY="lotes_encola"), ["W021"]),
        (with_account(MODALITY="nuevo_encola", WEBHOOK_TOKEN=[]), ["W021"]),
        (with_account(MODALITY="nuevo_encola", WEBHOOK_TOKEN=["old", "new"]), []),
    ],
)
def test_a_wrong_setting_has_its_check(settings: Any, value: Any, expected: list[str]) -> None:
    settings.TUSFACTURAS_LOTES = value
    found = checks.check_settings(None)
    assert ids(found) == expected
    assert all(message.hint for message in found)


def test_no_check_shows_a_credential(settings: Any) -> None:
    settings.TUSFACTURAS_LOTES = with_account(PUNTO_VENTA=-1, MODALITY="x", BASE_URL="x", APIKEY="")
    assert test_settings.APITOKEN not in str(checks.check_settings(None))
    settings.TUSFACTURAS_LOTES = GOOD
    assert test_settings.APITOKEN not in repr(conf.account("default"))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://shop.example/tusfacturas/webhook/", []),
        ("https://shop.example/behind-a-prefix/tusfacturas/webhook/", []),
        ("https://shop.example/somewhere-else/", ["W013"]),
    ],
)
def test_the_webhooks_address_is_compared_with_where_it_answers(settings: Any, url: str, expected: list[str]) -> None:
    settings.TUSFACTURAS_LOTES = {**GOOD, "WEBHOOK_URL": url}
    assert ids(checks.check_urls(None)) == expected


def test_an_account_with_an_unknown_key_is_used_all_the_same(settings: Any) -> None:
    settings.TUSFACTURAS_LOTES = with_account(NOTE="of the accountant")
    assert ids(checks.check_settings(None)) == ["W012"]
    assert conf.account("default").punto_venta == 3


@pytest.mark.parametrize("key", ["CONNECT_TIMEOUT", "SENDING_LEASE", "OVERDUE_AFTER", "NOT_FOUND_AFTER", "CALL_GAP"])
def test_a_time_that_is_no_number_is_named_by_every_check_and_by_whoever_needs_it(settings: Any, key: str) -> None:
    settings.TUSFACTURAS_LOTES = {**GOOD, key: "3h"}
    settings.Q_CLUSTER = CLUSTER
    assert ids(checks.check_settings(None)) == ["E008"]
    assert ids(checks.check_cluster(None)) == []
    with pytest.raises(ImproperlyConfigured, match=key):
        getattr(conf, key.lower())


def test_settings_without_time_zones_are_found(settings: Any) -> None:
    assert checks.check_time_zone(None) == []
    settings.USE_TZ = False
    assert ids(checks.check_time_zone(None)) == ["E023"]


def test_a_urlconf_without_the_webhook_is_found(settings: Any) -> None:
    settings.ROOT_URLCONF = "django.contrib.auth.urls"
    assert ids(checks.check_urls(None)) == ["W013"]


@pytest.mark.parametrize(
    ("cluster", "expected"),
    [
        ({}, ["E015", "W017"]),
        ([], ["E014"]),
        ({**CLUSTER, "timeout": 65}, ["E015"]),
        ({**CLUSTER, "timeout": None}, ["E015"]),
        ({**CLUSTER, "retry": 120}, ["E016"]),
        ({"timeout": 120, "max_attempts": 1}, ["E016"]),
        ({"timeout": 120, "retry": 180}, ["W017"]),
        ({"sync": True}, []),
    ],
)
def test_a_cluster_that_would_run_a_call_twice_is_found(settings: Any, cluster: Any, expected: list[str]) -> None:
    settings.Q_CLUSTER = cluster
    assert ids(checks.check_cluster(None)) == expected


@pytest.mark.parametrize(
    ("setting", "value", "number"),
    [
        ("Q_CLUSTER", {**CLUSTER, "timeout": 65}, "E015"),
        ("Q_CLUSTER", {**CLUSTER, "retry": 120}, "E016"),
        ("TUSFACTURAS_LOTES", {**GOOD, "SENDING_LEASE": 65}, "E009"),
        ("TUSFACTURAS_LOTES", with_account(APIKEY=""), "E003"),
        ("USE_TZ", False, "E023"),
    ],
)
def test_manage_py_check_fails_where_money_is_at_stake(settings: Any, setting: str, value: Any, number: str) -> None:
    settings.Q_CLUSTER = CLUSTER
    call_command("check")
    setattr(settings, setting, value)
    with pytest.raises(SystemCheckError, match=rf"django_tusfacturas_lotes\.{number}"):
        call_command("check")


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"ROOT_URLCONF": "django.contrib.auth.urls"}, "W013"),
        ({"Q_CLUSTER": {"timeout": 120, "retry": 180}}, "W017"),
        ({"TUSFACTURAS_LOTES": {**GOOD, "TOPE_CONSUMIDOR_FINAL": "provider"}}, "W019"),
        ({"TUSFACTURAS_LOTES": with_account(MODALITY="nuevo_encola")}, "W021"),
    ],
)
def test_manage_py_check_warns_of_the_rest(settings: Any, changes: dict[str, Any], number: str, capfd: Any) -> None:
    settings.Q_CLUSTER = CLUSTER
    for setting, value in changes.items():
        setattr(settings, setting, value)
    call_command("check")
    assert f"django_tusfacturas_lotes.{number}" in capfd.readouterr().err


def test_manage_py_check_warns_of_sqlites_own_transactions(
    settings: Any, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    settings.Q_CLUSTER = CLUSTER
    configured = {"ENGINE": "django.db.backends.sqlite3", "OPTIONS": {"transaction_mode": "IMMEDIATE"}}
    for key, value in configured.items():
        monkeypatch.setitem(settings.DATABASES["default"], key, value)
    call_command("check")
    assert "W020" not in capfd.readouterr().err
    monkeypatch.setitem(settings.DATABASES["default"], "OPTIONS", {})
    call_command("check")
    assert "django_tusfacturas_lotes.W020" in capfd.readouterr().err


def test_without_django_q_installed_it_is_found(settings: Any) -> None:
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "django_q"]
    assert ids(checks.check_cluster(None)) == ["E014"]


def account_from_a_vault(alias: str) -> Any:
    return {**GOOD["ACCOUNTS"]["default"], "PUNTO_VENTA": {"one": 1, "two": 2}[alias]}


def test_accounts_may_come_from_a_callable(settings: Any) -> None:
    settings.TUSFACTURAS_LOTES = {
        **GOOD, "ACCOUNTS": f"{__name__}.account_from_a_vault", "ACCOUNT_ALIASES": ["one", "two"],
    }  # fmt: skip
    assert checks.check_settings(None) == []
    assert [account.punto_venta for account in conf.accounts()] == [1, 2]
    with pytest.raises(ImproperlyConfigured, match="three"):
        conf.account("three")


def test_settings_are_read_at_each_access(settings: Any) -> None:
    settings.TUSFACTURAS_LOTES = {**GOOD, "MAX_ITEMS": 7}
    assert conf.max_items == 7
    settings.TUSFACTURAS_LOTES = GOOD
    assert conf.max_items == 500


def test_a_broken_urlconf_is_left_to_djangos_own_checks(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> str:
        raise AttributeError("'tuple' object has no attribute 'pattern'")

    monkeypatch.setattr(checks, "reverse", broken)
    assert checks.check_urls(None) == []
