"""The example shop and the admin as a person uses them, in a real Chromium."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User

from django_tusfacturas_lotes import operations
from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote, LoteStatus
from django_tusfacturas_lotes.submission import flush
from tests.support.provider import Provider

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser, pytest.mark.urls("config.urls")]

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
if CHROMIUM is None and not os.environ.get("CI"):
    pytest.skip("no Chromium here (Debian: apt-get install chromium)", allow_module_level=True)


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    # Playwright's event loop runs in the test's thread, where the test uses the ORM between its clicks.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    assert CHROMIUM, "Chromium is not installed, and nothing is skipped silently in CI"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.set_default_timeout(180_000)
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        yield page
        browser.close()
    assert problems == []


@pytest.fixture
def shop(provider: Provider, live_server: Any, settings: Any) -> Provider:
    from shop.demo.data import create_orders, load_products

    load_products()
    create_orders(3, random.Random(7))
    provider.configure(COMPROBANTE_BUILDER="shop.invoicing.build_comprobante")
    User.objects.create_superuser("admin", password="demo")
    return provider


def run_action(page: Any, action: str) -> Any:
    """Run an admin action on the first row, and return the message or the question that follows."""
    page.get_by_role("checkbox").nth(1).check()
    page.locator("select[name=action]").select_option(action)
    page.get_by_role("button", name="Run").or_(page.get_by_role("button", name="Go")).first.click()
    return page.locator(".messagelist, form[method=post] input[name=confirmed]").first


def test_an_order_is_paid_fails_is_retried_and_is_issued(shop: Provider, live_server: Any, page: Any) -> None:
    page.goto(live_server.url)
    page.get_by_role("button", name="Pay").first.click()
    assert "paid" in page.content()
    assert "Waiting to be sent" in page.content()

    shop.fault("fail_rows=0")
    flush()
    shop.settle()
    page.reload()
    assert "Not issued" in page.content()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "the page scrolls sideways"

    page.goto(f"{live_server.url}/admin/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill("demo")
    page.get_by_role("button", name="Log in").click()
    page.goto(f"{live_server.url}/admin/django_tusfacturas_lotes/invoice/?needs=me")
    assert "failed" in page.content()
    assert "1 invoice was tried again." in run_action(page, "retry_selected").inner_text()

    flush()
    shop.settle()
    page.goto(live_server.url)
    assert "Issued" in page.content()
    invoice = Invoice.objects.get()
    assert invoice.status == InvoiceStatus.ISSUED
    assert invoice.comprobante_nro in page.content()
    assert invoice.cae in page.content()
    assert page.request.get(invoice.pdf_url).body().startswith(b"%PDF-")
    shop.assert_the_promise()


def test_a_lost_call_is_settled_by_a_person_who_is_asked_first(shop: Provider, live_server: Any, page: Any) -> None:
    page.goto(live_server.url)
    page.get_by_role("button", name="Pay").first.click()
    shop.fault("reject=500")
    flush()
    page.goto(f"{live_server.url}/admin/django_tusfacturas_lotes/lote/?needs=me")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill("demo")
    page.get_by_role("button", name="Log in").click()
    run_action(page, "confirm_not_received").wait_for(state="attached")
    assert "twice" in page.content()
    page.get_by_role("link", name="No, take me back").click()
    assert Lote.objects.get().status == LoteStatus.UNCERTAIN
    page.goto(f"{live_server.url}/admin/django_tusfacturas_lotes/lote/?needs=me")
    run_action(page, "confirm_not_received").wait_for(state="attached")
    page.get_by_role("button", name="They were not received").click()
    assert "1 lote was settled." in page.locator(".messagelist").inner_text()
    flush()
    shop.settle()
    assert Invoice.objects.get().status == InvoiceStatus.ISSUED
    with pytest.raises(operations.NotPossibleError):
        operations.confirm_received(Lote.objects.order_by("pk")[0])
