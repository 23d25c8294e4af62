"""Where a GET of a PDF may go: names, addresses, redirects and certificates. Only the look-up of names is faked."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from django_tusfacturas_lotes.pdfs.download import Download, place_of
from tests.support.pdf_server import PDF, Names, a_server, answer, get


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://evil.example/7.pdf", "evil.example, which is not among the allowed hosts (PDF_HOSTS)"),
        ("https://tusfacturas.app.evil.example/7.pdf", "not among the allowed hosts"),
        ("https://eviltusfacturas.app/7.pdf", "not among the allowed hosts"),
        ("https://169.254.169.254/latest/meta-data", "not among the allowed hosts"),
        ("https://[::1]/7.pdf", "not among the allowed hosts"),
        ("http://127.0.0.1:8000/7.pdf", "not among the allowed hosts"),
        ("http://www.tusfacturas.app/7.pdf", "not https"),
        ("https://www.tusfacturas.app:8443/7.pdf", "port 8443"),
        ("https://www.tusfacturas.app:0/7.pdf", "port 0"),
        ("https://someone@www.tusfacturas.app/7.pdf", "user name"),
        ("https://someone:s3cret@www.tusfacturas.app/7.pdf", "user name"),
        ("https://www.tusfacturas.app@evil.example/7.pdf", "user name"),
        ("https://@www.tusfacturas.app/7.pdf", "user name"),
        ("https://evil.example\\@www.tusfacturas.app/7.pdf", "can't be read"),
        ("https://www.tusfacturas.app/7.pdf\r\nX-Evil: 1", "can't be read"),
        ("https://www.tusfacturas.app:99999/7.pdf", "can't be read"),
        ("https://www.tusfacturas.app:x/7.pdf", "can't be read"),
        ("https://[www.tusfacturas.app/7.pdf", "can't be read"),
        ("https://www.tusfacturas.app/\ud800", "can't be read"),
        ("https://wíw.tusfacturas.app/7.pdf", "can't be read"),
        ("ftp://www.tusfacturas.app/7.pdf", "can't be read"),
        ("file:///etc/passwd", "can't be read"),
        ("www.tusfacturas.app/7.pdf", "can't be read"),
        ("", "can't be read"),
    ],
)
def test_an_address_that_is_not_allowed_is_not_even_resolved(names: Names, url: str, why: str) -> None:
    refused = get(url)
    assert why in refused.text
    assert "s3cret" not in refused.text
    assert (refused.content, refused.final) == (None, True)
    assert names.asked == names.connected_to == []


@pytest.mark.parametrize(
    "host", ["tusfacturas.app", "www.tusfacturas.app", "WWW.tusfacturas.com.AR", "a.b.tusfacturas.app"]
)
def test_an_allowed_host_and_its_subdomains_are_asked_by_https_on_its_own_port(names: Names, host: str) -> None:
    names.answers = [["1.1.1.1"]]
    assert "in time" in get(f"https://{host}/7.pdf").text
    assert names.connected_to == [("1.1.1.1", 443)]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1", "fc00::1", "fec0::1", "ff02::1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::", "2001:db8::1",
    ],
)  # fmt: skip
def test_a_name_that_leads_to_an_address_that_is_not_public_is_refused(names: Names, address: str) -> None:
    names.answers = [["1.1.1.1", address]]
    refused = get("https://www.tusfacturas.app/7.pdf")
    assert "not a public address" in refused.text
    assert not refused.final
    assert names.connected_to == []


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "64:ff9b::101:101", "::ffff:1.1.1.1"])
def test_a_public_address_is_connected_to_in_whatever_way_it_is_written(names: Names, address: str) -> None:
    names.answers = [[address]]
    get("https://www.tusfacturas.app/7.pdf")
    assert [where[0] for where in names.connected_to] == [address]


def test_a_name_that_changes_between_check_and_use_is_asked_for_once_only(names: Names) -> None:
    names.answers = [["1.1.1.1", "1.0.0.1"], ["127.0.0.1"]]
    with a_server(answer()) as server:
        refused = get(f"https://www.tusfacturas.app:{server.port}/7.pdf", f"www.tusfacturas.app:{server.port}")
        assert "in time" in refused.text
        assert names.asked == ["www.tusfacturas.app"]
        assert names.connected_to == [("1.1.1.1", server.port), ("1.0.0.1", server.port)]
        assert server.requests == []


def test_a_name_that_does_not_resolve_is_tried_again(names: Names) -> None:
    names.answers = [[]]
    assert get("https://www.tusfacturas.app/7.pdf") == Download(text="the name www.tusfacturas.app does not resolve")


def test_a_place_of_our_own_is_reached_on_loopback_only_where_its_name_says_so(names: Names) -> None:
    names.answers = [["127.0.0.1"]]
    with a_server(answer()) as server:
        own = f"mock.example:{server.port}"
        assert "not a public address" in get(f"https://{own}/7.pdf", own).text
        assert "not https" in get(f"http://{own}/7.pdf", own).text
        assert server.requests == []
        assert get(f"http://localhost:{server.port}/7.pdf", server.place).content == PDF
    names.answers = [["10.0.0.1"]]
    assert "not a public address" in get(f"http://localhost:{server.port}/7.pdf", server.place).text


def test_every_loopback_name_is_the_same_place_and_another_port_another_one() -> None:
    assert place_of("http://127.0.0.1:8000/api") == place_of("http://[::1]:8000") == "localhost:8000"
    assert place_of("http://LOCALHOST") == "localhost:80"
    assert place_of("https://www.tusfacturas.app/app/api") == "www.tusfacturas.app:443"
    with a_server(answer()) as server, a_server(answer()) as other:
        assert "not among the allowed hosts" in get(other.url, server.place).text
        assert other.requests == []


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_two_redirects_to_where_it_may_go_are_followed(status: str) -> None:
    with a_server(answer(b"", status, Location="/b.pdf"), answer(b"", status, Location="c.pdf"), answer()) as server:
        assert get(server.url, server.place).content == PDF
        targets = [request.split()[1] for request in server.requests]
        assert targets == [b"/comprobantes/7.pdf", b"/b.pdf", b"/c.pdf"]


def test_a_third_redirect_is_not_followed() -> None:
    with a_server(answer(b"", "302 Found", Location="/again.pdf")) as server:
        assert get(server.url, server.place) == Download(text="127.0.0.1 redirects too often", final=True)
        assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("https://evil.example/7.pdf", "evil.example, which is not among the allowed hosts"),
        ("//evil.example/7.pdf", "evil.example, which is not among the allowed hosts"),
        ("http://169.254.169.254/latest/meta-data", "not among the allowed hosts"),
        ("http://10.0.0.1/7.pdf", "not among the allowed hosts"),
        ("http://www.tusfacturas.app/7.pdf", "not https"),
        ("https://someone:s3cret@www.tusfacturas.app/7.pdf", "user name"),
        ("file:///etc/passwd", "can't be read"),
        ("http://[", "can't be read"),
    ],
)
def test_a_redirect_is_held_to_the_same_rules(location: str, why: str) -> None:
    with a_server(answer(b"", "302 Found", Location=location)) as server:
        refused = get(server.url, server.place)
        assert why in refused.text
        assert refused.final
        assert len(server.requests) == 1


def test_a_redirect_to_another_port_of_ours_is_not_followed() -> None:
    with a_server(answer()) as other, a_server(answer(b"", "302 Found", Location=other.url)) as server:
        assert "not among the allowed hosts" in get(server.url, server.place).text
        assert other.requests == []


def test_a_redirect_to_an_allowed_name_that_leads_inside_is_not_followed(names: Names) -> None:
    names.answers = [["127.0.0.1"]]
    with a_server(answer(b"", "302 Found", Location="https://intern.tusfacturas.app/7.pdf")) as server:
        refused = get(server.url, server.place)
        assert "redirects to intern.tusfacturas.app, and to another host none is followed" in refused.text
        assert len(server.requests) == 1


def certificate(folder: Path, *names: str) -> tuple[Path, ssl.SSLContext]:
    """A certificate for these names, signed by itself, and a server's context with it."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl")
    cert, key = folder / "cert.pem", folder / "cert.key"
    alternatives = ",".join(f"DNS:{name}" for name in names)
    subprocess.run(
        [
            openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", "/CN=test",
            "-addext", f"subjectAltName={alternatives}", "-keyout", str(key), "-out", str(cert),
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return cert, context


def test_the_certificate_must_be_the_names_although_the_address_is_connected_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cert, context = certificate(tmp_path, "localhost")
    asked_for: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: asked_for.append(name)
    with a_server(answer(), context=context) as server:
        url = f"https://localhost:{server.port}/7.pdf"
        assert get(url, server.place) == Download(text="the TLS certificate of localhost could not be verified")
        assert server.requests == []
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(cert))
        assert get(url, server.place).content == PDF
        assert asked_for == ["localhost", "localhost"]
        assert (
            "certificate of 127.0.0.1 could not be verified"
            in get(url.replace("localhost", "127.0.0.1"), server.place).text
        )


def test_the_certificate_of_another_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cert, context = certificate(tmp_path, "files.example")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(cert))
    with a_server(answer(), context=context) as server:
        refused = get(f"https://localhost:{server.port}/7.pdf", server.place)
        assert refused == Download(text="the TLS certificate of localhost could not be verified")
        assert server.requests == []


def test_a_redirect_to_another_host_is_not_followed_though_that_one_is_allowed(
    names: Names, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cert, context = certificate(tmp_path, "www.tusfacturas.com.ar", "files.tusfacturas.app")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(cert))
    names.answers = [["1.1.1.1"], ["1.1.1.1"]]
    with a_server(answer()) as ours, a_server(answer(), context=context) as files:
        there = answer(b"", "302 Found", Location="https://files.tusfacturas.app/7.pdf")
        back = answer(b"", "302 Found", Location=ours.url)
        with a_server(there, back, context=context) as www:
            names.served_at = {"1.1.1.1": www.port, "1.0.0.1": files.port}
            url = "https://www.tusfacturas.com.ar/7.pdf"
            for elsewhere in ("files.tusfacturas.app", "127.0.0.1"):
                refused = get(url, ours.place)
                assert f"redirects to {elsewhere}, and to another host none is followed" in refused.text
                assert refused.final
        assert files.requests == ours.requests == []
