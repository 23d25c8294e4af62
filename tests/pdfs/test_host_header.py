"""What a GET names as its host: with the port, but for the usual one of the scheme."""

from __future__ import annotations

import pytest

from django_tusfacturas_lotes.pdfs.download import _Place


@pytest.mark.parametrize(
    ("scheme", "host", "port", "header"),
    [
        ("https", "x.example", 443, "x.example"), ("http", "x.example", 80, "x.example"),
        ("https", "x.example", 80, "x.example:80"), ("http", "x.example", 443, "x.example:443"),
        ("https", "x.example", 8443, "x.example:8443"), ("http", "127.0.0.1", 8000, "127.0.0.1:8000"),
        ("https", "::1", 443, "[::1]"), ("http", "::1", 8000, "[::1]:8000"),
    ],
)  # fmt: skip
def test_the_host_of_a_get(scheme: str, host: str, port: int, header: str) -> None:
    assert _Place(scheme, host, port, "/", is_own=True).host_header == header


@pytest.mark.parametrize(("host", "is_own", "is_local"), [
    ("127.0.0.1", True, True), ("127.0.0.1", False, False), ("x.example", True, False), ("localhost", True, True),
    ("::1", True, True),
])  # fmt: skip
def test_only_the_providers_own_address_may_be_this_machine(host: str, is_own: bool, is_local: bool) -> None:
    assert _Place("http", host, 80, "/", is_own=is_own).is_local is is_local
