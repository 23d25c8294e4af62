"""What the state machine found, each as small as it came to be."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.utils import timezone

from django_tusfacturas_lotes import operations
from django_tusfacturas_lotes.conf import conf
from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, LoteItem, OperationStatus, QueueOperation
from django_tusfacturas_lotes.reception import Authenticated, receive
from django_tusfacturas_lotes.reconciliation import look_up
from django_tusfacturas_lotes.submission import queue_operations
from django_tusfacturas_lotes.wire.dates import argentine_day
from django_tusfacturas_lotes.wire.modalities import modalities
from tests import seed
from tests.provider import Provider
from tests.test_queue_operations import done, waiting
from tests.test_reconciliation import later, statuses

pytestmark = pytest.mark.django_db(transaction=True)


def tell_as_lotes_does(provider: Provider, **changes: object) -> None:
    """A whole result, as no notice of the encola modalities brings it, with right credentials."""
    reference = LoteItem.objects.get().reference
    payload = {**seed.webhook(), **provider.credentials, "facturacion_lote_id_referencia": reference, **changes}
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
