"""What another process changes while a retry asks the builder is not overwritten."""

from __future__ import annotations

from typing import Any

import pytest

from django_tusfacturas_lotes import operations
from django_tusfacturas_lotes.models import FailureStage, Invoice, InvoiceStatus
from django_tusfacturas_lotes.operations import NotPossibleError
from django_tusfacturas_lotes.queueing import queue_invoice
from tests.support.builders import documento, order

pytestmark = pytest.mark.django_db(transaction=True)

MEANWHILE: dict[str, Any] = {}


def build_while_another_process_works(one: Any) -> Any:
    Invoice.objects.update(**MEANWHILE)
    return documento()


@pytest.mark.parametrize("stage", [one for one in FailureStage if one != FailureStage.BUILD])
def test_an_invoice_that_failed_anew_meanwhile_is_not_taken_for_what_it_was(settings: Any, stage: str) -> None:
    queued = queue_invoice(order=order("raise"))
    assert queued is not None
    assert (queued.status, queued.failure_stage) == (InvoiceStatus.FAILED, FailureStage.BUILD)
    path = f"{__name__}.build_while_another_process_works"
    settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "COMPROBANTE_BUILDER": path}
    MEANWHILE.clear()
    MEANWHILE["failure_stage"] = stage
    with pytest.raises(NotPossibleError, match="is failed, not failed"):
        operations.retry(queued)
    # What was written in its transaction went with it; on its own it goes.
    MEANWHILE.clear()
    MEANWHILE["tipo"] = ""
    assert operations.retry(queued).status == InvoiceStatus.PENDING
