"""The nodes of a document straight from its text, faster than through a parser's elements.

Only for text that the parser of the house has accepted, so that nobody asks here whether it is well-formed.
It is cut at each `</`. What lies between two text values is then nearly always a piece that was met before,
such as `cbc:ID>\\n  <cbc:Name`: one look-up says which elements begin there. A piece is looked into when it
is new; where it is not as simple as that, the tree is made the other way.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from formats.rules.nodes import DEEPEST, NOTHING, PLACES, Node, Nodes, Place, too_deep

__all__ = ["Unusual", "grow", "plain_text"]

_ASIDE: Final = re.compile(r"<!--(?>.*?-->)|<\?(?>.*?\?>)|<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_ATTRIBUTE: Final = re.compile(r"""\s*([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_REFERENCE: Final = re.compile(r"&(?:#x([0-9a-fA-F]+)|#([0-9]+)|(\w+));")
_DECLARED: Final = re.compile(r"""encoding\s*=\s*["']\s*utf-8\s*["']""", re.IGNORECASE)
_NAMED: Final = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}
_XML: Final = {"xml": "http://www.w3.org/XML/1998/namespace"}
_AT_ONCE: Final = 250_000
_LONGEST: Final = 1_000
_LONGEST_HEAD: Final = 8_000
_MOST_IN_A_DOCUMENT: Final = 4_000
_MOST: Final = 30_000


class Unusual(Exception):
    """The text cannot be read in this way; no error of the document."""


class _Inside:
    """What is known of the pieces inside the elements of one path, spelled in one way."""

    __slots__ = ("_namespaces", "_spelled", "moves", "place")

    def __init__(self, place: Place, namespaces: dict[str, str]) -> None:
        self.place = place
        self._namespaces = namespaces
        self._spelled: dict[str, _Form] = {}
        self.moves: dict[str, _Move] = {}

    def form(self, head: str) -> _Form:
        """The element that a tag begins, without its brackets."""
        known = self._spelled.get(head)
        if known is None:
            known = self._spelled[head] = self._new_form(head)
        return known

    def _new_form(self, head: str) -> _Form:
        name, *rest = head.split(None, 1)
        namespaces = self._namespaces
        spelled: dict[str, str] = {}
        for match in _ATTRIBUTE.finditer(rest[0] if rest else ""):
            attribute, quoted, single = match.groups()
            value = _REFERENCE.sub(_character, (quoted or single or "").translate(_BLANKS))
            if attribute == "xmlns" or attribute.startswith("xmlns:"):
                namespaces = {**namespaces, attribute[6:]: value}
            else:
                spelled[attribute] = value
        attributes = {
            _named(attribute, namespaces if ":" in attribute else _XML): value
            for attribute, value in spelled.items()
        }
        place = PLACES.below(self.place, _named(name, namespaces))
        PLACES.with_attributes(place, attributes)
        return place.tag, attributes or NOTHING, place, _Inside(place, namespaces)


#: An element as it is spelled: tag, attributes, path, what is known of its inside.
_Form: TypeAlias = tuple[str, dict[str, str], Place, _Inside]
#: What begins between two values: elements before the last, each with whether it stays open; then, if the
#: value is the text of the last, its tag, attributes and path.
_Move: TypeAlias = tuple[tuple[tuple[_Form, bool], ...], str | None, dict[str, str], Place | None]
_BLANKS: Final = {ord("\n"): " ", ord("\t"): " "}


class _Memory:
    """The pieces met so far, in all documents. A full table is thrown away."""

    def __init__(self) -> None:
        self.size = 0
        self._inside = _Inside(PLACES.root, _XML)

    def inside(self, place: Place) -> _Inside:
        if self.size > _MOST or self._inside.place is not place:
            self._inside, self.size = _Inside(place, _XML), 0
        return self._inside


_memory: Final = _Memory()


def plain_text(content: bytes) -> str:
    """The text of a document, `<!>` for each comment and instruction. Raises Unusual."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unusual from error
    if "\0" in text:
        raise Unusual  # UTF-16 without a mark
    if text.startswith("<?xml"):
        end = text.find("?>")
        if "encoding" in text[:end] and not _DECLARED.search(text, 0, end):
            raise Unusual
        text = text[end + 2 :]
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "<!" in text or "<?" in text:
        text = _ASIDE.sub(_aside, text)
        if "<!D" in text:
            raise Unusual
    return text


def _parts(text: str) -> Iterator[str]:
    """The text cut at each `</`, not all at once: what stays in the processor's cache is read many times
    faster."""
    start = 0
    while (end := text.find("</", start + _AT_ONCE)) >= 0:
        yield from text[start:end].split("</")
        start = end + 2
    yield from text[start:].split("</")


def _aside(match: re.Match[str]) -> str:
    if match[1] is None:
        return "<!>"
    return match[1].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def grow(
    text: str, original: Any, document: Node, everything: list[Node], open_ones: list[Node]
) -> dict[Place, list[Node]]:
    """Fill the document with its nodes; they by their path. Raises Unusual, MalformedDocument if too deep.

    It is one long loop because it is run for every element of every document.
    """
    new = Node
    place = PLACES.root_for_a_document()
    by_place: defaultdict[Place, list[Node]] = defaultdict(list)
    by_place[place].append(document)
    above: list[tuple[Node, dict[str, Nodes], _Inside]] = []
    node: Node = document
    by_tag: dict[str, Nodes] = {}
    inside = _memory.inside(place)
    moves = inside.moves
    after = 0
    learned = 0
    closes = False  # whether the next end tag is that of `node`, and not of a value
    for part in _parts(text):
        piece, _, value = part.rpartition(">")
        if closes:
            node.c, node.e = by_tag, after
            node, by_tag, inside = above.pop()
            moves = inside.moves
        try:
            begins, tag, attributes, spot = moves[piece]
        except KeyError:
            learned += 1
            if learned > _MOST_IN_A_DOCUMENT:
                raise Unusual from None
            begins, tag, attributes, spot = _learn(inside, piece)
        for (name, given, where, within), stays_open in begins:
            child = new()
            child.t = name
            child.p = node
            child.i = after
            after += 1
            child.a = given
            everything.append(child)
            by_place[where].append(child)
            if name not in by_tag:
                by_tag[name] = (child,)
            elif (alike := by_tag[name]).__class__ is list:
                alike.append(child)
            else:
                by_tag[name] = [*alike, child]
            if not stays_open:
                child.e, child.c, child.s, child.el = after, NOTHING, "", None
            else:
                open_ones.append(child)
                child.el = original
                child.s = None
                above.append((node, by_tag, inside))
                if len(above) > DEEPEST:
                    raise too_deep()
                node, by_tag, inside = child, {}, within
                moves = inside.moves
        if tag is None:
            closes = True
            continue
        closes = False
        child = new()
        child.t = tag
        child.p = node
        child.i = after
        after += 1
        child.e = after
        child.a = attributes
        child.c = NOTHING
        child.s = value
        child.el = None
        everything.append(child)
        by_place[spot].append(child)  # type: ignore[index]  # there where the tag is
        if tag not in by_tag:
            by_tag[tag] = (child,)
        elif (alike := by_tag[tag]).__class__ is list:
            alike.append(child)
        else:
            by_tag[tag] = [*alike, child]
    if above or len(by_tag) != 1:
        raise Unusual
    node.c, node.e = by_tag, after
    if "&" in text:
        for node in everything:
            if node.s and "&" in node.s:
                node.s = _REFERENCE.sub(_character, node.s)
    return by_place


def _learn(inside: _Inside, piece: str) -> _Move:
    """What begins in a piece: the rest of an end tag, then start tags with what stands between them."""
    end, *heads = piece.split("<")
    if end.count(">") > (1 if heads else 0) or len(piece) > _LONGEST_HEAD:
        raise Unusual
    begins: list[tuple[_Form, bool]] = []
    within = inside
    tag: str | None = None
    attributes: dict[str, str] = NOTHING
    place: Place | None = None
    for number, part in enumerate(heads, 1):
        is_last = number == len(heads)
        head, bracket, rest = part.partition(">")
        if ">" in rest or bool(bracket) is is_last:
            raise Unusual  # a bracket in a value
        if head == "!":
            continue
        form = within.form(head.rstrip("/"))
        if head.endswith("/"):
            begins.append((form, False))
        elif is_last:
            tag, attributes, place, _ = form
        else:
            begins.append((form, True))
            within = form[3]
    move: _Move = (tuple(begins), tag, attributes, place)
    if len(piece) <= (_LONGEST if inside.place.parent else _LONGEST_HEAD):
        _memory.size += 1
        inside.moves[piece] = move
    return move


def _named(name: str, namespaces: dict[str, str]) -> str:
    prefix, _, local = name.rpartition(":")
    home = namespaces.get(prefix, "")
    if prefix and not home:
        raise Unusual
    return f"{{{home}}}{local}" if home else local


def _character(match: re.Match[str]) -> str:
    sixteen, ten, name = match.groups()
    if name:
        return _NAMED[name]
    return chr(int(sixteen, 16) if sixteen else int(ten))
