"""Fill in an invoice: the host's builder makes its comprobante, which is validated. Nothing is stored here."""

from __future__ import annotations

import datetime as dt
import json
import logging
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, models

from ..conf import Account, conf
from ..models import FailureStage, Invoice, InvoiceStatus
from ..provider.ceiling import tope_consumidor_final
from ..transactions import atomic
from ..wire.answers.decode import clean_text, storable
from ..wire.answers.redact import is_unmistakable, redact, redact_text
from ..wire.comprobante import Comprobante, ComprobanteInvalido
from ..wire.dates import argentine_day, read_day
from ..wire.orders.redate import day_of, without_day
from ..wire.rules import Facts
from ..wire.validation import read

logger = logging.getLogger(__name__)

Given = Comprobante | Mapping[str, Any]


@dataclass
class Batch:
    """What is looked up once for many invoices: accounts, and the days of the last ones issued."""

    today: dt.date = field(default_factory=argentine_day)
    tope: Decimal | None = field(default_factory=tope_consumidor_final)
    accounts: dict[str, Account] = field(default_factory=dict)
    last: dict[tuple[str, str, int], dt.date | None] = field(default_factory=dict)

    def account(self, alias: str) -> Account:
        """Return an account. Raises `ImproperlyConfigured`."""
        if alias not in self.accounts:
            self.accounts[alias] = conf.account(alias)
        return self.accounts[alias]

    def last_fecha(self, account: Account, given: Given) -> dt.date | None:
        """Return the date of the last invoice issued of `given`'s type; None if `given` has none or none is known."""
        if _day(given) is None:
            return None
        comprobante = given if isinstance(given, Comprobante) else given["comprobante"]
        tipo = comprobante.tipo if isinstance(comprobante, Comprobante) else comprobante.get("tipo")
        wanted = (account.alias, str(tipo), account.punto_venta)
        if wanted not in self.last:
            self.last[wanted] = Invoice.objects.last_fecha(*wanted)
        return self.last[wanted]


def build(
    invoice: Invoice, order: models.Model | None, given: Given | None, batch: Batch, *, savepoint: bool,
    redate: bool = False, moneda_asociados: str | None = None,
) -> Invoice | None:  # fmt: skip
    """Fill in an unsaved invoice and return it: `pending`, or failed with its stage and everything that is wrong.

    `given` is its comprobante; without one the host's builder makes it from `order`. Returns None if the builder says
    that there is nothing to invoice. Without an account, `ACCOUNT_FOR` is asked for one. With `savepoint` a failed
    query of the host's does not break the caller's transaction; without, its error is raised. `redate`: leave the date
    open if it has passed, whatever the account's policy.
    """
    asked, chosen = "ACCOUNT_FOR", not invoice.account
    try:
        if chosen:
            invoice.account = _alias(_ask(conf.account_for or _default, order, savepoint))
        account = batch.account(invoice.account)
        asked = conf.builder_path
        if given is None:
            given = _ask(conf.builder, order, savepoint)
    except ImproperlyConfigured as exc:
        if chosen:
            invoice.account = ""  # asked for anew when it is retried
        logger.error("%s can't be invoiced: %s", invoice.source_label, exc)  # noqa: TRY400 - the text says it all
        return mark_as_failed(invoice, FailureStage.BUILD, str(exc))
    except Exception as exc:
        # Law 15: whatever the host's builder raises, the checkout goes on and a person sees why.
        if isinstance(exc, DatabaseError) and not savepoint:
            raise
        secrets = conf.secrets()
        trace = redact_text(traceback.format_exc(), secrets)
        logger.error("%s failed for %s\n%s", asked, invoice.source_label, trace)  # noqa: TRY400 - without credentials
        text = redact_text(f"{asked} raised {type(exc).__name__}: {exc}", secrets)
        return mark_as_failed(invoice, FailureStage.BUILD, clean_text(text)[:2000])
    if given is None:
        logger.info("Nothing to invoice for %s", invoice.source_label)
        return None
    if account.redates or redate:
        given = _without_past_date(invoice, given, batch.today)
    facts = Facts(
        today=batch.today,
        send_on=invoice.send_on,
        condicion_iva=account.condicion_iva,
        concepto=account.concepto,
        tope_consumidor_final=batch.tope,
        last_fecha=batch.last_fecha(account, given),
        punto_venta=account.punto_venta,
        moneda_asociados=moneda_asociados,
    )
    return _validate(invoice, given, account, facts)


def mark_as_failed(invoice: Invoice, stage: FailureStage, *texts: str) -> Invoice:
    """Make an unsaved invoice a failed one, with these reasons."""
    invoice.status = InvoiceStatus.FAILED
    invoice.failure_stage = stage
    invoice.errors = [{"code": "", "text": text, "hint": ""} for text in texts]
    return invoice


def _ask(host: Callable[[Any], Any], order: models.Model | None, savepoint: bool) -> Any:
    if not savepoint:
        return host(order)
    with atomic():
        return host(order)


def _default(order: models.Model | None) -> str:
    return "default"


def _alias(chosen: Any) -> str:
    if chosen is None:
        return "default"
    if not isinstance(chosen, str) or not 0 < len(chosen) <= 50:
        raise ImproperlyConfigured(f"ACCOUNT_FOR returned {chosen!r}, not an alias of ACCOUNTS")
    return chosen


def _day(given: Given) -> dt.date | None:
    if isinstance(given, Comprobante):
        return given.fecha
    return day_of(given) if isinstance(given, Mapping) else None


def _without_past_date(invoice: Invoice, given: Given, today: dt.date) -> Given:
    """Return `given` without its date if that has passed, and keep the date in the invoice's `redated_from`."""
    day = _day(given)
    if day is None or day >= today:
        return given
    invoice.redated_from = day
    if isinstance(given, Mapping):
        return without_day(given, today)
    due = given.vencimiento if given.vencimiento is None or given.vencimiento >= today else None
    return given.model_copy(update={"fecha": None, "vencimiento": due})


def _validate(invoice: Invoice, given: Any, account: Account, facts: Facts) -> Invoice:
    problems: list[dict[str, str]] = []
    if invoice.send_on is not None and facts.today is not None and invoice.send_on < facts.today:
        text = f"send_on: {invoice.send_on} is before today, {facts.today}"
        problems.append({"code": "", "path": "send_on", "text": text, "hint": ""})
    documento: Mapping[str, Any]
    try:
        documento = read(given, facts).wire()
    except ComprobanteInvalido as exc:
        problems += [{"code": "", "path": one.path, "text": str(one), "hint": ""} for one in exc.problems]
        documento = given.wire() if isinstance(given, Comprobante) else given if isinstance(given, Mapping) else {}
    invoice.comprobante = storable(documento)
    if any(secret in json.dumps(invoice.comprobante) for secret in filter(is_unmistakable, account.secrets)):
        # Masking it would change a legal document; storing it would keep a credential.
        text = "comprobante: it contains one of the account's credentials, which no document needs"
        problems.append({"code": "", "path": "comprobante", "text": text, "hint": ""})
    if problems:
        invoice.comprobante = redact(invoice.comprobante, account.secrets)
        logger.warning("The comprobante of %s is not valid: %s", invoice, ", ".join(one["path"] for one in problems))
        cliente = documento.get("cliente")
        if isinstance(cliente, Mapping):
            invoice.razon_social = clean_text(str(cliente.get("razon_social", "")))[:255]
            invoice.documento_nro = clean_text(str(cliente.get("documento_nro", "")))[:30]
        mark_as_failed(invoice, FailureStage.VALIDATION)
        invoice.errors = redact(storable(problems), account.secrets)
        return invoice
    for column, value in searchable_columns(documento).items():
        setattr(invoice, column, value)
    return invoice


def searchable_columns(documento: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of `Invoice` that copy a valid document's values, to search by."""
    comprobante, cliente = documento["comprobante"], documento["cliente"]
    return {
        "tipo": comprobante["tipo"],
        "punto_venta": int(comprobante["punto_venta"]),
        "fecha": read_day(comprobante.get("fecha")),
        "total": Decimal(str(comprobante["total"])),
        "moneda": str(comprobante.get("moneda", "")),
        "razon_social": str(cliente.get("razon_social", "")),
        "documento_nro": str(cliente.get("documento_nro", "")),
    }
