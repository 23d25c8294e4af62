"""What the error codes of ARCA and the provider mean, and what to do about each: the one list of them.

The texts of errors change, so nothing is decided by them: a code found in a text adds a hint to it, and the raw text is
always kept. ARCA's codes are those of its web service for domestic invoices (WSFEv1, developer's manual); those that
begin with TFC are TusFacturas' own (docs/provider.md, Error codes).
"""

from __future__ import annotations

import re

_DATE = "Retry it with today's date."
_CUSTOMER = "Mend the customer's data in the shop, then retry with the order's data as it is now."
_AMOUNTS = "Look at the lines, rates and discounts in the builder, then retry with the order's data as it is now."
_ACCOUNTANT = "Ask your accountant; retry once it is settled at ARCA."
_LATER = "Nothing is wrong with the invoice. Retry it later."

# Code: what it means, and the next step.
CATALOGUE: dict[str, tuple[str, str]] = {
    "500": ("ARCA had an internal error.", _LATER),
    "501": ("ARCA's database had an error.", _LATER),
    "502": ("ARCA had a transaction under way for this point of sale.", _LATER),
    "600": ("ARCA did not accept TusFacturas' token for this CUIT.", "Link the CUIT to TusFacturas anew, then retry."),
    "601": ("The CUIT is not among those that TusFacturas may act for.", "Link the CUIT to TusFacturas, then retry."),
    "602": ("ARCA has no data for what was asked.", _LATER),
    "10000": ("The issuer's CUIT may not issue this kind of comprobante.", _ACCOUNTANT),
    "10005": (
        "The point of sale is not registered at ARCA for electronic invoices by web service.",
        "Register it at ARCA, or correct PUNTO_VENTA, then retry.",
    ),
    "10007": ("ARCA does not know this type of comprobante.", "Correct the type in the builder, then retry."),
    "10013": ("A comprobante A needs a customer with a CUIT.", _CUSTOMER),
    "10015": ("The customer's document is not valid, or an unnamed consumer buys for too much.", _CUSTOMER),
    "10016": (
        "ARCA numbers in order of date: a later one was issued at this point of sale, or the date lies too far back.",
        _DATE,
    ),
    "10017": ("ARCA does not know the customer's CUIT.", _CUSTOMER),
    "10018": ("The net amount is not zero, but there is no IVA to it.", _AMOUNTS),
    "10023": ("The net amount is not the sum of what the rates of IVA apply to.", _AMOUNTS),
    "10036": (
        "The due date lies before the comprobante's own date.",
        f"{_DATE} A due date that has passed is dropped.",
    ),
    "10040": ("What the nota refers to does not fit its type.", "Correct comprobantes_asociados, then retry."),
    "10048": ("The total is not the sum of its parts.", _AMOUNTS),
    "10049": ("Services need the period that is invoiced, and a due date.", "Add periodo_facturado_desde and _hasta."),
    "10051": ("An amount of IVA is not its rate of its base.", _AMOUNTS),
    "10061": ("The bases of IVA do not add up to the net amount.", _AMOUNTS),
    "10063": ("The customer's CUIT is not active in IVA, which a comprobante A needs.", _CUSTOMER),
    "10069": ("The customer's CUIT is the issuer's own.", _CUSTOMER),
    "10119": ("The exchange rate is too far from the official one.", "Correct cotizacion, then retry."),
    "10192": (
        "For this customer and amount a factura de crédito electrónica MiPyME is obligatory.",
        "It can't be sent in this way: issue it by hand in TusFacturas, and cancel this one.",
    ),
    "10197": (
        "A nota de crédito or débito must name the comprobante, or the period, that it refers to.",
        "Add comprobantes_asociados, then retry.",
    ),
    "10242": ("The customer's condición frente al IVA is not a valid one (RG 5616/2024).", _CUSTOMER),
    "10243": ("The customer's condición frente al IVA does not go with this letter (RG 5616/2024).", _CUSTOMER),
    "10246": ("The customer's condición frente al IVA is obligatory (RG 5616/2024).", _CUSTOMER),
    "TFC-8004": ("The letter does not go with the customer's condición frente al IVA.", _CUSTOMER),
}

# What is known of a code of TusFacturas' own that is not in the list.
_OF_THE_PROVIDER = ("TusFacturas itself refused it, before ARCA saw it: the text says why.", _CUSTOMER)

# The surest first: TFC-8004; Cod. Error: #6661145.10016; Cod: 10016; a bare code of ARCA's.
_CODES = (
    re.compile(r"\b(TFC-[0-9]{3,5})\b"),
    re.compile(r"#[0-9]+\.([0-9]{3,5})\b"),
    re.compile(r"\bC[oó]d(?:igo)?\b[^0-9#]{0,12}([0-9]{3,5})\b", re.IGNORECASE),
    re.compile(r"(?<![0-9./-])(10[0-9]{3})(?![0-9./-]*[0-9])"),
)


def code_of(text: str) -> str:
    """Return the code that a text names, as in `TFC-8002` or `10016`; "" where it names none."""
    for pattern in _CODES:
        if match := pattern.search(text):
            return match[1]
    return ""


def explain(text: str) -> dict[str, str]:
    """Return an error as it is kept: its `code`, its raw `text`, and a `hint` (meaning and next step) where known."""
    code = code_of(text)
    meaning, step = CATALOGUE.get(code, _OF_THE_PROVIDER if code.startswith("TFC-") else ("", ""))
    return {"code": code, "text": text, "hint": f"{meaning} {step}".strip()}
