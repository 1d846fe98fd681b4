"""Places in a document, in the short form that people read: /Invoice/cac:InvoiceLine[3]/cbc:ID."""

from __future__ import annotations

import re
from typing import Final, cast

from lxml import etree

from formats.registry import SYNTAXES

__all__ = ["Places", "line_of", "readable_location", "readable_path"]

_PREFIXES: Final = {
    uri: prefix for binding in SYNTAXES.values() for prefix, uri in binding.namespaces.items() if prefix
}
_URIS: Final = {prefix: uri for uri, prefix in _PREFIXES.items()}
_STEP: Final = re.compile(
    r"/(?P<attribute>@)?(?:Q\{(?P<eq>[^}]*)\}|\*:|(?P<prefix>[\w.-]+):)?(?P<name>[\w.-]+)"
    r"(?:\[namespace-uri\(\)\s?=\s?'(?P<uri>[^']*)'\])?(?:\[(?P<position>[0-9]+)\])?"
)


class Places:
    """The places of one document; finding many of them in a long document costs each sibling once."""

    def __init__(self, root: etree._Element) -> None:
        self._root = root
        self._found: dict[str, tuple[etree._Element, str] | None] = {}
        self._children: dict[tuple[etree._Element, str], list[etree._Element]] = {}
        self._positions: dict[tuple[etree._Element, str], dict[etree._Element, int]] = {}

    def readable(self, location: str) -> str:
        """The short form of a location in a report; one that is not in the document stays as it is."""
        found = self._find(location)
        return f"{self.path(found[0])}{found[1]}" if found else location

    def line(self, location: str) -> int | None:
        """The line of the place in the document as it came, from 1; None for a place that is not in it."""
        found = self._find(location)
        return line_of(found[0]) if found else None

    def _find(self, location: str) -> tuple[etree._Element, str] | None:
        if location not in self._found:
            self._found[location] = self._walk(location)
        return self._found[location]

    def _walk(self, location: str) -> tuple[etree._Element, str] | None:
        """The element and the attribute step of a location.

        The publishers' reports write steps as `*:Invoice[namespace-uri()='...'][1]` and as
        `Q{...}Invoice[1]`.
        """
        steps = list(_STEP.finditer(location))
        root = self._root
        whole = "".join(step[0] for step in steps) == location
        if not steps or not whole or steps[0]["name"] != etree.QName(root).localname:
            return None
        element = root
        for step in steps[1:]:
            if step["attribute"]:
                return element, f"/@{step['name']}"
            uri = step["eq"] if step["eq"] is not None else step["uri"]
            if uri is None and step["prefix"]:
                uri = _URIS.get(step["prefix"])
            same = self._same(element, f"{{{uri}}}{step['name']}" if uri else f"{{*}}{step['name']}")
            position = int(step["position"] or 1)
            if not 1 <= position <= len(same):
                return None
            element = same[position - 1]
        return element, ""

    def _same(self, parent: etree._Element, name: str) -> list[etree._Element]:
        if (parent, name) not in self._children:
            self._children[parent, name] = list(parent.iterchildren(name))
        return self._children[parent, name]

    def path(self, element: etree._Element) -> str:
        """The short path of an element; positions only among several of the same name."""
        steps = []
        node = element
        while (parent := node.getparent()) is not None:
            same = self._same(parent, str(node.tag))
            steps.append(_name(node) + ("" if len(same) == 1 else f"[{self._position(parent, node)}]"))
            node = parent
        steps.append(_name(node))
        return "/" + "/".join(reversed(steps))

    def _position(self, parent: etree._Element, node: etree._Element) -> int:
        """Among siblings of the same name, from 1."""
        key = (parent, str(node.tag))
        if key not in self._positions:
            self._positions[key] = {child: place for place, child in enumerate(self._same(*key), 1)}
        return self._positions[key][node]


def readable_location(root: etree._Element, location: str) -> str:
    """The short form of a location in a Schematron report; one that is not in the document stays as it is."""
    return Places(root).readable(location)


def readable_path(element: etree._Element) -> str:
    """The short path of one element; positions only among several of the same name."""
    return Places(element).path(element)


def line_of(element: etree._Element) -> int | None:
    """The line of an element in the document as it came, from 1."""
    return cast("int | None", element.sourceline)  # the stubs know no better than "..."


def _name(element: etree._Element) -> str:
    name = etree.QName(element)
    prefix = _PREFIXES.get(name.namespace or "")
    return f"{prefix}:{name.localname}" if prefix else name.localname
