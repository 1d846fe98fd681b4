"""Schemas that no Python package carries and operators add: found in an archive, kept, and used before ours.

    <folder>/schemas/<key>/<digest>/schema.json     what it is and where it came from
    <folder>/schemas/<key>/<digest>/files/...       the publisher's files, byte for byte

Known are CII D16B, which binds EN 16931 invoices in that syntax (UN/CEFACT offers it as a ZIP, and the JAR
com.helger.cii:ph-cii-d16b holds it), and FatturaPA (the files of fatturapa.gov.it in a ZIP, or the JAR
com.helger:ph-fatturapa). The schema of XML signatures need not come along.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from lxml import etree

from formats.errors import ConfigError, MalformedDocument, StorageError
from formats.syntaxes import xml
from gateway.rules.archive import ZipTree, neighbour
from gateway.rules.xsd import SCHEMAS, SIGNATURES, Schema, load

__all__ = ["AddedSchema", "FoundSchema", "SchemaShelf", "add_schema", "schemas_in"]

_CARD: Final = "schema.json"
_FILES: Final = "files"
_MOST_FILES: Final = 300
_XS: Final = "{http://www.w3.org/2001/XMLSchema}"


@dataclass(frozen=True, slots=True)
class _Known:
    """How the main file of a schema is called, its release, and the root element that it is for.

    `rather` is what its folder is called where a release holds it twice: UN/CEFACT's has its code lists once
    inside (coupled) and once beside (uncoupled), and the first refuses codes that the rules allow.
    """

    name: re.Pattern[str]
    release: str
    root: str
    rather: str


_KNOWN: Final[Mapping[str, _Known]] = MappingProxyType(
    {
        "cii-d16b": _Known(
            re.compile(r"(\A|/)CrossIndustryInvoice_100pD16B\.xsd\Z"),
            "UN/CEFACT D16B",
            "CrossIndustryInvoice",
            "uncoupled",
        ),
        **{
            f"fatturapa-{version.lower()}": _Known(
                re.compile(rf"(\A|/)Schema_(V{version}_|.*FatturaPA_v)[^/]*1\.2[^/]*\.xsd\Z", re.IGNORECASE),
                "FatturaPA 1.2.2 or later",
                "FatturaElettronica",
                "_v1.2.",
            )
            for version in ("FPR12", "FPA12")
        },
        "facturae-3.2.2": _Known(
            re.compile(r"(\A|/)Facturaev?3_2_2\.xsd\Z", re.IGNORECASE), "Facturae 3.2.2", "Facturae", ""
        ),
        "ksef-fa3": _Known(
            re.compile(r"(\A|/)schemat(_FA\(3\)_v1-0E)?\.xsd\Z", re.IGNORECASE), "FA(3) 1-0E", "Faktura", ""
        ),
        "fatturapa-fsm10": _Known(
            re.compile(r"(\A|/)Schema_VFSM10[^/]*\.xsd\Z", re.IGNORECASE),
            "FatturaPA simplified 1.0",
            "FatturaElettronicaSemplificata",
            "_v1.0.",
        ),
    }
)


@dataclass(frozen=True, slots=True)
class FoundSchema:
    """A schema in an archive with all that it refers to; `digest` is the SHA-256 of all names and digests."""

    key: str
    main: str
    release: str
    digest: str
    files: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class AddedSchema:
    """A schema on disk."""

    key: str
    release: str
    digest: str
    origin: str
    path: Path
    added_at: str


def schemas_in(tree: ZipTree) -> tuple[FoundSchema, ...]:
    """The known schemas in an archive. Raises ConfigError for one that lacks a part or cannot be loaded."""
    found = []
    for key, known in _KNOWN.items():
        names = [name for name in tree.names() if known.name.search(name)]
        if names:
            main = min(names, key=lambda name: (known.rather not in name.lower(), name))
            files = _with_parts(tree, main)
            _try_out(files, main, tree.name)
            found.append(FoundSchema(key, main, known.release, _digest(files), files))
    return tuple(found)


def add_schema(found: FoundSchema, folder: Path, *, source: str, now: datetime) -> AddedSchema:
    """Keep one; keeping the same again changes nothing but its date. Raises StorageError."""
    target = folder / "schemas" / found.key / found.digest[:12]
    card = {
        "key": found.key,
        "release": found.release,
        "digest": found.digest,
        "main": found.main,
        "source": source,
        "added_at": now.isoformat(),
    }
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as unfinished:
            made = Path(unfinished) / "schema"
            _write(found.files, made / _FILES)
            (made / _CARD).write_text(json.dumps(card, ensure_ascii=False, indent=1) + "\n", "utf-8")
            if target.exists():
                shutil.rmtree(target)
            made.rename(target)
    except OSError as error:
        raise StorageError(
            f"the schema cannot be stored: {error.strerror}", where=str(target), fix="check space and rights"
        ) from error
    return _read_card(target / _CARD, found.key)


class SchemaShelf:
    """The schemas at hand: those that operators added, before those that Python packages carry."""

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._folders = tuple(folders)
        self._added: dict[str, AddedSchema | None] = {}

    def added(self, key: str) -> AddedSchema | None:
        """The one that was added last; None where none was. Raises ConfigError for a damaged one."""
        if key in _KNOWN and key not in self._added:
            cards = (
                card
                for folder in self._folders
                for card in sorted((folder / "schemas" / key).glob(f"*/{_CARD}"))
            )
            found = [_read_card(card, key) for card in cards]
            self._added[key] = max(found, key=lambda one: one.added_at, default=None)
        return self._added.get(key)

    def load(self, key: str, root_name: str) -> tuple[str, Schema | None]:
        """The release that judges documents of this schema and root element, and the schema itself; None
        where it is not installed.

        Each schema is loaded once in this process. Raises ConfigError for a damaged one that was added.
        """
        added = self.added(key)
        if added is not None and _KNOWN[key].root == root_name:
            return added.release, _load(added.path)
        return SCHEMAS[key].release, load(key, root_name)

    def __iter__(self) -> Iterator[AddedSchema]:
        return (added for key in _KNOWN if (added := self.added(key)) is not None)


@cache
def _load(path: Path) -> Schema:
    try:
        return Schema(path)
    except etree.LxmlError as error:
        raise ConfigError(
            "the schema cannot be loaded", where=str(path), fix="add the release that it came in again"
        ) from error


def _with_parts(tree: ZipTree, main: str) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    waiting = [main]
    while waiting:
        name = waiting.pop()
        content = tree.read(name)
        if content is None or len(files) >= _MOST_FILES:
            raise ConfigError(
                f"the schema needs the file {name[:200]}, which is not in the archive",
                where=tree.name,
                fix="fetch the publisher's whole release",
            )
        files[name] = content
        waiting += [part for part in _references(name, content, tree) if part not in files]
    return files


def _references(name: str, content: bytes, tree: ZipTree) -> Iterator[str]:
    where = tree.name
    try:
        root = xml.parse(content)
    except MalformedDocument as error:
        raise ConfigError(error.what, where=f"{where}: {name}", fix="fetch the release again") from error
    for entry in root.iter(f"{_XS}import", f"{_XS}include", f"{_XS}redefine"):
        location = entry.get("schemaLocation")
        if location is None or (entry.get("namespace") == SIGNATURES and ":" in location):
            continue
        part = _beside(tree, location) if ":" in location else neighbour(name, location)
        if part is None:
            raise ConfigError(
                f"the schema refers to {location[:200]}, which is outside of its archive",
                where=f"{where}: {name}",
                fix="fetch the release from the publisher's own site",
            )
        yield part


def _beside(tree: ZipTree, address: str) -> str | None:
    """The file of the archive that is called as the one at a publisher's address; the shortest path of
    several."""
    ending = address.rpartition("/")[2]
    found = (name for name in tree.names() if name.rpartition("/")[2] == ending)
    return min(found, key=lambda name: (len(name), name), default=None)


def _try_out(files: Mapping[str, bytes], main: str, where: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _write(files, Path(folder))
        try:
            Schema(Path(folder) / main)
        except etree.LxmlError as error:
            raise ConfigError(
                "the schema in the archive cannot be loaded",
                where=f"{where}: {main}",
                fix="fetch the release again",
            ) from error


def _write(files: Mapping[str, bytes], folder: Path) -> None:
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def _digest(files: Mapping[str, bytes]) -> str:
    lines = sorted(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _read_card(card: Path, key: str) -> AddedSchema:
    try:
        facts: dict[str, Any] = json.loads(card.read_text("utf-8"))
        files = (card.parent / _FILES).resolve()
        path = (files / facts["main"]).resolve()
        if not path.is_relative_to(files) or not path.is_file():
            raise ValueError("leads outside")
        return AddedSchema(
            key=key,
            release=str(facts["release"]),
            digest=str(facts["digest"]),
            origin=f"{facts['source']}, added {str(facts['added_at'])[:10]}",
            path=path,
            added_at=str(facts["added_at"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            "this schema is damaged",
            where=str(card.parent),
            fix="remove the folder and add the release again",
        ) from error
