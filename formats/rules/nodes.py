"""The light nodes that compiled rules read, and the paths of element names that they stand at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from formats.errors import MalformedDocument

__all__ = [
    "DEEPEST",
    "NONE",
    "NOTHING",
    "NO_NODE",
    "PLACES",
    "Node",
    "Nodes",
    "Place",
    "document_place",
    "new_node",
    "too_deep",
]

DEEPEST: Final = 400
NOTHING: Final[dict[str, Any]] = {}
NONE: Final[tuple[Any, ...]] = ()
_MOST_PLACES: Final = 50_000


class Node:
    """An element, an attribute (tag `@name`) or the document (tag ""). Short names: the rules read them a
    lot.

    `t` tag, `p` parent, `i` place in document order, `e` the first number after its descendants, `a`
    attributes, `c` child elements by tag, `s` string value (None: not yet put together), `el` the original
    document where the node has child nodes other than one text. Nodes may share `a`.
    """

    __slots__ = ("a", "c", "e", "el", "i", "p", "s", "t")
    t: str
    p: Node
    i: int
    e: int
    a: dict[str, str]
    c: dict[str, Nodes]
    s: str | None
    el: Any

    @property
    def k(self) -> list[Node]:
        """Child elements in order, which few rules ask for."""
        kids = [kid for alike in self.c.values() for kid in alike]
        if len(self.c) > 1:
            kids.sort(key=document_place)
        return kids


def document_place(node: Node) -> int:
    """For sorting in document order."""
    return node.i


Nodes: TypeAlias = list[Node] | tuple[Node, ...]


class Place:
    """A path of element names from the root, the same object for all documents.

    `attributes` are the names of all attributes that elements of the path have had in any document.
    """

    __slots__ = ("attributes", "below", "parent", "tag")

    def __init__(self, tag: str, parent: Place | None) -> None:
        self.tag = tag
        self.parent = parent
        self.below: dict[str, Place] = {}
        self.attributes: set[str] = set()

    @property
    def path(self) -> tuple[str, ...]:
        """The tags from the root down to this one; () for the document."""
        tags: list[str] = []
        place = self
        while place.parent is not None:
            tags.append(place.tag)
            place = place.parent
        return tuple(reversed(tags))

    def ends(self, tags: tuple[str, ...]) -> bool:
        """Whether the path ends with these names."""
        place: Place | None = self
        for tag in reversed(tags):
            if place is None or place.tag != tag:
                return False
            place = place.parent
        return True


class _Places:
    """The paths met so far. Hostile documents could bring ever new ones, so a full table is thrown away."""

    def __init__(self) -> None:
        self.root = Place("", None)
        self.size = 0

    def root_for_a_document(self) -> Place:
        if self.size > _MOST_PLACES:
            self.root, self.size = Place("", None), 0
        return self.root

    def below(self, above: Place, tag: str) -> Place:
        """The path that is one name longer."""
        place = above.below.get(tag)
        if place is None:
            self.size += 1
            place = above.below.setdefault(tag, Place(tag, above))
        return place

    def with_attributes(self, place: Place, names: Iterable[str]) -> None:
        """Elements of that path may have these attributes."""
        before = len(place.attributes)
        place.attributes.update(names)  # in one step, for other threads add theirs
        self.size += len(place.attributes) - before


PLACES: Final = _Places()


def new_node(tag: str, parent: Node, number: int) -> Node:
    """A node without children."""
    node = Node()
    node.t, node.p, node.i, node.e = tag, parent, number, number + 1
    node.a, node.c, node.s, node.el = NOTHING, NOTHING, "", None
    return node


def _no_node() -> Node:
    node = Node.__new__(Node)
    node.t, node.p, node.i, node.e = "\0", node, -2, -2
    node.a, node.c, node.s, node.el = NOTHING, NOTHING, "", None
    return node


#: What stands above the document.
NO_NODE: Final = _no_node()


def too_deep() -> MalformedDocument:
    """The error for a document that is nested deeper than any invoice."""
    return MalformedDocument(
        f"the document is nested more than {DEEPEST} elements deep",
        where="XML document",
        fix="check the export in the ERP: no invoice format nests that deep",
    )
