"""Where elements stand in a large XML document, to the byte, without keeping the document in memory.

Cutting a document out of its envelope must not change a byte of it, so no tree is built and nothing is
written again: a stream parser (expat) says where elements start and end. It is hardened like the tree parser:
no document type declarations, bounded depth, bounded tags. Encodings in which ASCII is ASCII are read; UTF-16
is refused.

Most documents are only skimmed: once libxml2 has found them well-formed, expat walks up to the element that
counts, and its end is found by its tags. What is unusual in any way is walked through from end to end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from io import SEEK_END
from typing import BinaryIO, Final
from xml.parsers import expat

from formats.errors import MalformedDocument
from formats.syntaxes import xml

__all__ = ["Element", "Outline", "chunks", "outline"]

_CHUNK: Final = 64 * 1024
_DEEPEST: Final = 256
_LARGEST_TAG: Final = 10_000_000
_MOST_CHILDREN: Final = 64
# What may follow the element that counts: the end tag of its root, and blanks.
_TAIL: Final = 4096
_LONGEST_MARK: Final = len("<![CDATA[")
_ASIDE: Final = {b"!--": b"-->", b"![CDATA[": b"]]>", b"?": b"?>"}
_TAG: Final = re.compile(rb"""<(?:[^>"']|"[^"]*"|'[^']*')*+>""")
_IN_NAME: Final = re.compile(rb"[\w.-]")
_WIDE: Final = (b"\xff\xfe", b"\xfe\xff", b"\x00<", b"<\x00")


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its name, and the bytes from its start tag to the end of its end tag.

    `name_end` is the byte behind the name in the start tag. `inherited` are the name space declarations of
    the element around it that it needs to stand alone, by prefix ("" for the default).
    """

    namespace: str
    local_name: str
    start: int
    end: int
    name_end: int
    inherited: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Outline:
    """A document: its encoding as declared ("" where it says none), its size in bytes, its root, and the
    children of the root where they were asked for. `text` says that the root has text of its own."""

    encoding: str
    size: int
    root: Element
    children: tuple[Element, ...]
    text: bool


def outline(source: BinaryIO, *, children: bool, largest: int) -> Outline:
    """Read from the start of `source`, which can seek, to its end.

    Memory does not grow with the document. Raises MalformedDocument for what is not well-formed, brings a
    document type declaration, is over `largest` bytes, or has over 64 children of the root where children are
    asked for.
    """
    return _skimmed(source, children, largest) or _walked(source, children, largest)


def _walked(source: BinaryIO, children: bool, largest: int) -> Outline:
    """Every element looked at; what stops it is said."""
    walk = _Walk(with_children=children)
    size = 0
    source.seek(0)
    try:
        for chunk in chunks(source):
            if not size and chunk.startswith(_WIDE):
                raise _refused("the document is in UTF-16", "write it in UTF-8")
            size += len(chunk)
            if size > largest:
                raise _refused(f"the document has more than {largest} bytes", "raise the limit, or split it")
            walk.parser.Parse(chunk, False)
            if size - walk.parser.CurrentByteIndex > _LARGEST_TAG:
                raise _refused(f"a tag has more than {_LARGEST_TAG} bytes", "ask the sender to mend it")
        walk.parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise _refused(
            f"the XML breaks off or is damaged at line {error.lineno}: {expat.ErrorString(error.code)}",
            "send the document again",
        ) from error
    except (ValueError, LookupError) as error:
        raise _refused("the document is in an encoding that is not read here", "write it in UTF-8") from error
    return _outlined(source, walk, size)


def _outlined(source: BinaryIO, walk: _Walk, size: int) -> Outline:
    root, *found = walk.ended(size)
    return Outline(
        walk.encoding,
        size,
        root,
        tuple(_with_what_it_needs(source, walk.encoding or "utf-8", child) for child in found),
        walk.text,
    )


def _skimmed(source: BinaryIO, children: bool, largest: int) -> Outline | None:
    """The outline of a root, or of a root with two children; None for all that is not plainly that."""
    source.seek(0)
    size = source.seek(0, SEEK_END)
    source.seek(0)
    if size > largest or source.read(2) in _WIDE:
        return None
    source.seek(0)
    walk = _head(source, children) if xml.is_well_formed(source) else None
    if walk is None:
        return None
    root, last = walk.found[0], walk.found[-1]
    # Whether a child whose own name has a prefix needs the default name space, its inside has to say.
    if walk.text or (children and "" in last.around and not walk.needs_default):
        return None
    if children:
        end = _end_of(source, last)
        if end is None:
            return None
        last.end = end
    start = last.end if children else max(0, size - _TAIL)
    if size - start > _TAIL:
        return None
    rest = b"".join(chunks(source, start, size))
    closing = rb"[ \t\r\n]*</" + _name(source, root) + rb"[ \t\r\n]*>[ \t\r\n]*"
    found = re.fullmatch(closing, rest) if children else re.search(closing + rb"\Z", rest)
    if found is None:
        return None
    root.end = start + len(rest.rstrip())
    walk.ending = None
    return _outlined(source, walk, size)


def _head(source: BinaryIO, children: bool) -> _Walk | None:
    """A walk up to the start of the root, or of its second child; None where it does not come so far."""
    walk = _Walk(with_children=children, enough=3 if children else 1)
    try:
        for chunk in chunks(source):
            walk.parser.Parse(chunk, False)
    except _Enough:
        return walk
    except (expat.ExpatError, MalformedDocument, ValueError, LookupError):
        return None
    return None


def _name(source: BinaryIO, found: _Found) -> bytes:
    """The name as it stands in the tag, as a pattern."""
    return re.escape(b"".join(chunks(source, found.start + 1, found.name_end)))


def _end_of(source: BinaryIO, found: _Found) -> int | None:
    """Where an element of a well-formed document ends, by the tags of its name; None where that is not found.

    A "<" begins a tag everywhere but in comments, CDATA and instructions, which are passed over.
    """
    name = _name(source, found)
    mark = re.compile(
        rb"<(?:(!--|!\[CDATA\[|\?)|(/)" + name + rb"(?=[ \t\r\n>])|" + name + rb"(?=[ \t\r\n/>]))"
    )
    longest = len(name) + _LONGEST_MARK
    buffer, base, at, depth, aside = b"", found.start, 0, 0, b""
    pieces = chunks(source, found.start)
    while True:
        if aside:
            place = buffer.find(aside, at)
            if place >= 0:
                at, aside = place + len(aside), b""
                continue
            safe = max(at, len(buffer) - len(aside) + 1)
        elif (match := mark.search(buffer, at)) is None:
            safe = max(at, len(buffer) - longest)
        elif match[1]:
            at, aside = match.end(), _ASIDE[match[1]]
            continue
        elif (tag := _TAG.match(buffer, match.start())) is None:
            safe = match.start()
        else:
            at = tag.end()
            depth += -1 if match[2] else not tag[0].endswith(b"/>")
            if depth == 0:
                return base + at
            continue
        piece = next(pieces, b"")
        if not piece or len(buffer) - safe > _LARGEST_TAG:
            return None
        buffer, base, at = buffer[safe:] + piece, base + safe, 0


def chunks(source: BinaryIO, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """The bytes of `source` between two offsets, in pieces."""
    source.seek(start)
    left = _CHUNK if end is None else end - start
    while left > 0:
        chunk = source.read(min(_CHUNK, left))
        if not chunk:
            return
        yield chunk
        if end is not None:
            left -= len(chunk)


def _refused(what: str, fix: str) -> MalformedDocument:
    return MalformedDocument(what, where="XML document", fix=fix)


class _Enough(Exception):
    """The walk has come as far as was wanted."""


@dataclass(slots=True)
class _Found:
    namespace: str
    local_name: str
    start: int
    name_end: int
    # What the element around it declares and it does not: "" only where it is used.
    around: dict[str, str]
    end: int = -1

    def element(self) -> Element:
        inherited = tuple(self.around.items())
        return Element(self.namespace, self.local_name, self.start, self.end, self.name_end, inherited)


@dataclass(slots=True, kw_only=True)
class _Walk:
    """One run of the parser over a document."""

    with_children: bool
    # After so many elements found the walk ends; 0 for never.
    enough: int = 0
    parser: expat.XMLParserType = field(default_factory=expat.ParserCreate)
    encoding: str = ""
    text: bool = False
    depth: int = 0
    # The root first, then its children.
    found: list[_Found] = field(default_factory=list)
    # Whose end tag was the last event: it ends where the next event begins.
    ending: _Found | None = None
    declared: dict[str, str] = field(default_factory=dict)
    # Within a child: how deep the elements are open that declare a default name space.
    defaults: list[int] = field(default_factory=list)
    needs_default: bool = False

    def __post_init__(self) -> None:
        parser = self.parser
        parser.ordered_attributes = True
        parser.XmlDeclHandler = self._declaration
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._stop
        parser.DefaultHandler = self._other

    def ended(self, size: int) -> list[Element]:
        self._mark(size)
        return [one.element() for one in self.found]

    def _mark(self, at: int) -> None:
        if self.ending is not None:
            self.ending.end = at
            self.ending = None

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        self.encoding = encoding or ""

    def _doctype(self, *_: object) -> None:
        raise _refused(
            "the document brings a document type declaration, which could load or inflate foreign content",
            "ask the sender for a document without one",
        )

    def _other(self, data: str) -> None:
        # Outside of children only: text, comments and instructions.
        self._mark(self.parser.CurrentByteIndex)
        if self.depth == 1 and not data.startswith(("<!--", "<?")) and data.strip():
            self.text = True

    def _start(self, name: str, attributes: list[str]) -> None:
        depth, self.depth = self.depth, self.depth + 1
        if depth > 1 or (depth == 1 and not self.with_children):
            if depth >= _DEEPEST:
                raise _refused("the elements are nested too deep", "ask the sender to mend the document")
            if self.with_children:
                self._inside(depth, name, attributes)
            return
        at = self.parser.CurrentByteIndex
        self._mark(at)
        own = _declarations(attributes)
        prefix, colon, local = name.rpartition(":")
        scope = {**self.declared, **own}
        if colon and prefix not in scope:
            raise _refused(f"the prefix {prefix[:40]} is not declared", "ask the sender to mend the document")
        around = {key: uri for key, uri in self.declared.items() if key not in own}
        # In bytes: beyond ASCII, a name has another length in each encoding.
        name_end = at + 1 + len(name.encode(self.encoding or "utf-8"))
        self.found.append(_Found(scope.get(prefix, ""), local, at, name_end, around))
        if len(self.found) > _MOST_CHILDREN:
            raise _refused("the envelope has too many parts", "send one document in each envelope")
        if depth == 0:
            self.declared = own
        if depth == 1 or not self.with_children:
            self.parser.DefaultHandler = None
            self.defaults = [1] if "" in own else []
            self.needs_default = not colon and not self.defaults
        if len(self.found) == self.enough:
            raise _Enough

    def _inside(self, depth: int, name: str, attributes: list[str]) -> None:
        if attributes and "xmlns" in attributes[::2]:
            self.defaults.append(depth)
        if not self.defaults and ":" not in name:
            self.needs_default = True

    def _stop(self, name: str) -> None:
        self.depth -= 1
        if self.defaults and self.defaults[-1] == self.depth:
            self.defaults.pop()
        if self.depth > 1 or (self.depth == 1 and not self.with_children):
            return
        self._mark(self.parser.CurrentByteIndex)
        closed = self.found[-1 if self.depth else 0]
        if self.depth and not self.needs_default:
            closed.around.pop("", None)
        self.ending = closed
        self.parser.DefaultHandler = self._other


def _declarations(attributes: list[str]) -> dict[str, str]:
    pairs = zip(attributes[::2], attributes[1::2], strict=True)
    return {name[6:]: value for name, value in pairs if name == "xmlns" or name.startswith("xmlns:")}


def _with_what_it_needs(source: BinaryIO, encoding: str, element: Element) -> Element:
    """Without the inherited prefixes that occur nowhere in the element, not even in a value."""
    around: Mapping[str, str] = dict(element.inherited)
    prefixes = [prefix for prefix in around if prefix]
    if not prefixes:
        return element
    wanted = {prefix: prefix.encode(encoding) + b":" for prefix in prefixes}
    longest = max(map(len, wanted.values())) + 1
    missing = set(prefixes)
    tail = b""
    for chunk in chunks(source, element.start, element.end):
        text = tail + chunk
        missing -= {prefix for prefix in missing if _stands_in(wanted[prefix], text, 1 if tail else 0)}
        if not missing:
            break
        # The first sign of the rest is there for what must not stand before a prefix.
        tail = text[-longest:]
    kept = ((prefix, uri) for prefix, uri in around.items() if prefix not in missing)
    return replace(element, inherited=tuple(kept))


def _stands_in(prefix: bytes, text: bytes, start: int) -> bool:
    """Whether the prefix is there and not only the end of a longer name."""
    while (start := text.find(prefix, start)) >= 0:
        if start == 0 or _IN_NAME.match(text, start - 1) is None:
            return True
        start += 1
    return False
