"""SOAP 1.2 envelopes: the outer structure read strictly, and small helpers to write canonical XML.

What is written here is in the form of exclusive canonicalisation from the start, so the very bytes that are
sent are the bytes that are hashed. What is read is looked at as one tree: the element that was verified is
the element that is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from connectors.channels.peppol.as4 import names
from connectors.channels.peppol.as4.problems import (
    FAILED_AUTHENTICATION,
    INVALID_HEADER,
    NOT_SUPPORTED,
    As4Problem,
)
from formats.errors import MalformedDocument
from formats.signatures.canonical import has_crowded_namespaces
from formats.syntaxes.xml import parse

__all__ = [
    "SoapEnvelope",
    "attribute",
    "canonical",
    "child",
    "children",
    "content",
    "read_envelope",
    "text_of",
    "write_envelope",
]

_ENVELOPE: Final = f"{{{names.S12}}}Envelope"
_HEADER: Final = f"{{{names.S12}}}Header"
_BODY: Final = f"{{{names.S12}}}Body"
_MESSAGING: Final = f"{{{names.EB}}}Messaging"
_SECURITY: Final = f"{{{names.WSSE}}}Security"
_MUST_UNDERSTAND: Final = f"{{{names.S12}}}mustUnderstand"
_ROLE: Final = f"{{{names.S12}}}role"
_ULTIMATE: Final = "http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver"
# A message of the profile has about a hundred.
_MOST_ELEMENTS: Final = 5_000
_IDS: Final = frozenset({f"{{{names.WSU}}}Id", "Id", f"{{{names.XML}}}id"})


@dataclass(frozen=True, slots=True)
class SoapEnvelope:
    """The outer structure of one envelope; `ids` is complete, and every id in it stands once."""

    content: bytes = field(repr=False)
    messaging: etree._Element
    body: etree._Element
    security: etree._Element | None
    ids: Mapping[str, etree._Element] = field(repr=False)


def read_envelope(document: bytes, *, largest: int, root: etree._Element | None = None) -> SoapEnvelope:
    """Read the outer structure; `root` is the tree of these very bytes, where they were parsed already.

    Raises As4Problem: EBMS:0009 for what is no SOAP 1.2 envelope with exactly one Messaging header, for more
    than 5,000 elements or 100 name spaces in force, for comments and processing instructions inside it;
    EBMS:0101 for an id that stands twice or a second Security header; EBMS:0008 for a header that must be
    understood and is not known.
    """
    if root is None:
        try:
            root = parse(document, largest=largest, as_written=True)
        except MalformedDocument as error:
            raise As4Problem(INVALID_HEADER, error.what, where=error.where, status=400) from error
    if root.tag != _ENVELOPE:
        raise _invalid("the first part is not a SOAP 1.2 envelope", status=400)
    if [node.tag for node in root] != [_HEADER, _BODY]:
        raise _invalid("the envelope does not hold one header and one body")
    ids: dict[str, etree._Element] = {}
    messagings, securities = [], []
    if has_crowded_namespaces(root):
        raise _invalid("the envelope declares more name spaces than any message needs")
    for number, node in enumerate(root.iter(), 1):
        if number > _MOST_ELEMENTS:
            raise _invalid(f"the envelope has more than {_MOST_ELEMENTS} elements")
        tag = node.tag
        if not isinstance(tag, str):
            # What text an element has would depend on who reads it.
            raise _invalid("there is a comment or processing instruction in the envelope")
        if tag == _MESSAGING:
            messagings.append(node)
        elif tag == _SECURITY:
            securities.append(node)
        for name, value in node.items():
            if name in _IDS and ids.setdefault(str(value), node) is not node:
                raise As4Problem(
                    FAILED_AUTHENTICATION, "an id stands at two elements, so a signature of it is ambiguous"
                )
    header, body = root
    if len(messagings) != 1 or messagings[0].getparent() is not header:
        raise _invalid(f"there are {len(messagings)} Messaging headers where one is expected")
    if len(securities) > 1 or any(security.getparent() is not header for security in securities):
        raise As4Problem(FAILED_AUTHENTICATION, "there is a second Security header, or it is misplaced")
    for block in header:
        if block is not messagings[0] and block not in securities and _must_be_understood(block):
            raise As4Problem(NOT_SUPPORTED, "a header that must be understood is not known here")
    return SoapEnvelope(document, messagings[0], body, securities[0] if securities else None, ids)


def write_envelope(security: str, messaging: str, body: str) -> bytes:
    """The whole document around parts that are canonical already."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<S12:Envelope xmlns:S12="{names.S12}"><S12:Header>'
        f'<wsse:Security xmlns:wsse="{names.WSSE}" xmlns:wsu="{names.WSU}" S12:mustUnderstand="true">'
        f"{security}</wsse:Security>{messaging}</S12:Header>{body}</S12:Envelope>"
    ).encode()


def write_messaging(inner: str, element_id: str) -> str:
    """The Messaging header around one message, as exclusive canonicalisation would write it."""
    return (
        f'<eb:Messaging xmlns:S12="{names.S12}" xmlns:eb="{names.EB}" xmlns:wsu="{names.WSU}"'
        f' wsu:Id="{attribute(element_id)}" S12:mustUnderstand="true">{inner}</eb:Messaging>'
    )


def write_body(element_id: str) -> str:
    """The empty body, as exclusive canonicalisation would write it."""
    return (
        f'<S12:Body xmlns:S12="{names.S12}" xmlns:wsu="{names.WSU}" wsu:Id="{attribute(element_id)}">'
        "</S12:Body>"
    )


def content(text: str) -> str:
    """Text between tags in canonical form."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#xD;")


def attribute(text: str) -> str:
    """Text of an attribute in canonical form."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return text.replace("\t", "&#x9;").replace("\n", "&#xA;").replace("\r", "&#xD;")


def canonical(element: etree._Element, prefixes: Sequence[str] = ()) -> bytes:
    """Exclusive canonical XML without comments; `prefixes` is the PrefixList that the signer named.

    EBMS:0009 for what has no canonical form: a name space that is no absolute address.
    """
    try:
        return etree.tostring(
            element,
            method="c14n",
            exclusive=True,
            with_comments=False,
            inclusive_ns_prefixes=list(prefixes) or None,
        )
    except etree.C14NError as error:
        raise _invalid("a name space in the message is not an absolute address") from error


def children(element: etree._Element, namespace: str, name: str) -> list[etree._Element]:
    """The children of one name, in their order."""
    return list(element.iterchildren(f"{{{namespace}}}{name}"))


def child(element: etree._Element, namespace: str, name: str) -> etree._Element | None:
    """The one child of that name, None where there is none. EBMS:0009 where there are more."""
    found = list(element.iterchildren(f"{{{namespace}}}{name}"))
    if len(found) > 1:
        raise _invalid(f"{name} stands {len(found)} times where once is expected")
    return found[0] if found else None


def text_of(element: etree._Element) -> str:
    """The text of an element without surrounding white space. EBMS:0009 where there are elements inside."""
    if len(element):
        raise _invalid(f"{etree.QName(element).localname} has elements inside where a text is expected")
    return (element.text or "").strip()


def elements(element: etree._Element) -> Iterator[etree._Element]:
    """The children that are elements."""
    return (node for node in element if isinstance(node.tag, str))


def _must_be_understood(block: etree._Element) -> bool:
    for_us = block.get(_ROLE) in (None, "", _ULTIMATE)
    return for_us and block.get(_MUST_UNDERSTAND, "").strip() in ("true", "1")


def _invalid(what: str, *, status: int = 200) -> As4Problem:
    return As4Problem(INVALID_HEADER, what, status=status)
