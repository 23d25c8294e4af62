import pytest
from django.conf import LazySettings
from shop.demo.pace import ORDERS, calls, describe, timeout

from django_tusfacturas_lotes.wire.modalities import modalities


def test_there_is_a_demonstration_of_every_modality() -> None:
    assert set(ORDERS) == set(modalities())
    assert ORDERS["lotes"] > ORDERS["lotes_encola"] > ORDERS["nuevo_encola"] >= 100


@pytest.mark.parametrize(
    ("modality", "orders", "expected"),
    [("lotes", 1200, 3), ("lotes_encola", 1200, 12 + 1200), ("lotes_encola", 101, 2 + 101), ("nuevo_encola", 7, 14)],
)
def test_calls_are_counted_with_their_look_ups(modality: str, orders: int, expected: int) -> None:
    assert calls(modality, orders) == expected


def test_what_takes_long_says_how_long_and_why(settings: LazySettings) -> None:
    settings.TUSFACTURAS_LOTES = {**settings.TUSFACTURAS_LOTES, "CALL_GAP": 0.1}
    told = describe("nuevo_encola", 120)
    assert "one invoice a call" in told
    assert "120 orders are 240 calls, 100 ms apart as TusFacturas wants: 24 s at least." in told
    assert "at least" not in describe("lotes", 1200)


def test_a_long_run_is_not_given_up_before_it_can_end() -> None:
    assert timeout("lotes", 1200) == 600
    assert timeout("nuevo_encola", 1200) == 2400
