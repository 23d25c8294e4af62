"""The model of a comprobante: what can be issued."""

from __future__ import annotations

from typing import Any

from .blocks import (
    Amount,
    Block,
    Cliente,
    Code,
    ComprobanteAsociado,
    ComprobantesAsociadosPeriodo,
    DatosInformativos,
    FechaOpcional,
    Linea,
    Pagos,
    RgEspeciales,
    Text,
    Tributo,
    Whole,
)
from .json_shape import as_json, json_number
from .totals import Totals, total_of, totals


class Comprobante(Block):
    """An invoice, nota de débito, nota de crédito or recibo, with its `cliente`; field names are the provider's.

    Building one checks the types of what it is given (`pydantic.ValidationError`, see `problems_from`);
    `wire.validation.read` checks that it may be issued. `total` is worked out where it is left out.
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
    comprobantes_asociados: list[ComprobanteAsociado] | None = None
    comprobantes_asociados_periodo: ComprobantesAsociadosPeriodo | None = None

    @property
    def computed(self) -> Totals:
        """What the comprobante adds up to, without looking at its own `total`."""
        return totals(self)

    def wire(self) -> dict[str, Any]:
        """Return it in the provider's shape, `{"cliente": {…}, "comprobante": {…}}`, ready for `json.dumps`.

        Amounts are JSON numbers without binary dust, dates dd/mm/aaaa, `numero` 0, `total` filled in; what was not
        given is left out, and so are credentials and our reference. Raises `ComprobanteInvalido` for an amount that
        is too long for JSON.
        """
        fields = as_json(self)
        cliente = fields.pop("cliente")
        fields["numero"] = 0
        if self.total is None:
            fields["total"] = json_number(total_of(self))
        if self.cotizacion is None and self.moneda == "PES":
            fields["cotizacion"] = 1
        return {"cliente": cliente, "comprobante": fields}
