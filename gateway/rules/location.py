"""Places in a document, in the short form that people read: /Invoice/cac:InvoiceLine[3]/cbc:ID."""

from __future__ import annotations

import re
from typing import Final

from lxml import etree

from formats.syntaxes.ubl import NAMESPACES

__all__ = ["readable_location", "readable_path"]

_PREFIXES: Final = {uri: prefix for prefix, uri in NAMESPACES.items()}
_STEP: Final = re.compile(
    r"/(?P<attribute>@)?(?:Q\{(?P<eq>[^}]*)\}|\*:|[\w.-]+:)?(?P<name>[\w.-]+)"
    r"(?:\[namespace-uri\(\)='(?P<uri>[^']*)'\])?(?:\[(?P<position>[0-9]+)\])?"
)


def readable_location(root: etree._Element, location: str) -> str:
    """The short form of a location in a Schematron report; one that is not in the document stays as it is.

    The publishers' reports write steps as `*:Invoice[namespace-uri()='...'][1]` and as `Q{...}Invoice[1]`.
    """
    steps = list(_STEP.finditer(location))
    if not steps or "".join(step[0] for step in steps) != location or steps[0]["name"] != _name(root):
        return location
    element = root
    for step in steps[1:]:
        if step["attribute"]:
            return f"{readable_path(element)}/@{step['name']}"
        uri = step["eq"] or step["uri"]
        same = list(element.iterchildren(f"{{{uri or '*'}}}{step['name']}"))
        position = int(step["position"] or 1)
        if not 1 <= position <= len(same):
            return location
        element = same[position - 1]
    return readable_path(element)


def readable_path(element: etree._Element) -> str:
    """The short path of one element; positions only among several of the same name."""
    steps = []
    node: etree._Element | None = element
    while node is not None:
        before = sum(1 for _ in node.itersiblings(str(node.tag), preceding=True))
        alone = before == 0 and next(node.itersiblings(str(node.tag)), None) is None
        prefix = _PREFIXES.get(etree.QName(node).namespace or "")
        steps.append(f"{prefix + ':' if prefix else ''}{_name(node)}" + ("" if alone else f"[{before + 1}]"))
        node = node.getparent()
    return "/" + "/".join(reversed(steps))


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname
