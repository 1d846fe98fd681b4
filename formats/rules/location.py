"""Where a node is in its document, in the short form that people read: /Invoice/cac:InvoiceLine[3]/cbc:ID."""

from __future__ import annotations

from typing import Any

from lxml import etree

from formats.rules.tree import Document, Node

__all__ = ["readable"]


def readable(document: Document, node: Node) -> tuple[str, int | None]:
    """The path of a node and its line; positions only among several of the same name."""
    if not node.t:
        return "/", 1
    element = document.element(node)
    steps = []
    current: etree._Element | None = element
    home = etree.QName(document.root).namespace
    while current is not None:
        steps.append(_step(current, home))
        current = current.getparent() if current is not document.root else None
    path = "/" + "/".join(reversed(steps))
    if node.t.startswith("@"):
        path += "/@" + node.t.rpartition("}")[2].lstrip("@")
    line: Any = element.sourceline  # the stubs do not know its type
    return path, line


def _step(element: etree._Element, home: str | None) -> str:
    name = etree.QName(element)
    prefix = f"{element.prefix}:" if element.prefix and name.namespace != home else ""
    tag = str(element.tag)
    before = sum(1 for _ in element.itersiblings(tag, preceding=True))
    alone = before == 0 and next(element.itersiblings(tag), None) is None
    return f"{prefix}{name.localname}" + ("" if alone else f"[{before + 1}]")
