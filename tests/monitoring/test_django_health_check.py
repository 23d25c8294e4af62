"""django-health-check tells the same as `status()`."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pytest

from django_tusfacturas_lotes.models import FailureStage, InvoiceStatus
from tests.support.moments import ago, pending
from tests.support.rows import make_invoice

pytestmark = pytest.mark.django_db(transaction=True)

CHECK = "django_tusfacturas_lotes.monitoring.django_health_check.TusFacturasLotes"


def ask_the_library(rf: Any, **options: Any) -> tuple[int, dict[str, str]]:
    reason = "pip install 'django-health-check>=4', or the extra [health], to test the check for it"
    view = pytest.importorskip("health_check.views", reason=reason).HealthCheckView.as_view(checks=[(CHECK, options)])
    response = asyncio.run(view(rf.get("/health/", HTTP_ACCEPT="application/json")))
    return response.status_code, json.loads(response.content)


def test_django_health_check_tells_the_same(rf: Any) -> None:
    assert ask_the_library(rf)[0] == 200
    make_invoice(InvoiceStatus.FAILED, failure_stage=FailureStage.INTAKE)
    code, told = ask_the_library(rf)
    assert code == 500
    assert str(told).count("Warning: 1 invoice") == 1
    assert ask_the_library(rf, only_stuck=True)[0] == 200
    pending(updated_at=ago(hours=2))
    code, told = ask_the_library(rf, only_stuck=True)
    assert (code, "Unavailable: 1 invoice of account default" in str(told)) == (500, True)
    assert ask_the_library(rf, only_stuck=True, max_age=9999)[0] == 200


def test_an_older_django_health_check_is_told_how_to_be_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "health_check.base", None)
    monkeypatch.delitem(sys.modules, CHECK.rpartition(".")[0], raising=False)
    with pytest.raises(ImportError, match="django-health-check>=4"):
        __import__(CHECK.rpartition(".")[0])
