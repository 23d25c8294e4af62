"""What can be issued: a comprobante, and how it is read from the provider's shape and written in it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from pydantic import Field, ValidationError

from ..dates import format_day
from ..rules import NO_FACTS, Facts, check
from ..rules.problems import ComprobanteInvalido, Problem
from . import structure
from .blocks import (
    LIMIT,
    Amount,
    Block,
    Cliente,
    Code,
    ComprobanteAsociado,
    ComprobantesAsociadosPeriodo,
    DatoEspecial,
    DatosInformativos,
    FechaOpcional,
    Linea,
    Pago,
    Pagos,
    Producto,
    RgEspeciales,
    Text,
    Tributo,
    Whole,
)
from .texts import ESCAPED_FIELDS, escape
from .totals import Totals, total_of, totals

__all__ = [
    "Cliente",
    "Comprobante",
    "ComprobanteAsociado",
    "ComprobanteInvalido",
    "ComprobantesAsociadosPeriodo",
    "DatoEspecial",
    "DatosInformativos",
    "Facts",
    "Linea",
    "Pago",
    "Pagos",
    "Problem",
    "Producto",
    "RgEspeciales",
    "Tributo",
    "problems_from",
    "read",
]

_LIMIT = float(LIMIT)


class Comprobante(Block):
    """An invoice, nota de débito, nota de crédito or recibo, with its `cliente`; field names are the provider's.

    Building one checks the types of what it is given (`pydantic.ValidationError`, see `problems_from`); `read` checks
    that it may be issued. `total` is worked out where it is left out.
    """

    cliente: Cliente
    tipo: str
    detalle: list[Linea]
    fecha: FechaOpcional = None
    punto_venta: Whole | None = None
    numero: Whole = 0
    operacion: str = "V"
    idioma: Code | None = None
    moneda: str = "PES"
    cotizacion: Amount | None = None
    vencimiento: FechaOpcional = None
    periodo_facturado_desde: FechaOpcional = None
    periodo_facturado_hasta: FechaOpcional = None
    rubro: str | None = None
    rubro_grupo_contable: str | None = None
    abono: str | None = None
    abono_frecuencia: Code | None = None
    abono_hasta: str | None = None
    abono_actualiza_precios: str | None = None
    bonificacion: Amount | None = None
    leyenda_gral: Text | None = None
    comentario: Text | None = None
    tributos: list[Tributo] | None = None
    percepciones_iva: Amount | None = None
    percepciones_iva_base: Amount | None = None
    percepciones_iva_alicuota: Amount | None = None
    percepciones_iibb: Amount | None = None
    percepciones_iibb_base: Amount | None = None
    percepciones_iibb_alicuota: Amount | None = None
    percepciones_iibb_juridiccion: Code | None = None
    exentos: Amount | None = None
    nogravados: Amount | None = None
    impuestos_internos: Amount | None = None
    impuestos_internos_base: Amount | None = None
    impuestos_internos_alicuota: Amount | None = None
    total: Amount | None = None
    tags: list[str] | None = None
    pagos: Pagos | None = None
    rg_especiales: RgEspeciales | None = None
    datos_informativos: DatosInformativos | None = None
    comprobantes_asociados: list[ComprobanteAsociado] | None = Field(default=None)
    comprobantes_asociados_periodo: ComprobantesAsociadosPeriodo | None = None

    @property
    def computed(self) -> Totals:
        """What it adds up to, whatever `total` it carries."""
        return totals(self)

    def wire(self) -> dict[str, Any]:
        """`{"cliente": {…}, "comprobante": {…}}` in the provider's shape, ready for `json.dumps`.

        Amounts are JSON numbers without binary dust, dates dd/mm/aaaa, `numero` 0, `total` filled in; what was not
        given is left out, and so are credentials and our reference. Raises `ComprobanteInvalido` for an amount that
        is too long for JSON.
        """
        fields = _wire(self)
        cliente = fields.pop("cliente")
        fields["numero"] = 0
        if self.total is None:
            fields["total"] = _number(total_of(self))
        if self.cotizacion is None and self.moneda == "PES":
            fields["cotizacion"] = 1
        return {"cliente": cliente, "comprobante": fields}


def read(data: Comprobante | Mapping[str, Any], facts: Facts | None = None) -> Comprobante:
    """Check that `data` may be issued, and return it with `total`, `cotizacion` and `punto_venta` filled in.

    `data` is a `Comprobante`, or a mapping in the provider's shape, `{"cliente": {…}, "comprobante": {…}}`;
    credentials and our own reference in it are dropped. `facts` is what the account and the day add to the rules.
    Raises `ComprobanteInvalido` with all that is wrong.
    """
    facts = facts or NO_FACTS
    if isinstance(data, Comprobante):
        comprobante, problems = data, list[Problem]()
    else:
        fields, problems = structure.flatten(data, Cliente)
        if fields is None:
            raise ComprobanteInvalido(problems)
        try:
            comprobante = Comprobante.model_validate(fields)
        except ValidationError as error:
            comprobante, found = structure.readable(Comprobante, fields, error)
            problems += [problem for problem in found if not problem.within(problems)]
    if comprobante.punto_venta is None and facts.punto_venta is not None:
        comprobante = comprobante.model_copy(update={"punto_venta": facts.punto_venta})
    problems += check(comprobante, facts, problems)
    if problems:
        raise ComprobanteInvalido(problems)
    filled: dict[str, Any] = {}
    if comprobante.total is None:
        filled["total"] = total = total_of(comprobante)
        if total >= LIMIT:
            raise ComprobanteInvalido([structure.too_long("comprobante.total", total)])
    if comprobante.cotizacion is None:
        filled["cotizacion"] = Decimal(1)
    return comprobante.model_copy(update=filled) if filled else comprobante


def problems_from(error: ValidationError) -> tuple[Problem, ...]:
    """The problems in a pydantic error that building a `Comprobante` or one of its blocks raised, in plain words.

    Paths begin at the model that was being built: `producto.alicuota` for a `Linea`, the provider's full path for a
    `Comprobante`.
    """
    whole = error.title == Comprobante.__name__
    return tuple(structure.translated(error, structure.provider_path if whole else structure.dotted))


def _number(amount: Decimal) -> int | float:
    """The JSON number of an amount: the one place where a Decimal becomes a float, which shows the same digits."""
    number = float(amount)
    if not -_LIMIT < number < _LIMIT:
        raise ComprobanteInvalido([structure.too_long("comprobante", amount)])
    return int(number) if number.is_integer() else number


def _wire(block: Block) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in block.__dict__.items():
        if value is None:
            continue
        kind = type(value)
        if kind is str:
            fields[name] = escape(value) if name in ESCAPED_FIELDS else value
        elif kind is Decimal:
            fields[name] = _number(value)
        elif kind is int:
            fields[name] = value
        elif kind is list:
            fields[name] = [_wire(item) if isinstance(item, Block) else item for item in value]
        else:
            fields[name] = _wire(value) if isinstance(value, Block) else format_day(value)
    if block.__pydantic_extra__:
        for name, value in block.__pydantic_extra__.items():
            if name not in structure.OURS:
                fields[name] = _json(value)
    return fields


def _json(value: Any) -> Any:
    """A value that the models don't know, as JSON."""
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    if isinstance(value, Mapping):
        return {name: _json(item) for name, item in value.items() if name not in structure.OURS}
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, date):
        return format_day(value)
    return value
