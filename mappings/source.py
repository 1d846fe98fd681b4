"""An ERP's document as plain data: the one shape that mapping expressions look into.

JSON stays as it is, with every fraction an exact Decimal. XML becomes nested objects by local name: an
element without children and attributes is its text; any other element is an object and always stands in a
list, with its attributes as "@name" and its own text, if any, as "#". Empty texts count as missing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from lxml import etree

from formats.errors import MalformedDocument
from formats.syntaxes import xml

__all__ = ["READERS", "read_json", "read_xml"]

Plain = dict[str, Any]
_DEEPEST: Final = 100


def read_json(content: bytes, part: int) -> Plain:
    """A JSON object, or element `part` of a JSON list. Raises MalformedDocument."""
    try:
        data = json.loads(content.decode("utf-8-sig"), parse_float=Decimal, parse_constant=_refuse)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise MalformedDocument(
            f"this is not JSON in UTF-8: {error}",
            where="source document",
            fix="send the document again from the ERP",
        ) from error
    if isinstance(data, list) and part < len(data):
        data = data[part]
    if not isinstance(data, dict):
        raise MalformedDocument(
            f"there is no JSON object at position {part}",
            where="source document",
            fix="send the document again",
        )
    return data


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a number")


def read_xml(content: bytes, part: int) -> Plain:
    """The root element as an object. `part` is ignored: one file is one document. Raises
    MalformedDocument."""
    value = _plain(xml.parse(content), 0)
    return value if isinstance(value, dict) else {"#": value}


def read_idoc(content: bytes, part: int) -> Plain:
    """IDoc number `part` of an IDoc XML file; the root is named after the basic type or a customer's
    extension."""
    try:
        root = xml.parse(content)
    except MalformedDocument as error:
        raise MalformedDocument(
            f"the IDoc file from SAP cannot be read: {error.what}",
            where=error.where.replace("XML document", "IDoc file"),
            fix="put the document out again in SAP (VF02, output); if it fails again, have IT check the XML "
            "port (WE21) and how the file is transferred",
        ) from error
    idocs = [child for child in root if isinstance(child.tag, str) and child.tag == "IDOC"]
    if part >= len(idocs):
        raise MalformedDocument(
            f"the file holds {len(idocs)} IDocs, number {part + 1} is not there",
            where="IDoc file",
            fix="send the IDoc again from SAP (transaction WE19 or the output of the billing document)",
        )
    value = _plain(idocs[part], 0)
    return value if isinstance(value, dict) else {}


def _plain(element: etree._Element, depth: int) -> Plain | str:
    if depth > _DEEPEST:
        raise MalformedDocument(
            f"elements are nested more than {_DEEPEST} deep",
            where="source document",
            fix="check the export in the ERP",
        )
    children = [child for child in element if isinstance(child.tag, str)]
    text = (element.text or "").strip()
    if not children and not element.attrib:
        return text
    result: Plain = {f"@{etree.QName(name).localname}": value for name, value in element.attrib.items()}
    if text and not children:
        result["#"] = text
    for child in children:
        name, value = etree.QName(child).localname, _plain(child, depth + 1)
        if isinstance(value, dict):
            result.setdefault(name, []).append(value)
        elif name not in result:
            result[name] = value
        elif isinstance(result[name], list):
            result[name].append(value)
        else:
            result[name] = [result[name], value]
    return result


READERS: Final[Mapping[str, Callable[[bytes, int], Plain]]] = MappingProxyType(
    {"json": read_json, "xml": read_xml, "idoc": read_idoc}
)
