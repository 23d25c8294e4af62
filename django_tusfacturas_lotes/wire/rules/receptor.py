"""Rules about how the customer is identified."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from stdnum.ar import cuit

from ..comprobante import Comprobante
from ..comprobante.totals import MONEY, plain, total_of
from ..problems import Problem, shown
from .facts import Facts
from .rule import rule

MAX_DOCUMENTO = 11
_ADDRESS = re.compile(r"[^@\s;<>]+@[^@\s;<>]+\.[^@\s;<>.]+")
MAX_EMAILS = 15


@lru_cache(maxsize=4096)
def _is_cuit(number: str) -> bool:
    return bool(cuit.is_valid(number))


@rule("documento-nro", "docs/provider.md, Customers and documents (digits)")
def documento_is_digits(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    number = str(comprobante.cliente.documento_nro)
    if not (number.isascii() and number.isdigit() and len(number) <= MAX_DOCUMENTO):
        yield Problem(
            "cliente.documento_nro",
            "is not a document number.",
            shown(number),
            f"at most {MAX_DOCUMENTO} digits, without dots or dashes",
        )


@rule(
    "documento-a",
    "RG 1415, Anexo II; ARCA 10013; docs/provider.md, Customers and documents",
    "comprobante.tipo",
    "cliente.documento_tipo",
    "cliente.documento_nro",
)
def comprobante_a_needs_a_cuit(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    letter = comprobante.tipo[-2:]
    if letter not in (" A", " M"):
        return
    cliente = comprobante.cliente
    number = str(cliente.documento_nro)
    if cliente.documento_tipo != "CUIT":
        yield Problem(
            "cliente.documento_tipo",
            f"a comprobante{letter} needs the customer's CUIT.",
            shown(cliente.documento_tipo),
            "CUIT",
        )
    elif number.isdigit() and not _is_cuit(number):
        yield Problem(
            "cliente.documento_nro",
            f"a comprobante{letter} needs the customer's CUIT, and this is not one.",
            shown(number),
            "11 digits of which the last one checks the others",
        )


@rule(
    "consumidor-sin-identificar",
    "docs/provider.md, Customers and documents (OTRO, 0)",
    "comprobante.tipo",
    "cliente.documento_tipo",
    "cliente.documento_nro",
)
def number_zero_is_for_the_unnamed_consumer(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    cliente = comprobante.cliente
    number = str(cliente.documento_nro)
    if not (number.isdigit() and int(number) == 0):
        return
    if cliente.documento_tipo != "OTRO" and comprobante.tipo[-2:] not in (" A", " M"):
        yield Problem(
            "cliente.documento_nro",
            "a customer without a document is sent as OTRO.",
            f"{shown(cliente.documento_tipo)}, {shown(number)}",
            "documento_tipo OTRO, or the number of the document",
        )
    elif cliente.condicion_iva in ("RI", "M") and comprobante.tipo[-2:] not in (" A", " M"):
        yield Problem(
            "cliente.documento_nro",
            "only a final consumer may go without a document.",
            shown(number),
            "the customer's CUIT, or condicion_iva CF",
        )


@rule(
    "tope-consumidor-final",
    "RG 1415 and its changes; docs/provider.md, Customers and documents (only below an amount)",
    "comprobante.moneda",
    "comprobante.cotizacion",
    *MONEY,
    "cliente.documento_tipo",
    "cliente.documento_nro",
)
def unnamed_consumer_stays_below_the_ceiling(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    ceiling, cliente = facts.tope_consumidor_final, comprobante.cliente
    if ceiling is None or cliente.documento_tipo != "OTRO" or str(cliente.documento_nro).strip("0"):
        return
    amount = comprobante.total if comprobante.total is not None else total_of(comprobante)
    if comprobante.moneda != "PES" and comprobante.cotizacion is not None:
        amount *= comprobante.cotizacion
    if amount >= ceiling:
        yield Problem(
            "cliente.documento_nro",
            f"from {plain(ceiling)} pesos on, the customer has to be named with a document.",
            f"a total of {plain(amount)} pesos without one",
            "documento_tipo and documento_nro of the customer",
        )


@rule(
    "condicion-pago-otra",
    "docs/provider.md, Currency and payments (214 with condicion_pago_otra)",
    "cliente.condicion_pago",
)
def condicion_pago_otra_says_which(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    cliente = comprobante.cliente
    if str(cliente.condicion_pago) == "214" and not (cliente.condicion_pago_otra or "").strip():
        yield Problem(
            "cliente.condicion_pago_otra",
            "condicion_pago 214 (Otra) says which one in words.",
            "",
            "a text such as Cobrado en ventanilla",
        )


@rule(
    "email", "docs/provider.md, Customers and documents (up to 15 addresses)", "cliente.email", "cliente.envia_por_mail"
)
def emails_are_addresses(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    cliente = comprobante.cliente
    email = cliente.email
    if not email or not email.strip():
        if cliente.envia_por_mail == "S":
            yield Problem(
                "cliente.email", "is missing, and envia_por_mail is S.", "", "an address, or envia_por_mail N"
            )
        return
    addresses = email.split(",")
    if len(addresses) > MAX_EMAILS:
        yield Problem("cliente.email", "has too many addresses.", str(len(addresses)), f"at most {MAX_EMAILS}")
    for address in addresses:
        if not _ADDRESS.fullmatch(address.strip()):
            yield Problem(
                "cliente.email", "has an address that is not one.", shown(address.strip()), "addresses, by commas"
            )


RULES = (
    documento_is_digits,
    comprobante_a_needs_a_cuit,
    number_zero_is_for_the_unnamed_consumer,
    unnamed_consumer_stays_below_the_ceiling,
    condicion_pago_otra_says_which,
    emails_are_addresses,
)
