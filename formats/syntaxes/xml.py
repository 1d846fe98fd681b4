"""The one XML parser of the house: no DTD, no entities, no network, bounded size."""

from __future__ import annotations

from typing import Final

from lxml import etree

from formats.errors import MalformedDocument

__all__ = ["LARGEST", "parse", "serialize"]

LARGEST: Final = 100 * 1024 * 1024
_LARGEST_TEXT: Final = 10_000_000


def parse(content: bytes, *, largest: int = LARGEST) -> etree._Element:
    """The root element of one XML document.

    Refuses document type declarations (they carry entity bombs and outside references), documents over
    `largest` bytes, and anything not well-formed, with MalformedDocument naming the line.
    """
    if len(content) > largest:
        raise MalformedDocument(
            f"the document has {len(content)} bytes, {largest} are allowed",
            where="XML document",
            fix="check the export in the ERP, or raise the limit of this source",
        )
    # libxml2 refuses any text over 10 MB unless told that the tree may be huge; our own bound is above.
    huge = len(content) > _LARGEST_TEXT
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=huge,
        remove_pis=False,
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        line = error.lineno if isinstance(error, etree.XMLSyntaxError) else 1
        raise MalformedDocument(
            f"the XML breaks off or is damaged at line {line}: {_first_line(error)}",
            where=f"XML document, line {line}",
            fix="send the document again from the ERP; if it fails again, have IT look at the export",
        ) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise MalformedDocument(
            "the document brings a document type declaration, which could load or inflate foreign content",
            where="XML document, head",
            fix="switch off the DTD in the export (SAP: XML port setting)",
        )
    return root


def serialize(root: etree._Element) -> bytes:
    """UTF-8 with an XML declaration and a final line feed; the same tree always gives the same bytes."""
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:300] if str(error) else type(error).__name__
