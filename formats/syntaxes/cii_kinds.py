"""How values stand in Cross Industry Invoice elements where they differ from UBL: days, codes, identifiers in
two parts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Final

from lxml import etree

from formats.errors import MalformedDocument
from formats.identifiers import Identifier
from formats.syntaxes.kinds import XML_BLANKS, Surrounding, put_text, text_of

__all__ = ["DAY", "OBJECT", "OBJECT_SCHEME", "TAX_POINT_CODE"]

_DAY: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
# UNTDID 2379: 102 is a day; 203 and 204 add a time, which EN 16931 does not know.
_FORMATS: Final = frozenset({"102", "203", "204", ""})
_MODEL_TO_CII: Final[Mapping[str, str]] = MappingProxyType({"3": "5", "35": "29", "432": "72"})
_CII_TO_MODEL: Final[Mapping[str, str]] = MappingProxyType({cii: code for code, cii in _MODEL_TO_CII.items()})


class _Day:
    """A date as eight digits with format 102; a time of day is left out on reading."""

    def read(self, element: etree._Element) -> date | None:
        text = text_of(element).strip(XML_BLANKS)
        if not text:
            return None
        found = _DAY.match(text) if (element.get("format") or "").strip(XML_BLANKS) in _FORMATS else None
        try:
            if found is None or (len(text) > found.end() and not text[found.end() :].isdigit()):
                raise ValueError
            return date(int(found[1]), int(found[2]), int(found[3]))
        except ValueError:
            raise MalformedDocument(
                f"{text[:40]!r} is not a date", where="date", fix="write it as 20261122 with format 102"
            ) from None

    def write(self, element: etree._Element, value: date, surrounding: Surrounding) -> None:
        element.text = f"{value.year:04d}{value.month:02d}{value.day:02d}"
        element.set("format", "102")


class _TaxPointCode:
    """BT-8: the model has the codes of UNTDID 2005 (3, 35, 432), this vocabulary those of UNTDID 2475 (5,
    29, 72)."""

    def read(self, element: etree._Element) -> str | None:
        code = text_of(element).strip(XML_BLANKS)
        return _CII_TO_MODEL.get(code, code) or None

    def write(self, element: etree._Element, value: str, surrounding: Surrounding) -> None:
        put_text(element, _MODEL_TO_CII.get(value, value))


class _Object:
    """An identifier (BT-18, BT-128) whose value and scheme are two elements of one referenced document."""

    def read(self, element: etree._Element) -> Identifier | None:
        document = element.getparent()
        if document is None:
            return None
        value = (document.findtext("{*}IssuerAssignedID") or "").strip(XML_BLANKS)
        scheme = (document.findtext("{*}ReferenceTypeCode") or "").strip(XML_BLANKS)
        return Identifier(value, scheme or None) if value else None

    def write(self, element: etree._Element, value: Identifier, surrounding: Surrounding) -> None:
        put_text(element, value.value)


class _ObjectScheme(_Object):
    def write(self, element: etree._Element, value: Identifier, surrounding: Surrounding) -> None:
        put_text(element, value.scheme or "")


DAY: Final = _Day()
TAX_POINT_CODE: Final = _TaxPointCode()
OBJECT: Final = _Object()
OBJECT_SCHEME: Final = _ObjectScheme()
