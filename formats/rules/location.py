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
    home = etree.QName(document.root).namespace
    owner, current = (node.p if node.t.startswith("@") else node), element
    while owner.t:
        steps.append(_step(current, owner, home))
        parent = current.getparent()
        owner, current = owner.p, (current if parent is None else parent)
    path = "/" + "/".join(reversed(steps))
    if node.t.startswith("@"):
        path += "/@" + node.t.rpartition("}")[2].lstrip("@")
    line: Any = element.sourceline  # the stubs do not know its type
    return path, line


def _step(element: etree._Element, node: Node, home: str | None) -> str:
    name = etree.QName(element)
    prefix = f"{element.prefix}:" if element.prefix and name.namespace != home else ""
    same = node.p.c[node.t]  # nodes know their siblings; counting those of lxml takes a hundred times as long
    return f"{prefix}{name.localname}" + ("" if len(same) == 1 else f"[{same.index(node) + 1}]")
