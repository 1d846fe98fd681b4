"""The Business Message Envelope (SBD with its header, SBDH): a document on its way through the network.

The document is wrapped and cut out byte for byte; neither needs it in memory. An envelope that breaks a rule
is refused with all findings, except for the wishes about Message Level Status: they are dropped with a
warning, as the network demands.

Source: Peppol Business Message Envelope 2.0.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO, Final

from lxml import etree

from formats.envelopes.outline import Element, chunks, outline
from formats.envelopes.sbdh_header import (
    ANSWERED,
    NAMESPACE,
    Header,
    MlsType,
    header_element,
    judge_document,
    judge_header,
)
from formats.errors import MalformedDocument
from formats.finding import Finding, Severity
from formats.syntaxes import xml

__all__ = [
    "LARGEST",
    "Envelope",
    "EnvelopeRefused",
    "Header",
    "MlsType",
    "Payload",
    "payload_chunks",
    "read",
    "write",
    "write_chunks",
]

LARGEST: Final = 2 * 1024 * 1024 * 1024
_LARGEST_HEADER: Final = 1_000_000
_ROOT: Final = "StandardBusinessDocument"
_HEADER: Final = "StandardBusinessDocumentHeader"
_WHERE: Final = "Peppol envelope"
_PLAIN: Final = ("", "utf-8", "us-ascii", "ascii")


@dataclass(frozen=True, slots=True)
class Payload:
    """Where the document stands in its envelope: the bytes from `start` to `end`.

    Cut out it is preceded by `prolog` (an XML declaration, where the envelope is not in UTF-8), and
    `declarations` (name spaces of the envelope that it uses) stand from byte `insert_at` of the envelope on.
    Both are mostly empty, and the document is the bytes as they stand. `namespace` and `local_name` name its
    root element.
    """

    start: int
    end: int
    prolog: bytes
    insert_at: int
    declarations: bytes
    namespace: str
    local_name: str


@dataclass(frozen=True, slots=True)
class Envelope:
    """An envelope that keeps the rules: its header, where its document is, and what to tell its sender."""

    header: Header
    payload: Payload
    warnings: tuple[Finding, ...]


class EnvelopeRefused(MalformedDocument):
    """The envelope breaks rules; `findings` are all of them, the fatal ones first."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        first = findings[0]
        super().__init__(
            first.text,
            where=f"{_WHERE}, {first.location or '/'}",
            fix="ask the sending access point to send the document again in a correct envelope",
        )
        self.findings = findings


def write(header: Header, document: bytes) -> bytes:
    """The envelope around one XML document. Errors are those of write_chunks."""
    return b"".join(write_chunks(header, BytesIO(document)))


def write_chunks(header: Header, document: BinaryIO, *, largest: int = LARGEST) -> Iterator[bytes]:
    """The envelope around one XML document, in pieces.

    The root element of the document goes in byte for byte, in the encoding it has; an XML declaration and
    what stands beside the root stay out. `document` must be able to seek. The same header and document always
    give the same bytes. Raises EnvelopeRefused where header and document do not fit, and MalformedDocument
    for what is no XML; both before the first piece.
    """
    found = outline(document, children=False, largest=largest)
    element = header_element(header)
    judged, findings = judge_header(element)
    if judged is not None:
        findings += judge_document(judged, found.root)
    wrong = tuple(one for one in findings if one.severity is Severity.FATAL or one.rule == ANSWERED)
    if wrong:
        raise EnvelopeRefused(wrong)
    return _pieces(element, document, found.encoding, found.root)


def _pieces(element: etree._Element, document: BinaryIO, encoding: str, root: Element) -> Iterator[bytes]:
    # ASCII with character references, so that it fits every encoding that the document may have.
    envelope = etree.Element(f"{{{NAMESPACE}}}{_ROOT}", nsmap={"sh": NAMESPACE})
    envelope.append(element)
    head, _, tail = etree.tostring(envelope).rpartition(b"</")
    yield f'<?xml version="1.0" encoding="{encoding or "UTF-8"}"?>\n'.encode() + head
    yield from chunks(document, root.start, root.end)
    yield b"</" + tail + b"\n"


def read(source: bytes | BinaryIO, *, largest: int = LARGEST) -> Envelope:
    """Read and judge an envelope; the document inside is not looked into, but for its being well-formed.

    `source` as a file must be able to seek; memory does not grow with it. Raises EnvelopeRefused for what
    breaks a rule, and MalformedDocument for what is no envelope at all.
    """
    file = BytesIO(source) if isinstance(source, bytes) else source
    found = outline(file, children=True, largest=largest)
    root = found.root
    if (root.namespace, root.local_name) != (NAMESPACE, _ROOT):
        raise MalformedDocument(
            f"the root element is {root.local_name[:80]} in {root.namespace[:200] or 'no name space'}",
            where=_WHERE,
            fix=f"send a {_ROOT} of {NAMESPACE}",
        )
    parts = found.children
    if not parts or (parts[0].namespace, parts[0].local_name) != (NAMESPACE, _HEADER):
        raise EnvelopeRefused((_fatal("SBDH-HEADER", f"the envelope does not begin with a {_HEADER}"),))
    header, findings = judge_header(_parsed(file, root, parts[0]))
    if len(parts) == 2:
        if header is not None:
            findings += judge_document(header, parts[1])
    else:
        findings += (_fatal("SBDH-DOCUMENT", f"the envelope holds {len(parts) - 1} documents, not one"),)
    if found.text:
        findings += (_fatal("SBDH-DOCUMENT", "the envelope holds text beside its document"),)
    if header is None or any(finding.severity is Severity.FATAL for finding in findings):
        raise EnvelopeRefused(_fatal_first(findings))
    return Envelope(header, _payload(parts[1], found.encoding), findings)


def payload_chunks(source: bytes | BinaryIO, payload: Payload) -> Iterator[bytes]:
    """The document of the envelope that `read` gave this `payload` for, in pieces."""
    file = BytesIO(source) if isinstance(source, bytes) else source
    yield payload.prolog
    if not payload.declarations:
        yield from chunks(file, payload.start, payload.end)
        return
    yield from chunks(file, payload.start, payload.insert_at)
    yield payload.declarations
    yield from chunks(file, payload.insert_at, payload.end)


def _parsed(file: BinaryIO, root: Element, header: Element) -> etree._Element:
    """The header as a tree, with the name spaces of the root around it."""
    if header.end > _LARGEST_HEADER:
        raise MalformedDocument(
            f"the header ends at byte {header.end}, {_LARGEST_HEADER} are allowed",
            where=_WHERE,
            fix="ask the sending access point for an envelope with a plain header",
        )
    start = b"".join(chunks(file, 0, header.end))
    closed = start + b"</" + start[root.start + 1 : root.name_end] + b">"
    return next(xml.parse(closed).iterchildren(etree.Element))


def _payload(element: Element, encoding: str) -> Payload:
    declared = {prefix: uri for prefix, uri in element.inherited if not prefix or uri != NAMESPACE}
    text = "".join(
        f' xmlns{":" if prefix else ""}{prefix}="{_escaped(uri)}"' for prefix, uri in declared.items()
    )
    prolog = "" if encoding.lower() in _PLAIN else f'<?xml version="1.0" encoding="{encoding}"?>\n'
    return Payload(
        element.start,
        element.end,
        prolog.encode(),
        element.name_end,
        text.encode(encoding or "utf-8", "xmlcharrefreplace"),
        element.namespace,
        element.local_name,
    )


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def _fatal(rule: str, text: str) -> Finding:
    return Finding(rule, Severity.FATAL, text, f"/{_ROOT}")


def _fatal_first(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: finding.severity is not Severity.FATAL))
