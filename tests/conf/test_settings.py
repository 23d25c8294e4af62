"""The settings as the app reads them: the defaults that the README names, and what each property makes of a value."""

from __future__ import annotations

import ast
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_tusfacturas_lotes.conf import conf
from django_tusfacturas_lotes.conf.settings import DEFAULTS

README = Path(__file__).resolve().parents[2] / "README.md"
GOOD = {"APIKEY": "a", "APITOKEN": "b", "USERTOKEN": "c", "PUNTO_VENTA": 3}


@pytest.fixture
def use(settings: Any) -> Any:
    def change(**changes: Any) -> None:
        settings.TUSFACTURAS_LOTES = changes

    return change


def test_the_defaults(use: Any) -> None:
    use()
    assert (conf.connect_timeout, conf.read_timeout, conf.sending_lease) == (5, 60, 300)
    assert (conf.overdue_after, conf.not_found_after, conf.call_gap) == (10800, 3600, 0.1)
    assert (conf.max_items, conf.schedules, conf.keep_pdf) == (500, True, True)
    assert (conf.tope_consumidor_final, conf.asks_for_tope, conf.chooses_accounts) == (None, False, False)
    assert conf.pdf_hosts == ("tusfacturas.app", "tusfacturas.com.ar")
    assert (conf.aliases, conf.accounts(), conf.account_for) == ((), [], None)
    assert DEFAULTS["DATE_POLICY"] == "keep"


def test_the_readme_names_each_number_as_it_is() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \|.*\| (`?[\d.]+`?) \|$", README.read_text(encoding="utf-8"), re.MULTILINE)
    named = {key: ast.literal_eval(value.strip("`")) for key, value in rows if key in DEFAULTS}
    assert named == {key: value for key, value in DEFAULTS.items() if key in named}
    assert {"SENDING_LEASE", "OVERDUE_AFTER", "MAX_ITEMS"} <= set(named)


def test_what_is_given_is_used(use: Any) -> None:
    use(
        CONNECT_TIMEOUT=1, READ_TIMEOUT=2, SENDING_LEASE=3, OVERDUE_AFTER=4, NOT_FOUND_AFTER=5, CALL_GAP=6, MAX_ITEMS=7,
        SCHEDULES=False, KEEP_PDF=False, PDF_HOSTS=["A.Example"], TOPE_CONSUMIDOR_FINAL="8.5",
    )  # fmt: skip
    assert (conf.connect_timeout, conf.read_timeout, conf.sending_lease, conf.overdue_after) == (1, 2, 3, 4)
    assert (conf.not_found_after, conf.call_gap, conf.max_items) == (5, 6, 7)
    assert (conf.schedules, conf.keep_pdf, conf.pdf_hosts) == (False, False, ("a.example",))
    assert (conf.tope_consumidor_final, conf.asks_for_tope) == (Decimal("8.5"), False)
    use(TOPE_CONSUMIDOR_FINAL="provider")
    assert (conf.tope_consumidor_final, conf.asks_for_tope) == (None, True)


@pytest.mark.parametrize("key", ["CONNECT_TIMEOUT", "CALL_GAP"])
@pytest.mark.parametrize("value", ["5", None, []])
def test_what_is_no_number_is_named(use: Any, key: str, value: Any) -> None:
    use(**{key: value})
    with pytest.raises(ImproperlyConfigured, match=re.escape(f"['{key}'] is {value!r}, not a number of seconds")):
        _ = getattr(conf, key.lower())


@pytest.mark.parametrize(
    ("accounts", "aliases", "known"),
    [
        ({"a": GOOD, "b": GOOD}, None, ("a", "b")), ({}, ["a"], ()), ("shop.accounts", ["a", "b"], ("a", "b")),
        (len, ("a",), ("a",)), ("shop.accounts", {"a": 1}, ("a",)), ("shop.accounts", 5, ()),
        ("shop.accounts", "ab", ()),
    ],
)  # fmt: skip
def test_the_aliases_of_all_accounts(use: Any, accounts: Any, aliases: Any, known: tuple[str, ...]) -> None:
    use(ACCOUNTS=accounts, **({} if aliases is None else {"ACCOUNT_ALIASES": aliases}))
    assert conf.aliases == known


def test_an_account_that_is_not_complete_is_left_out_and_the_others_are_there(use: Any) -> None:
    use(ACCOUNTS={"a": GOOD, "b": {**GOOD, "APIKEY": ""}, "c": {**GOOD, "OTHER": 1}, "d": 5})
    assert [one.alias for one in conf.accounts()] == ["a", "c"]
    with pytest.raises(ImproperlyConfigured, match="has no APIKEY"):
        conf.account("b")
    with pytest.raises(ImproperlyConfigured, match="no account 'e'"):
        conf.account("e")


def test_who_shares_credentials_or_a_token(use: Any) -> None:
    use(
        ACCOUNTS={
            "a": {**GOOD, "WEBHOOK_TOKEN": "t"},
            "same credentials": {**GOOD, "WEBHOOK_TOKEN": "u"},
            "same token": {
                "APIKEY": "x", "APITOKEN": "y", "USERTOKEN": "z", "PUNTO_VENTA": 3, "WEBHOOK_TOKEN": ["v", "t"],
            },
            "neither": {"APIKEY": "p", "APITOKEN": "q", "USERTOKEN": "r", "PUNTO_VENTA": 3},
        }
    )  # fmt: skip
    assert conf.aliases_sharing("a", token=True) == {"a", "same token"}
    assert conf.aliases_sharing("a", token=False) == {"a", "same credentials"}
    assert conf.aliases_sharing("gone", token=True) == {"gone"}
    assert conf.aliases_sharing("neither", token=True) == {"neither"}
    assert {"a", "b", "c", "x", "y", "z", "p", "q", "r"} <= conf.secrets()


@pytest.mark.parametrize(
    ("builder", "path"), [("a.b.c", "a.b.c"), (len, "len"), (5, "5"), (None, "None")],
)  # fmt: skip
def test_the_path_of_a_builder(use: Any, builder: Any, path: str) -> None:
    use(COMPROBANTE_BUILDER=builder)
    assert conf.builder_path == path


@pytest.mark.parametrize("key", ["COMPROBANTE_BUILDER", "ACCOUNT_FOR"])
def test_a_callable_is_imported_or_named_as_wrong(use: Any, key: str) -> None:
    name = "builder" if key == "COMPROBANTE_BUILDER" else "account_for"
    use(**{key: "os.path.join"})
    assert getattr(conf, name)("a", "b") == "a/b"
    use(**{key: len})
    assert getattr(conf, name)("ab") == 2
    for wrong, text in (("os.path.nothing", "can't be imported"), ("os.path", "must name a callable"), (5, "callable")):
        use(**{key: wrong})
        with pytest.raises(ImproperlyConfigured, match=text):
            getattr(conf, name)
