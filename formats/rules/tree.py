"""A document as the compiled rules see it: light nodes, indexed by their path from the root.

The tree is built once per document and shared by all rule packs that judge it.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from lxml import etree

from formats.rules.growing import Unusual, grow, plain_text
from formats.rules.nodes import (
    DEEPEST,
    NO_NODE,
    NONE,
    NOTHING,
    PLACES,
    Node,
    Nodes,
    Place,
    document_place,
    new_node,
    too_deep,
)

__all__ = ["Document", "Node", "Place", "no_collection"]

_MOST_IN_A_ROW: Final = 1_000


class Original:
    """The tree that was parsed; its elements in document order, listed when first asked for."""

    __slots__ = ("_elements", "root")

    def __init__(self, root: etree._Element) -> None:
        self.root = root
        self._elements: list[etree._Element] | None = None

    def element(self, number: int) -> etree._Element:
        """The element of that number."""
        if self._elements is None:
            self._elements = list(self.root.iter(etree.Element))
        return self._elements[number]


#: The elements of one path in one document: tag, place, the nodes so far, the same of their children.
_Entry: TypeAlias = "tuple[str, Place, list[Node], dict[str, _Entry]]"
#: An element being read: its node, children by tag, how many are to come, entries, place.
_Open: TypeAlias = "tuple[Node, dict[str, Nodes], int, dict[str, _Entry], Place]"


class _Pause:
    """Keeps the cyclic garbage collector away from growing trees, each of which it would walk over and over.

    Trees end without it. Where one check overlaps the next without end, it is called now and then.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._was_on = False
        self._since = 0

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._was_on = gc.isenabled()
                gc.disable()
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            self._since += 1
            if self._inside == 0:
                self._since = 0
                if self._was_on:
                    gc.enable()
            collects = self._was_on and self._since > _MOST_IN_A_ROW
            if collects:
                self._since = 0
        if collects:
            gc.collect()


#: The pause, for any number of threads at a time.
no_collection: Final = _Pause()


class Document:
    """One document, ready to be checked by any number of rule packs, from any number of threads.

    `source` is what `root` was parsed from, unchanged since; with it the nodes are made in half the time.
    Raises MalformedDocument if the tree is nested deeper than any invoice.
    """

    __slots__ = (
        "all",
        "attribute_nodes",
        "attribute_places",
        "by_place",
        "node",
        "open",
        "original",
        "places",
        "root",
        "tagged_nodes",
    )

    def __init__(self, root: etree._Element, source: bytes = b"") -> None:
        self.root = root
        self.all: list[Node] = []
        self.open: list[Node] = []  # those with child nodes
        self.original = Original(root)
        self.by_place: dict[Place, list[Node]] = {}
        self.tagged_nodes: dict[str, list[Node] | tuple[Node, ...]] = {}
        self.places: dict[str, list[Place]] | None = None
        self.attribute_nodes: dict[tuple[int, str], Node] = {}
        self.attribute_places: dict[str, list[Place]] | None = None
        with no_collection:
            self.node = self._from_text(source) if source else self._from_elements()

    def _from_text(self, source: bytes) -> Node:
        document = new_node("", NO_NODE, -1)
        document.s = None
        self.open.append(document)
        try:
            self.by_place = grow(plain_text(source), self.original, document, self.all, self.open)
        except Unusual:
            self._part()
            self.all.clear()
            self.open.clear()
            return self._from_elements()
        return document

    def _from_elements(self) -> Node:
        place = PLACES.root_for_a_document()
        document = new_node("", NO_NODE, -1)
        document.s = None
        self.open.append(document)
        self.by_place[place] = [document]
        _grow(self.original, document, place, self)
        document.e = len(self.all)
        return document

    def __del__(self) -> None:
        self._part()

    def _part(self) -> None:
        """Part parents from children, so that memory is free at once, not when the collector comes by."""
        for node in self.open:
            node.c = NOTHING

    def tagged(self, tag: str) -> list[Node] | tuple[Node, ...]:
        """All elements of that tag in document order."""
        nodes = self.tagged_nodes.get(tag)
        if nodes is None:
            nodes = self.tagged_nodes[tag] = self._tagged(tag)
        return nodes

    def _tagged(self, tag: str) -> list[Node] | tuple[Node, ...]:
        places = self._places_of(tag)
        if len(places) < 2:
            return self.by_place[places[0]] if places and tag else NONE
        return sorted((node for place in places for node in self.by_place[place]), key=document_place)

    def _places_of(self, tag: str) -> list[Place] | tuple[Place, ...]:
        """The paths of this document that end with that name."""
        by_tag = self.places
        if by_tag is None:
            by_tag = {}
            for place in self.by_place:
                by_tag.setdefault(place.tag, []).append(place)
            self.places = by_tag
        return by_tag.get(tag, NONE)

    def leads(self, *tags: str) -> bool:
        """Whether there is `//a/b/...`, asked of the paths."""
        return any(place.ends(tags) for place in self._places_of(tags[-1]))

    def leads_to(self, name: str, *tags: str) -> bool:
        """Whether there is `//a/b/.../@name`."""
        return any(
            name in node.a
            for place in self._places_with(name)
            if place.ends(tags)
            for node in self.by_place[place]
        )

    def has_attribute(self, name: str) -> bool:
        """Whether any element has an attribute of that name."""
        return any(name in node.a for place in self._places_with(name) for node in self.by_place[place])

    def values_of(self, name: str) -> list[str] | tuple[str, ...]:
        """The values of all attributes of that name in document order."""
        places = self._places_with(name)
        if not places:
            return NONE
        nodes = [node for place in places for node in self.by_place[place] if name in node.a]
        if len(places) > 1:
            nodes.sort(key=document_place)
        return [node.a[name] for node in nodes]

    def _places_with(self, name: str) -> list[Place] | tuple[Place, ...]:
        """The paths at which elements of this document may have an attribute of that name."""
        known = self.attribute_places
        if known is None:
            known = {}
            for place in self.by_place:
                for each in tuple(place.attributes):  # a copy: other documents add to it
                    known.setdefault(each, []).append(place)
            self.attribute_places = known
        return known.get(name, NONE)

    def attribute(self, owner: Node, name: str) -> Node:
        """An attribute as a node; the same object whenever it is asked for."""
        key = (id(owner), name)
        node = self.attribute_nodes.get(key)
        if node is None:
            node = new_node("@" + name, owner, owner.i)
            node.e = owner.i
            node.s = owner.a[name]
            node = self.attribute_nodes.setdefault(key, node)
        return node

    def element(self, node: Node) -> etree._Element:
        """The element of the original tree that this node, or the owner of this attribute, stands for."""
        return self.original.element(max(node.i, 0))


def _grow(original: Original, document: Node, place: Place, home: Document) -> None:
    """All nodes in one walk. It is one long loop because it is run for every element of every document."""
    new = Node
    everything, open_ones, by_place = home.all, home.open, home.by_place
    known_attributes: dict[tuple[tuple[Any, Any], ...], dict[Any, Any]] = {}
    above: list[_Open] = []
    node: Node = document
    by_tag: dict[str, Nodes] = {}
    left = 1
    entries: dict[str, _Entry] = {}
    number = -1
    for part in original.root.iter():
        while not left:
            node.c, node.e = by_tag, number + 1
            node, by_tag, left, entries, place = above.pop()
        left -= 1
        name: Any = part.tag
        entry = entries.get(name)
        if entry is None:
            if name.__class__ is not str:
                continue  # a comment or processing instruction: no child element, but it parts texts
            entry = entries[name] = _entry(name, place, by_place)
        tag, spot, alike, inside = entry
        number += 1
        child = new()
        child.t = tag
        child.p = node
        child.i = number
        everything.append(child)
        alike.append(child)
        if tag not in by_tag:
            by_tag[tag] = (child,)
        elif (known_alike := by_tag[tag]).__class__ is list:
            known_alike.append(child)
        else:
            by_tag[tag] = [*known_alike, child]
        attributes = part.items()
        if attributes:
            pairs = tuple(attributes)
            known = known_attributes.get(pairs)
            if known is None:
                known = known_attributes[pairs] = dict(pairs)
            child.a = known
            if not spot.attributes.issuperset(known):
                PLACES.with_attributes(spot, known)
        else:
            child.a = NOTHING
        parts = len(part)
        if parts:
            child.el = original
            child.s = None
            open_ones.append(child)
            above.append((node, by_tag, left, entries, place))
            if len(above) > DEEPEST:
                raise too_deep()
            node, by_tag, left, entries, place = child, {}, parts, inside, spot
        else:
            child.el = None
            child.s = part.text or ""
            child.c = NOTHING
            child.e = number + 1
    while True:
        node.c, node.e = by_tag, number + 1
        if not above:
            return
        node, by_tag, left, entries, place = above.pop()


def _entry(tag: str, above: Place, by_place: dict[Place, list[Node]]) -> _Entry:
    """The first element of a path in this document."""
    place = PLACES.below(above, tag)
    nodes = by_place[place] = []
    return place.tag, place, nodes, {}


def document_order(nodes: Iterable[Node]) -> list[Node]:
    """Each node once, in document order."""
    return sorted({id(node): node for node in nodes}.values(), key=document_place)
