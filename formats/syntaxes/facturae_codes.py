"""Codes of Facturae 3.2.2 and what they are in EN 16931. Source: the schema Facturaev3_2_2.xsd and the order
that publishes it; the texts of reasons and methods are enumerations, to the letter."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = [
    "ATTACHMENTS",
    "COUNTRIES",
    "COUNTRIES_BACK",
    "CURRENCIES",
    "EVENTS",
    "MEANS",
    "MEANS_BACK",
    "METHODS",
    "PROVINCES",
    "REASONS",
    "TAX_TYPES",
    "UNITS",
    "UNITS_BACK",
]

REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "01": "Número de la factura",
        "02": "Serie de la factura",
        "03": "Fecha expedición",
        "04": "Nombre y apellidos/Razón Social-Emisor",
        "05": "Nombre y apellidos/Razón Social-Receptor",
        "06": "Identificación fiscal Emisor/obligado",
        "07": "Identificación fiscal Receptor",
        "08": "Domicilio Emisor/Obligado",
        "09": "Domicilio Receptor",
        "10": "Detalle Operación",
        "11": "Porcentaje impositivo a aplicar",
        "12": "Cuota tributaria a aplicar",
        "13": "Fecha/Periodo a aplicar",
        "14": "Clase de factura",
        "15": "Literales legales",
        "16": "Base imponible",
        "80": "Cálculo de cuotas repercutidas",
        "81": "Cálculo de cuotas retenidas",
        "82": "Base imponible modificada por devolución de envases / embalajes",
        "83": "Base imponible modificada por descuentos y bonificaciones",
        "84": "Base imponible modificada por resolución firme, judicial o administrativa",
        "85": "Base imponible modificada cuotas repercutidas no satisfechas. Auto de declaración de concurso",
    }
)
METHODS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "01": "Rectificación íntegra",
        "02": "Rectificación por diferencias",
        "03": "Rectificación por descuento por volumen de operaciones durante un periodo",
        "04": "Autorizadas por la Agencia Tributaria",
    }
)

# VAT category -> SpecialTaxableEventCode and the mention that Spanish law has for it; zero rate (Z) and the
# standard rate (S) have none.
EVENTS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "E": ("01", "Operación exenta"),
        "AE": ("01", "Inversión del sujeto pasivo"),
        "K": ("01", "Entrega intracomunitaria exenta"),
        "G": ("01", "Exportación exenta"),
        "O": ("02", "Operación no sujeta"),
    }
)
# VAT category -> TaxTypeCode, where it is not IVA (01).
TAX_TYPES: Final[Mapping[str, str]] = MappingProxyType({"L": "03", "M": "02"})

# UNTDID 4461 -> PaymentMeans.
MEANS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "10": "01",
        "49": "02",
        "59": "02",
        "30": "04",
        "31": "04",
        "42": "04",
        "57": "04",
        "58": "04",
        "20": "11",
        "21": "17",
        "22": "17",
        "24": "05",
        "48": "19",
        "54": "19",
        "55": "19",
        "60": "09",
        "70": "08",
        "97": "14",
        "ZZZ": "13",
        "1": "13",
    }
)
MEANS_BACK: Final[Mapping[str, str]] = MappingProxyType(
    {
        "01": "10",
        "02": "59",
        "03": "ZZZ",
        "04": "30",
        "05": "24",
        "08": "70",
        "09": "60",
        "10": "60",
        "11": "20",
        "14": "97",
        "16": "22",
        "17": "22",
        "19": "48",
    }
)

# UN/ECE Recommendation 20 -> UnitOfMeasure; everything else is 05, other units.
UNITS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "C62": "01",
        "EA": "01",
        "H87": "01",
        "XPP": "01",
        "HUR": "02",
        "KGM": "03",
        "LTR": "04",
        "XBX": "06",
        "XPU": "07",
        "XBA": "08",
        "XJY": "09",
        "XBG": "10",
        "XCY": "11",
        "XBO": "12",
        "XCI": "13",
        "CLT": "15",
        "CMT": "16",
        "XBI": "17",
        "DZN": "18",
        "XCS": "19",
        "XDJ": "20",
        "GRM": "21",
        "KMT": "22",
        "XCX": "23",
        "XBH": "24",
        "MTR": "25",
        "MMT": "26",
        "XPK": "28",
        "XRO": "30",
        "XEN": "31",
        "XTB": "32",
        "MTQ": "33",
        "SEC": "34",
        "WTT": "35",
        "KWH": "36",
        "ZZ": "05",
    }
)
UNITS_BACK: Final[Mapping[str, str]] = MappingProxyType(
    {code: unit for unit, code in reversed(tuple(UNITS.items()))}
)

# Media type -> AttachmentFormat.
ATTACHMENTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "application/pdf": "pdf",
        "application/xml": "xml",
        "text/xml": "xml",
        "application/msword": "doc",
        "image/gif": "gif",
        "application/rtf": "rtf",
        "application/vnd.ms-excel": "xls",
        "image/jpeg": "jpg",
        "image/bmp": "bmp",
        "image/tiff": "tiff",
        "text/html": "html",
    }
)

# The schema's list is of 2014 and holds codes that are gone; of the current ones, these.
_CURRENCY_CODES: Final = (
    "AFN ALL AMD AOA ARS AUD AWG BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BWP BZD CAD CHF CLP CNY COP CRC "
    "CUP CVE CZK DJF DKK DOP DZD EGP ETB EUR FJD FKP GBP GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS "
    "INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MNT "
    "MOP MUR MVR MWK MXN MYR NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RUB RWF SAR SBD "
    "SCR SEK SGD SHP SLL SOS SRD SYP SZL THB TJS TMM TND TOP TRY TTD TWD TZS UAH USD UYU VEF VND VUV WST "
    "XAF XCD XOF YER ZAR"
)
CURRENCIES: Final = frozenset(_CURRENCY_CODES.split())

# The first two digits of a Spanish post code -> its province, in their order.
_PROVINCE_NAMES: Final = (
    "Álava|Albacete|Alicante|Almería|Ávila|Badajoz|Illes Balears|Barcelona|Burgos|Cáceres|"
    "Cádiz|Castellón|Ciudad Real|Córdoba|A Coruña|Cuenca|Girona|Granada|Guadalajara|Gipuzkoa|"
    "Huelva|Huesca|Jaén|León|Lleida|La Rioja|Lugo|Madrid|Málaga|Murcia|Navarra|Ourense|"
    "Asturias|Palencia|Las Palmas|Pontevedra|Salamanca|S.C. Tenerife|Cantabria|Segovia|Sevilla|"
    "Soria|Tarragona|Teruel|Toledo|Valencia|Valladolid|Bizkaia|Zamora|Zaragoza|Ceuta|Melilla"
)
PROVINCES: Final[Mapping[str, str]] = MappingProxyType(
    {f"{number:02}": name for number, name in enumerate(_PROVINCE_NAMES.split("|"), start=1)}
)

# ISO 3166-1 alpha-2 -> alpha-3, side by side.
_COUNTRY_PAIRS: Final = (
    "ADAND AEARE AFAFG AGATG AIAIA ALALB AMARM AOAGO AQATA ARARG ASASM ATAUT AUAUS AWABW AXALA AZAZE "
    "BABIH BBBRB BDBGD BEBEL BFBFA BGBGR BHBHR BIBDI BJBEN BLBLM BMBMU BNBRN BOBOL BQBES BRBRA BSBHS "
    "BTBTN BVBVT BWBWA BYBLR BZBLZ CACAN CCCCK CDCOD CFCAF CGCOG CHCHE CICIV CKCOK CLCHL CMCMR CNCHN "
    "COCOL CRCRI CUCUB CVCPV CWCUW CXCXR CYCYP CZCZE DEDEU DJDJI DKDNK DMDMA DODOM DZDZA ECECU EEEST "
    "EGEGY EHESH ERERI ESESP ETETH FIFIN FJFJI FKFLK FMFSM FOFRO FRFRA GAGAB GBGBR GDGRD GEGEO GFGUF "
    "GGGGY GHGHA GIGIB GLGRL GMGMB GNGIN GPGLP GQGNQ GRGRC GSSGS GTGTM GUGUM GWGNB GYGUY HKHKG HMHMD "
    "HNHND HRHRV HTHTI HUHUN IDIDN IEIRL ILISR IMIMN ININD IOIOT IQIRQ IRIRN ISISL ITITA JEJEY JMJAM "
    "JOJOR JPJPN KEKEN KGKGZ KHKHM KIKIR KMCOM KNKNA KPPRK KRKOR KWKWT KYCYM KZKAZ LALAO LBLBN LCLCA "
    "LILIE LKLKA LRLBR LSLSO LTLTU LULUX LVLVA LYLBY MAMAR MCMCO MDMDA MEMNE MFMAF MGMDG MHMHL MKMKD "
    "MLMLI MMMMR MNMNG MOMAC MPMNP MQMTQ MRMRT MSMSR MTMLT MUMUS MVMDV MWMWI MXMEX MYMYS MZMOZ NANAM "
    "NCNCL NENER NFNFK NGNGA NINIC NLNLD NONOR NPNPL NRNRU NUNIU NZNZL OMOMN PAPAN PEPER PFPYF PGPNG "
    "PHPHL PKPAK PLPOL PMSPM PNPCN PRPRI PSPSE PTPRT PWPLW PYPRY QAQAT REREU ROROU RSSRB RURUS RWRWA "
    "SASAU SBSLB SCSYC SDSDN SESWE SGSGP SHSHN SISVN SJSJM SKSVK SLSLE SMSMR SNSEN SOSOM SRSUR SSSSD "
    "STSTP SVSLV SXSXM SYSYR SZSWZ TCTCA TDTCD TFATF TGTGO THTHA TJTJK TKTKL TLTLS TMTKM TNTUN TOTON "
    "TRTUR TTTTO TVTUV TWTWN TZTZA UAUKR UGUGA UMUMI USUSA UYURY UZUZB VAVAT VCVCT VEVEN VGVGB VIVIR "
    "VNVNM VUVUT WFWLF WSWSM YEYEM YTMYT ZAZAF ZMZMB ZWZWE"
)
COUNTRIES: Final[Mapping[str, str]] = MappingProxyType(
    {pair[:2]: pair[2:] for pair in _COUNTRY_PAIRS.split()}
)
COUNTRIES_BACK: Final[Mapping[str, str]] = MappingProxyType(
    {long: short for short, long in COUNTRIES.items()}
)
