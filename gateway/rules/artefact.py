"""What a publisher's rule file says about itself: its set, its release, its date and the files it needs.

Read as text, by the marks that every generator leaves (Schematron source, ISO skeleton, SchXslt); the
compiler reads it as XML later, and decides then whether it is understood.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from formats.errors import ConfigError
from gateway.rules.archive import FileTree, neighbour
from gateway.rules.known import KnownPack, recognise

__all__ = ["Artefact", "artefacts_in", "read_artefact", "version_of"]

_CEN_RELEASE: Final = re.compile(r"Schematron version ([0-9.]+) - Last update: ([0-9]{4}-[0-9]{2}-[0-9]{2})")
_COMPILED: Final = re.compile(r"<dct:created>([0-9]{4}-[0-9]{2}-[0-9]{2})")
_TITLE: Final = re.compile(
    r"""<svrl:schematron-output\b[^>]*?\btitle\s*=\s*"([^"]*)"|<(?:\w+:)?title>([^<]*)</""", re.DOTALL
)
_RULE_ID: Final = re.compile(
    r"""<xsl:attribute name="id">([^<]+)<"""
    r"""|<(?:\w+:)?(?:failed-)?(?:assert|report)\b[^>]*?\bid\s*=\s*["']([^"']+)["']"""
)
_ROOT: Final = re.compile(r"<(?:\w+:)?(schema|stylesheet|transform)\b")
_REFERENCE: Final = re.compile(
    r"""<(?:\w+:)?(?:include|extends|import)\b[^>]*?\bhref\s*=\s*["']([^"']+)["']|\bdocument\(\s*'([^']+)'"""
)
_COMMENT: Final = re.compile(r"<!--.*?-->", re.DOTALL)
_VERSION_IN_PATH: Final = re.compile(r"(?<![0-9.])v?([0-9]+(?:\.[0-9]+)+)(?![0-9])")
_SYNTAX_VERSION: Final = re.compile(r"ubl-?2\.[0-9]", re.IGNORECASE)
_HEAD: Final = 8_192
_MOST_FILES: Final = 200
_MARKS: Final = (b"document(", b"<include", b":include", b"<extends", b":extends", b":import")


@dataclass(frozen=True, slots=True)
class Artefact:
    """One rule file of a publisher with all that it refers to.

    `name` is the main file in `files`; `digest` is the SHA-256 of that file, or of all digests and names
    where there are several. `released` is the date in the file. `known` is None for a set that no profile
    uses.
    """

    name: str
    title: str
    known: KnownPack | None
    release: str
    released: date | None
    rule_ids: frozenset[str]
    digest: str
    files: Mapping[str, bytes] = field(repr=False)


def artefacts_in(tree: FileTree) -> Iterator[Artefact]:
    """Every rule file of a tree that stands for itself: parts that others include are left out."""
    for name in tree.candidates():
        content = tree.read(name)
        if content is not None and _ROOT.search(_text(content)[:200_000]):
            found = read_artefact(tree, name, content)
            if found.rule_ids or found.known:
                yield found


def read_artefact(tree: FileTree, name: str, content: bytes, known: KnownPack | None = None) -> Artefact:
    """One rule file and what it says of itself. Raises ConfigError where a file that it needs is missing.

    One that is `known` already is not searched for rule ids.
    """
    files = _closure(tree, name, content)
    texts = [_text(part) for part in files.values()]
    title = _title(texts[0])
    ids: frozenset[str] = frozenset()
    if known is None:
        ids = frozenset(one or other for text in texts for one, other in _RULE_ID.findall(text))
        known = recognise(title, tree.place(name), ids)
    release, released = _release(texts[0], title, name, known)
    return Artefact(name, title, known, release, released, ids, _digest(files), files)


def version_of(release: str) -> tuple[int, ...]:
    """The numbers of a release name, for comparing two of the same rule set: "1.3.16" after "1.3.9"."""
    found = re.search(r"[0-9]+(?:\.[0-9]+)*", release)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def _closure(tree: FileTree, name: str, content: bytes) -> dict[str, bytes]:
    files = {name: content}
    waiting = [name]
    while waiting:
        current = waiting.pop()
        for one, other in _references(files[current]):
            target = neighbour(current, one or other)
            if target in files:
                continue
            part = tree.read(target) if target is not None else None
            if target is None or part is None or len(files) >= _MOST_FILES:
                raise ConfigError(
                    f"the rules need the file {(one or other)[:200]}, which is not beside them",
                    where=f"{tree.name}: {name}",
                    fix="name the publisher's whole release (ZIP), or keep its files together",
                )
            files[target] = part
            waiting.append(target)
    return files


def _references(content: bytes) -> list[tuple[str, str]]:
    # Most files refer to nothing, and to know that is much faster than to look for it.
    if not any(mark in content for mark in _MARKS):
        return []
    return _REFERENCE.findall(_COMMENT.sub("", _text(content)))


def _title(text: str) -> str:
    found = _TITLE.search(text)
    return " ".join((found[1] or found[2] or "").split()) if found else ""


def _release(text: str, title: str, name: str, known: KnownPack | None) -> tuple[str, date | None]:
    head = text[:_HEAD]
    if found := _CEN_RELEASE.search(head):
        return found[1], date.fromisoformat(found[2])
    compiled = _COMPILED.search(head)
    released = date.fromisoformat(compiled[1]) if compiled else None
    if known is not None and known.release and (found := re.search(known.release, title)):
        return found[1].rstrip("."), released
    versions = _VERSION_IN_PATH.findall(_SYNTAX_VERSION.sub("", name))
    return (versions[-1] if versions else ""), released


def _digest(files: Mapping[str, bytes]) -> str:
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    if len(digests) == 1:
        return next(iter(digests.values()))
    main = next(iter(files))
    start = main.rpartition("/")[0]
    lines = sorted(f"{digest}  {_below(name, start)}\n" for name, digest in digests.items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _below(name: str, folder: str) -> str:
    return name.removeprefix(f"{folder}/") if folder else name


def _text(content: bytes) -> str:
    return content.decode("utf-8", errors="replace")
