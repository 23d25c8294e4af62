"""The provider's reference tables, as enums with labels for people.

The value of a member is what is sent. Members are strings, so they can be given to the models as they are:
`Cliente(provincia=Provincia.SALTA, …)`. From the provider's "Tablas de referencia", with what today's documentation
adds (docs/provider.md, Reference tables).
"""

from __future__ import annotations

from decimal import Decimal
from enum import Enum


class Table(str, Enum):
    """A reference table: members are the values to send, each with a `label`."""

    label: str

    def __new__(cls, value: str, label: str) -> Table:
        member = str.__new__(cls, value)
        member._value_ = value
        member.label = label
        return member

    def __str__(self) -> str:
        return str(self.value)


class Tipo(Table):
    """The types of comprobante that can be issued asynchronously (docs/provider.md, Types and receivers)."""

    FACTURA_A = "FACTURA A", "Factura A"
    FACTURA_B = "FACTURA B", "Factura B"
    FACTURA_C = "FACTURA C", "Factura C"
    FACTURA_M = "FACTURA M", "Factura M"
    NOTA_DE_DEBITO_A = "NOTA DE DEBITO A", "Nota de débito A"
    NOTA_DE_DEBITO_B = "NOTA DE DEBITO B", "Nota de débito B"
    NOTA_DE_DEBITO_C = "NOTA DE DEBITO C", "Nota de débito C"
    NOTA_DE_DEBITO_M = "NOTA DE DEBITO M", "Nota de débito M"
    NOTA_DE_CREDITO_A = "NOTA DE CREDITO A", "Nota de crédito A"
    NOTA_DE_CREDITO_B = "NOTA DE CREDITO B", "Nota de crédito B"
    NOTA_DE_CREDITO_C = "NOTA DE CREDITO C", "Nota de crédito C"
    NOTA_DE_CREDITO_M = "NOTA DE CREDITO M", "Nota de crédito M"
    RECIBO_C = "RECIBO C", "Recibo C"

    @property
    def letra(self) -> str:
        """A, B, C or M."""
        return str(self.value)[-1]

    @property
    def es_nota(self) -> bool:
        """Whether it is a nota de crédito or de débito, which must say what it refers to."""
        return str(self.value).startswith("NOTA")


class DocumentoTipo(Table):
    """Kinds of identity document."""

    CUIT = "CUIT", "CUIT"
    CUIL = "CUIL", "CUIL"
    CDI = "CDI", "CDI"
    DNI = "DNI", "DNI"
    PASAPORTE = "PASAPORTE", "Pasaporte"
    OTRO = "OTRO", "Otro (sin identificar)"


class CondicionIva(Table):
    """Standing before the IVA. The same values serve for `condicion_iva_operacion` (RG 5616/2024)."""

    CF = "CF", "Consumidor final"
    RI = "RI", "Responsable inscripto"
    M = "M", "Monotributo"
    E = "E", "Exento"
    CDEX = "CDEX", "Cliente del exterior"
    IVNA = "IVNA", "IVA no alcanzado"


class CondicionPago(Table):
    """Conditions of sale. 0 is in the documented example of `lotes` and in no table."""

    SIN_ESPECIFICAR = "0", "Sin especificar"
    CONTADO = "201", "Contado"
    DIAS_30 = "202", "30 días"
    DIAS_60 = "203", "60 días"
    DIAS_90 = "204", "90 días"
    CUENTA_CORRIENTE = "205", "Cuenta corriente"
    DIAS_10 = "206", "10 días"
    DIAS_15 = "207", "15 días"
    DIAS_45 = "208", "45 días"
    DIAS_20 = "209", "20 días"
    TRANSFERENCIA = "210", "Transferencia bancaria"
    TARJETA_CREDITO = "211", "Tarjeta de crédito"
    TARJETA_DEBITO = "212", "Tarjeta de débito"
    DIAS_5 = "213", "5 días"
    OTRA = "214", "Otra"
    MERCADOPAGO = "216", "MercadoPago"


class Provincia(Table):
    """Provinces; 25 is another place, 26 is none."""

    CIUDAD_AUTONOMA_DE_BUENOS_AIRES = "1", "Ciudad Autónoma de Buenos Aires"
    BUENOS_AIRES = "2", "Buenos Aires"
    CATAMARCA = "3", "Catamarca"
    CHACO = "4", "Chaco"
    CHUBUT = "5", "Chubut"
    CORDOBA = "6", "Córdoba"
    CORRIENTES = "7", "Corrientes"
    ENTRE_RIOS = "8", "Entre Ríos"
    FORMOSA = "9", "Formosa"
    JUJUY = "10", "Jujuy"
    LA_PAMPA = "11", "La Pampa"
    LA_RIOJA = "12", "La Rioja"
    MENDOZA = "13", "Mendoza"
    MISIONES = "14", "Misiones"
    NEUQUEN = "15", "Neuquén"
    RIO_NEGRO = "16", "Río Negro"
    SALTA = "17", "Salta"
    SAN_JUAN = "18", "San Juan"
    SAN_LUIS = "19", "San Luis"
    SANTA_CRUZ = "20", "Santa Cruz"
    SANTA_FE = "21", "Santa Fe"
    SANTIAGO_DEL_ESTERO = "22", "Santiago del Estero"
    TIERRA_DEL_FUEGO = "23", "Tierra del Fuego"
    TUCUMAN = "24", "Tucumán"
    OTRO = "25", "Otro"
    SIN_DATO = "26", "-"


class Alicuota(Table):
    """Rates of IVA for a line."""

    IVA_27 = "27", "27 %"
    IVA_21 = "21", "21 %"
    IVA_10_5 = "10.5", "10,5 %"
    IVA_0 = "0", "0 %"
    EXENTO = "-1", "IVA exento"
    NO_GRAVADO = "-2", "IVA no gravado"

    @property
    def porcentaje(self) -> Decimal:
        """The per cent that is added: 0 for exento and no gravado."""
        return max(Decimal(self.value), Decimal(0))


class Moneda(Table):
    """Currencies. PES is always worth a `cotizacion` of 1."""

    PESOS = "PES", "Pesos argentinos"
    DOLARES = "DOL", "Dólares estadounidenses"
    EUROS = "060", "Euros"
    REALES = "012", "Reales"
    PESOS_URUGUAYOS = "011", "Pesos uruguayos"
    PESOS_CHILENOS = "033", "Pesos chilenos"
    PESOS_BOLIVIANOS = "031", "Pesos bolivianos"
    PESOS_COLOMBIANOS = "032", "Pesos colombianos"
    PESOS_MEXICANOS = "010", "Pesos mexicanos"
    SOLES_PERUANOS = "035", "Nuevos soles peruanos"
    BOLIVARES = "023", "Bolívares venezolanos"
    SUCRES = "036", "Sucres ecuatorianos"
    LIRAS = "004", "Liras italianas"
    FRANCOS_FRANCESES = "003", "Francos franceses"


class Idioma(Table):
    """The language of the PDF."""

    ESPANOL = "1", "Español"
    INGLES = "2", "Inglés"


class Operacion(Table):
    """Only sales: what is sent here is always issued by the account's owner."""

    VENTA = "V", "Venta"


class SiNo(Table):
    """The provider's yes and no."""

    SI = "S", "Sí"
    NO = "N", "No"


class UnidadMedida(Table):
    """ARCA's units of measure."""

    KILOGRAMOS = "1", "kilogramos"
    METROS = "2", "metros"
    METROS_CUADRADOS = "3", "metros cuadrados"
    METROS_CUBICOS = "4", "metros cúbicos"
    LITROS = "5", "litros"
    U_1000_KWH = "6", "1000 kWh"
    UNIDADES = "7", "unidades"
    PARES = "8", "pares"
    DOCENAS = "9", "docenas"
    QUILATES = "10", "quilates"
    MILLARES = "11", "millares"
    GRAMOS = "14", "gramos"
    MILIMETROS = "15", "milimetros"
    MM_CUBICOS = "16", "mm cúbicos"
    KILOMETROS = "17", "kilómetros"
    HECTOLITROS = "18", "hectolitros"
    CENTIMETROS = "20", "centímetros"
    JGO_PQT_MAZO_NAIPES = "25", "jgo. pqt. mazo naipes"
    CM_CUBICOS = "27", "cm cúbicos"
    TONELADAS = "29", "toneladas"
    DAM_CUBICOS = "30", "dam cúbicos"
    HM_CUBICOS = "31", "hm cúbicos"
    KM_CUBICOS = "32", "km cúbicos"
    MICROGRAMOS = "33", "microgramos"
    NANOGRAMOS = "34", "nanogramos"
    PICOGRAMOS = "35", "picogramos"
    MILIGRAMOS = "41", "miligramos"
    MILILITROS = "47", "mililitros"
    CURIE = "48", "curie"
    MILICURIE = "49", "milicurie"
    MICROCURIE = "50", "microcurie"
    UIACTHOR = "51", "uiacthor"
    MUIACTHOR = "52", "muiacthor"
    KG_BASE = "53", "kg base"
    GRUESA = "54", "gruesa"
    KG_BRUTO = "61", "kg bruto"
    UIACTANT = "62", "uiactant"
    MUIACTANT = "63", "muiactant"
    UIACTIG = "64", "uiactig"
    MUIACTIG = "65", "muiactig"
    KG_ACTIVO = "66", "kg activo"
    GRAMO_ACTIVO = "67", "gramo activo"
    GRAMO_BASE = "68", "gramo base"
    ANULACION_DEVOLUCION = "95", "anulación/devolución"
    PACKS = "96", "packs"
    SENA_ANTICIPO = "97", "seña/anticipo"
    OTRAS_UNIDADES = "98", "otras unidades"


class TributoTipo(Table):
    """Kinds of `tributos`."""

    NACIONAL = "1", "Percepciones de impuestos nacionales"
    IVA = "6", "Percepciones de IVA"
    IIBB = "7", "Percepciones de ingresos brutos"


class TributoRegimen(Table):
    """Regimes of `tributos`, as far as documented; not enforced, because jurisdictions add theirs."""

    IVA_NO_ESPECIFICADO = "1", "IVA: no especificado"
    IVA_RG_2408 = "2", "IVA: régimen general (RG 2408)"
    IVA_RG_5329 = "3", "IVA: RG 5329"
    IIBB_CAPITAL_FEDERAL = "4", "IIBB: Capital Federal"
    IIBB_BUENOS_AIRES = "5", "IIBB: Buenos Aires"
    IIBB_CATAMARCA = "6", "IIBB: Catamarca"
    IIBB_CHACO = "7", "IIBB: Chaco"
    IIBB_CHUBUT = "8", "IIBB: Chubut"
    IIBB_CORDOBA = "9", "IIBB: Córdoba"
    IIBB_CORRIENTES = "10", "IIBB: Corrientes"
    IIBB_ENTRE_RIOS = "11", "IIBB: Entre Ríos"
    IIBB_FORMOSA = "12", "IIBB: Formosa"
    IIBB_JUJUY = "13", "IIBB: Jujuy"
    IIBB_LA_PAMPA = "14", "IIBB: La Pampa"
    IIBB_LA_RIOJA = "15", "IIBB: La Rioja"
    IIBB_MENDOZA = "16", "IIBB: Mendoza"
    IIBB_MISIONES = "17", "IIBB: Misiones"
    IIBB_NEUQUEN = "18", "IIBB: Neuquén"
    IIBB_RIO_NEGRO = "19", "IIBB: Río Negro"
    IIBB_SALTA = "20", "IIBB: Salta"
    IIBB_SAN_JUAN = "21", "IIBB: San Juan"
    IIBB_SAN_LUIS = "22", "IIBB: San Luis"
    IIBB_SANTA_CRUZ = "23", "IIBB: Santa Cruz"
    IIBB_SANTA_FE = "24", "IIBB: Santa Fe"
    IIBB_SANTIAGO_DEL_ESTERO = "25", "IIBB: Santiago del Estero"
    IIBB_TIERRA_DEL_FUEGO = "26", "IIBB: Tierra del Fuego"
    IIBB_TUCUMAN = "27", "IIBB: Tucumán"
    IIBB_OTRO = "28", "IIBB: otro"
    PERCEPCION_PAIS = "31", "Percepción del impuesto PAIS"
    IMPUESTO_PAIS = "32", "Impuesto PAIS"
    GANANCIAS = "33", "Percepción del impuesto a las ganancias"
    BIENES_PERSONALES = "34", "Percepción del impuesto sobre los bienes personales"
