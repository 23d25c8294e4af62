"""What makes two requests for an invoice one."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType

from django_tusfacturas_lotes.models import Invoice
from django_tusfacturas_lotes.queueing import identity, queue_invoice
from tests.support.builders import documento, order
from tests.testshop.models import Order

pytestmark = pytest.mark.django_db


def queued(**of: object) -> Invoice:
    given = {} if "order" in of else {"comprobante": documento()}
    invoice = queue_invoice(**given, **of)  # type: ignore[arg-type]
    assert invoice is not None
    return invoice


def test_only_the_invoice_of_the_same_source_or_key_and_kind_is_found() -> None:
    first, second = order(), order()
    user = User.objects.create(pk=first.pk, username="somebody")  # of another model, with the same primary key
    by_order = queued(order=first)
    by_key = queued(key=str(first.pk))  # and a key that reads like it
    others = [
        queued(order=first, kind="envio"), queued(order=second), queued(key="another"), queued(key="k", kind="envio"),
    ]  # fmt: skip
    by_user = Invoice.objects.create(
        account="default", source_type=ContentType.objects.get_for_model(User), source_id=str(user.pk)
    )
    assert len({by_order, by_key, by_user, *others}) == 7

    def found(order: object = None, key: str | None = None, kind: str = "factura", latest: bool = False) -> object:
        request = identity.invoice_request(order, documento(), key, None, None, kind)  # type: ignore[arg-type]
        return identity.existing_invoices([request], latest=latest)

    order_type = ContentType.objects.get_for_model(Order).pk
    user_type = ContentType.objects.get_for_model(User).pk
    for latest in (False, True):
        assert found(order=first, latest=latest) == {(order_type, str(first.pk)): by_order}
        assert found(order=user, latest=latest) == {(user_type, str(user.pk)): by_user}
        assert found(key=str(first.pk), latest=latest) == {(None, str(first.pk)): by_key}
        assert found(key="k", latest=latest) == {}
        assert found(order=second, kind="envio", latest=latest) == {}


def test_many_are_found_at_once_each_under_its_own_identity() -> None:
    first, second, third = order(), order(), order()
    invoices = [queued(order=first), queued(order=second), queued(key="k")]
    queued(order=third)
    requests = [
        identity.invoice_request(first, None, None, None, None, "factura"),
        identity.invoice_request(second, None, None, None, None, "factura"),
        identity.invoice_request(None, documento(), "k", None, None, "factura"),
    ]
    found = identity.existing_invoices(requests)
    assert [found[request.identity] for request in requests] == invoices
    assert len(found) == 3
