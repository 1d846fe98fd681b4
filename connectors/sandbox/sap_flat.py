"""The file port of the imitated SAP: IDocs as records of fixed width, and STATUS IDocs read from such
records.

Positions are those of the segment documentation (WE60), counted in characters from the start of the data. A
real system writes the versions of the segments as their names (E2EDK01005), in full width or with trailing
blanks cut off, as the script behind the port has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import count
from typing import Final

from lxml import etree

__all__ = ["flat_file", "read_status"]

_VERSIONS: Final = {
    "E1EDK01": "E2EDK01005",
    "E1EDKA1": "E2EDKA1003",
    "E1EDK04": "E2EDK04001",
    "E1EDK05": "E2EDK05001",
    "E1EDKT1": "E2EDKT1002",
    "E1EDKT2": "E2EDKT2001",
    "E1EDP01": "E2EDP01007",
    "E1EDP02": "E2EDP02001",
    "E1EDP04": "E2EDP04001",
    "E1EDP05": "E2EDP05002",
    "E1EDP19": "E2EDP19001",
    "Z1EINVKA": "Z2EINVKA000",
    "Z1EINVAT": "Z2EINVAT000",
    "Z1EINVAD": "Z2EINVAD000",
}
# Field -> its first character in the data of the segment.
_POSITIONS: Final[Mapping[str, Mapping[str, int]]] = {
    "E1EDK01": {
        "CURCY": 4,
        "HWAER": 7,
        "WKURS": 10,
        "ZTERM": 22,
        "KUNDEUINR": 39,
        "EIGENUINR": 59,
        "BSART": 79,
        "BELNR": 83,
        "FKART_RL": 157,
        "RECIPNT_NO": 212,
        "FKTYP": 290,
        "LANDTX": 357,
        "STCEG_L": 360,
    },
    "E1EDKA1": {
        "PARVW": 0,
        "PARTN": 3,
        "LIFNR": 20,
        "NAME1": 37,
        "NAME2": 72,
        "STRAS": 177,
        "ORT01": 282,
        "PSTLZ": 326,
        "LAND1": 344,
        "TELF1": 442,
        "IHREZ": 683,
        "BNAME": 713,
        "PAORG": 748,
        "ILNNR": 873,
    },
    "E1EDK02": {"QUALF": 0, "BELNR": 3, "DATUM": 44},
    "E1EDK03": {"IDDAT": 0, "DATUM": 3},
    "E1EDK04": {"MWSKZ": 0, "MSATZ": 7, "MWSBT": 24},
    "E1EDK05": {"ALCKZ": 0, "KSCHL": 3, "KOTXT": 7, "BETRG": 87, "MWSKZ": 158, "MSATZ": 165, "KOEIN": 182},
    "E1EDK14": {"QUALF": 0, "ORGID": 3},
    "E1EDK18": {"QUALF": 0, "TAGE": 3, "PRZNT": 11, "ZTERM_TXT": 19},
    "E1EDK28": {"BCOUN": 0, "BRNUM": 3, "BNAME": 20, "ACNUM": 160, "ACNAM": 190, "BIBAN": 225},
    "E1EDKT1": {"TDID": 0, "TSSPRAS": 4, "TSSPRAS_ISO": 7},
    "E1EDKT2": {"TDLINE": 0, "TDFORMAT": 70},
    "E1EDP01": {"POSEX": 0, "MENGE": 11, "MENEE": 26, "PSTYV": 275, "WERKS": 311},
    "E1EDP02": {"QUALF": 0, "BELNR": 3, "ZEILE": 38},
    "E1EDP04": {"MWSKZ": 0, "MSATZ": 7, "MWSBT": 24, "TXDAT": 107},
    "E1EDP05": {
        "ALCKZ": 0,
        "KSCHL": 3,
        "KOTXT": 7,
        "BETRG": 87,
        "KPERC": 105,
        "KRATE": 113,
        "UPRBS": 128,
        "MEAUN": 137,
        "KOEIN": 212,
        "KOBAS": 217,
    },
    "E1EDP19": {"QUALF": 0, "IDTNR": 3, "KTEXT": 38},
    "E1EDP26": {"QUALF": 0, "BETRG": 3},
    "E1EDS01": {"SUMID": 0, "SUMME": 3, "WAERQ": 24},
    "Z1EINVKA": {"EAS": 0, "ENDPOINT": 4, "EMAIL": 74},
    "Z1EINVAT": {"FILENAME": 0, "MIMETYPE": 100, "TITLE": 160},
    "Z1EINVAD": {"DATA": 0},
}
_CONTROL: Final[Mapping[str, int]] = {
    "TABNAM": 0,
    "MANDT": 10,
    "DOCNUM": 13,
    "DOCREL": 29,
    "STATUS": 33,
    "DIRECT": 35,
    "OUTMOD": 36,
    "TEST": 38,
    "IDOCTYP": 39,
    "CIMTYP": 69,
    "MESTYP": 99,
    "SNDPOR": 148,
    "SNDPRT": 158,
    "SNDPRN": 162,
    "RCVPOR": 263,
    "RCVPRT": 273,
    "RCVPFC": 275,
    "RCVPRN": 277,
    "CREDAT": 378,
    "CRETIM": 386,
    "SERIAL": 504,
}
# Fields of E2STATS behind the header of 63 characters: first character and length.
_STATUS: Final = {
    "DOCNUM": (13, 16),
    "LOGDAT": (29, 8),
    "LOGTIM": (37, 6),
    "STATUS": (43, 2),
    "STATXT": (103, 70),
    "STAPA1": (189, 20),
    "STAPA2": (209, 20),
    "STAPA3": (229, 20),
    "STAPA4": (249, 20),
    "REFINT": (269, 14),
    "ARCKEY": (311, 70),
    "STATYP": (381, 1),
    "STAMQU": (382, 3),
    "STAMID": (385, 20),
    "STAMNO": (405, 3),
}
_HEADER: Final = 63


def flat_file(idocs: Iterable[etree._Element], *, encoding: str = "UTF-8", lines: bool = True) -> bytes:
    """One file of IDocs: records with line ends and trailing blanks cut off, or in full width without any."""
    records = [record for idoc in idocs for record in _records(idoc)]
    if lines:
        return "".join(f"{record.rstrip()}\n" for record in records).encode(encoding)
    return "".join(records).encode(encoding)


def _records(idoc: etree._Element) -> list[str]:
    control = idoc.find("EDI_DC40")
    assert control is not None  # noqa: S101  # every IDoc made here has one
    head = _laid_out(control, _CONTROL, 524)
    start = f"{control.findtext('MANDT')}{control.findtext('DOCNUM')}"
    numbers = count(1)
    found = [head]
    for segment in idoc.iterchildren(etree.Element):
        if segment.tag != "EDI_DC40":
            _add(found, segment, start, numbers, 0, 1)
    return found


def _add(
    found: list[str], segment: etree._Element, start: str, numbers: count[int], parent: int, level: int
) -> None:
    kind = str(segment.tag)
    number = next(numbers)
    name = _VERSIONS.get(kind, f"{kind[0]}2{kind[2:]}")
    data = _laid_out(segment, _POSITIONS[kind], 1000)
    found.append(f"{name:<30}{start}{number:06}{parent:06}{level:02}{data}")
    for inner in segment.iterchildren(etree.Element):
        if inner.get("SEGMENT"):
            _add(found, inner, start, numbers, number, level + 1)


def _laid_out(segment: etree._Element, positions: Mapping[str, int], width: int) -> str:
    cells = [" "] * width
    for field in segment.iterchildren(etree.Element):
        if field.get("SEGMENT"):
            continue
        text = field.text or ""
        position = positions[str(field.tag)]
        cells[position : position + len(text)] = text
    assert len(cells) == width  # noqa: S101  # a value beyond the record would shift all others
    return "".join(cells)


def read_status(content: bytes) -> list[dict[str, str]] | None:
    """The status records of a flat STATUS IDoc; None for a file that is none."""
    try:
        lines = content.decode().splitlines()
    except UnicodeDecodeError:
        return None
    if not lines or not lines[0].startswith("EDI_DC40") or lines[0][99:129].strip() != "STATUS":
        return None
    if lines[0][35:36] != "2" or len(lines[0]) != 524:
        return None
    found = []
    for line in lines[1:]:
        if line[:30].strip() != "E2STATS":
            return None
        data = line[_HEADER:]
        fields = {name: data[at : at + length].strip() for name, (at, length) in _STATUS.items()}
        found.append({name: value for name, value in fields.items() if value})
    return found
