"""The segments of INVOIC IDocs with the lengths of their fields, for flat files, where only positions count.

Basic types INVOIC01 and INVOIC02 (SAP segment documentation, transaction WE60), and E1STATS of SYSTAT01. A
newer version of a segment only adds fields at its end, so the longest known form reads all of them. A system
that differs, and a customer's own segments, are told by the setting `flat_segments`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["CONTROL", "PARENTS", "SEGMENTS", "Layout", "layout"]

# Field names with their lengths, in the order of the record.
Layout = tuple[tuple[str, int], ...]


def layout(text: str) -> Layout:
    """`QUALF 3 BELNR 35` as ((QUALF, 3), (BELNR, 35)). Raises ValueError for any other form."""
    words = text.split()
    if not words or len(words) % 2:
        raise ValueError("write each field's name and its length, as in QUALF 3 BELNR 35")
    fields = tuple((name, int(length)) for name, length in zip(words[::2], words[1::2], strict=True))
    if any(length < 1 for _, length in fields) or len({name for name, _ in fields}) < len(fields):
        raise ValueError("each field is named once and has at least one character")
    return fields


CONTROL: Final = layout(
    "TABNAM 10 MANDT 3 DOCNUM 16 DOCREL 4 STATUS 2 DIRECT 1 OUTMOD 1 EXPRSS 1 TEST 1 IDOCTYP 30 CIMTYP 30 "
    "MESTYP 30 MESCOD 3 MESFCT 3 STD 1 STDVRS 6 STDMES 6 SNDPOR 10 SNDPRT 2 SNDPFC 2 SNDPRN 10 SNDSAD 21 "
    "SNDLAD 70 RCVPOR 10 RCVPRT 2 RCVPFC 2 RCVPRN 10 RCVSAD 21 RCVLAD 70 CREDAT 8 CRETIM 6 REFINT 14 "
    "REFGRP 14 REFMES 14 ARCKEY 70 SERIAL 20"
)

_PARTNER: Final = (
    "PARVW 3 PARTN 17 LIFNR 17 NAME1 35 NAME2 35 NAME3 35 NAME4 35 STRAS 35 STRS2 35 PFACH 35 ORT01 35 "
    "COUNC 9 PSTLZ 9 PSTL2 9 LAND1 3 ABLAD 35 PERNR 30 PARNR 30 TELF1 25 TELF2 25 TELBX 25 TELFX 25 "
    "TELTX 25 TELX1 25 SPRAS 1 ANRED 15 ORT02 35 HAUSN 6 STOCK 6 REGIO 3 PARGE 1 ISOAL 2 ISONU 2 FCODE 20 "
    "IHREZ 30 BNAME 35 PAORG 30 ORGTX 35 PAGRU 30 KNREF 30 ILNNR 70 PFORT 35 SPRAS_ISO 2 TITLE 15"
)
_CONDITION: Final = "ALCKZ 3 KSCHL 4 KOTXT 80 BETRG 18 KPERC 8 KRATE 15 UPRBS 9 MEAUN 3 KOBTR 18"
_TAX: Final = "MWSKZ 7 MSATZ 17 MWSBT 18 TXJCD 15 KTEXT 50 TXDAT 8"

SEGMENTS: Final[Mapping[str, Layout]] = MappingProxyType(
    {
        name: layout(fields)
        for name, fields in {
            "E1EDK01": "ACTION 3 KZABS 1 CURCY 3 HWAER 3 WKURS 12 ZTERM 17 KUNDEUINR 20 EIGENUINR 20 BSART 4 "
            "BELNR 35 NTGEW 18 BRGEW 18 GEWEI 3 FKART_RL 4 ABLAD 25 BSTZD 4 VSART 2 VSART_BEZ 20 "
            "RECIPNT_NO 10 KZAZU 1 AUTLF 1 AUGRU 3 AUGRU_BEZ 40 ABRVW 3 ABRVW_BEZ 20 FKTYP 1 LIFSK 2 "
            "LIFSK_BEZ 20 EMPST 25 ABTNR 4 DELCO 3 WKURS_M 12 LANDTX 3 STCEG_L 3",
            "E1EDKA1": _PARTNER,
            "E1EDPA1": _PARTNER,
            "E1EDK02": "QUALF 3 BELNR 35 POSNR 6 DATUM 8 UZEIT 6",
            "E1EDK03": "IDDAT 3 DATUM 8 UZEIT 6",
            "E1EDK04": _TAX,
            "E1EDK05": f"{_CONDITION} MWSKZ 7 MSATZ 17 KOEIN 3",
            "E1EDK14": "QUALF 3 ORGID 35",
            "E1EDK17": "QUALF 3 LKOND 3 LKTEXT 70",
            "E1EDK18": "QUALF 3 TAGE 8 PRZNT 8 ZTERM_TXT 70",
            "E1EDK23": "QUALF 3 WAERZ 3 WAERQ 3 KURS 12 DATUM 8 ZEIT 6 KURS_M 12",
            "E1EDK28": "BCOUN 3 BRNUM 17 BNAME 70 BALOC 70 ACNUM 30 ACNAM 35 BIBAN 34",
            "E1EDKT1": "TDID 4 TSSPRAS 3 TSSPRAS_ISO 2 TDOBJECT 10 TDOBNAME 70",
            "E1EDKT2": "TDLINE 70 TDFORMAT 2",
            "E1EDP01": "POSEX 6 ACTION 3 PSTYP 1 KZABS 1 MENGE 15 MENEE 3 BMNG2 15 PMENE 3 ABFTZ 7 VPREI 15 "
            "PEINH 9 NETWR 18 ANETW 18 SKFBP 18 NTGEW 18 GEWEI 3 EINKZ 1 CURCY 3 PREIS 18 MATKL 9 UEPOS 6 "
            "GRKOR 3 EVERS 7 BPUMN 6 BPUMZ 6 ABGRU 2 ABGRT 40 ANTLF 1 FIXMG 1 KZAZU 1 BRGEW 18 PSTYV 4 "
            "EMPST 25 ABTNR 4 ABRVW 3 WERKS 4 LPRIO 2 LPRIO_BEZ 20 ROUTE 6 ROUTE_BEZ 40 LGORT 4 VSTEL 4 "
            "DELCO 3 MATNR 35 VALTG 2 HIPOS 6 HIEVW 1 POSGUID 22",
            "E1EDP02": "QUALF 3 BELNR 35 ZEILE 6 DATUM 8 UZEIT 6 BSARK 35 IHREZ 30",
            "E1EDP03": "IDDAT 3 DATUM 8 UZEIT 6",
            "E1EDP04": _TAX,
            "E1EDP05": f"{_CONDITION} MENGE 15 PREIS 15 MWSKZ 7 MSATZ 17 KOEIN 3 CURTP 2 KOBAS 18",
            "E1EDP19": "QUALF 3 IDTNR 35 KTEXT 70 MFRPN 42 MFRNR 10 IDTNR_EXTERNAL 40 IDTNR_VERSION 10 "
            "IDTNR_GUID 32 IDTNR_LONG 40",
            "E1EDP26": "QUALF 3 BETRG 18",
            "E1EDP30": "QUALF 3 IVKON 30",
            "E1EDPT1": "TDID 4 TSSPRAS 3 TSSPRAS_ISO 2",
            "E1EDPT2": "TDLINE 70 TDFORMAT 2",
            "E1EDS01": "SUMID 3 SUMME 18 SUNIT 3 WAERQ 3",
            # The lengths of E2STATS as SAP publishes them, with the message fields of newer releases behind.
            "E1STATS": "TABNAM 10 MANDT 3 DOCNUM 16 LOGDAT 8 LOGTIM 6 STATUS 2 UNAME 12 REPID 8 ROUTID 30 "
            "STACOD 8 STATXT 70 SEGNUM 6 SEGFLD 10 STAPA1 20 STAPA2 20 STAPA3 20 STAPA4 20 REFINT 14 "
            "REFGRP 14 REFMES 14 ARCKEY 70 STATYP 1 STAMQU 3 STAMID 20 STAMNO 3",
            # Our extension: electronic address and e-mail of the bill-to party, attached files.
            "Z1EINVKA": "EAS 4 ENDPOINT 70 EMAIL 241",
            "Z1EINVAT": "FILENAME 100 MIMETYPE 60 TITLE 100",
            "Z1EINVAD": "DATA 992",
        }.items()
    }
)

# Segments that are written inside another one; all other standard segments stand directly in the IDoc.
PARENTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "E1EDKT2": "E1EDKT1",
        "E1EDPT2": "E1EDPT1",
        **dict.fromkeys(
            (
                *("E1EDP02", "E1EDP03", "E1EDP04", "E1EDP05", "E1EDP08", "E1EDP19", "E1EDP26", "E1EDP28"),
                *("E1EDP30", "E1EDPA1", "E1EDPT1"),
            ),
            "E1EDP01",
        ),
    }
)
