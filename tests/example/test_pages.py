import copy
import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.utils import timezone
from shop.models import Order, Refund

from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, Lote, LoteItem


@pytest.fixture
def invoice_for() -> Callable[..., Invoice]:
    def make(order: Order, status: InvoiceStatus, **fields: Any) -> Invoice:
        Order.objects.filter(pk=order.pk).update(paid_at=timezone.now())
        source_type = ContentType.objects.get_for_model(Order)
        return Invoice.objects.create(
            account="default", source_type=source_type, source_id=str(order.pk), status=status, **fields
        )

    return make


@pytest.fixture
def credit_note_for() -> Callable[..., Invoice]:
    def make(order: Order, status: InvoiceStatus, **fields: Any) -> Invoice:
        refund = Refund.objects.create(order=order, amount=order.total)
        return Invoice.objects.create(
            account="default",
            kind="nota_de_credito",
            source_type=ContentType.objects.get_for_model(Refund),
            source_id=str(refund.pk),
            status=status,
            **fields,
        )

    return make


def text(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_the_list_shows_orders_their_totals_and_a_button_to_pay(client: Client, orders: list[Order]) -> None:
    page = text(client, "/")
    newest = orders[-1]
    assert f"Order {newest.pk}" in page
    assert newest.customer in page
    assert f'action="/orders/{newest.pk}/pay/"' in page
    assert "60 orders, 0 paid" in page


@pytest.mark.parametrize("url", ["/?page=2", "/?page=3", "/?page=99", "/?page=x"])
def test_every_page_of_the_list_renders(client: Client, orders: list[Order], url: str) -> None:
    assert "Order " in text(client, url)


@pytest.mark.django_db
def test_an_empty_shop_says_what_to_do(client: Client) -> None:
    assert "No orders yet" in text(client, "/")


def test_the_list_makes_the_same_queries_however_many_orders(
    client: Client,
    orders: list[Order],
    invoice_for: Callable[..., Invoice],
    django_assert_num_queries: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for order in orders:
        invoice_for(order, InvoiceStatus.PENDING)
    ContentType.objects.get_for_model(Order)  # known to any server but for its first request
    for size in (1, 10, 50):
        monkeypatch.setattr("shop.views.ORDERS_ON_A_PAGE", size)
        # Counts, the paginator's count, orders, lines, invoices, the lote that holds them up.
        with django_assert_num_queries(6):
            client.get("/")


def test_credit_notes_on_the_list_are_one_query_more(
    client: Client,
    orders: list[Order],
    invoice_for: Callable[..., Invoice],
    credit_note_for: Callable[..., Invoice],
    django_assert_num_queries: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for order in orders:
        invoice_for(order, InvoiceStatus.ISSUED)
        credit_note_for(order, InvoiceStatus.PENDING)
    ContentType.objects.get_for_models(Order, Refund)
    for size in (1, 10, 50):
        monkeypatch.setattr("shop.views.ORDERS_ON_A_PAGE", size)
        with django_assert_num_queries(7):
            client.get("/")


@pytest.mark.parametrize(
    ("status", "fields", "expected"),
    [
        (InvoiceStatus.PENDING, {}, ["Waiting to be sent"]),
        (InvoiceStatus.PENDING, {"send_on": dt.date(2999, 1, 31)}, ["Waiting to be sent", "To be sent on 31/01/2999"]),
        (InvoiceStatus.CLAIMED, {}, ["Being sent"]),
        (InvoiceStatus.SUBMITTED, {}, ["Sent, not issued yet"]),
        (
            InvoiceStatus.FAILED,
            {"failure_stage": "emission", "errors": [{"text": "10016: fecha anterior <b>"}]},
            ["Not issued", "ARCA did not issue it.", "10016: fecha anterior &lt;b&gt;"],
        ),
        (InvoiceStatus.UNCERTAIN, {}, ["Not known if it was issued", "not sent again before somebody has looked"]),
        (InvoiceStatus.CANCELLED, {}, ["Cancelled"]),
        (
            InvoiceStatus.ISSUED,
            {
                "tipo": "FACTURA B",
                "punto_venta": 3,
                "numero": 7,
                "cae": "71234567890123",
                "pdf_url": "https://x.y/7.pdf",
            },
            ["Issued", "FACTURA B 00003-00000007", "CAE 71234567890123", 'href="https://x.y/7.pdf"'],
        ),
    ],
)
@pytest.mark.parametrize("page", ["/", "/orders/{pk}/"])
def test_an_invoice_is_shown_in_a_shopkeepers_words(
    client: Client,
    orders: list[Order],
    invoice_for: Callable[..., Invoice],
    page: str,
    status: InvoiceStatus,
    fields: dict[str, Any],
    expected: list[str],
) -> None:
    invoice_for(orders[-1], status, **fields)
    shown = text(client, page.format(pk=orders[-1].pk))
    for words in expected:
        assert words in shown


def test_an_invoice_that_waits_behind_a_lote_says_why(
    client: Client, orders: list[Order], invoice_for: Callable[..., Invoice]
) -> None:
    invoice_for(orders[-1], InvoiceStatus.PENDING)
    next_try_at = dt.datetime(2026, 1, 31, 18, 5, tzinfo=dt.timezone.utc)
    Lote.objects.create(
        account="default", modality="lotes", in_flight_for="default", error="No connection.", next_try_at=next_try_at
    )
    assert "No connection. Next try at 15:05." in text(client, "/")


def test_the_pages_say_by_which_modality_invoices_are_sent(
    client: Client, orders: list[Order], settings: LazySettings
) -> None:
    settings.TEMPLATES = copy.deepcopy(settings.TEMPLATES)
    settings.TEMPLATES[0]["OPTIONS"]["context_processors"].append("shop.context_processors.demo")
    assert "sent by <code>lotes</code>, up to 500 a call" in text(client, "/")
    account = {**settings.TUSFACTURAS_LOTES["ACCOUNTS"]["default"], "MODALITY": "nuevo_encola"}
    settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "ACCOUNTS": {"default": account}}
    assert "sent by <code>nuevo_encola</code>, one a call" in text(client, "/")


def test_an_orders_page_says_which_way_its_invoice_went_whatever_is_set_now(
    client: Client, orders: list[Order], invoice_for: Callable[..., Invoice]
) -> None:
    order = orders[-1]
    invoice = invoice_for(order, InvoiceStatus.CLAIMED)
    lote = Lote.objects.create(account="default", modality="lotes_encola")
    LoteItem.objects.create(lote=lote, invoice=invoice, position=0, reference="a-1")
    assert "Sent by" not in text(client, f"/orders/{order.pk}/")
    Lote.objects.update(sent_at=timezone.now())
    assert f"Sent by lotes_encola, lote {lote.pk}" in text(client, f"/orders/{order.pk}/")


@pytest.mark.parametrize("page", ["/", "/orders/{pk}/"])
def test_the_kept_pdf_is_linked_in_the_place_of_an_address_that_is_good_for_a_day(
    client: Client, orders: list[Order], invoice_for: Callable[..., Invoice], settings: LazySettings, page: str
) -> None:
    settings.MEDIA_URL = "/media/"
    invoice_for(orders[-1], InvoiceStatus.ISSUED, pdf="tusfacturas/7.pdf", pdf_url="https://x.y/7.pdf")
    shown = text(client, page.format(pk=orders[-1].pk))
    assert 'href="/media/tusfacturas/7.pdf"' in shown
    assert "https://x.y" not in shown


def test_an_address_that_is_not_a_web_address_is_no_link(
    client: Client, orders: list[Order], invoice_for: Callable[..., Invoice]
) -> None:
    invoice_for(orders[-1], InvoiceStatus.ISSUED, pdf_url="javascript:alert(1)")
    assert "javascript:" not in text(client, "/")


def test_every_order_has_a_page_with_its_lines(client: Client, orders: list[Order]) -> None:
    for order in orders:
        page = text(client, f"/orders/{order.pk}/")
        assert all(line.description in page for line in order.lines.all())


def test_an_order_that_is_not_there_is_not_found(client: Client, orders: list[Order]) -> None:
    assert client.get("/orders/999999/").status_code == 404


def test_the_pay_button_pays_and_goes_back_to_its_page_of_the_list(client: Client, orders: list[Order]) -> None:
    order = orders[0]
    answer = client.post(f"/orders/{order.pk}/pay/", {"next": "/?page=3"})
    assert (answer.status_code, answer["Location"]) == (302, "/?page=3")
    order.refresh_from_db()
    assert order.paid_at
    assert "Waiting to be sent" in text(client, "/?page=3")


def test_the_pay_button_does_not_lead_out_of_the_shop(client: Client, orders: list[Order]) -> None:
    answer = client.post(f"/orders/{orders[0].pk}/pay/", {"next": "https://evil.example/"})
    assert answer["Location"] == f"/orders/{orders[0].pk}/"


def test_paying_needs_a_post_with_its_csrf_token(orders: list[Order]) -> None:
    url = f"/orders/{orders[0].pk}/pay/"
    strict = Client(enforce_csrf_checks=True)
    assert strict.get(url).status_code == 405
    assert strict.post(url).status_code == 403
    orders[0].refresh_from_db()
    assert orders[0].paid_at is None


@pytest.mark.django_db
def test_the_new_order_button_makes_an_order_to_pay(client: Client) -> None:
    answer = client.post("/orders/new/")
    order = Order.objects.get()
    assert answer["Location"] == f"/orders/{order.pk}/"
    assert order.total > 0
    assert "Pay" in text(client, answer["Location"])


@pytest.mark.parametrize("page", ["/", "/orders/{pk}/"])
@pytest.mark.parametrize(
    ("status", "is_shown"), [(None, False), *((status, status == InvoiceStatus.ISSUED) for status in InvoiceStatus)]
)
def test_the_refund_button_is_there_once_the_invoice_is_issued(
    client: Client,
    orders: list[Order],
    invoice_for: Callable[..., Invoice],
    page: str,
    status: InvoiceStatus | None,
    is_shown: bool,
) -> None:
    order = orders[-1]
    if status is not None:
        invoice_for(order, status)
    assert (f'action="/orders/{order.pk}/refund/"' in text(client, page.format(pk=order.pk))) == is_shown


@pytest.mark.parametrize("page", ["/", "/orders/{pk}/"])
@pytest.mark.parametrize(
    ("status", "fields", "expected"),
    [
        (InvoiceStatus.PENDING, {}, ["Waiting to be sent"]),
        (
            InvoiceStatus.FAILED,
            {"failure_stage": "build", "errors": [{"text": "only what is issued can be credited"}]},
            ["Not issued", "only what is issued can be credited"],
        ),
        (
            InvoiceStatus.ISSUED,
            {"tipo": "NOTA DE CREDITO B", "punto_venta": 3, "numero": 8, "cae": "79999999999999"},
            ["NOTA DE CREDITO B 00003-00000008", "CAE 79999999999999"],
        ),
    ],
)
def test_a_refunded_order_shows_its_credit_note_beside_its_invoice(
    client: Client,
    orders: list[Order],
    invoice_for: Callable[..., Invoice],
    credit_note_for: Callable[..., Invoice],
    page: str,
    status: InvoiceStatus,
    fields: dict[str, Any],
    expected: list[str],
) -> None:
    order = orders[-1]
    invoice_for(order, InvoiceStatus.ISSUED, tipo="FACTURA B", punto_venta=3, numero=7)
    credit_note_for(order, status, **fields)
    shown = text(client, page.format(pk=order.pk))
    for words in ("Refunded", "FACTURA B 00003-00000007", "Nota de crédito", *expected):
        assert words in shown
    assert "/refund/" not in shown


def test_a_refund_that_had_no_invoice_says_so(client: Client, orders: list[Order]) -> None:
    order = orders[-1]
    Order.objects.filter(pk=order.pk).update(paid_at=timezone.now())
    Refund.objects.create(order=order, amount=order.total)
    assert "Nothing to credit" in text(client, f"/orders/{order.pk}/")


def test_the_refund_button_refunds_once_and_goes_back_to_its_page_of_the_list(
    client: Client, orders: list[Order], invoice_for: Callable[..., Invoice]
) -> None:
    order = orders[0]
    invoice_for(order, InvoiceStatus.ISSUED)
    answer = client.post(f"/orders/{order.pk}/refund/", {"next": "/?page=3"})
    assert (answer.status_code, answer["Location"]) == (302, "/?page=3")
    assert f"Order {order.pk} is refunded." in text(client, "/?page=3")
    client.post(f"/orders/{order.pk}/refund/")
    assert "nothing was done" in text(client, "/")
    assert Refund.objects.get().order == order


def test_refunding_needs_a_post_with_its_csrf_token_and_an_order(client: Client, orders: list[Order]) -> None:
    url = f"/orders/{orders[0].pk}/refund/"
    strict = Client(enforce_csrf_checks=True)
    assert strict.get(url).status_code == 405
    assert strict.post(url).status_code == 403
    assert client.post("/orders/999999/refund/").status_code == 404
    assert not Refund.objects.exists()
