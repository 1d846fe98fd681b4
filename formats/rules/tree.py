"""A document as the compiled rules see it: light nodes, indexed by their path from the root.

The tree is built once per document and shared by all rule packs that judge it.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from lxml import etree

from formats.errors import MalformedDocument

__all__ = ["Document", "Node", "Place", "no_collection"]

_DEEPEST: Final = 400
_MOST_PLACES: Final = 50_000
_NOTHING: Final[dict[str, Any]] = {}
_NONE: Final[tuple[Any, ...]] = ()


class Node:
    """An element, an attribute (tag `@name`) or the document (tag ""). Short names: the rules read them a
    lot.

    `t` tag, `p` parent, `i` place in document order, `e` the first number after its descendants, `a`
    attributes, `c` child elements by tag, `k` child elements in order, `s` string value (None: not yet put
    together), `el` the original element where the node has child nodes other than one text.
    """

    __slots__ = ("a", "c", "e", "el", "i", "k", "p", "s", "t")
    t: str
    p: Node
    i: int
    e: int
    a: dict[str, str]
    c: dict[str, list[Node]]
    k: list[Node] | tuple[Node, ...]
    s: str | None
    el: Any


class Place:
    """A path of element names from the root, the same object for all documents."""

    __slots__ = ("below", "parent", "tag")

    def __init__(self, tag: str, parent: Place | None) -> None:
        self.tag = tag
        self.parent = parent
        self.below: dict[str, Place] = {}

    @property
    def path(self) -> tuple[str, ...]:
        """The tags from the root down to this one; () for the document."""
        tags: list[str] = []
        place = self
        while place.parent is not None:
            tags.append(place.tag)
            place = place.parent
        return tuple(reversed(tags))


#: An element being read: its node, its children, those by tag, how many are to come, its place.
_Open: TypeAlias = "tuple[Node, list[Node], dict[str, list[Node]], int, Place]"


class _Pause:
    """Keeps the cyclic garbage collector away while trees grow: it would walk each of them over and over."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._was_on = False

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._was_on = gc.isenabled()
                gc.disable()
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0 and self._was_on:
                gc.enable()


#: The pause, for any number of threads at a time.
no_collection: Final = _Pause()


class _Places:
    """The paths met so far. Hostile documents could bring ever new ones, so a full table is thrown away."""

    def __init__(self) -> None:
        self.root = Place("", None)
        self.size = 0

    def root_for_a_document(self) -> Place:
        if self.size > _MOST_PLACES:
            self.root, self.size = Place("", None), 0
        return self.root


_places: Final = _Places()


class Document:
    """One document, ready to be checked by any number of rule packs, from any number of threads.

    Raises MalformedDocument if the tree is nested deeper than any invoice.
    """

    __slots__ = (
        "all",
        "attribute_nodes",
        "attribute_values",
        "by_place",
        "elements",
        "node",
        "root",
        "tagged_nodes",
    )

    def __init__(self, root: etree._Element) -> None:
        self.root = root
        self.all: list[Node] = []
        self.elements: list[etree._Element] | None = None
        self.by_place: dict[Place, list[Node]] = {}
        self.tagged_nodes: dict[str, list[Node]] | None = None
        self.attribute_nodes: dict[tuple[int, str], Node] = {}
        self.attribute_values: dict[str, list[str]] | None = None
        with no_collection:
            self.node = self._grown(root)

    def _grown(self, root: etree._Element) -> Node:
        place = _places.root_for_a_document()
        document = _new_node("", _NO_NODE, -1)
        document.s = None
        self.by_place[place] = [document]
        _grow(root, document, place, self.all, self.by_place)
        document.e = len(self.all)
        return document

    def tagged(self, tag: str) -> list[Node] | tuple[Node, ...]:
        """All elements of that tag in document order."""
        index = self.tagged_nodes
        if index is None:
            index = {}
            for place, nodes in self.by_place.items():
                if place.tag:
                    index.setdefault(place.tag, []).extend(nodes)
            for nodes in index.values():
                if len(nodes) > 1:
                    nodes.sort(key=_order)
            self.tagged_nodes = index
        return index.get(tag, _NONE)

    def values_of(self, name: str) -> list[str] | tuple[str, ...]:
        """The values of all attributes of that name in document order."""
        index = self.attribute_values
        if index is None:
            index = {}
            for node in self.all:
                for attribute, value in node.a.items():
                    if attribute in index:
                        index[attribute].append(value)
                    else:
                        index[attribute] = [value]
            self.attribute_values = index
        return index.get(name, _NONE)

    def attribute(self, owner: Node, name: str) -> Node:
        """An attribute as a node; the same object whenever it is asked for."""
        key = (id(owner), name)
        node = self.attribute_nodes.get(key)
        if node is None:
            node = _new_node("@" + name, owner, owner.i)
            node.e = owner.i
            node.s = owner.a[name]
            node = self.attribute_nodes.setdefault(key, node)
        return node

    def element(self, node: Node) -> etree._Element:
        """The element of the original tree that this node, or the owner of this attribute, stands for."""
        if self.elements is None:
            self.elements = list(self.root.iter(etree.Element))
        return self.elements[max(node.i, 0)]


def _new_node(tag: str, parent: Node, number: int) -> Node:
    node = Node()
    node.t, node.p, node.i, node.e = tag, parent, number, number + 1
    node.a, node.c, node.k, node.s, node.el = _NOTHING, _NOTHING, _NONE, "", None
    return node


def _no_node() -> Node:
    node = Node.__new__(Node)
    node.t, node.p, node.i, node.e = "\0", node, -2, -2
    node.a, node.c, node.k, node.s, node.el = _NOTHING, _NOTHING, _NONE, "", None
    return node


_NO_NODE: Final = _no_node()


def _grow(
    root: etree._Element,
    document: Node,
    place: Place,
    everything: list[Node],
    by_place: dict[Place, list[Node]],
) -> None:
    """All nodes in one walk. It is one long loop because it is run for every element of every document."""
    new = Node
    above: list[_Open] = []
    state: _Open = (document, [], {}, 1, place)
    node, kids, by_tag, left, below = state
    for part in root.iter():
        while not left:
            node.k, node.c, node.e = kids, by_tag, len(everything)
            node, kids, by_tag, left, below = above.pop()
        left -= 1
        tag = part.tag
        if tag.__class__ is not str:
            continue  # a comment or processing instruction: no child element, but it parts texts
        spot = below.below.get(tag)
        if spot is None:
            _places.size += 1
            spot = below.below.setdefault(tag, Place(tag, below))
        child = new()
        child.t = tag = spot.tag
        child.p = node
        child.i = len(everything)
        everything.append(child)
        kids.append(child)
        if tag in by_tag:
            by_tag[tag].append(child)
        else:
            by_tag[tag] = [child]
        if spot in by_place:
            by_place[spot].append(child)
        else:
            by_place[spot] = [child]
        attributes: Any = part.attrib
        child.a = dict(attributes) if attributes else _NOTHING
        parts = len(part)
        if parts:
            child.el = part
            child.s = None
            above.append((node, kids, by_tag, left, below))
            if len(above) > _DEEPEST:
                raise _too_deep()
            node, kids, by_tag, left, below = child, [], {}, parts, spot
        else:
            child.el = None
            child.s = part.text or ""
            child.k = _NONE
            child.c = _NOTHING
            child.e = len(everything)
    while True:
        node.k, node.c, node.e = kids, by_tag, len(everything)
        if not above:
            return
        node, kids, by_tag, left, below = above.pop()


def _order(node: Node) -> int:
    return node.i


def _too_deep() -> MalformedDocument:
    return MalformedDocument(
        f"the document is nested more than {_DEEPEST} elements deep",
        where="XML document",
        fix="check the export in the ERP: no invoice format nests that deep",
    )


def document_order(nodes: Iterable[Node]) -> list[Node]:
    """Each node once, in document order."""
    return sorted({id(node): node for node in nodes}.values(), key=_order)
