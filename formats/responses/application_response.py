"""What all answers have in common: they are UBL 2.1 ApplicationResponse documents.

Source: OASIS UBL 2.1, ApplicationResponse (element order).
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from lxml import etree

from formats.errors import MalformedDocument
from formats.identifiers import Identifier
from formats.syntaxes import xml
from formats.syntaxes.xml import serialize

__all__ = [
    "INVOICE_RESPONSE",
    "MESSAGE_LEVEL_RESPONSE",
    "MESSAGE_LEVEL_STATUS",
    "AnswerKind",
    "answer_kind",
    "day",
    "every",
    "identifier",
    "malformed",
    "new_response",
    "open_response",
    "put",
    "put_identifier",
    "serialize",
    "text",
]

INVOICE_RESPONSE: Final = "urn:fdc:peppol.eu:poacc:trns:invoice_response:3"
MESSAGE_LEVEL_STATUS: Final = "urn:peppol:edec:mls:1.0"
MESSAGE_LEVEL_RESPONSE: Final = "urn:fdc:peppol.eu:poacc:trns:mlr:3"

_LARGEST: Final = 10 * 1024 * 1024
_UBL: Final = "urn:oasis:names:specification:ubl:schema:xsd:"
_SPACES: Final = MappingProxyType(
    {
        "ubl": f"{_UBL}ApplicationResponse-2",
        "cac": f"{_UBL}CommonAggregateComponents-2",
        "cbc": f"{_UBL}CommonBasicComponents-2",
    }
)
_BLANKS: Final = " \t\r\n"


class AnswerKind(StrEnum):
    """Which answer an application response is."""

    INVOICE_RESPONSE = "invoice response"
    MESSAGE_LEVEL_STATUS = "message level status"
    MESSAGE_LEVEL_RESPONSE = "message level response"
    OTHER = "other"


def answer_kind(customization: str) -> AnswerKind:
    """By the CustomizationID, in whatever minor version."""
    for start, kind in (
        (INVOICE_RESPONSE, AnswerKind.INVOICE_RESPONSE),
        ("urn:peppol:edec:mls:1", AnswerKind.MESSAGE_LEVEL_STATUS),
        (MESSAGE_LEVEL_RESPONSE, AnswerKind.MESSAGE_LEVEL_RESPONSE),
    ):
        if customization.startswith(start):
            return kind
    return AnswerKind.OTHER


def open_response(document: bytes) -> etree._Element:
    """The root of an application response of 10 MB at most. Raises MalformedDocument."""
    root = xml.parse(document, largest=_LARGEST)
    if root.tag != f"{{{_SPACES['ubl']}}}ApplicationResponse":
        raise malformed(f"the root element is {etree.QName(root).localname}, not a UBL ApplicationResponse")
    return root


def new_response(customization: str, profile: str) -> etree._Element:
    """An application response that names its specification and process."""
    spaces = {None: _SPACES["ubl"], "cac": _SPACES["cac"], "cbc": _SPACES["cbc"]}
    tag = f"{{{_SPACES['ubl']}}}ApplicationResponse"
    root = etree.Element(tag, nsmap=spaces)  # type: ignore[arg-type]  # the stubs know no default
    put(root, "cbc:CustomizationID", customization)
    put(root, "cbc:ProfileID", profile)
    return root


def put(parent: etree._Element, path: str, value: str | None = None) -> etree._Element:
    """Add the elements of a path. Raises MalformedDocument for a value that XML cannot carry."""
    for step in path.split("/"):
        prefix, _, name = step.partition(":")
        parent = etree.SubElement(parent, f"{{{_SPACES[prefix]}}}{name}")
    try:
        parent.text = value
    except ValueError as error:
        raise malformed(f"{path} would have signs that XML cannot carry") from error
    return parent


def put_identifier(parent: etree._Element, path: str, value: Identifier | None) -> None:
    """Add an identifier with its scheme; nothing for None."""
    if value is not None:
        element = put(parent, path, value.value)
        if value.scheme:
            element.set("schemeID", value.scheme)


def every(parent: etree._Element | None, path: str) -> list[etree._Element]:
    """All elements of a path."""
    return [] if parent is None else parent.findall(path, namespaces=dict(_SPACES))


def text(parent: etree._Element | None, path: str) -> str:
    """The text of the first element of a path, "" where there is none."""
    found = every(parent, path)
    return str(found[0].xpath("string()")).strip(_BLANKS) if found else ""


def identifier(parent: etree._Element | None, path: str) -> Identifier | None:
    """The first identifier of a path; None where there is none, or an empty one."""
    value = text(parent, path)
    if not value:
        return None
    return Identifier(value, (every(parent, path)[0].get("schemeID") or "").strip(_BLANKS) or None)


def day(parent: etree._Element | None, path: str) -> date | None:
    """The first date of a path, a time zone left out; None where there is none. Raises MalformedDocument."""
    value = text(parent, path)
    if not value:
        return None
    try:
        return date.fromisoformat(value[:10])
    except ValueError as error:
        raise malformed(f"{path} is {value[:40]!r}, no date") from error


def malformed(what: str) -> MalformedDocument:
    """An answer that cannot be read, or would not be one."""
    return MalformedDocument(what, where="application response", fix="ask who sent it for a correct one")
