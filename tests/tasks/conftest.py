"""Each test begins with no task queued."""

from __future__ import annotations

import pytest
from django_q.brokers import get_broker


@pytest.fixture(autouse=True)
def an_empty_queue() -> None:
    get_broker().purge_queue()
