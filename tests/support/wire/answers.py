"""Answers of the provider as strategies, from what is documented to nonsense."""

from __future__ import annotations

import datetime as dt
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from django_tusfacturas_lotes.wire.modalities import Credentials, Outgoing
from tests.support.builders import documento

CREDENTIALS = Credentials("1234", "an-apitoken", "a-usertoken")
SENT = ["ref-a", "17032", "ref-c", "ref_D", "0017"]

# On a busy machine the first text alone takes seconds: hypothesis makes its table of characters then.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

plain_values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
json_values = st.recursive(
    plain_values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
json_objects = st.dictionaries(st.text(max_size=12), json_values, max_size=4)

# What an entry may say, from what is documented to nonsense.
errors: st.SearchStrategy[Any] = st.sampled_from(["N", "S"]) | st.sampled_from(
    ["", "n", "PARCIAL", None, True, 0, [], {}]
)
references: st.SearchStrategy[Any] = st.sampled_from(
    [*SENT, 17032, " ref-c ", "not-ours", "", None, 17, 17032.0, True, ["ref-a"], {}]
)
said: st.SearchStrategy[Any] = (
    st.sampled_from(
        [
            [],
            "",
            None,
            {},
            ["a"],
            "b",
            ["  "],
            ["a", "b"],
            ["en el orden 2 (comenzando en 0)"],
            [None],
            [{}],
            0,
            [" ", "a"],
        ]
    )
    | st.sampled_from(
        [["en el orden 1 (comenzando en 0)", "en el orden 2 (comenzando en 0)"], ["orden 99 (comenzando en 0)"]]
    )
    | json_values.filter(lambda value: "orden" not in str(value))
)
error_details: st.SearchStrategy[Any] = st.sampled_from(
    [[], [{}], [{"code": "TFC-8002", "text": "b"}], [{"code": None}], None, "", "x", [0]]
)
entries = st.fixed_dictionaries(
    {"error": errors},
    optional={"external_reference": references, "errores": said, "error_details": error_details, "rta": json_values},
)


def outgoing(reference: str, **comprobante: Any) -> Outgoing:
    return Outgoing(reference, documento(**comprobante), dt.date(2026, 1, 5))
