"""Which document type and process of the network a document has, told by the document itself.

Source: document_types.csv, which names version and source. A type that is not in the list gets the
identifiers that the same rules would give it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final

from lxml import etree

from formats.codelists.tables import rows
from formats.errors import MalformedDocument
from formats.identifiers import PROCESS_SCHEME, DocumentTypeId, ProcessId
from formats.syntaxes import xml

__all__ = ["KnownDocumentType", "document_type", "document_type_of", "known_document_types"]

_CII: Final = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
_RAM: Final = "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
_UBL: Final = "urn:oasis:names:specification:ubl:schema:xsd:"
_CBC: Final = f"{_UBL}CommonBasicComponents-2"
_UBL_VERSION: Final = "2.1"
_CII_VERSION: Final = "D16B"


@dataclass(frozen=True, slots=True)
class KnownDocumentType:
    """One row of the list: what people call it, its identifier, its processes, the usual one first."""

    name: str
    document_type: DocumentTypeId
    processes: tuple[ProcessId, ...]


@cache
def known_document_types() -> Mapping[DocumentTypeId, KnownDocumentType]:
    """All document types of the list."""
    return MappingProxyType({known.document_type: known for known in map(_known, rows("document_types"))})


def document_type(root_namespace: str, local_name: str, customization: str) -> DocumentTypeId:
    """The document type of a root element and a customization (BT-24). Raises MalformedDocument where the
    version of the syntax is not known, or the customization is no identifier."""
    listed = _by_content().get((root_namespace, local_name, customization))
    if listed is not None:
        return listed.document_type
    if root_namespace == _CII:
        version = _CII_VERSION
    elif root_namespace.startswith(_UBL):
        version = _UBL_VERSION
    else:
        raise MalformedDocument(
            f"no document type of the network is known for {local_name[:80]} of {root_namespace[:200]}",
            where="document type",
            fix="name the document type and the process in the route",
        )
    return DocumentTypeId.of(f"{root_namespace}::{local_name}##{customization}::{version}")


def document_type_of(document: bytes | etree._Element) -> tuple[DocumentTypeId, ProcessId]:
    """Document type and process of an XML document, by its root, its customization (BT-24) and process
    (BT-23).

    A process that the list does not have for the document type gives way to the usual one; where the list
    does not have the document type, the document's own counts. Raises MalformedDocument where the document
    names no customization, or neither the document nor the list names a process.
    """
    root = xml.parse(document) if isinstance(document, bytes) else document
    name = etree.QName(root)
    customization, process = _names(root, name.namespace or "")
    if not customization:
        raise _missing("the document names no specification (BT-24)", "set the specification identifier")
    kind = document_type(name.namespace or "", name.localname, customization)
    known = known_document_types().get(kind)
    if known is not None:
        own = [one for one in known.processes if one.value == process]
        return kind, (own or known.processes)[0]
    if not process:
        raise _missing("the document names no business process (BT-23)", "set the business process type")
    return kind, ProcessId(PROCESS_SCHEME, process)


@cache
def _by_content() -> Mapping[tuple[str, str, str], KnownDocumentType]:
    return MappingProxyType(
        {
            (kind.root_namespace, kind.local_name, kind.customization): known
            for kind, known in known_document_types().items()
        }
    )


def _known(row: Mapping[str, str]) -> KnownDocumentType:
    root = "::".join(filter(None, (row["root_namespace"], row["local_name"])))
    kind = DocumentTypeId(row["scheme"], f"{root}##{row['customization']}::{row['version']}")
    processes = tuple(ProcessId(PROCESS_SCHEME, value) for value in row["processes"].split())
    return KnownDocumentType(row["name"], kind, processes)


def _names(root: etree._Element, namespace: str) -> tuple[str, str]:
    """Customization and process, "" for what is missing."""
    if namespace == _CII:
        return (
            _first(root, "GuidelineSpecifiedDocumentContextParameter"),
            _first(root, "BusinessProcessSpecifiedDocumentContextParameter"),
        )
    own = _CBC if namespace.startswith(_UBL) else namespace
    customization, process = (root.findtext(f"{{{own}}}{name}") for name in ("CustomizationID", "ProfileID"))
    return (customization or "").strip(), (process or "").strip()


def _first(root: etree._Element, parameter: str) -> str:
    context = root.find(f"{{{_CII}}}ExchangedDocumentContext")
    found = None if context is None else context.findtext(f"{{{_RAM}}}{parameter}/{{{_RAM}}}ID")
    return (found or "").strip()


def _missing(what: str, fix: str) -> MalformedDocument:
    return MalformedDocument(what, where="document type", fix=f"{fix} in the mapping or the profile")
