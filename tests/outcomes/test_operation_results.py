"""What settles an operation on the provider's queue, and what is shown if nothing does."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.utils import timezone

from django_tusfacturas_lotes import operations
from django_tusfacturas_lotes.conf import conf
from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, LoteItem, OperationStatus, QueueOperation, Turn
from django_tusfacturas_lotes.reception import Authenticated, receive
from django_tusfacturas_lotes.reconciliation import look_up
from django_tusfacturas_lotes.submission import flush, queue_operations
from django_tusfacturas_lotes.wire.dates import argentine_day
from django_tusfacturas_lotes.wire.modalities import modalities
from tests.support import documented
from tests.support.encola import done, in_error, later, rounds, statuses, told, waiting
from tests.support.provider import Provider

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_operation_that_no_look_up_settles_is_shown_after_a_day(provider: Provider) -> None:
    operations.retry(in_error(provider, "nuevo_encola"))
    provider.fault("operation=reject:none")
    queue_operations.send_requested("default")
    assert done() == ["uncertain"]
    assert not QueueOperation.objects.needing_a_person().exists()
    with time_machine.travel(timezone.now() + dt.timedelta(days=2)):
        assert QueueOperation.objects.needing_a_person().exists()


def test_an_operation_on_what_is_not_there_any_more_is_not_sent(provider: Provider) -> None:
    invoice = in_error(provider, "nuevo_encola")
    operations.resend(invoice)
    provider.fault("operation=reject:429:7200")
    queue_operations.send_requested("default")
    told(provider, "eliminado", LoteItem.objects.get().reference)
    Turn.objects.update(free_from=None)
    provider.fault("lookup=absent*2")
    rounds(range(1, 9, 4))
    operations.retry(Invoice.objects.get())
    provider.sandbox.clear_faults()
    flush()
    with later(minutes=130):
        queue_operations.send_requested("default")
    assert done() == [OperationStatus.REFUSED]
    provider.settle()
    assert max(provider.issued().values()) == 1
    provider.assert_the_promise()


def tell_as_lotes_does(provider: Provider, **changes: object) -> None:
    """A whole result, as no notice of the encola modalities brings it, with right credentials."""
    reference = LoteItem.objects.get().reference
    payload = {
        **documented.lotes_webhook(),
        **provider.credentials,
        "facturacion_lote_id_referencia": reference,
        **changes,
    }
    receive(payload, Authenticated((conf.account("default"),), modalities()["lotes"]))


def test_an_operation_does_not_stay_open_once_a_notice_tells_the_result(provider: Provider) -> None:
    operations.redate(waiting(provider, "nuevo_encola"), argentine_day() + dt.timedelta(days=3))
    provider.fault("operation=500")
    queue_operations.send_requested("default")
    assert done() == [OperationStatus.UNCERTAIN]
    tell_as_lotes_does(provider)
    assert statuses() == [InvoiceStatus.ISSUED]
    assert done() == [OperationStatus.REFUSED]
    assert "issued before" in QueueOperation.objects.get().error


def test_an_error_told_as_lotes_does_is_looked_up_while_an_operation_is_under_way(provider: Provider) -> None:
    operations.redate(waiting(provider, "nuevo_encola"), argentine_day() + dt.timedelta(days=3))
    provider.fault("operation=500")
    queue_operations.send_requested("default")
    tell_as_lotes_does(provider, error="S", errores=["Contradicho"], cae="", comprobante_nro="")
    with later(minutes=2):
        look_up("default")
    assert statuses() == [InvoiceStatus.SUBMITTED]
    assert done() == [OperationStatus.DONE]


def test_nothing_stays_under_way_of_what_a_person_says_is_not_at_the_provider(provider: Provider) -> None:
    invoice = waiting(provider, "nuevo_encola")
    now = timezone.now()
    provider.fault("lookup=500*always")
    with time_machine.travel(now + dt.timedelta(hours=4)):
        look_up("default")
        operations.cancel(invoice)
        provider.fault("operation=reject:none")
        queue_operations.send_requested("default")
        assert done() == [OperationStatus.UNCERTAIN]
        operations.confirm_not_issued(invoice)
    assert done() == [OperationStatus.REFUSED]
    assert not QueueOperation.objects.needing_a_person().exists()
    assert operations.cancel(Invoice.objects.get()).status == InvoiceStatus.CANCELLED
