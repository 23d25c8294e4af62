"""The sandbox's clock and pace in these tests."""

from __future__ import annotations

import time

from django_tusfacturas_lotes.sandbox import Pace

QUICK = Pace(emission_retry=0.002, webhook_retry=0.002, notice_retries=(0.002,) * 5)


class Stopwatch:
    """Real time plus what a test adds, so that an hour passes at once."""

    def __init__(self) -> None:
        self.added = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.added
