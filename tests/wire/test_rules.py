"""Every rule, with what it lets pass and what it refuses."""

from __future__ import annotations

import copy
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from django_tusfacturas_lotes.wire.comprobante import Comprobante, ComprobanteInvalido, read
from django_tusfacturas_lotes.wire.rules import RULES, Facts, check
from tests.wire import samples
from tests.wire.samples import CUIT, put

TODAY = date(2018, 3, 28)
LINE = "comprobante.detalle[0]"
PRODUCT = f"{LINE}.producto"

FACTURA_B = samples.factura_b()
FACTURA_A = samples.nota_a("FACTURA A")
FACTURA_C = samples.factura_c()
NOTA_A = samples.nota_a()
NOTA_B = samples.nota_de_debito_b()
ASOCIADO = "comprobante.comprobantes_asociados[0]"


def consumer(shape: samples.Shape = FACTURA_B, **cliente: Any) -> samples.Shape:
    """`shape` to a final consumer with a DNI, or with these fields of the customer."""
    made = copy.deepcopy(shape)
    made["cliente"].update({"documento_tipo": "DNI", "documento_nro": "30123456", "condicion_iva": "CF", **cliente})
    return made


def lines(count: int) -> samples.Shape:
    shape = put(FACTURA_B, "comprobante.total", ...)
    shape["comprobante"]["detalle"] *= count
    return shape


def with_(shape: samples.Shape = FACTURA_B, **fields: Any) -> samples.Shape:
    made = copy.deepcopy(shape)
    made["comprobante"].update(fields)
    if "total" not in fields:
        del made["comprobante"]["total"]
    return made


UNNAMED = consumer(documento_tipo="OTRO", documento_nro="0")
TRIBUTO = {"tipo": 7, "regimen": 22, "base_imponible": 2000, "alicuota": 20, "total": 400}
PERIOD: dict[str, Any] = {"periodo_facturado_desde": "01/03/2018", "periodo_facturado_hasta": "28/03/2018"}
PERIODO_ASOCIADO = {"fecha_desde": "01/07/2018", "fecha_hasta": "20/07/2018"}
NOTA_PERIODO = put(
    put(NOTA_A, "comprobante.comprobantes_asociados_periodo", PERIODO_ASOCIADO),
    "comprobante.comprobantes_asociados",
    ...,
)


class Case(NamedTuple):
    rule: str
    path: str
    passes: list[Any]
    fails: list[Any]


def case(rule: str, path: str, passes: list[Any], fails: list[Any]) -> Case:
    return Case(rule, path, passes, fails)


def each(path: str, values: list[Any], shape: samples.Shape = FACTURA_B) -> list[samples.Shape]:
    return [put(shape, path, value) for value in values]


def facts(shape: samples.Shape = FACTURA_B, **known: Any) -> tuple[samples.Shape, Facts]:
    return shape, Facts(**known)


def tipo(value: str, shape: samples.Shape = FACTURA_B) -> samples.Shape:
    return put(put(shape, "comprobante.tipo", value), "comprobante.total", ...)


CASES = [
    case(
        "tipo",
        "comprobante.tipo",
        list(samples.of_every_type().values()),
        [
            tipo("FACTURA E"),
            tipo("NOTA DE CREDITO E"),
            tipo("FACTURA DE CREDITO ELECTRONICA MiPyME (FCE) A"),
            tipo("FACTURA NO VALIDA EN AFIP"),
            tipo("RECIBO B"),
            tipo("factura b"),
            tipo(""),
        ],
    ),
    case(
        "tipo-emisor",
        "comprobante.tipo",
        [
            facts(condicion_iva=None),
            facts(FACTURA_A, condicion_iva="RI"),
            facts(samples.nota_a("FACTURA M"), condicion_iva="RI"),
            facts(put(FACTURA_A, "cliente.condicion_iva", "M"), condicion_iva="RI"),
            *(facts(consumer(condicion_iva=receiver), condicion_iva="RI") for receiver in ("CF", "E", "IVNA", "CDEX")),
            facts(FACTURA_C, condicion_iva="M"),
            facts(samples.factura_c("RECIBO C"), condicion_iva="E"),
            facts(put(FACTURA_A, "cliente.condicion_iva_operacion", "RI"), condicion_iva="RI"),
        ],
        [
            facts(condicion_iva="RI"),
            facts(consumer(), condicion_iva="M"),
            facts(consumer(), condicion_iva="E"),
            facts(FACTURA_A, condicion_iva="M"),
            facts(FACTURA_C, condicion_iva="RI"),
            facts(put(FACTURA_A, "cliente.condicion_iva", "CF"), condicion_iva="RI"),
            facts(put(FACTURA_A, "cliente.condicion_iva_operacion", "CF"), condicion_iva="RI"),
        ],
    ),
    case(
        "tipo-receptor",
        "comprobante.tipo",
        [
            FACTURA_B,
            FACTURA_A,
            put(FACTURA_A, "cliente.condicion_iva", "M"),
            put(FACTURA_C, "cliente.condicion_iva", "RI"),
        ],
        [
            *each("cliente.condicion_iva", ["CF", "E", "CDEX", "IVNA"], FACTURA_A),
            put(FACTURA_B, "cliente.condicion_iva", "RI"),
        ],
    ),
    case(
        "condicion-iva-operacion",
        "cliente.condicion_iva_operacion",
        [
            put(FACTURA_A, "cliente.condicion_iva_operacion", "RI"),
            consumer(condicion_iva_operacion="CF"),
            put(FACTURA_C, "cliente.condicion_iva_operacion", "RI"),
        ],
        [put(FACTURA_A, "cliente.condicion_iva_operacion", "CF"), consumer(condicion_iva_operacion="RI")],
    ),
    case(
        "numero",
        "comprobante.numero",
        each("comprobante.numero", [0, "0", "00000000", ...]),
        each("comprobante.numero", [1, "12", -1]),
    ),
    case(
        "punto-venta",
        "comprobante.punto_venta",
        [
            *each("comprobante.punto_venta", [1, "0003", 99999]),
            facts(punto_venta=3),
            facts(put(FACTURA_B, "comprobante.punto_venta", ...), punto_venta=3),
        ],
        [*each("comprobante.punto_venta", [..., None, 0, -1, 100000]), facts(punto_venta=4)],
    ),
    case(
        "documento-nro",
        "cliente.documento_nro",
        each("cliente.documento_nro", ["30123456", 30123456, "3071229384"], consumer()),
        each(
            "cliente.documento_nro",
            ["30.123.456", "30-71229384-1", "", "AAB123", "123456789012", "٣٠١٢٣٤٥٦"],
            consumer(),
        ),
    ),
    case(
        "documento-a",
        "cliente.documento_tipo",
        [FACTURA_A],
        each("cliente.documento_tipo", ["DNI", "CUIL", "OTRO"], FACTURA_A),
    ),
    case(
        "documento-a",
        "cliente.documento_nro",
        [FACTURA_A, put(FACTURA_A, "cliente.documento_nro", int(CUIT)), samples.nota_a("FACTURA M"), FACTURA_B],
        [
            *each("cliente.documento_nro", ["3071229384", "30712293842", "0"], FACTURA_A),
            put(samples.nota_a("FACTURA M"), "cliente.documento_nro", "30712293840"),
        ],
    ),
    case(
        "consumidor-sin-identificar",
        "cliente.documento_nro",
        [UNNAMED, put(UNNAMED, "cliente.documento_nro", 0)],
        [consumer(documento_nro="0"), put(UNNAMED, "cliente.condicion_iva", "M")],
    ),
    case(
        "tope-consumidor-final",
        "cliente.documento_nro",
        [
            facts(UNNAMED),
            facts(UNNAMED, tope_consumidor_final=Decimal("139.01")),
            facts(consumer(), tope_consumidor_final=Decimal(1)),
            facts(with_(UNNAMED), tope_consumidor_final=Decimal("139.01")),
        ],
        [
            facts(UNNAMED, tope_consumidor_final=Decimal("139.00")),
            facts(with_(UNNAMED), tope_consumidor_final=Decimal(139)),
            facts(with_(UNNAMED, moneda="DOL", cotizacion=1000), tope_consumidor_final=Decimal(5000)),
        ],
    ),
    case(
        "condicion-pago-otra",
        "cliente.condicion_pago_otra",
        [FACTURA_B, consumer(condicion_pago=214, condicion_pago_otra="En ventanilla")],
        [consumer(condicion_pago="214"), consumer(condicion_pago=214, condicion_pago_otra=" ")],
    ),
    case(
        "email",
        "cliente.email",
        [
            consumer(email="a@b.com, c@d.com.ar"),
            consumer(email=""),
            put(FACTURA_B, "cliente.email", ...),
            consumer(email=",".join(["a@b.co"] * 15), envia_por_mail="S"),
        ],
        [
            consumer(email="", envia_por_mail="S"),
            consumer(email="a b@c.com"),
            consumer(email="a@b"),
            consumer(email="a@b.com;c@d.com"),
            consumer(email=",".join(["a@b.co"] * 16)),
        ],
    ),
    case(
        "cliente-tablas",
        "cliente.provincia",
        each("cliente.provincia", ["1", 24, "26"]),
        each("cliente.provincia", ["0", 27, "", "Salta", "02"]),
    ),
    case(
        "cliente-tablas",
        "cliente.condicion_pago",
        each("cliente.condicion_pago", ["0", 0, 201, "216"]),
        each("cliente.condicion_pago", ["1", 300, "Contado"]),
    ),
    case(
        "cliente-tablas",
        "cliente.documento_tipo",
        each("cliente.documento_tipo", ["DNI", "CUIT", "CUIL", "CDI", "PASAPORTE", "OTRO"]),
        each("cliente.documento_tipo", ["dni", "LE", ""]),
    ),
    case(
        "cliente-tablas",
        "cliente.condicion_iva",
        each("cliente.condicion_iva", ["CF", "M", "E", "CDEX", "IVNA"]),
        each("cliente.condicion_iva", ["", "XX", "cf"]),
    ),
    case(
        "cliente-tablas",
        "cliente.condicion_iva_operacion",
        each(
            "cliente.condicion_iva_operacion", ["CF", None, ...], put(FACTURA_B, "cliente.condicion_iva_operacion", "E")
        ),
        each("cliente.condicion_iva_operacion", ["1", ""], FACTURA_C),
    ),
    case(
        "comprobante-tablas",
        "comprobante.operacion",
        each("comprobante.operacion", ["V", ...]),
        each("comprobante.operacion", ["C", "v"]),
    ),
    case(
        "comprobante-tablas",
        "comprobante.idioma",
        each("comprobante.idioma", [1, "2"]),
        each("comprobante.idioma", [3, "es"]),
    ),
    case(
        "comprobante-tablas",
        "comprobante.moneda",
        [with_(moneda=moneda, cotizacion=9) for moneda in ("DOL", "060", "012")],
        [with_(moneda=moneda, cotizacion=9) for moneda in ("USD", "60", "")],
    ),
    case(
        "comprobante-tablas",
        "comprobante.percepciones_iibb_juridiccion",
        [put(FACTURA_B, "comprobante.percepciones_iibb_juridiccion", "10")],
        [put(FACTURA_B, "comprobante.percepciones_iibb_juridiccion", "99")],
    ),
    case(
        "unidad-medida",
        f"{PRODUCT}.unidad_medida",
        each(f"{PRODUCT}.unidad_medida", [7, "98", 1]),
        each(f"{PRODUCT}.unidad_medida", [12, "unidades"]),
    ),
    *(
        case("si-no", path, each(path, ["S", "N"]), each(path, ["s", "SI", ""]))
        for path in (
            "cliente.reclama_deuda",
            "cliente.envia_por_mail",
            "cliente.rg5329",
            "comprobante.abono_actualiza_precios",
            f"{LINE}.afecta_stock",
            f"{LINE}.actualiza_precio",
            f"{PRODUCT}.actualiza_precio",
            f"{PRODUCT}.rg5329",
        )
    ),
    case(
        "si-no",
        "comprobante.datos_informativos.paga_misma_moneda",
        [with_(datos_informativos={"paga_misma_moneda": "N"})],
        [with_(datos_informativos={"paga_misma_moneda": "no"})],
    ),
    *(
        case(rule, path, each(path, ["x" * 255]), each(path, ["x" * 256, "", " ", "a\0b"]))
        for rule, path in (
            ("cliente-largos", "cliente.razon_social"),
            ("cliente-largos", "cliente.domicilio"),
            ("comprobante-largos", "comprobante.rubro"),
            ("comprobante-largos", "comprobante.rubro_grupo_contable"),
        )
    ),
    case("comprobante-largos", "comprobante.rubro", [FACTURA_B], [put(FACTURA_B, "comprobante.rubro", ...)]),
    case("cliente-largos", "cliente.codigo", each("cliente.codigo", ["x" * 50, 7]), each("cliente.codigo", ["x" * 51])),
    case(
        "comprobante-largos",
        "comprobante.leyenda_gral",
        each("comprobante.leyenda_gral", ["x" * 255, "%" * 85, ""]),
        each("comprobante.leyenda_gral", ["x" * 256, "%" * 86, "\n" * 86]),
    ),
    case(
        "comprobante-largos",
        "comprobante.comentario",
        each("comprobante.comentario", ["x"]),
        each("comprobante.comentario", ["x" * 256]),
    ),
    case(
        "producto-largos",
        f"{PRODUCT}.descripcion",
        each(f"{PRODUCT}.descripcion", ["abcd", "x" * 255]),
        each(f"{PRODUCT}.descripcion", ["abc", "abc ", "x" * 256]),
    ),
    case(
        "producto-largos",
        f"{PRODUCT}.lista_precios",
        each(f"{PRODUCT}.lista_precios", ["abcd"]),
        each(f"{PRODUCT}.lista_precios", ["abc", ..., None]),
    ),
    case(
        "producto-largos",
        f"{PRODUCT}.codigo",
        each(f"{PRODUCT}.codigo", ["x" * 50, "", ...]),
        each(f"{PRODUCT}.codigo", ["x" * 51]),
    ),
    case(
        "linea-leyenda",
        f"{LINE}.leyenda",
        each(f"{LINE}.leyenda", ["x" * 100]),
        each(f"{LINE}.leyenda", ["x" * 101, "%" * 34]),
    ),
    case(
        "linea-leyenda", f"{PRODUCT}.leyenda", each(f"{PRODUCT}.leyenda", [""]), each(f"{PRODUCT}.leyenda", ["x" * 101])
    ),
    case(
        "unidad-bulto",
        f"{PRODUCT}.unidad_bulto",
        each(f"{PRODUCT}.unidad_bulto", [1, "30", ...]),
        each(f"{PRODUCT}.unidad_bulto", [0, "0", -1, "", "1.5"]),
    ),
    case("detalle-cantidad", "comprobante.detalle", [lines(1), lines(130)], [lines(131), with_(detalle=[])]),
    case("tributos-cantidad", "comprobante.tributos", [with_(tributos=[TRIBUTO] * 7)], [with_(tributos=[TRIBUTO] * 8)]),
    case("tags", "comprobante.tags", [with_(tags=["a"] * 50)], [with_(tags=["a"] * 51)]),
    case("tags", "comprobante.tags[1]", [with_(tags=["a", "x" * 255])], [with_(tags=["a", "x" * 256])]),
    case("abono", "comprobante.abono_hasta", [NOTA_B], [put(NOTA_B, "comprobante.abono_hasta", ...)]),
    case("extra", "comprobante.nuevo", [with_(nuevo=[1])], [with_(nuevo={1, 2})]),
    case(
        "cantidad",
        f"{LINE}.cantidad",
        [put(with_(), f"{LINE}.cantidad", value) for value in (1, "1.50", 0.25, 1000)],
        [put(with_(), f"{LINE}.cantidad", value) for value in (0, -1, "0.125")],
    ),
    case(
        "precio",
        f"{PRODUCT}.precio_unitario_sin_iva",
        [put(with_(), f"{PRODUCT}.precio_unitario_sin_iva", value) for value in (0, "0.001", "99999999999.999")],
        [put(with_(), f"{PRODUCT}.precio_unitario_sin_iva", value) for value in (-1, "0.0001")],
    ),
    case(
        "bonificacion-porcentaje",
        f"{LINE}.bonificacion_porcentaje",
        [put(with_(), f"{LINE}.bonificacion_porcentaje", value) for value in (0, "12.5", 100)],
        [put(with_(), f"{LINE}.bonificacion_porcentaje", value) for value in (-1, "100.01", "12.555")],
    ),
    case(
        "alicuota",
        f"{PRODUCT}.alicuota",
        [
            *(put(with_(), f"{PRODUCT}.alicuota", value) for value in (27, "21", 10.5, 0, -1, "-2")),
            put(FACTURA_C, f"{PRODUCT}.alicuota", ...),
        ],
        each(f"{PRODUCT}.alicuota", [..., None, 20, 5, -3]),
    ),
    case(
        "importes",
        "comprobante.bonificacion",
        [with_(bonificacion=value) for value in (0, "10.01")],
        [with_(bonificacion=value) for value in (-1, "10.001")],
    ),
    case("importes", "comprobante.percepciones_iva", [with_(percepciones_iva="1.5")], [with_(percepciones_iva=-1)]),
    case(
        "importes",
        "comprobante.tributos[0].total",
        [with_(tributos=[TRIBUTO])],
        [with_(tributos=[{"tipo": 7, "total": -1}])],
    ),
    case(
        "importes",
        f"{PRODUCT}.impuestos_internos_alicuota",
        [put(with_(impuestos_internos=5), f"{PRODUCT}.impuestos_internos_alicuota", "4.5")],
        [put(with_(impuestos_internos=5), f"{PRODUCT}.impuestos_internos_alicuota", "4.555")],
    ),
    case("exentos", "comprobante.exentos", [with_(exentos="0")], [with_(exentos=100)]),
    case("exentos", "comprobante.nogravados", [with_(nogravados=0)], [with_(nogravados=1)]),
    case(
        "moneda-cotizacion",
        "comprobante.cotizacion",
        [
            with_(moneda="PES", cotizacion="1.00"),
            put(FACTURA_B, "comprobante.cotizacion", ...),
            with_(moneda="DOL", cotizacion="1035.50"),
            with_(moneda="012", cotizacion=1),
        ],
        [
            with_(moneda="PES", cotizacion=2),
            with_(moneda="DOL", cotizacion=1),
            with_(moneda="DOL", cotizacion=0),
            with_(moneda="DOL", cotizacion=-5),
            with_(moneda="060", cotizacion=None),
            with_(moneda="060", cotizacion="1.0000001"),
        ],
    ),
    case(
        "paga-misma-moneda",
        "comprobante.datos_informativos.paga_misma_moneda",
        [with_(moneda="DOL", cotizacion=9, datos_informativos={"paga_misma_moneda": "S"})],
        [with_(datos_informativos={"paga_misma_moneda": "S"})],
    ),
    case("bonificacion", "comprobante.bonificacion", [with_(bonificacion="114.88")], [with_(bonificacion="114.89")]),
    case(
        "impuestos-internos",
        "comprobante.impuestos_internos",
        [put(with_(impuestos_internos="3.2"), f"{PRODUCT}.impuestos_internos_alicuota", 3)],
        [put(with_(), f"{PRODUCT}.impuestos_internos_alicuota", 3)],
    ),
    case(
        "impuestos-internos",
        "comprobante.detalle",
        [put(with_(NOTA_B, impuestos_internos=1), f"{PRODUCT}.impuestos_internos_alicuota", 3)],
        [
            put(
                put(with_(NOTA_B, impuestos_internos=1), f"{PRODUCT}.impuestos_internos_alicuota", 3),
                "comprobante.detalle[1].producto.impuestos_internos_alicuota",
                4,
            )
        ],
    ),
    case(
        "tributos-importe",
        "comprobante.tributos[0].total",
        [with_(tributos=[{**TRIBUTO, "total": total}]) for total in (400, "400.01", "399.99")]
        + [with_(tributos=[{**TRIBUTO, "alicuota": 0, "total": 7}])],
        [with_(tributos=[{**TRIBUTO, "total": "400.02"}])],
    ),
    case(
        "total",
        "comprobante.total",
        [*each("comprobante.total", [139.0, "139", ..., None]), NOTA_B],
        [*each("comprobante.total", ["139.01", "138.99", 0, "139.001"]), put(NOTA_B, "comprobante.total", "543.21")],
    ),
    case(
        "pagos",
        "comprobante.pagos.total",
        [
            with_(
                pagos={
                    "formas_pago": [{"descripcion": "VISA", "importe": 0.6}, {"descripcion": "MP", "importe": 50}],
                    "total": 50.6,
                }
            )
        ],
        [with_(pagos={"formas_pago": [{"descripcion": "VISA", "importe": 0.6}], "total": 0.5})],
    ),
    case(
        "pagos-tope",
        "comprobante.pagos.total",
        [with_(pagos={"formas_pago": [{"descripcion": "VISA", "importe": 139}], "total": 139})],
        [with_(pagos={"formas_pago": [{"descripcion": "VISA", "importe": 140}], "total": 140})],
    ),
    case(
        "fecha-ventana",
        "comprobante.fecha",
        [
            facts(today=date(2020, 1, 1)),
            facts(today=date(2018, 4, 2), concepto="productos"),
            facts(with_(**PERIOD), today=date(2018, 4, 7), concepto="servicios"),
            facts(today=date(2018, 3, 1), send_on=date(2018, 4, 1), concepto="productos"),
            facts(put(FACTURA_B, "comprobante.fecha", ...), today=date(2020, 1, 1), concepto="productos"),
        ],
        [
            facts(today=date(2018, 4, 3), concepto="productos"),
            facts(with_(**PERIOD), today=date(2018, 4, 8), concepto="ambos"),
            facts(today=TODAY, send_on=date(2018, 4, 29), concepto="productos"),
        ],
    ),
    case(
        "fecha-futura",
        "comprobante.fecha",
        [facts(), facts(today=TODAY), facts(today=date(2018, 3, 1), send_on=TODAY)],
        [facts(today=date(2018, 3, 27)), facts(today=date(2018, 3, 1), send_on=date(2018, 3, 27))],
    ),
    case(
        "fecha-correlativa",
        "comprobante.fecha",
        [facts(last_fecha=TODAY), facts(put(FACTURA_B, "comprobante.fecha", ...), last_fecha=date(2030, 1, 1))],
        [facts(last_fecha=date(2018, 3, 29))],
    ),
    case(
        "periodo",
        "comprobante.periodo_facturado_hasta",
        [facts(concepto="productos"), facts(with_(**PERIOD), concepto="ambos"), with_(**PERIOD)],
        [
            facts(concepto="servicios"),
            facts(concepto="ambos"),
            with_(periodo_facturado_desde="01/03/2018"),
            with_(periodo_facturado_desde="02/03/2018", periodo_facturado_hasta="01/03/2018"),
        ],
    ),
    case(
        "vencimiento",
        "comprobante.vencimiento",
        [with_(vencimiento="28/03/2018")],
        [with_(vencimiento="27/03/2018")],
    ),
    case(
        "asociados",
        "comprobante.comprobantes_asociados",
        [NOTA_A, NOTA_PERIODO, with_(comprobantes_asociados=[])],
        [
            put(NOTA_A, "comprobante.comprobantes_asociados", []),
            with_(comprobantes_asociados=NOTA_B["comprobante"]["comprobantes_asociados"]),
        ],
    ),
    case(
        "asociados",
        "comprobante.comprobantes_asociados_periodo",
        [NOTA_PERIODO],
        [
            put(NOTA_A, "comprobante.comprobantes_asociados_periodo", PERIODO_ASOCIADO),
            with_(comprobantes_asociados_periodo={"fecha_desde": "01/03/2018", "fecha_hasta": "02/03/2018"}),
        ],
    ),
    case(
        "asociados-cantidad",
        "comprobante.comprobantes_asociados",
        [with_(NOTA_B, comprobantes_asociados=NOTA_B["comprobante"]["comprobantes_asociados"] * 10)],
        [with_(NOTA_B, comprobantes_asociados=NOTA_B["comprobante"]["comprobantes_asociados"] * 11)],
    ),
    case(
        "asociados-datos",
        f"{ASOCIADO}.tipo_comprobante",
        each(f"{ASOCIADO}.tipo_comprobante", ["FACTURA A", "NOTA DE DEBITO A"], NOTA_A),
        each(f"{ASOCIADO}.tipo_comprobante", ["FACTURA B", "FACTURA E", "1"], NOTA_A),
    ),
    case(
        "asociados-datos",
        f"{ASOCIADO}.numero",
        each(f"{ASOCIADO}.numero", [1, "00012313"], NOTA_A),
        each(f"{ASOCIADO}.numero", [0, 10**8], NOTA_A),
    ),
    case("asociados-datos", f"{ASOCIADO}.punto_venta", [NOTA_A], each(f"{ASOCIADO}.punto_venta", [0, 100000], NOTA_A)),
    case(
        "asociados-datos",
        f"{ASOCIADO}.cuit",
        [put(NOTA_A, f"{ASOCIADO}.cuit", ...)],
        each(f"{ASOCIADO}.cuit", ["30-71229384-1"], NOTA_A),
    ),
    case(
        "asociados-fecha",
        f"{ASOCIADO}.comprobante_fecha",
        each(f"{ASOCIADO}.comprobante_fecha", ["20/07/2018", ...], NOTA_A),
        each(f"{ASOCIADO}.comprobante_fecha", ["21/07/2018"], NOTA_A),
    ),
    case(
        "asociados-fecha",
        "comprobante.comprobantes_asociados_periodo.fecha_hasta",
        [NOTA_PERIODO],
        each("comprobante.comprobantes_asociados_periodo.fecha_hasta", ["21/07/2018", "30/06/2018"], NOTA_PERIODO),
    ),
    case(
        "asociados-moneda",
        "comprobante.moneda",
        [facts(NOTA_B, moneda_asociados="DOL"), facts(NOTA_B), facts(moneda_asociados="DOL")],
        [facts(NOTA_B, moneda_asociados="PES")],
    ),
]


def _found(item: Any) -> list[tuple[str, str]]:
    """(rule, path) of all that the rules say of a shape, or of a shape with facts."""
    shape, known = item if isinstance(item, tuple) else (item, Facts())
    found: list[tuple[str, str]] = []
    try:
        read(shape, known)
    except ComprobanteInvalido as error:
        paths = {problem.path for problem in error.problems}
        readable = copy.deepcopy(shape)
        made = Comprobante(**{**readable["comprobante"], "cliente": readable["cliente"]})
        if made.punto_venta is None and known.punto_venta is not None:
            made = made.model_copy(update={"punto_venta": known.punto_venta})
        found = [(rule.id, problem.path) for rule in RULES for problem in rule.check(made, known)]
        assert {path for _, path in found} == paths
    return found


@pytest.mark.parametrize(
    ("rule", "path", "item"),
    [pytest.param(c.rule, c.path, item, id=f"{c.rule}-{c.path}-{n}") for c in CASES for n, item in enumerate(c.passes)],
)
def test_what_a_rule_lets_pass(rule: str, path: str, item: Any) -> None:
    assert (rule, path) not in _found(item)


@pytest.mark.parametrize(
    ("rule", "path", "item"),
    [pytest.param(c.rule, c.path, item, id=f"{c.rule}-{c.path}-{n}") for c in CASES for n, item in enumerate(c.fails)],
)
def test_what_a_rule_refuses(rule: str, path: str, item: Any) -> None:
    assert (rule, path) in _found(item)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_has_a_case_of_each_kind_a_source_and_real_needs(rule: Any) -> None:
    cases = [c for c in CASES if c.rule == rule.id]
    assert any(c.passes for c in cases)
    assert any(c.fails for c in cases)
    assert rule.source
    assert all(need.split(".")[0] in ("cliente", "comprobante") for need in rule.needs)


def test_rules_have_ids_of_their_own() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_no_rule_fails_on_a_valid_comprobante_of_any_type(rule: Any) -> None:
    for sample in samples.of_every_type().values():
        assert not list(rule.check(read(sample), Facts()))


def test_a_rule_whose_fact_is_not_known_is_not_applied() -> None:
    assert check(read(FACTURA_B)) == []


@pytest.mark.parametrize("letter", ["FACTURA E", "NOTA DE DEBITO E"])
def test_type_e_is_refused_with_why_and_what_to_do(letter: str) -> None:
    with pytest.raises(ComprobanteInvalido) as caught:
        read(tipo(letter))
    (problem,) = [problem for problem in caught.value.problems if problem.path == "comprobante.tipo"]
    assert "can't be issued asynchronously" in str(problem)
    assert "Issue it by hand" in str(problem)


def test_a_date_out_of_order_is_told_with_the_code_of_arca() -> None:
    with pytest.raises(ComprobanteInvalido, match="10016"):
        read(FACTURA_B, Facts(last_fecha=date(2019, 1, 1)))
