"""The one XML parser of the house: no DTD, no entities, no network, bounded size, depth and memory."""

from __future__ import annotations

import copy
import re
from typing import BinaryIO, Final

from lxml import etree

from formats.errors import MalformedDocument
from formats.syntaxes import encodings

__all__ = ["LARGEST", "is_well_formed", "joined", "parse", "serialize"]

LARGEST: Final = 100 * 1024 * 1024
_LARGEST_TEXT: Final = 10_000_000
# Elements and attributes cost a hundred times their shortest spelling in memory; every one has one of these
# marks. An invoice of 100,000 lines has about six million.
_MOST_MARKS: Final = 8_000_000
# Whoever lists the attributes of one element takes time with their square.
_MOST_ATTRIBUTES: Final = 500
_CROWDED: Final = etree.XPath(f"boolean(//*[@*[{_MOST_ATTRIBUTES + 1}]])")

# Blanks, processing instructions and comments, then the declaration; atomic, so that it stays linear.
_DOCTYPE: Final = re.compile(rb"(?:\xef\xbb\xbf)?(?>\s+|<\?(?>.*?\?>)|<!--(?>.*?-->))*+<!DOCTYPE", re.DOTALL)
_NOT_XML: Final = frozenset({etree.ErrorTypes.ERR_DOCUMENT_EMPTY})
_NOT_CLOSED: Final = frozenset({etree.ErrorTypes.ERR_TAG_NOT_FINISHED, etree.ErrorTypes.ERR_GT_REQUIRED})
_ENCODING: Final = frozenset(
    {
        etree.ErrorTypes.ERR_INVALID_ENCODING,
        etree.ErrorTypes.ERR_UNSUPPORTED_ENCODING,
        etree.ErrorTypes.ERR_UNKNOWN_ENCODING,
        etree.ErrorTypes.I18N_CONV_FAILED,
    }
)
_TOO_DEEP: Final = "Excessive depth"
_PLACE: Final = re.compile(r"(?:, line \d+, column \d+)? \(<string>, line \d+\)\Z")


def parse(content: bytes, *, largest: int = LARGEST, as_written: bool = False) -> etree._Element:
    """The root element of one XML document, without comments and processing instructions.

    A comment inside a text parts it for whoever asks an element for its text, so `10<!-- -->00` would be read
    as 10, also below a signature, which does not cover comments. `as_written` keeps both, for what needs the
    document to the letter: signatures, canonical forms, and rules that are compared with other engines.

    Refuses document type declarations (they carry entity bombs and outside references), documents over
    `largest` bytes, elements nested over 256 levels deep (2,048 in documents over 10 MB) or with more than
    500 attributes, and anything not well-formed, with MalformedDocument naming the line. Time and memory grow
    with the size only.
    """
    if len(content) > largest:
        raise MalformedDocument(
            f"the document has {len(content)} bytes, {largest} are allowed",
            where="XML document",
            fix="check the export in the ERP, or raise the limit of this source",
        )
    if len(content) > _MOST_MARKS and content.count(b"<") + content.count(b"=") > _MOST_MARKS:
        raise MalformedDocument(
            f"the document has more than {_MOST_MARKS} elements and attributes",
            where="XML document",
            fix="split it, or check the export in the ERP",
        )
    if _DOCTYPE.match(content):
        raise _brings_declaration()
    if (contradiction := encodings.contradiction(content)) is not None:
        raise contradiction
    # libxml2 refuses any text over 10 MB unless told that the tree may be huge; our own bound is above.
    huge = len(content) > _LARGEST_TEXT
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=huge,
        remove_comments=not as_written,
        remove_pis=not as_written,
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        line = (error.lineno if isinstance(error, etree.XMLSyntaxError) else None) or 1
        raise MalformedDocument(
            _what(error, line, content),
            where=f"XML document, line {line}",
            fix="send the document again from the ERP; if it fails again, have IT look at the export",
        ) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise _brings_declaration()
    # A document that has no more marks than that in all cannot have so many on one element.
    if content.count(b"=") > _MOST_ATTRIBUTES and _CROWDED(root):
        raise MalformedDocument(
            f"an element has more than {_MOST_ATTRIBUTES} attributes",
            where="XML document",
            fix="check the export in the ERP; no invoice needs so many",
        )
    return root


def joined(root: etree._Element) -> etree._Element:
    """What `parse` gives where `root` is what it gives `as_written`: the same where nothing parts a text."""
    if next(root.iter(etree.Comment, etree.PI), None) is None:
        return root
    whole = copy.deepcopy(root.getroottree()).getroot()
    etree.strip_tags(whole, etree.Comment, etree.PI)
    return whole


def is_well_formed(source: BinaryIO) -> bool:
    """Whether the rest of `source` is one document as `parse` bounds it, read as a stream: no tree is built,
    and memory does not grow with it. The number of elements, which costs nothing here, is not bounded."""
    parser = etree.XMLParser(
        target=_NoTree(),  # type: ignore[arg-type]  # the methods that it lacks are not called
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
    )
    try:
        etree.parse(source, parser)
    except (etree.XMLSyntaxError, MalformedDocument, ValueError, LookupError):
        return False
    return True


class _NoTree:
    """Looks at nothing but what must not be there."""

    def doctype(self, *_: object) -> None:
        raise _brings_declaration()

    def close(self) -> None:
        pass


def serialize(root: etree._Element) -> bytes:
    """UTF-8 with an XML declaration and a final line feed; the same tree always gives the same bytes."""
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)


def _what(error: Exception, line: int, content: bytes) -> str:
    code = getattr(error, "code", None)  # libxml2's number, on syntax errors only
    said = _first_line(error)
    if not content.strip():
        return "the document is empty"
    if code in _NOT_XML:
        return "this is not XML, or damaged from the start: it does not begin with an element"
    if _TOO_DEEP in said:
        return f"the elements are nested too deep at line {line}; no invoice needs so many levels"
    if code in _ENCODING:
        return f"the text is not in the encoding that the document names, at line {line}: {said}"
    if code in _NOT_CLOSED:
        return f"the XML breaks off at line {line}: {said}"
    return f"the XML breaks off or is damaged at line {line}: {said}"


def _brings_declaration() -> MalformedDocument:
    return MalformedDocument(
        "the document brings a document type declaration, which could load or inflate foreign content",
        where="XML document, head",
        fix="switch off the DTD in the export (SAP: XML port setting)",
    )


def _first_line(error: Exception) -> str:
    # Without the library's own "(<string>, line 2)" at the end: the line is named in plain words beside it.
    return _PLACE.sub("", str(error).splitlines()[0])[:300] if str(error) else type(error).__name__
