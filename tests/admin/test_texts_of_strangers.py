"""What strangers write stays text in the admin."""

from __future__ import annotations

import html.parser
import json
import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User

from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote, LoteItem, LoteStatus, WebhookEvent
from django_tusfacturas_lotes.queueing import queue_invoice
from django_tusfacturas_lotes.submission import flush
from tests.support.admin import APP, MODELS, admin_pages, lists_and_rows
from tests.support.builders import documento
from tests.support.raw_http import answering
from tests.support.rows import make_operation
from tests.support.strange import SCRIPT, http_answer, post_raw
from tests.support.webhook import failure, item_in, success

pytestmark = pytest.mark.django_db(transaction=True)

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


POISON = f"\"'><img src=x onerror=alert(1)>{SCRIPT}{{{{ 7|add:'7' }}}}"


class Page(html.parser.HTMLParser):
    """A page as a browser reads it: its text, and what would run."""

    def __init__(self, content: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.dangers: list[str] = []
        self.addresses: list[str] = []
        self._script = False
        self.feed(content)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._script = tag == "script"
        for name, value in attrs:
            if name.startswith("on") or (name == "src" and value == "x") or name == "srcdoc":
                self.dangers.append(f"<{tag} {name}={value!r}>")
            if name in ("href", "src", "action", "formaction", "data"):
                self.addresses.append(value or "")
                if (value or "").strip().lower().startswith(("javascript:", "data:", "vbscript:")):
                    self.dangers.append(f"<{tag} {name}={value!r}>")

    def handle_endtag(self, tag: str) -> None:
        self._script = False

    def handle_data(self, data: str) -> None:
        if not self._script:
            self.text += data
        elif "alert(1)" in data:
            self.dangers.append(f"<script>{data}")


def poisoned_invoice(account: str = "default") -> Invoice:
    number = Invoice.objects.count()
    invoice = queue_invoice(
        comprobante=documento(cliente={"razon_social": POISON}), key=f"{POISON}{number}", kind=SCRIPT, account=account
    )
    assert invoice is not None
    assert invoice.status == InvoiceStatus.PENDING, invoice.reasons
    return invoice


@pytest.fixture
def poisoned(settings: Any) -> None:
    """A shop whose customers, and whose provider, put a script into every text that they have."""
    page = f"<html><body onload='alert(1)'>{POISON}</body></html>"
    answers = [
        # The first row is refused, the rest is taken, and there is something that does not add up.
        {"error": "N", "procesados": 4, "errores": [POISON], "validaciones": [f"fila 0: {POISON}", POISON]},
        None,
        {"error": "S", "errores": [POISON, {"x": POISON}], "rta": POISON},
    ]
    spoken = [http_answer("200 OK", json.dumps(one)) if one else http_answer("500 Oh", page) for one in answers]
    with answering(spoken) as provider:
        account = {**settings.TUSFACTURAS_LOTES["ACCOUNTS"]["default"], "BASE_URL": provider}
        settings.TUSFACTURAS_LOTES = {
            **settings.TUSFACTURAS_LOTES, "ACCOUNTS": {"default": account, "other": account}, "MAX_ITEMS": 5,
        }  # fmt: skip
        for _ in range(5):
            poisoned_invoice()
        flush("default")
        poisoned_invoice()
        flush("default")
        poisoned_invoice("other")
        flush("other")
    # One more waits behind the lote that was refused, and says why; and one was never valid.
    poisoned_invoice("other")
    queue_invoice(comprobante=documento(cliente={"razon_social": POISON}, provincia=POISON, tipo=POISON), key="invalid")
    _refused, taken, failed, unreadable, without_cae = LoteItem.objects.order_by("pk")[:5]
    texts = {"rta": POISON, "observaciones": POISON, "vencimiento_pago": POISON, POISON: POISON}
    for told in (
        success(taken, **texts, comprobante_tipo=SCRIPT, cae=SCRIPT, comprobante_pdf_url="javascript:alert(1)"),
        failure(failed, POISON, f"Cod. Error: 10016 {POISON}"),
        success(unreadable, **texts, error=POISON),
        success(without_cae, **texts, cae=""),
        success(POISON, **texts),
    ):
        assert post_raw(json.dumps(told).encode()).status_code == 200
    # A text of the provider's on a lote that a person is asked about.
    Lote.objects.filter(status=LoteStatus.UNCERTAIN).update(error=POISON)
    make_operation(failed, status="refused", error=POISON, response={POISON: POISON}, options={"x": POISON})


ACTIONS = [
    ("invoice", "retry_selected"), ("invoice", "retry_rebuilt"), ("invoice", "cancel_selected"), ("lote", "send_now"),
    ("lote", "confirm_received"), ("lote", "confirm_not_received"), ("webhookevent", "process_again"),
]  # fmt: skip


def act_on_all(client: Any, model: str, action: str, **data: str) -> str:
    selected = [str(row.pk) for row in MODELS[model].objects.all()]
    response = client.post(f"{APP}/{model}/", {"action": action, "_selected_action": selected, **data}, follow=True)
    return str(response.content.decode())


def test_what_strangers_write_stays_text_on_every_page_of_the_admin(admin_client: Any, poisoned: None) -> None:
    assert set(Invoice.objects.values_list("status", flat=True)) >= {"issued", "failed", "uncertain", "claimed"}
    assert set(Lote.objects.values_list("status", flat=True)) == {"accepted", "uncertain", "ready"}
    assert set(WebhookEvent.objects.values_list("status", flat=True)) == {"processed", "error", "unmatched"}
    lists = [f"{APP}/{model}/" for model in MODELS]
    for address in admin_pages():
        response = admin_client.get(address)
        assert response.status_code == 200, address
        page = Page(response.content.decode())
        assert page.dangers == [], address
        if address in lists or (address.startswith(f"{APP}/invoice/") and address.endswith("/change/")):
            assert SCRIPT in page.text, f"{address} does not show what it is about"
        assert "14" not in page.text.partition(SCRIPT)[2][:2], address


def test_each_text_of_a_stranger_can_be_read(admin_client: Any, poisoned: None) -> None:
    issued = Invoice.objects.get(status=InvoiceStatus.ISSUED)
    page = Page(admin_client.get(f"{APP}/invoice/{issued.pk}/change/").content.decode())
    assert "javascript:alert(1)" in page.text
    assert not any("javascript" in address for address in page.addresses)
    for text in (POISON, f"{POISON}1", issued.cae, issued.tipo):
        assert text in page.text
    failed = Invoice.objects.get(failure_stage="emission")
    assert (
        f"Cod. Error: 10016 {POISON}"
        in Page(admin_client.get(f"{APP}/invoice/{failed.pk}/change/").content.decode()).text
    )
    uncertain = Lote.objects.get(status=LoteStatus.UNCERTAIN)
    page = Page(admin_client.get(f"{APP}/lote/{uncertain.pk}/change/").content.decode())
    assert "<body onload='alert(1)'>" in page.text


@pytest.mark.parametrize(("model", "action"), ACTIONS, ids=[action for _, action in ACTIONS])
def test_what_strangers_write_stays_text_in_questions_and_messages(
    admin_client: Any, poisoned: None, model: str, action: str
) -> None:
    page = Page(act_on_all(admin_client, model, action))
    assert page.dangers == []
    assert SCRIPT in page.text
    assert Page(act_on_all(admin_client, model, action, confirmed="yes")).dangers == []


@pytest.mark.parametrize(
    ("address", "is_link"),
    [
        ("https://x.test/a.pdf", True),
        ("http://x.test/a.pdf", True),
        (f"https://x.test/{POISON}", True),
        ("javascript:alert(1)", False),
        (" javascript:alert(1)", False),
        ("JavaScript:alert(1)//https://x.test/", False),
        ("java\tscript:alert(1)", False),
        ("\x01javascript:alert(1)", False),
        ("data:text/html,<script>alert(1)</script>", False),
        ("vbscript:alert(1)", False),
        ("file:///etc/passwd", False),
        ("//x.test/a.pdf", False),
        ("/somewhere/a.pdf", False),
        ("https:javascript:alert(1)", False),
    ],
)
def test_only_a_web_address_becomes_a_link(admin_client: Any, address: str, is_link: bool) -> None:
    assert post_raw(json.dumps(success(item_in(), comprobante_pdf_url=address)).encode()).status_code == 200
    invoice = Invoice.objects.get()
    page = Page(admin_client.get(f"{APP}/invoice/{invoice.pk}/change/").content.decode())
    assert page.dangers == []
    assert (invoice.pdf_url in page.addresses) == is_link
    assert "".join(address.split()) in "".join(page.text.split())


@pytest.fixture
def dialogs(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, list[str]]]:
    """A real Chromium, and what it was made to show."""
    if CHROMIUM is None and not os.environ.get("CI"):
        pytest.skip("no Chromium here (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    # Playwright's event loop runs in the test's thread, where the test uses the ORM.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    opened: list[str] = []

    def dismiss(dialog: Any) -> None:
        opened.append(dialog.message)
        dialog.dismiss()

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        context = browser.new_context()
        page = context.new_page()
        page.set_default_timeout(180_000)
        page.on("dialog", dismiss)
        yield page, opened
        browser.close()


@pytest.mark.browser
@pytest.mark.thorough
def test_a_browser_that_reads_the_admin_runs_nothing_of_it(
    live_server: Any, poisoned: None, dialogs: tuple[Any, list[str]]
) -> None:
    page, opened = dialogs
    User.objects.create_superuser("admin", password="demo")
    page.goto(f"{live_server.url}/admin/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill("demo")
    page.get_by_role("button", name="Log in").click()
    # The marker that a dialog would be noticed.
    page.evaluate("alert('noticed')")
    for address in lists_and_rows():
        page.goto(f"{live_server.url}{address}")
        assert page.locator("img[src=x], [onerror], [onload]").count() == 0, address
    for model, action in ACTIONS:
        page.goto(f"{live_server.url}{APP}/{model}/")
        page.locator("#action-toggle").check()
        page.locator("select[name=action]").select_option(action)
        with page.expect_navigation():
            page.get_by_role("button", name="Run").or_(page.get_by_role("button", name="Go")).first.click()
        assert SCRIPT in page.locator("body").inner_text(), action
    assert opened == ["noticed"]
