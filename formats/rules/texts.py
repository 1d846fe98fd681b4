"""XPath string functions at run time. White space is the four characters of XML, never Python's thirty."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from formats.rules.arithmetic import rounded
from formats.rules.tree import Document, Node
from formats.rules.values import Fault, child_text, item_text

__all__ = ["tidy"]

_BLANKS: Final = re.compile("[ \t\r\n]+")
_WHITE: Final = " \t\r\n"
#: Characters of a text that rules put together.
LONGEST: Final = 50_000_000
_FEW: Final = 8


def tidy(value: str) -> str:
    """fn:normalize-space."""
    if " " in value or "\n" in value or "\t" in value or "\r" in value:
        return _BLANKS.sub(" ", value).strip(" ")
    return value


def tidy_node(node: Node) -> str:
    """normalize-space of a node."""
    value = node.s
    if value is None:
        value = item_text(node)
    if " " in value or "\n" in value or "\t" in value or "\r" in value:
        return _BLANKS.sub(" ", value).strip(" ")
    return value


def tidy_child(node: Node, tag: str) -> str:
    """normalize-space of the only child of that tag, "" if there is none."""
    nodes = node.c.get(tag)
    if nodes is None:
        return ""
    if len(nodes) > 1:
        raise Fault("more than one item where one is wanted")
    value = nodes[0].s
    if value is None:
        value = item_text(nodes[0])
    if " " in value or "\n" in value or "\t" in value or "\r" in value:
        return _BLANKS.sub(" ", value).strip(" ")
    return value


def filled(value: str) -> bool:
    """Whether normalize-space leaves anything."""
    return value.strip(_WHITE) != ""


def filled_node(node: Node) -> bool:
    """The same of a node."""
    value = node.s
    if value is None:
        value = item_text(node)
    return value.strip(_WHITE) != ""


def filled_child(node: Node, tag: str) -> bool:
    """The same of the only child of that tag, false if there is none."""
    nodes = node.c.get(tag)
    if nodes is None:
        return False
    if len(nodes) > 1:
        raise Fault("more than one item where one is wanted")
    value = nodes[0].s
    if value is None:
        value = item_text(nodes[0])
    return value.strip(_WHITE) != ""


def tidy_among(nodes: Sequence[Node], tag: str, wanted: str) -> bool:
    """Whether any of the nodes has this as normalize-space of its only child of that tag."""
    # The first that is equal decides, even where a later one cannot be evaluated.
    for node in nodes:
        said = tidy_child(node, tag)
        if said == wanted:
            return True
    return False


def upper_among(nodes: Sequence[Node], tag: str, wanted: str) -> bool:
    """The same in upper case."""
    for node in nodes:
        said = tidy_child(node, tag)
        if said.upper() == wanted:
            return True
    return False


def upper_texts(nodes: Sequence[Node], tag: str) -> list[str]:
    """normalize-space in upper case of the only child of that tag, of each node."""
    if len(nodes) == 1:
        return [tidy(child_text(nodes[0], tag).upper())]
    return [tidy(child_text(node, tag).upper()) for node in nodes]


def only_upper(nodes: Sequence[Node], tag: str, wanted: str) -> bool:
    """Whether the only node has this as such a text, false if there is none."""
    said = upper_texts(nodes, tag)
    if len(said) > 1:
        raise Fault("two values are neither true nor false")
    return bool(said) and said[0] == wanted


def ends_within(value: str, mark: str, most: int) -> bool:
    """Whether at most so many characters follow the first mark; without a mark there are none."""
    at = value.find(mark)
    return at < 0 or len(value) - at - len(mark) <= most


def too_long() -> Fault:
    return Fault("it puts together a longer text than any document")


def before(value: str, mark: str) -> str:
    """fn:substring-before."""
    at = value.find(mark) if mark else -1
    return value[:at] if at >= 0 else ""


def after(value: str, mark: str) -> str:
    """fn:substring-after."""
    if not mark:
        return value
    at = value.find(mark)
    return value[at + len(mark) :] if at >= 0 else ""


def substring(value: str, start: Any, length: Any = math.inf) -> str:
    """fn:substring: positions count from one, are rounded, and may lie outside."""
    if start is None or length is None:
        raise Fault("a substring needs a position")
    first = rounded(start)
    last = first + rounded(length) if length != math.inf else math.inf
    if first != first or last != last:
        return ""
    begin = 0 if first <= 1 else len(value) if first > len(value) else int(first) - 1
    end = len(value) if last > len(value) else max(int(last) - 1, 0) if last > 1 else 0
    return value[begin:end]


def translated(value: str, old: str, new: str) -> str:
    """fn:translate."""
    table: dict[int, str | None] = {}
    for number, character in enumerate(old):
        table.setdefault(ord(character), new[number] if number < len(new) else None)
    return value.translate(table)


def in_list(value: str, codes: frozenset[str], listed: str) -> bool:
    """`contains(' A B ', concat(' ', value, ' '))`: only a word is a code."""
    if value and " " not in value:
        return value in codes
    return f" {value} " in listed


def joined(items: Iterable[Any], between: str) -> str:
    """fn:string-join."""
    texts = [item_text(item) for item in items]
    if len(texts) > _FEW and sum(map(len, texts)) + len(between) * len(texts) > LONGEST:
        raise too_long()
    return between.join(texts)


def from_codepoints(numbers: Iterable[int]) -> str:
    """fn:codepoints-to-string; a number that is no XML character is an error."""
    characters = []
    for number in numbers:
        if not (number in (9, 10, 13) or 32 <= number <= 0xD7FF or 0xE000 <= number <= 0x10FFFF):
            raise Fault(f"{number} is not a character")
        characters.append(chr(number))
    return "".join(characters)


def local_name(node: Node | None) -> str:
    """fn:local-name."""
    return "" if node is None else node.t.lstrip("@").rpartition("}")[2]


def namespace(node: Node | None) -> str:
    """fn:namespace-uri."""
    return "" if node is None else node.t.lstrip("@")[1:].rpartition("}")[0]


def full_name(document: Document, node: Node | None) -> str:
    """fn:name: with the prefix that the document uses."""
    if node is None or not node.t:
        return ""
    local = local_name(node)
    element = document.element(node)
    if not node.t.startswith("@"):
        return f"{element.prefix}:{local}" if element.prefix else local
    uri = namespace(node)
    prefixes = [prefix for prefix, bound in element.nsmap.items() if bound == uri and prefix]
    return f"{prefixes[0]}:{local}" if uri and prefixes else local


def only_node(items: Sequence[Any]) -> Node | None:
    """The argument of a name function."""
    if not items:
        return None
    if len(items) > 1 or items[0].__class__ is not Node:
        raise Fault("one node is wanted")
    node: Node = items[0]
    return node
