"""XPath axes over the light tree. Every function gives nodes in document order unless it says otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from lxml import etree

from formats.rules.tree import Document, Node, document_order
from formats.rules.values import NodeText, string_value

__all__ = ["tag_test"]

_NONE: Final[tuple[Node, ...]] = ()


def tag_test(test: str) -> Callable[[str], bool]:
    """Whether an element's tag passes a name test in Clark form."""
    if test in ("*", "node()"):
        return lambda tag: bool(tag) and not tag.startswith("@")
    if test.startswith("*:"):
        local = test[2:]
        return lambda tag: tag.rpartition("}")[2] == local
    if test.endswith("}*"):
        uri = test[:-1]
        return lambda tag: tag.startswith(uri)
    return lambda tag: tag == test


_tests: Final[dict[str, Callable[[str], bool]]] = {}


def passes(node: Node, test: str) -> bool:
    """Whether a node passes a name test; `node()` is passed by every node."""
    if test == "node()":
        return True
    known = _tests.get(test)
    if known is None:
        known = tag_test(test)
        if len(_tests) < 10_000:
            _tests[test] = known
    return known(node.t)


def picked(nodes: Iterable[Node], test: str) -> list[Node]:
    return [node for node in nodes if passes(node, test)]


def down2(node: Node, first: str, second: str) -> Sequence[Node]:
    """`first/second` below a node."""
    middle = node.c.get(first)
    if middle is None:
        return _NONE
    if len(middle) == 1:
        return middle[0].c.get(second, _NONE)
    found: list[Node] = []
    for inner in middle:
        found += inner.c.get(second, _NONE)
    return found


def down(nodes: Sequence[Node], *tags: str) -> Sequence[Node]:
    """Children of children, tag by tag, of nodes in document order that are not nested in each other."""
    for tag in tags:
        if len(nodes) == 1:
            nodes = nodes[0].c.get(tag, _NONE)
        else:
            found: list[Node] = []
            for node in nodes:
                found += node.c.get(tag, _NONE)
            nodes = found
        if not nodes:
            return _NONE
    return nodes


def ordered(nodes: Sequence[Node]) -> Sequence[Node]:
    """Each node once, in document order; quick if that is so already."""
    if len(nodes) < 2:
        return nodes
    last = -2
    for node in nodes:
        if node.i <= last:
            return document_order(nodes)
        last = node.i
    return nodes


def united(left: Sequence[Node], right: Sequence[Node]) -> Sequence[Node]:
    if not left:
        return right
    if not right:
        return left
    return document_order([*left, *right])


def common(left: Sequence[Node], right: Sequence[Node]) -> Sequence[Node]:
    """`intersect`."""
    wanted = {id(node) for node in right}
    return [node for node in left if id(node) in wanted]


def without(left: Sequence[Node], right: Sequence[Node]) -> Sequence[Node]:
    """`except`."""
    unwanted = {id(node) for node in right}
    return [node for node in left if id(node) not in unwanted]


def all_elements(document: Document, test: str) -> Sequence[Node]:
    """`//test`."""
    return document.all if test == "*" else picked(document.all, test)


def attribute_values(document: Document, name: str) -> Sequence[str]:
    """`//@name`."""
    return document.values_of(name)


def attributes(document: Document, node: Node, test: str) -> list[Node]:
    """`@*` and other wildcards, as nodes."""
    if test in ("*", "node()"):
        return [document.attribute(node, name) for name in node.a]
    return [document.attribute(node, name) for name in node.a if passes_name(name, test)]


def passes_name(name: str, test: str) -> bool:
    if test.startswith("*:"):
        return name.rpartition("}")[2] == test[2:]
    if test.endswith("}*"):
        return name.startswith(test[:-1])
    return name == test or test == "*"


def named_attribute(document: Document, node: Node, name: str) -> tuple[Node, ...]:
    """`@name` as a node."""
    return (document.attribute(node, name),) if name in node.a else ()


def below(document: Document, node: Node, test: str) -> Sequence[Node]:
    """`descendant::test`."""
    if node.i < 0 and test not in ("*", "node()"):
        return picked(document.tagged(test), test) if _is_plain(test) else picked(document.all, test)
    inside = document.all[node.i + 1 : node.e] if node.i >= 0 else document.all
    if test in ("*", "node()"):
        return inside
    return picked(inside, test)


def _is_plain(test: str) -> bool:
    return not test.startswith("*") and not test.endswith(("*", ")"))


def self_and_below(document: Document, node: Node, test: str) -> list[Node]:
    """`descendant-or-self::test`; texts, comments and processing instructions are left out."""
    inside = [node, *below(document, node, "*")]
    return inside if test == "node()" else picked(inside, test)


def above(node: Node, test: str) -> list[Node]:
    """`ancestor::test`, nearest first."""
    found = []
    node = node.p
    while node.i >= -1:
        if passes(node, test):
            found.append(node)
        node = node.p
    return found


def self_and_above(node: Node, test: str) -> list[Node]:
    """`ancestor-or-self::test`, nearest first."""
    return ([node] if passes(node, test) else []) + above(node, test)


def up(node: Node, test: str) -> tuple[Node, ...]:
    """`parent::test`."""
    parent = node.p
    return (parent,) if parent.i >= -1 and passes(parent, test) else ()


def siblings_before(node: Node, test: str) -> list[Node]:
    """`preceding-sibling::test`, nearest first."""
    return [kid for kid in reversed(node.p.k) if kid.i < node.i and passes(kid, test)]


def siblings_after(node: Node, test: str) -> list[Node]:
    """`following-sibling::test`."""
    if node.t.startswith("@"):
        return []
    return [kid for kid in node.p.k if kid.i > node.i and passes(kid, test)]


def all_before(document: Document, node: Node, test: str) -> list[Node]:
    """`preceding::test`, nearest first."""
    if _is_plain(test):
        return [other for other in reversed(document.tagged(test)) if other.e <= node.i]
    return [
        other
        for other in reversed(document.all[: max(node.i, 0)])
        if other.e <= node.i and passes(other, test)
    ]


def all_after(document: Document, node: Node, test: str) -> list[Node]:
    """`following::test`."""
    if _is_plain(test):
        return [other for other in document.tagged(test) if other.i >= node.e]
    return [other for other in document.all[node.e :] if passes(other, test)]


def text_nodes(node: Node) -> Sequence[str]:
    """`text()`: comments and elements part texts; an empty one does not exist."""
    if node.el is None:
        return (node.s,) if node.s and not node.t.startswith("@") else ()
    parsed = node.el.element(node.i)
    texts = []
    current = parsed.text or ""
    for part in parsed:
        if current:
            texts.append(current)
        current = part.tail or ""
    if current:
        texts.append(current)
    return texts


def contents(node: Node) -> list[Any]:
    """`node()`: elements and texts, elements first; comments and processing instructions as empty texts."""
    found: list[Any] = [*node.k, *(NodeText(text) for text in text_nodes(node))]
    if node.el is not None:
        found += [NodeText("") for part in node.el.element(node.i) if part.tag.__class__ is not str]
    return found


def contents_but_comments(node: Node) -> list[Any]:
    """`node()[not(self::comment())]`: elements, texts and processing instructions, in no order."""
    found = contents(node)
    if node.el is None:
        return found
    comments = sum(1 for part in node.el.element(node.i) if part.tag is etree.Comment)
    return found[: len(found) - comments] if comments else found


def top(node: Node) -> Node:
    """fn:root."""
    while node.p.i >= -1:
        node = node.p
    return node


def before_in_document(left: Sequence[Node], right: Sequence[Node]) -> bool:
    """`<<`."""
    return bool(left) and bool(right) and left[0].i < right[0].i


def position_among(node: Node, test: str) -> int:
    """The position of an element among its siblings that pass the same test."""
    return 1 + len(siblings_before(node, test))


def last_among(node: Node, test: str) -> int:
    return sum(1 for kid in node.p.k if passes(kid, test))


def has_text(nodes: Iterable[Node], wanted: str) -> bool:
    """`nodes = 'text'`."""
    for node in nodes:
        value = node.s
        if (string_value(node) if value is None else value) == wanted:
            return True
    return False


def has_text_in(nodes: Iterable[Node], wanted: frozenset[str]) -> bool:
    """`nodes = ('text', 'other')`."""
    for node in nodes:
        value = node.s
        if (string_value(node) if value is None else value) in wanted:
            return True
    return False


def grouped(nodes: Iterable[Node], texts: Callable[[Node], Sequence[Any]]) -> dict[Any, list[Node]]:
    """Nodes by text or number, each once under each of its own."""
    groups: dict[Any, list[Node]] = {}
    for node in nodes:
        found = texts(node)
        for value in found if len(found) < 2 else dict.fromkeys(found):
            if value in groups:
                groups[value].append(node)
            else:
                groups[value] = [node]
    return groups


def by_text(pairs: Iterable[tuple[str, Any]]) -> dict[str, list[Any]]:
    """Items by their text, in their order."""
    groups: dict[str, list[Any]] = {}
    for value, item in pairs:
        if value in groups:
            groups[value].append(item)
        else:
            groups[value] = [item]
    return groups


def kept(state: Any, make: Callable[[Node, Any], Any], node: Node) -> Any:
    """What a function gives for a node, worked out once for each node of a document."""
    key = (make, node)
    known = state.known
    if key in known:
        return known[key]
    value = known[key] = make(node, state)
    return value


def kept_for(state: Any, make: Callable[[Node, Any, Any], Any], node: Node, value: Any) -> Any:
    """The same for a node and a value."""
    key = (make, node, value)
    known = state.known
    if key in known:
        return known[key]
    found = known[key] = make(node, state, value)
    return found


def is_element(node: Node) -> bool:
    return bool(node.t) and not node.t.startswith("@")


def is_attribute(node: Node) -> bool:
    return node.t.startswith("@")


def is_document(node: Node) -> bool:
    return not node.t
