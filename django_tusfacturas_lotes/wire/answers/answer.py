"""What is read out of the provider's answers: the answer to a call, and an issued document."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Answer:
    """What the provider said to a call, once it could be read.

    `refused` maps the 0-based row of an item that was not taken to the provider's texts. `refused_whole` means that
    nothing was taken. `discrepancies` are what does not add up and a person must see.
    """

    refused_whole: bool = False
    errors: tuple[str, ...] = ()
    refused: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    discrepancies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """An issued document, as the provider tells of it. `numero` and `punto_venta` are None where it does not say."""

    cae: str
    tipo: str = ""
    punto_venta: int | None = None
    numero: int | None = None
    cae_expires_on: dt.date | None = None
    observaciones: str = ""
    pdf_url: str = ""
