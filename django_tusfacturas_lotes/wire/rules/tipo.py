"""Rules about the type of comprobante, its number and point of sale."""

from __future__ import annotations

from collections.abc import Iterator

from ..comprobante import Comprobante
from ..comprobante.tables import CondicionIva, Tipo
from ..problems import Problem, shown
from .facts import Facts
from .rule import rule

TIPOS = frozenset(tipo.value for tipo in Tipo)
_LABELS = {condicion.value: condicion.label for condicion in CondicionIva}
_RECEIVES_A = frozenset({"RI", "M"})
# What a responsable inscripto gives; an issuer without IVA gives C to everyone.
_LETTERS = {"RI": "A or M", "M": "A or M", "CF": "B", "E": "B", "IVNA": "B", "CDEX": "B"}


def _label(condicion: str) -> str:
    return f"{_LABELS[condicion]} ({condicion})" if condicion in _LABELS else shown(condicion)


@rule("tipo", "docs/provider.md, Types and receivers")
def tipo_is_allowed(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    tipo = comprobante.tipo
    if tipo in TIPOS:
        return
    if "FCE" in tipo or "MiPyME" in tipo:
        text = (
            "facturas de crédito electrónicas MiPyME (FCE) can't be issued asynchronously. Issue it by hand in the "
            "provider's web, and leave it out of this app."
        )
    elif tipo.endswith(" E"):
        text = (
            "type E (exportación) can't be issued asynchronously: the provider takes it neither in lotes nor in its "
            "queue. Issue it by hand in the provider's web, or with its instant method, and leave it out of this app."
        )
    elif "NO VALIDA" in tipo:
        text = "is a document without fiscal value, which is not issued before ARCA."
    else:
        text = "is not a type of comprobante."
    yield Problem(
        "comprobante.tipo", text, shown(tipo), "FACTURA, NOTA DE DEBITO or NOTA DE CREDITO A, B, C or M, or RECIBO C"
    )


@rule("tipo-emisor", "docs/provider.md, Types and receivers (the letter)", "comprobante.tipo", "cliente")
def letter_fits_the_issuer(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    issuer = facts.condicion_iva
    if issuer is None or comprobante.tipo not in TIPOS:
        return
    cliente = comprobante.cliente
    receiver = cliente.condicion_iva_operacion or cliente.condicion_iva
    letters = _LETTERS[receiver] if issuer == "RI" and receiver in _LETTERS else "C" if issuer in ("M", "E") else ""
    if letters and comprobante.tipo[-1] not in letters:
        yield Problem(
            "comprobante.tipo",
            f"an issuer that is {_label(issuer)} gives a customer that is {_label(receiver)} another letter.",
            shown(comprobante.tipo),
            f"a comprobante {letters}",
        )


@rule(
    "tipo-receptor",
    "docs/provider.md, Types and receivers (A for RI and M)",
    "comprobante.tipo",
    "cliente.condicion_iva",
)
def letter_a_and_m_are_for_those_who_take_the_iva(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    if facts.condicion_iva is not None or comprobante.tipo not in TIPOS:
        return
    condicion = comprobante.cliente.condicion_iva
    letter = comprobante.tipo[-1]
    if letter in "AM" and condicion not in _RECEIVES_A:
        yield Problem(
            "comprobante.tipo",
            f"a comprobante {letter} is only for a responsable inscripto or a monotributista, and the customer is "
            f"{_label(condicion)}.",
            shown(comprobante.tipo),
            "a comprobante B, or C from an issuer without IVA",
        )
    elif letter == "B" and condicion == "RI":
        yield Problem(
            "comprobante.tipo",
            "a responsable inscripto does not receive comprobantes B.",
            shown(comprobante.tipo),
            "a comprobante A or M, or C from an issuer without IVA",
        )


@rule("condicion-iva-operacion", "RG 5616/2024; docs/provider.md, Types and receivers", "comprobante.tipo", "cliente")
def condicion_iva_operacion_fits_the_letter(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    condicion = comprobante.cliente.condicion_iva_operacion
    if condicion is None or comprobante.tipo not in TIPOS or facts.condicion_iva is not None:
        return
    letter = comprobante.tipo[-1]
    if letter != "C" and (condicion in _RECEIVES_A) != (letter in "AM"):
        yield Problem(
            "cliente.condicion_iva_operacion",
            f"does not go with a comprobante {letter}: ARCA compares the two.",
            shown(condicion),
            "RI or M" if letter in "AM" else "CF, E, CDEX or IVNA",
        )


@rule("numero", "docs/provider.md, Rules of every modality (numero 0)", "comprobante.numero")
def numero_is_zero(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    if comprobante.numero != 0:
        yield Problem("comprobante.numero", "is assigned when it is issued.", shown(comprobante.numero), "0")


@rule(
    "punto-venta",
    "docs/provider.md, Types and receivers (at most 5 digits); account setting PUNTO_VENTA",
    "comprobante.punto_venta",
)
def punto_venta_is_the_accounts(comprobante: Comprobante, facts: Facts) -> Iterator[Problem]:
    punto_venta = comprobante.punto_venta
    if punto_venta is None:
        yield Problem("comprobante.punto_venta", "is missing.", "", "the number of the account's point of sale")
    elif not 1 <= punto_venta <= 99999:
        yield Problem(
            "comprobante.punto_venta", "is not a point of sale.", shown(punto_venta), "a number of at most 5 digits"
        )
    elif facts.punto_venta is not None and punto_venta != facts.punto_venta:
        yield Problem(
            "comprobante.punto_venta", "is not the account's point of sale.", shown(punto_venta), str(facts.punto_venta)
        )


RULES = (
    tipo_is_allowed,
    letter_fits_the_issuer,
    letter_a_and_m_are_for_those_who_take_the_iva,
    condicion_iva_operacion_fits_the_letter,
    numero_is_zero,
    punto_venta_is_the_accounts,
)
