"""How many calls a modality takes for so many orders, and how many orders make a demonstration that one can watch."""

import math

from django_tusfacturas_lotes.conf import conf
from django_tusfacturas_lotes.wire.modalities import modalities

_MANY = {"lotes": 1200, "lotes_encola": 300}
_USUAL = 120
ORDERS = {name: _MANY.get(name, _USUAL) for name in modalities()}
"""By modality. A call or two for each order, 100 ms apart, soon takes minutes."""
TIMEOUT = 600.0


def calls(modality: str, orders: int) -> int:
    """The calls to TusFacturas that `orders` take at least: what is sent, and the look-ups of what a notice tells."""
    way = modalities()[modality]
    look_ups = orders if way.webhook_at_provider else 0  # their notices are thin: the data comes by look-up
    return math.ceil(orders / way.max_items) + look_ups


def timeout(modality: str, orders: int) -> float:
    """Seconds after which a run is given up."""
    return max(TIMEOUT, float(calls(modality, orders)))


def describe(modality: str, orders: int) -> str:
    """What to expect of a run, in two lines."""
    way = modalities()[modality]
    many = "one invoice" if way.max_items == 1 else f"up to {way.max_items} invoices"
    result = "a notice of each, and a look-up for its data" if way.webhook_at_provider else "each result by webhook"
    count = calls(modality, orders)
    line = f"Modality {modality}: {many} a call, {result}."
    if count < orders:
        return line
    seconds = count * conf.call_gap
    gap = f"{conf.call_gap * 1000:g} ms"
    return f"{line}\n{orders} orders are {count} calls, {gap} apart as TusFacturas wants: {seconds:.0f} s at least."
