"""The PDF of what was issued is kept while its address is good."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.storage import InMemoryStorage, Storage
from django.db import connection, transaction
from django.utils import timezone

from django_tusfacturas_lotes.exceptions import NotPossibleError
from django_tusfacturas_lotes.models import Invoice
from django_tusfacturas_lotes.pdfs import keeping
from django_tusfacturas_lotes.wire.dates import argentine_day
from tests.support.kept_pdfs import DAY, HOUR, MINUTE, assert_kept, give_address, issued_at_a, use
from tests.support.pdf_server import a_server, answer
from tests.support.provider import Provider
from tests.support.queries import Queries

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_pdf_is_fetched_from_the_provider_and_kept(invoice: Invoice, storage: Storage) -> None:
    assert keeping.keep_due() == 1
    assert_kept(invoice, storage)
    assert invoice.pdf.name.endswith(f"FACTURA-B-00003-00000001-{invoice.public_id}.pdf")
    assert b"SIN VALOR FISCAL" in invoice.pdf.open().read()
    assert keeping.keep_due() == 0


def test_any_storage_will_do(invoice: Invoice, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = use(InMemoryStorage(), monkeypatch)
    assert keeping.keep_due() == 1
    assert_kept(invoice, memory)


def test_only_the_columns_of_the_pdf_are_written(invoice: Invoice) -> None:
    def columns() -> dict[str, Any]:
        ours = {"pdf", "pdf_try_at", "pdf_tries", "pdf_error", "updated_at"}
        row = Invoice.objects.filter(pk=invoice.pk).values().get()
        return {name: value for name, value in row.items() if name not in ours}

    before = columns()
    keeping.keep_due()
    assert columns() == before


def test_with_keep_pdf_off_nothing_is_fetched_until_it_is_on(
    provider: Provider, invoice: Invoice, storage: Storage
) -> None:
    provider.configure(KEEP_PDF=False)
    with Queries() as queries:
        assert keeping.keep_due() == 0
    assert queries.statements == []
    with pytest.raises(NotPossibleError, match="KEEP_PDF"):
        keeping.fetch_now(invoice)
    provider.configure(KEEP_PDF=True)
    keeping.keep_due()
    assert_kept(invoice, storage)


def test_what_is_not_due_waits_and_the_oldest_comes_first(settings: Any) -> None:
    with a_server(answer()) as server:
        now = timezone.now()
        due = [now - 1 * HOUR, now - 3 * HOUR, now + HOUR, now - 2 * HOUR, None]
        for number, moment in enumerate(due):
            made = issued_at_a(server, settings, key=f"k{number}", pdf_try_at=moment)
            give_address(made, f"{server.url}?{number}", pdf_try_at=moment)
        assert keeping.keep_due(most=2) == 2
        assert [request.split()[1][-1:] for request in server.requests] == [b"1", b"3"]
        assert keeping.keep_due() == 1
        assert keeping.keep_due() == 0
        assert len(server.requests) == 3


def test_a_pdf_costs_one_get_and_the_same_few_queries_however_many_there_are(settings: Any) -> None:
    with a_server(answer()) as server:
        for count in (1, 5):
            for number in range(count):
                issued_at_a(server, settings, key=f"k{count}-{number}")
            before = len(server.requests)
            with Queries() as queries:
                assert keeping.keep_due() == count
            assert len(server.requests) - before == count
            assert len(queries.statements) == 2 + 2 * count, queries.statements
            assert "comprobante" not in queries.statements[0].replace('"django_tusfacturas_lotes', "")


@pytest.mark.parametrize(
    ("said", "day_is_over", "most"),
    [(answer(b"", "500 Oops"), False, 2), (answer(b"", "404 Not Found"), False, 4), (b"", True, 3)],
)
def test_one_that_fails_costs_at_most_four_queries_beside_the_two_of_the_run(
    settings: Any, said: bytes, day_is_over: bool, most: int
) -> None:
    with a_server(said) as server:
        for number in range(3):
            changes = {"pdf_url_on": argentine_day() - DAY} if day_is_over else {}
            issued_at_a(server, settings, key=f"k{number}", **changes)
        with Queries() as queries:
            assert keeping.keep_due() == 3
        assert len(queries.statements) == 2 + 3 * most, queries.statements


def test_the_try_is_counted_before_the_get_and_no_transaction_is_open(settings: Any) -> None:
    seen: list[Any] = []

    def talk(connection_: Any) -> None:
        row = Invoice.objects.get()
        seen.append((row.pdf_tries, row.pdf_try_at is not None and row.pdf_try_at > timezone.now() + 5 * MINUTE))
        connection.close()
        connection_.sendall(answer())

    with a_server(talk) as server:
        issued_at_a(server, settings)
        keeping.keep_due()
        assert seen == [(1, True)]
        give_address(Invoice.objects.get(), server.url)
        with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
            keeping.keep_due()
        assert len(server.requests) == 1


def test_no_more_is_begun_when_half_of_the_time_is_over(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopwatch:
        now = 0.0

        def monotonic(self) -> float:
            return self.now

    stopwatch = Stopwatch()
    monkeypatch.setattr(keeping, "time", stopwatch)

    def slow(connection_: Any) -> None:
        stopwatch.now += 37.5  # of 60 seconds
        connection_.sendall(answer())

    with a_server(slow) as server:
        for number in range(3):
            issued_at_a(server, settings, key=f"k{number}")
        assert keeping.keep_due() == 1
        assert Invoice.objects.exclude(pdf="").count() == 1
        assert keeping.keep_due() == 1
        assert Invoice.objects.exclude(pdf="").count() == 2
